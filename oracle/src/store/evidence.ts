/** Reading kept evidence back: by id, whatever intake thought of it. */
import { assert, decode, fromHex, Stored } from '@billcoin/protocol';
import { readEvidence, type Reading } from '../reading/reading.ts';
import { idKey } from './keys.ts';
import type { IdRow, QuarantineRow } from './rows.ts';
import type { Rows } from './store.ts';

/** Undefined where the row is gone: rows of the quarantine are pruned after 400 days, their ids stay. */
function storedBytes(rows: Rows, at: string): Uint8Array | undefined {
  if (at.startsWith('r/')) return rows.getBytes(at);
  const row = rows.getJson<QuarantineRow>(at);
  return row === undefined ? undefined : fromHex(row.bytes);
}

function evidenceOf(at: string, bytes: Uint8Array): Stored {
  const decoded = decode(Stored, bytes);
  assert(decoded.ok, `row ${at} holds what was written`);
  return decoded.value;
}

/** Evidence at a key of the store that is known to be there. */
export function evidenceAt(rows: Rows, at: string): Stored {
  const bytes = storedBytes(rows, at);
  assert(bytes !== undefined, `row ${at} stands where its id says`);
  return evidenceOf(at, bytes);
}

/** A held reading, and whether its signature was valid when it came; undefined where it is not held. */
export function findReading(rows: Rows, idHex: string): { readonly reading: Reading; readonly proven: boolean } | undefined {
  const row = rows.getJson<IdRow>(idKey(idHex));
  const bytes = row === undefined ? undefined : storedBytes(rows, row.at);
  return row === undefined || bytes === undefined ? undefined : { reading: readEvidence(evidenceOf(row.at, bytes)), proven: row.proven };
}
