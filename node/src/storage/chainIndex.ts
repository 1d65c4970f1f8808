/**
 * What people look things up by. Rebuildable from the blocks, written behind them and not synced (consensus page §5):
 *
 *   i/tx/<txId>                        → height, index
 *   i/acct/<address><height><index>    → txId
 *   i/block/<blockId>                  → height
 *   r/<height BE8>                     → result and events of each transaction
 *   m/tip                              → height up to which it is written
 */
import { Events, concat, decode, encode, fromHex, toHex, u64be, utf8, type ChainEvent } from '@billcoin/protocol';
import type { StoredResult } from '../finalBlock.ts';
import type { FinalBlock, Store, StoreOperation } from '../ports.ts';
import { accountsOf } from './accountsOf.ts';
import { packFrames, unpackFrames } from './frames.ts';
import { hashKey, heightKey, positionOf, readU32, readU64, under } from './rowKeys.ts';
import { REMEDY, StorageFailure } from '../storageFailure.ts';

const TIP_KEY = utf8('m/tip');

export interface Position {
  readonly height: number;
  readonly index: number;
}

export interface ChainIndex {
  /** Height up to which the index is written; undefined in an empty one. */
  tip(): Promise<number | undefined>;
  /** Queues the rows of one block; reads started later see them. Blocks come in order. */
  append(block: FinalBlock): Promise<void>;
  /** Everything appended so far is on disk when it resolves. */
  sync(): Promise<void>;
  positionOf(txId: Uint8Array): Promise<Position | undefined>;
  heightOf(blockId: Uint8Array): Promise<number | undefined>;
  results(height: number): Promise<readonly StoredResult[] | undefined>;
  history(address: Uint8Array, limit: number, before: Position | undefined): Promise<readonly (Position & { readonly txHash: string })[]>;
  clear(): Promise<void>;
}

function damaged(what: string): StorageFailure {
  return new StorageFailure('damaged_value', `The index holds damaged ${what}.`, REMEDY.restoreBackup);
}

function encodeEvents(events: readonly ChainEvent[]): Uint8Array {
  return encode(Events, { events: events.map((event) => ({ event })) });
}

function decodeResults(bytes: Uint8Array): StoredResult[] {
  const frames = unpackFrames(bytes);
  if (frames === undefined || frames.length % 2 !== 0) throw damaged('results');
  const results: StoredResult[] = [];
  for (let i = 0; i < frames.length; i += 2) {
    const events = decode(Events, frames[i + 1] as Uint8Array);
    if (!events.ok) throw damaged('events');
    results.push({ resultBytes: frames[i] as Uint8Array, events: events.value.events.map(({ event }) => event) });
  }
  return results;
}

function rowsOf(block: FinalBlock): StoreOperation[] {
  const rows: StoreOperation[] = [
    { type: 'put', key: TIP_KEY, value: u64be(block.height) },
    { type: 'put', key: hashKey('i/block/', block.blockId), value: u64be(block.height) },
    { type: 'put', key: heightKey('r/', block.height), value: packFrames(block.txs.flatMap((tx) => [tx.resultBytes, encodeEvents(tx.events)])) },
  ];
  for (const tx of block.txs) {
    const txId = fromHex(tx.txHash) as Uint8Array;
    const position = positionOf(block.height, tx.index);
    rows.push({ type: 'put', key: hashKey('i/tx/', txId), value: position });
    for (const account of accountsOf(tx.body, tx.events)) rows.push({ type: 'put', key: concat(utf8('i/acct/'), fromHex(account) as Uint8Array, position), value: txId });
  }
  return rows;
}

export function makeChainIndex(store: Store): ChainIndex {
  /** Settles with the last queued write, so that a reader sees what was appended before it asked. */
  let written: Promise<void> = Promise.resolve();

  async function queued(operations: readonly StoreOperation[], sync: boolean): Promise<void> {
    const before = written;
    const mine = (async () => {
      await before;
      await store.batch(operations, { sync });
    })();
    written = mine;
    await mine;
  }

  async function read(key: Uint8Array): Promise<Uint8Array | undefined> {
    await written;
    return store.get(key);
  }

  return {
    async tip() {
      const bytes = await read(TIP_KEY);
      return bytes === undefined ? undefined : readU64(bytes, 0);
    },
    append: (block) => queued(rowsOf(block), false),
    // A synced write flushes LevelDB's log, and with it every earlier write.
    sync: () => queued([{ type: 'put', key: utf8('m/synced'), value: new Uint8Array(0) }], true),
    async positionOf(txId) {
      const bytes = await read(hashKey('i/tx/', txId));
      return bytes === undefined ? undefined : { height: readU64(bytes, 0), index: readU32(bytes, 8) };
    },
    async heightOf(blockId) {
      const bytes = await read(hashKey('i/block/', blockId));
      return bytes === undefined ? undefined : readU64(bytes, 0);
    },
    async results(height) {
      const bytes = await read(heightKey('r/', height));
      return bytes === undefined ? undefined : decodeResults(bytes);
    },
    async history(address, limit, before) {
      await written;
      const prefix = concat(utf8('i/acct/'), address);
      const lt = before === undefined ? concat(prefix, new Uint8Array(12).fill(0xff)) : concat(prefix, positionOf(before.height, before.index));
      const found: (Position & { txHash: string })[] = [];
      for await (const [key, txId] of store.entries({ gte: prefix, lt, reverse: true, limit })) {
        found.push({ height: readU64(key, prefix.length), index: readU32(key, prefix.length + 8), txHash: toHex(txId) });
      }
      return found;
    },
    async clear() {
      await written;
      for (const prefix of ['m/', 'i/', 'r/']) await store.clear(under(prefix));
    },
  };
}
