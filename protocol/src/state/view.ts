/**
 * State as the rules see it: a synchronous read view, a draft that gathers changes, and the flat state itself.
 * A transaction runs in a draft of its own, so that a fault undoes everything by forgetting the draft.
 */
import { decode, encode } from '../wire/codec.ts';
import { assert } from '../lib/assert.ts';
import { parseRowKey, rowKeyBytes, type RowType } from './layout.ts';

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

/** One text per row: prefix character and id. Made once per access, however many drafts lie on each other. */
function slot(type: RowType<unknown>, id: string): string {
  return String.fromCharCode(type.prefix) + id;
}

/** A view whose rows can be found by slot; every view of this room is one. */
interface SlotView extends View {
  at(key: string): unknown;
}

export class Draft implements SlotView {
  readonly #base: SlotView;
  readonly #changes = new Map<string, RowChange>();

  constructor(base: Draft | FlatState) {
    this.#base = base;
  }

  at(key: string): unknown {
    const change = this.#changes.get(key);
    return change === undefined ? this.#base.at(key) : change.value;
  }

  get<V>(type: RowType<V>, id: string): V | undefined {
    return this.at(slot(type as RowType<unknown>, id)) as V | undefined;
  }

  put<V>(type: RowType<V>, id: string, value: V): void {
    assert(value !== undefined, 'a row is deleted with delete');
    this.#changes.set(slot(type as RowType<unknown>, id), { type: type as RowType<unknown>, id, value });
  }

  delete(type: RowType<unknown>, id: string): void {
    this.#changes.set(slot(type, id), { type, id, value: undefined });
  }

  /** Takes over what a child draft changed; the child must have this draft as its base. */
  absorb(child: Draft): void {
    for (const [key, change] of child.#changes) this.#changes.set(key, change);
  }

  changes(): readonly RowChange[] {
    return [...this.#changes.values()];
  }
}

export function encodeChange(change: RowChange): ByteChange {
  return { key: rowKeyBytes(change.type, change.id), value: change.value === undefined ? undefined : encode(change.type.value, change.value) };
}

/** The flat state in memory: decoded rows under their keys. Storage and tree are rebuilt from or beside it. */
export class FlatState implements SlotView {
  readonly #rows = new Map<string, { readonly type: RowType<unknown>; readonly id: string; value: unknown }>();

  at(key: string): unknown {
    return this.#rows.get(key)?.value;
  }

  get<V>(type: RowType<V>, id: string): V | undefined {
    return this.at(slot(type as RowType<unknown>, id)) as V | undefined;
  }

  apply(changes: readonly RowChange[]): void {
    for (const { type, id, value } of changes) {
      const key = slot(type, id);
      if (value === undefined) this.#rows.delete(key);
      else this.#rows.set(key, { type, id, value });
    }
  }

  /** Loads one stored row; false where the key or value is not of a known form (the store is damaged). */
  load(key: Uint8Array, value: Uint8Array): boolean {
    const parsed = parseRowKey(key);
    if (parsed === undefined) return false;
    const row = decode(parsed.type.value, value);
    if (!row.ok) return false;
    this.apply([{ type: parsed.type, id: parsed.id, value: row.value }]);
    return true;
  }

  get size(): number {
    return this.#rows.size;
  }

  /** All rows of one type, in no particular order. For reads and audits, never inside a rule. */
  *rows<V>(type: RowType<V>): Generator<{ readonly id: string; readonly value: V }> {
    for (const held of this.#rows.values()) if (held.type.prefix === type.prefix) yield { id: held.id, value: held.value as V };
  }

  /** All rows as changes against the empty state. */
  all(): RowChange[] {
    return [...this.#rows.values()].map(({ type, id, value }) => ({ type, id, value }));
  }
}
