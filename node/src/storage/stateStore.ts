/**
 * The flat state on disk, a cache of the blocks (consensus page §1.10, §5):
 *
 *   s/<row key>      → current value
 *   m/tip            → height, block id, state root, flush number
 *   v/<height BE8>   → the validator set that votes from this height on, when changed
 *   u/<height BE8>   → what the flush that ended at this height replaced (undo.ts)
 */
import { ValidatorSet, concat, decode, encode, u64be, utf8, type ByteChange } from '@billcoin/protocol';
import type { Store, StoreOperation } from '../ports.ts';
import { heightKey, readU64, under } from './rowKeys.ts';
import { REMEDY, StorageFailure } from '../storageFailure.ts';
import { UNDO_MAX_BYTES, UndoShelf, decodeUndo, encodeUndo, type Undo } from './undo.ts';

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
  /** The rows as they are at the moment of the call, whatever is written later; undefined where they are not those of this height. */
  rowsAt(height: number): Promise<AsyncIterable<{ readonly key: Uint8Array; readonly value: Uint8Array }> | undefined>;
  /** The newest validator set, or undefined in an empty store. */
  validators(): Promise<StoredSet | undefined>;
  /** One synced batch: rows, mark, where it changed the set, and how to undo it. One at a time. */
  flush(changes: readonly ByteChange[], mark: StateMark, set: StoredSet | undefined): Promise<void>;
  /** Puts rows into a store that has no mark yet; on disk when it resolves. What they amount to comes with `flush`. */
  fill(rows: readonly ByteChange[]): Promise<void>;
  /** Takes the newest flush back in one synced batch: the mark it leaves, or undefined where it cannot be undone. */
  undo(): Promise<StateMark | undefined>;
  /** Undo rows, newest first, with the height each leads back from; reads them all. */
  undos(): AsyncIterable<Undo & { readonly height: number; readonly before: StateMark }>;
  /** Reads how many undo rows there are. They are a convenience: a damaged one takes all of them away (false), never the node. */
  loadUndo(): Promise<boolean>;
  /** Undo rows and their bytes on disk, once loaded. */
  undoInfo(): { readonly rows: number; readonly bytes: number };
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

const rowKeyOf = (key: Uint8Array): Uint8Array => concat(ROW_PREFIX, key);

function putOrDelete({ key, value }: ByteChange): StoreOperation {
  return value === undefined ? { type: 'del', key: rowKeyOf(key) } : { type: 'put', key: rowKeyOf(key), value };
}

async function* rowsOf(entries: AsyncIterator<readonly [Uint8Array, Uint8Array]>): AsyncGenerator<{ readonly key: Uint8Array; readonly value: Uint8Array }> {
  try {
    for (let next = await entries.next(); next.done !== true; next = await entries.next()) yield { key: next.value[0].subarray(ROW_PREFIX.length), value: next.value[1] };
  } finally {
    await entries.return?.();
  }
}

/** The undo rows of a store: read once, then kept in step with what is written. */
class Undos {
  readonly #store: Store;
  readonly #shelf = new UndoShelf();
  #isLoaded = false;

  constructor(store: Store) {
    this.#store = store;
  }

