/**
 * State as the rules see it: a synchronous read view, a draft that gathers the changes of a block, and the flat state
 * itself. Rows are looked up by type and id, so that no key text is built on the hot path.
 */
import { decode, encode } from '../wire/codec.ts';
import { assert } from '../lib/assert.ts';
import { DueIndex, type Due } from './dueIndex.ts';
import { PackedRows } from './packedRows.ts';
import { parseRowKey, ROWS, rowKeyBytes, type RowType } from './layout.ts';

export interface View {
  /** The row's value, or undefined where there is no such row. Values are immutable. */
  get<V>(type: RowType<V>, id: string): V | undefined;
}

/** One changed row; value undefined deletes it. */
export interface RowChange {
  readonly type: RowType<unknown>;
  readonly id: string;
  readonly value: unknown;
}

/** The same change in bytes: what the tree commits to and the store writes. */
export interface ByteChange {
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
}

/**
 * The rows that a block changes, over a state that stays as it is. A transaction that fails is undone by going back to
 * the savepoint before it.
 */
export class Draft implements View {
  readonly #base: FlatState;
  readonly #seenFromMs: number;
  /** By prefix of the row type. */
  readonly #changes: (Map<string, RowChange> | undefined)[] = [];
  /** What each write replaced since the last `settle`, oldest first: table, id, change before. */
  readonly #journal: Undo[] = [];

  /**
   * @param seenFromMs time of the block that `base` is the state after. Rows of `base` that died before it are not seen, be
   * they deleted yet or not: rules look at times. With 0 every row is seen.
   */
  constructor(base: FlatState, seenFromMs = 0) {
    this.#base = base;
    this.#seenFromMs = seenFromMs;
  }

  get<V>(type: RowType<V>, id: string): V | undefined {
    const change = this.#changes[type.prefix]?.get(id);
    if (change !== undefined) return change.value as V | undefined;
    const value = this.#base.get(type, id);
    if (value === undefined || type.diesAtMs === undefined) return value;
    return (type.diesAtMs(value, id) ?? this.#seenFromMs) < this.#seenFromMs ? undefined : value;
  }

  /** Whether this draft writes or deletes the row. */
  touches(type: RowType<unknown>, id: string): boolean {
    return this.#changes[type.prefix]?.has(id) === true;
  }

  put<V>(type: RowType<V>, id: string, value: V): void {
    assert(value !== undefined, 'a row is deleted with delete');
    this.#write({ type: type as RowType<unknown>, id, value });
  }

  delete(type: RowType<unknown>, id: string): void {
    this.#write({ type, id, value: undefined });
  }

  /** A place to go back to. */
  savepoint(): number {
    return this.#journal.length;
  }

  /** Undoes every write since the savepoint. */
  rollback(savepoint: number): void {
    while (this.#journal.length > savepoint) {
      const { table, id, before } = this.#journal.pop() as Undo;
      if (before === undefined) table.delete(id);
      else table.set(id, before);
    }
  }

  /** Nothing before this is undone any more; earlier savepoints are void. */
  settle(): void {
    this.#journal.length = 0;
  }

  changes(): readonly RowChange[] {
    return this.#changes.flatMap((table) => (table === undefined ? [] : [...table.values()]));
  }

  #write(change: RowChange): void {
    const { type: { prefix }, id } = change;
    const table = (this.#changes[prefix] ??= new Map<string, RowChange>());
    this.#journal.push({ table, id, before: table.get(id) });
    table.set(id, change);
  }
}

interface Undo {
  readonly table: Map<string, RowChange>;
  readonly id: string;
  readonly before: RowChange | undefined;
}

export function encodeChange(change: RowChange): ByteChange {
  return { key: rowKeyBytes(change.type, change.id), value: change.value === undefined ? undefined : encode(change.type.value, change.value) };
}

function deathOf(type: RowType<unknown>, value: unknown, id: string): number | undefined {
  return value === undefined ? undefined : type.diesAtMs?.(value, id);
}

function lapseOf(type: RowType<unknown>, value: unknown): number | undefined {
  return value === undefined ? undefined : type.lapsesAtMs?.(value);
}

/** Rows of one type by id: decoded values in a Map, or bytes. */
interface Table {
  readonly size: number;
  get(id: string): unknown;
  /** @param bytes of the value, where they are known */
  set(id: string, value: unknown, bytes: Uint8Array | undefined): unknown;
  delete(id: string): unknown;
  entries(): Iterable<readonly [string, unknown]>;
}

/** The flat state in memory: rows by type and id. Storage and tree are rebuilt from or beside it. */
export class FlatState implements View {
  /** By prefix of the row type. */
  readonly #tables: (Table | undefined)[] = [];
  readonly #deaths = new DueIndex((type, id) => deathOf(type, this.get(type, id), id));
  readonly #lapses = new DueIndex((type, id) => lapseOf(type, this.get(type, id)));

  get<V>(type: RowType<V>, id: string): V | undefined {
    return this.#tables[type.prefix]?.get(id) as V | undefined;
  }

  /** @param bytes the same changes in the same order, where somebody has encoded them already */
  apply(changes: readonly RowChange[], bytes?: readonly ByteChange[]): void {
    for (const [i, { type, id, value }] of changes.entries()) this.#change(type, id, value, bytes?.[i]?.value);
    this.#deaths.tidy();
    this.#lapses.tidy();
  }

  #change(type: RowType<unknown>, id: string, value: unknown, bytes: Uint8Array | undefined): void {
    const table = (this.#tables[type.prefix] ??= type.isPacked === true ? new PackedRows(type.value) : new Map<string, unknown>());
    if (type.diesAtMs !== undefined || type.lapsesAtMs !== undefined) {
      const before = table.get(id);
      this.#deaths.moved(type, id, deathOf(type, before, id), deathOf(type, value, id));
      this.#lapses.moved(type, id, lapseOf(type, before), lapseOf(type, value));
    }
    if (value === undefined) table.delete(id);
    else table.set(id, value, bytes);
  }

  /** Rows that died before this time, oldest first, then by row key. */
  deadBefore(timeMs: number): Iterable<Due> {
    return this.#deaths.before(timeMs);
  }

  /** Rows that the end of a block has to act on because their time passed before this one, oldest first, then by row key. */
  lapsedBefore(timeMs: number): Iterable<Due> {
    return this.#lapses.before(timeMs);
  }

  /** Loads one stored row; false where the key or value is not of a known form (the store is damaged). */
  load(key: Uint8Array, value: Uint8Array): boolean {
    const parsed = parseRowKey(key);
    if (parsed === undefined) return false;
    const row = decode(parsed.type.value, value);
    if (!row.ok) return false;
    this.#change(parsed.type, parsed.id, row.value, value);
    return true;
  }

  get size(): number {
    return this.#tables.reduce((sum, table) => sum + (table?.size ?? 0), 0);
  }

  /** All rows of one type, in no particular order. For reads and audits, never inside a rule. */
  *rows<V>(type: RowType<V>): Generator<{ readonly id: string; readonly value: V }> {
    for (const [id, value] of this.#tables[type.prefix]?.entries() ?? []) yield { id, value: value as V };
  }

  /** All rows as changes against the empty state. */
  all(): RowChange[] {
    return (Object.values(ROWS) as RowType<unknown>[]).flatMap((type) => [...this.rows(type)].map(({ id, value }) => ({ type, id, value })));
  }
}
