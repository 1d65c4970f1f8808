/** Reading kept evidence back: by id, whatever intake thought of it. */
import { assert, decode, fromHex, Stored } from '@billcoin/protocol';
import { readEvidence, type Reading } from '../reading/reading.ts';
import { idKey } from './keys.ts';
import type { IdRow, QuarantineRow } from './rows.ts';
import type { Rows } from './store.ts';

function storedBytes(rows: Rows, at: string): Uint8Array {
  if (at.startsWith('r/')) {
    const bytes = rows.getBytes(at);
    assert(bytes !== undefined, `row ${at} stands where its id says`);
    return bytes;
  }
  const row = rows.getJson<QuarantineRow>(at);
  const bytes = row === undefined ? undefined : fromHex(row.bytes);
  assert(bytes !== undefined, `row ${at} stands where its id says`);
  return bytes;
}

/** Evidence at a key of the store. */
export function evidenceAt(rows: Rows, at: string): Stored {
  const decoded = decode(Stored, storedBytes(rows, at));
  assert(decoded.ok, `row ${at} holds what was written`);
  return decoded.value;
}

/** A held reading, and whether its signature was valid when it came; undefined where it is not held. */
export function findReading(rows: Rows, idHex: string): { readonly reading: Reading; readonly proven: boolean } | undefined {
  const row = rows.getJson<IdRow>(idKey(idHex));
  return row === undefined ? undefined : { reading: readEvidence(evidenceAt(rows, row.at)), proven: row.proven };
}
