/**
 * What this node has promised a client to offer until it ends, on disk (consensus page §1.14):
 *
 *   t/<arrival BE8>  → accepted at (ms, BE8) ‖ transaction bytes      synced, group commit, before the answer
 *   e/<txId>         → 1 expired, or 2 superseded ‖ id of the winner; then the sender   not synced: found again from the block after a crash
 */
import { concat, fromHex, toHex, u64be, type ParsedTx } from '@billcoin/protocol';
import type { Store, StoreOperation, TxStatus } from '../ports.ts';

export type EndedUnfinal = Extract<TxStatus, { status: 'superseded' | 'expired' }>;

export interface StoredTx {
  readonly arrival: number;
  readonly acceptedAtMs: number;
  readonly bytes: Uint8Array;
}

const EXPIRED = 1;
const SUPERSEDED = 2;
const TIME_BYTES = 8;
const ID_BYTES = 32;

function key(prefix: 't/' | 'e/', rest: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(prefix.charCodeAt(0), prefix.charCodeAt(1)), rest);
}

function range(letter: string): { gte: Uint8Array; lt: Uint8Array } {
  const code = letter.charCodeAt(0);
  return { gte: Uint8Array.of(code, 0x2f), lt: Uint8Array.of(code, 0x30) };
}

function readTime(bytes: Uint8Array): number {
  return Number(new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getBigUint64(0));
}

/** Row of an accepted transaction. */
export function acceptedRow({ arrival, acceptedAtMs, bytes }: StoredTx): StoreOperation {
  return { type: 'put', key: key('t/', u64be(arrival)), value: concat(u64be(acceptedAtMs), bytes) };
}

/** Rows that take a transaction out, where it is on disk; how it ended is kept unless the chain knows. */
export function endedRows(arrival: number | undefined, { txId, body: { sender } }: Pick<ParsedTx, 'txId' | 'body'>, ended: EndedUnfinal | undefined): StoreOperation[] {
  const gone: readonly StoreOperation[] = arrival === undefined ? [] : [{ type: 'del', key: key('t/', u64be(arrival)) }];
  if (ended === undefined) return [...gone];
  const winner = ended.status === 'superseded' ? (fromHex(ended.by) ?? new Uint8Array(0)) : new Uint8Array(0);
  return [...gone, { type: 'put', key: key('e/', txId), value: concat(Uint8Array.of(ended.status === 'expired' ? EXPIRED : SUPERSEDED), winner, sender) }];
}

export function forgottenRow(txId: Uint8Array): StoreOperation {
  return { type: 'del', key: key('e/', txId) };
}

/** Accepted transactions in order of arrival. */
export async function loadAccepted(store: Store): Promise<StoredTx[]> {
  const accepted: StoredTx[] = [];
  for await (const [row, value] of store.entries(range('t'))) accepted.push({ arrival: readTime(row.subarray(2)), acceptedAtMs: readTime(value), bytes: value.slice(TIME_BYTES) });
  return accepted;
}

/** How transactions ended, and who sent them: nobody, in a row of a node that did not keep it yet. */
export async function loadEnded(store: Store): Promise<Map<string, { readonly ended: EndedUnfinal; readonly sender: Uint8Array }>> {
  const all = new Map<string, { readonly ended: EndedUnfinal; readonly sender: Uint8Array }>();
  for await (const [row, value] of store.entries(range('e'))) {
    const senderAt = value[0] === SUPERSEDED ? 1 + ID_BYTES : 1;
    const ended: EndedUnfinal = value[0] === SUPERSEDED ? { status: 'superseded', by: toHex(value.subarray(1, senderAt)) } : { status: 'expired' };
    all.set(toHex(row.subarray(2)), { ended, sender: value.slice(senderAt) });
  }
  return all;
}