  async shelf(): Promise<UndoShelf> {
    if (this.#isLoaded) return this.#shelf;
    this.#shelf.clear();
    for await (const [key, value] of this.#store.entries(under('u/'))) this.#shelf.add(readU64(key, 2), value.length);
    this.#isLoaded = true;
    return this.#shelf;
  }

  get info(): { readonly rows: number; readonly bytes: number } {
    return this.#shelf.info;
  }

  /** What a flush must write besides. One that would change more than there is room for leaves none, and breaks the way back. */
  async rowsFor(changes: readonly ByteChange[], height: number, set: StoredSet | undefined): Promise<readonly StoreOperation[]> {
    const shelf = await this.shelf();
    const before = await this.#store.get(MARK_KEY);
    const keys = changes.map(({ key }) => key);
    const value = before === undefined ? undefined : encodeUndo(before, set === undefined ? new Uint8Array(0) : u64be(set.since), keys, await this.#store.getMany(keys.map(rowKeyOf)));
    const bytes = value?.length ?? UNDO_MAX_BYTES + 1;
    const rows: StoreOperation[] = shelf.makeRoom(height, bytes).map((gone) => ({ type: 'del', key: heightKey('u/', gone) }));
    if (value === undefined || bytes > UNDO_MAX_BYTES) return rows;
    shelf.add(height, bytes);
    return [...rows, { type: 'put', key: heightKey('u/', height), value }];
  }

  /** One synced batch that puts back what the newest flush replaced. */
  async takeBack(): Promise<StateMark | undefined> {
    const shelf = await this.shelf();
    const [bytes, height] = [await this.#store.get(MARK_KEY), shelf.newest];
    if (bytes === undefined || height === undefined || decodeMark(bytes).height !== height) return undefined;
    const value = await this.#store.get(heightKey('u/', height));
    if (value === undefined) return undefined;
    const { mark, setSince, changes } = decodeUndo(value);
    const operations: StoreOperation[] = [{ type: 'put', key: MARK_KEY, value: mark }, { type: 'del', key: heightKey('u/', height) }, ...changes.map(putOrDelete)];
    if (setSince !== undefined) operations.push({ type: 'del', key: heightKey('v/', setSince) });
    await this.#store.batch(operations, { sync: true });
    shelf.removeNewest();
    return decodeMark(mark);
  }

  /** False where a row was damaged: then none is left. */
  async load(): Promise<boolean> {
    try {
      await this.shelf();
      return true;
    } catch (error) {
      if (!(error instanceof StorageFailure) || error.code !== 'damaged_value') throw error;
      await this.#store.clear(under('u/'));
      await this.shelf();
      return false;
    }
  }
}

export function makeStateStore(store: Store): StateStore {
  const undos = new Undos(store);

  return {
    async mark() {
      const bytes = await store.get(MARK_KEY);
      return bytes === undefined ? undefined : decodeMark(bytes);
    },
    async *rows() {
      for await (const [key, value] of store.entries(under('s/'))) yield { key: key.subarray(ROW_PREFIX.length), value };
    },
    async rowsAt(height) {
      // One iterator over mark and rows: LevelDB reads from a snapshot that it takes when the iterator is made, which is now.
      const entries = store.entries({ gte: MARK_KEY, lt: under('s/').lt })[Symbol.asyncIterator]();
      const first = await entries.next();
      if (first.done !== true && decodeMark(first.value[1]).height === height) return rowsOf(entries);
      await entries.return?.();
      return undefined;
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
      const operations: StoreOperation[] = [{ type: 'put', key: MARK_KEY, value: encodeMark(mark) }, ...(await undos.rowsFor(changes, mark.height, set))];
      if (set !== undefined) operations.push({ type: 'put', key: heightKey('v/', set.since), value: encode(ValidatorSet, set.validators) });
      for (const change of changes) operations.push(putOrDelete(change));
      await store.batch(operations, { sync: true });
    },
    fill: (rows) => store.batch(rows.map(putOrDelete), { sync: true }),
    undo: () => undos.takeBack(),
    async *undos() {
      for await (const [key, value] of store.entries({ ...under('u/'), reverse: true })) {
        const undo = decodeUndo(value);
        yield { ...undo, height: readU64(key, 2), before: decodeMark(undo.mark) };
      }
    },
    loadUndo: () => undos.load(),
    undoInfo: () => undos.info,
    async clear() {
      await store.batch([{ type: 'del', key: MARK_KEY }], { sync: true });
      for (const rows of ['s/', 'v/', 'u/']) await store.clear(under(rows));
      (await undos.shelf()).clear();
    },
  };
}
