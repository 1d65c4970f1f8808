/** What the store knows of a device when a reading comes: the history that intake rules look at. */
import { toHex, type ReadingBody } from '@billcoin/protocol';
import { readEvidence, type Reading } from '../reading/reading.ts';
import { totalOf } from '../reading/volume.ts';
import type { History } from '../rules/case.ts';
import { EMPTY_CURSOR, isStored, type Cursor } from '../store/cursor.ts';
import { evidenceAt } from '../store/evidence.ts';
import { cursorKey, deviceKey, idKey, readingKey } from '../store/keys.ts';
import type { DeviceNote, IdRow } from '../store/rows.ts';
import type { Rows } from '../store/store.ts';

const UNKNOWN: History = { duplicate: false, locked: false };

export function readCursor(rows: Rows, device: string, epoch: number): Cursor {
  return rows.getJson<Cursor>(cursorKey(device, epoch)) ?? EMPTY_CURSOR;
}

function storedAt(rows: Rows, cursor: Cursor, device: string, { epoch }: ReadingBody, seq: number): Reading | undefined {
  if (seq < 0 || isStored(cursor, seq) === false) return undefined;
  const key = readingKey(device, epoch, seq);
  return rows.getBytes(key) === undefined ? undefined : readEvidence(evidenceAt(rows, key));
}

function previousTotal(rows: Rows, cursor: Cursor, device: string, body: ReadingBody): number | undefined {
  const seq = body.seq - 1;
  if (cursor.last?.seq === seq && cursor.last.totalMl !== undefined) return cursor.last.totalMl;
  const previous = storedAt(rows, cursor, device, body, seq)?.body;
  return previous === undefined ? undefined : totalOf(previous)?.totalMl;
}

/** PERF: two reads for readings in order; two more for a duplicate, a fork or a filled hole. */
export function historyOf(rows: Rows, reading: Reading): History {
  const { body, idHex } = reading;
  if (body === undefined) return UNKNOWN;
  const device = toHex(body.device);
  const cursor = readCursor(rows, device, body.epoch);
  const note = rows.getJson<DeviceNote>(deviceKey(device));
  const other = storedAt(rows, cursor, device, body, body.seq);
  const duplicate = other?.idHex === idHex || rows.getJson<IdRow>(idKey(idHex))?.proven === true;
  const total = previousTotal(rows, cursor, device, body);
  return {
    duplicate,
    locked: note?.locked ?? false,
    ...(other === undefined || duplicate ? {} : { otherAtSeq: other.idHex }),
    ...(note === undefined ? {} : { newestEpoch: note.newestEpoch }),
    ...(total === undefined ? {} : { previousTotalMl: total }),
  };
}
