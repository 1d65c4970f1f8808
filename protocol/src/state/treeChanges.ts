/**
 * The changes of one tree update, hashed and sorted by key hash: what the recursion over the tree walks.
 */
import { assert } from '../lib/assert.ts';
import { sha256Into } from '../lib/hash.ts';
import { HASH_BYTES, TREE_DEPTH_MAX, bitAt } from './treeHash.ts';

/** One changed row: its whole row key and its new value, or undefined where it dies. */
export interface RowChange {
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
}

/** Most changes of one update: 32 bits of key hash and the position fit an exact number, which sorts natively. */
export const TREE_CHANGES_MAX = 2 ** 21;

export interface SortedChanges {
  readonly count: number;
  /** count × 32 bytes, ascending. */
  readonly keyHashes: Uint8Array;
  /** count × 32 bytes; zeros where the row dies. */
  readonly valueHashes: Uint8Array;
  /** 1 where the row dies. */
  readonly dies: Uint8Array;
}

/** Rows there is room for at first; a small state must not pay for the room of a large one. */
const FIRST_ROOM = 64;

function grown(bytes: Uint8Array, length: number): Uint8Array {
  const larger = new Uint8Array(length);
  larger.set(bytes);
  return larger;
}

/** The changes of one update, hashed as they come; nothing else of a row is kept. */
export class RowHashes {
  readonly #capacity: number;
  #keys: Uint8Array;
  #values: Uint8Array;
  #dies: Uint8Array;
  #count = 0;

  /** @param capacity most rows that are added, at most TREE_CHANGES_MAX. */
  constructor(capacity: number) {
    assert(capacity <= TREE_CHANGES_MAX, 'one update of the state tree has at most 2^21 changes');
    this.#capacity = capacity;
    const room = Math.min(capacity, FIRST_ROOM);
    this.#keys = new Uint8Array(room * HASH_BYTES);
    this.#values = new Uint8Array(room * HASH_BYTES);
    this.#dies = new Uint8Array(room);
  }

  get count(): number {
    return this.#count;
  }

  get isFull(): boolean {
    return this.#count === this.#capacity;
  }

  add({ key, value }: RowChange): void {
    assert(!this.isFull, 'there is room for the row');
    if (this.#count === this.#dies.length) this.#grow();
    const at = this.#count * HASH_BYTES;
    sha256Into(key, this.#keys, at);
    if (value === undefined) this.#dies[this.#count] = 1;
    else sha256Into(value, this.#values, at);
    this.#count += 1;
  }

  #grow(): void {
    const room = Math.min(this.#capacity, 2 * this.#dies.length);
    this.#keys = grown(this.#keys, room * HASH_BYTES);
    this.#values = grown(this.#values, room * HASH_BYTES);
    this.#dies = grown(this.#dies, room);
  }

  /** In the order of key hashes. A row added twice has no defined value: a bug of the caller. */
  sorted(): SortedChanges {
    const count = this.#count;
    const order = sortedOrder(this.#keys, count);
    const keyHashes = new Uint8Array(count * HASH_BYTES);
    const valueHashes = new Uint8Array(count * HASH_BYTES);
    const dies = new Uint8Array(count);
    for (let to = 0; to < count; to++) {
      const from = order[to] as number;
      for (let i = 0; i < HASH_BYTES; i++) {
        keyHashes[to * HASH_BYTES + i] = this.#keys[from * HASH_BYTES + i] as number;
        valueHashes[to * HASH_BYTES + i] = this.#values[from * HASH_BYTES + i] as number;
      }
      dies[to] = this.#dies[from] as number;
    }
    for (let i = 1; i < count; i++) {
      assert(compareHashes(keyHashes, i - 1, i) < 0, 'a row changes once in one update');
    }
    return { count, keyHashes, valueHashes, dies };
  }
}

/** First position in [from, to) whose key hash has bit `depth` set, or `to`; all of them share the bits before it. */
export function splitAt(changes: SortedChanges, depth: number, from: number, to: number): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (bitAt(changes.keyHashes, middle * TREE_DEPTH_MAX + depth) === 1) high = middle;
    else low = middle + 1;
  }
  return low;
}

function sortedOrder(hashes: Uint8Array, count: number): Uint32Array {
  const ranks = new Float64Array(count);
  const view = new DataView(hashes.buffer);
  for (let i = 0; i < count; i++) ranks[i] = view.getUint32(i * HASH_BYTES) * TREE_CHANGES_MAX + i;
  ranks.sort();
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[i] = (ranks[i] as number) % TREE_CHANGES_MAX;
  // The first 32 bits almost always decide; the rest is an insertion sort of what is sorted already.
  for (let i = 1; i < count; i++) {
    const moved = order[i] as number;
    let at = i;
    while (at > 0 && compareHashes(hashes, order[at - 1] as number, moved) > 0) {
      order[at] = order[at - 1] as number;
      at -= 1;
    }
    order[at] = moved;
  }
  return order;
}

function compareHashes(hashes: Uint8Array, a: number, b: number): number {
  for (let i = 0; i < HASH_BYTES; i++) {
    const difference = (hashes[a * HASH_BYTES + i] as number) - (hashes[b * HASH_BYTES + i] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}
