/**
 * The part of the index that traces ask for (layouts in chainIndex.ts). A row holds its transaction whole: the life of a
 * batch is one walk over a range of keys, however large the blocks are.
 */
import { Tx, TxBody, TxResult, concat, decode, toHex, u64be, utf8, type ChainEvent, type Result } from '@billcoin/protocol';
import type { BatchTx, FinalBlock, FinalTx, Store, StoreOperation, StoreRange } from '../ports.ts';
import { packFrames, unpackFrames } from './frames.ts';
import { damagedIndex, decodeEvents, encodeEvents } from './indexValues.ts';
import { hashKey, readU32, readU64 } from './rowKeys.ts';

/** Rows of a lot read per batch asked for: a reopened batch stands under its lot once for each attempt. */
const ATTEMPTS_PER_BATCH = 5;
const POSITION_BYTES = 12;

const batchPrefix = (batchKey: Uint8Array): Uint8Array => hashKey('i/batch/', batchKey);
const lotPrefix = (lot: Uint8Array): Uint8Array => concat(utf8('i/lot/'), Uint8Array.of(lot.length), lot);

/** Every key that is `prefix` and a position. */
function positionsUnder(prefix: Uint8Array): StoreRange {
  return { gte: prefix, lt: concat(prefix, new Uint8Array(POSITION_BYTES + 1).fill(0xff)) };
}

/** Batches that events name, each once. */
function batchesIn(events: readonly ChainEvent[]): readonly Uint8Array[] {
  const batches = new Map<string, Uint8Array>();
  for (const { value } of events) if ('batch' in value) batches.set(toHex(value.batch), value.batch);
  return [...batches.values()];
}

/** Rows of one transaction at its place in the chain. */
export function batchRows(block: FinalBlock, tx: FinalTx, position: Uint8Array): readonly StoreOperation[] {
  const batches = batchesIn(tx.events);
  if (batches.length === 0) return [];
  const value = packFrames([u64be(block.timeMs), tx.bytes, tx.resultBytes, encodeEvents(tx.events)]);
  const rows: StoreOperation[] = batches.map((batch) => ({ type: 'put', key: concat(batchPrefix(batch), position), value }));
  const { kind } = tx.body;
  const [batch] = batches;
  if (kind.case === 'openBatch' && batch !== undefined) rows.push({ type: 'put', key: concat(lotPrefix(kind.value.lot), position), value: batch });
  return rows;
}

function own<T>(decoded: Result<T>): T {
  if (!decoded.ok) throw damagedIndex('batches');
  return decoded.value;
}

function decodeBatchTx(bytes: Uint8Array, height: number, index: number): BatchTx {
  const [time, tx, result, events] = unpackFrames(bytes) ?? [];
  if (time?.length !== 8 || tx === undefined || result === undefined || events === undefined) throw damagedIndex('batches');
  const body = own(decode(TxBody, own(decode(Tx, tx)).body));
  return { height, index, timeMs: readU64(time, 0), txHash: toHex(own(decode(TxResult, result)).txId), body, events: decodeEvents(events) };
}

/** Transactions of a batch, oldest first. */
export async function batchHistoryIn(store: Store, batchKey: Uint8Array, limit: number): Promise<readonly BatchTx[]> {
  const prefix = batchPrefix(batchKey);
  const found: BatchTx[] = [];
  for await (const [key, value] of store.entries({ ...positionsUnder(prefix), limit })) found.push(decodeBatchTx(value, readU64(key, prefix.length), readU32(key, prefix.length + 8)));
  return found;
}

/** Keys of the batches opened under a lot, newest first, each once. */
export async function batchesOfLotIn(store: Store, lot: Uint8Array, limit: number): Promise<readonly Uint8Array[]> {
  const found = new Map<string, Uint8Array>();
  for await (const [, batchKey] of store.entries({ ...positionsUnder(lotPrefix(lot)), reverse: true, limit: limit * ATTEMPTS_PER_BATCH })) {
    if (found.size < limit) found.set(toHex(batchKey), batchKey);
  }
  return [...found.values()];
}
