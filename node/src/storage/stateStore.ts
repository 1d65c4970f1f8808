/**
 * The flat state on disk, a cache of the blocks (consensus page §1.10, §5):
 *
 *   s/<row key>      → current value
 *   m/tip            → height, block id, state root, flush number
 *   v/<height BE8>   → the validator set that votes from this height on, when changed
 */
import { ValidatorSet, concat, decode, encode, equalBytes, u64be, utf8, type ByteChange } from '@billcoin/protocol';
import type { Store, StoreOperation } from '../ports.ts';
import { heightKey, readU64, under } from './rowKeys.ts';
import { REMEDY, StorageFailure } from '../storageFailure.ts';

/** What the rows on disk amount to; written in the same batch as they are. */
export interface StateMark {
  readonly height: number;
  readonly blockId: Uint8Array;
  readonly stateRoot: Uint8Array;
  /** Counts flushes; for people who compare backups. */
  readonly flushNo: number;
}

export interface StoredSet {
  readonly since: number;
  readonly validators: ValidatorSet;
}

export interface StateStore {
  mark(): Promise<StateMark | undefined>;
  rows(): AsyncIterable<{ readonly key: Uint8Array; readonly value: Uint8Array }>;
  /** The newest validator set, or undefined in an empty store. */
  validators(): Promise<StoredSet | undefined>;
  /** One synced batch: rows, mark and, where it changed, the set. */
  flush(changes: readonly ByteChange[], mark: StateMark, set: StoredSet | undefined): Promise<void>;
  /** Forgets everything; the blocks are replayed afterwards. The mark goes first, so a crash half-way leaves no half state. */
  clear(): Promise<void>;
}

const MARK_KEY = utf8('m/tip');
const MARK_BYTES = 8 + 32 + 32 + 8;
const ROW_PREFIX = utf8('s/');

function encodeMark(mark: StateMark): Uint8Array {
  return concat(u64be(mark.height), mark.blockId, mark.stateRoot, u64be(mark.flushNo));
}

function decodeMark(bytes: Uint8Array): StateMark {
  if (bytes.length !== MARK_BYTES) throw new StorageFailure('damaged_value', 'The mark of the state database has a wrong length.', REMEDY.restoreBackup);
  return { height: readU64(bytes, 0), blockId: bytes.slice(8, 40), stateRoot: bytes.slice(40, 72), flushNo: readU64(bytes, 72) };
}

export function makeStateStore(store: Store): StateStore {
  return {
    async mark() {
      const bytes = await store.get(MARK_KEY);
      return bytes === undefined ? undefined : decodeMark(bytes);
    },
    async *rows() {
      for await (const [key, value] of store.entries(under('s/'))) yield { key: key.slice(ROW_PREFIX.length), value };
    },
    async validators() {
      for await (const [key, value] of store.entries({ ...under('v/'), reverse: true, limit: 1 })) {
        const set = decode(ValidatorSet, value);
        if (!set.ok) throw new StorageFailure('damaged_value', 'A validator set of the state database is damaged.', REMEDY.restoreBackup);
        return { since: readU64(key, 2), validators: set.value };
      }
      return undefined;
    },
    async flush(changes, mark, set) {
      const operations: StoreOperation[] = [{ type: 'put', key: MARK_KEY, value: encodeMark(mark) }];
      if (set !== undefined) operations.push({ type: 'put', key: heightKey('v/', set.since), value: encode(ValidatorSet, set.validators) });
      for (const { key, value } of changes) {
        const rowKey = concat(ROW_PREFIX, key);
        operations.push(value === undefined ? { type: 'del', key: rowKey } : { type: 'put', key: rowKey, value });
      }
      await store.batch(operations, { sync: true });
    },
    async clear() {
      await store.batch([{ type: 'del', key: MARK_KEY }], { sync: true });
      await store.clear(under('s/'));
      await store.clear(under('v/'));
    },
  };
}

export function sameMark(mark: StateMark, blockId: Uint8Array, stateRoot: Uint8Array): boolean {
  return equalBytes(mark.blockId, blockId) && equalBytes(mark.stateRoot, stateRoot);
}
