/** The messages of the wire, file by file: what the .proto generator and whoever audits the schema walk over. */
import type { Table } from './field.ts';
import * as consensus from './consensus.ts';
import * as peer from './peer.ts';
import * as reading from './reading.ts';
import * as state from './state.ts';
import * as tx from './tx.ts';

/** One .proto file: `name` is its file name without extension, its package is `bill.` and the name. */
export interface WireFile {
  readonly name: string;
  /** Exported messages by name; the others are found as types of their fields. */
  readonly messages: readonly Table[];
}

function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && 'fields' in value && 'maxBytes' in value;
}

function fileOf(name: string, module: Readonly<Record<string, unknown>>): WireFile {
  const messages = Object.values(module).filter(isTable);
  return { name, messages: messages.sort((a, b) => (a.name < b.name ? -1 : 1)) };
}

/** All files, those that others import first. */
export function wireFiles(): readonly WireFile[] {
  return [fileOf('tx', tx), fileOf('consensus', consensus), fileOf('peer', peer), fileOf('reading', reading), fileOf('state', state)];
}
