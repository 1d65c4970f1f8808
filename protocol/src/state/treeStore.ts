/**
 * Packed nodes of the state tree: two pools of typed-array pages, one for inner nodes (hash, left, right: 40 bytes) and
 * one for leaves (hash, keyHash, valueHash: 96 bytes), one byte of reference count each. With 1.44 inner nodes a key
 * that is 64 bytes a node and 156 bytes a key, and the collector of JavaScript sees only the pages.
 *
 * A reference is an int32: 0 is the empty subtree, positive is inner node ref − 1, negative is leaf ~ref. Nodes never
 * change once hashed, so versions share them; a node goes back to the free list with its last reference.
 */
import { assert } from '../lib/assert.ts';
import { sha256Into } from '../lib/hash.ts';
import { HASH_BYTES, LEAF_PREIMAGE_BYTES, PAIR_BYTES, bitAt } from './treeHash.ts';

/** The empty subtree. */
export const EMPTY_REF = 0;

/** Nodes of a page: 160 KiB of inner nodes, 384 KiB of leaves: small beside a tree, large beside a page's overhead. */
const PAGE_BITS = 12;
const PAGE_NODES = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_NODES - 1;

/** Most nodes of a pool, so that every reference stays a small integer (int32) on every engine; 26 GB of leaves. */
const POOL_NODES_MAX = 2 ** 28;

export const HASH_WORDS = HASH_BYTES / 4;
const INNER_WORDS = HASH_WORDS + 2;
const LEAF_WORDS = 3 * HASH_WORDS;
const LEFT = HASH_WORDS;
const RIGHT = HASH_WORDS + 1;
const KEY = HASH_WORDS;
const VALUE = 2 * HASH_WORDS;

/** Slots of `stride` words, counted references, a list of the free slots. */
class NodePool {
  readonly words: Int32Array[] = [];
  /** The same pages as bytes. */
  readonly bytes: Uint8Array[] = [];
  readonly #counts: Uint8Array[] = [];
  readonly #stride: number;
  /** Beside the slots: a list threaded through them would be read at the pace of memory, one slot after the other. */
  readonly #free: number[] = [];
  #fresh = 0;
  #used = 0;

  constructor(stride: number) {
    this.#stride = stride;
  }

  get used(): number {
    return this.#used;
  }

  get nodeBytes(): number {
    return this.#stride * 4 + 1;
  }

  get allocatedBytes(): number {
    return this.words.length * PAGE_NODES * this.nodeBytes;
  }

  /** A slot with one reference; its words are whatever they were. */
  take(): number {
    this.#used += 1;
    const reused = this.#free.pop();
    const index = reused ?? this.#fresh;
    if (reused === undefined) {
      if (index >>> PAGE_BITS === this.words.length) this.#grow();
      this.#fresh += 1;
    }
    (this.#counts[index >>> PAGE_BITS] as Uint8Array)[index & PAGE_MASK] = 1;
    return index;
  }

  retain(index: number): void {
    const counts = this.#counts[index >>> PAGE_BITS] as Uint8Array;
    counts[index & PAGE_MASK] = (counts[index & PAGE_MASK] as number) + 1;
  }

  /** Drops one reference; true where it was the last and the slot is free now (its words still read). */
  release(index: number): boolean {
    const counts = this.#counts[index >>> PAGE_BITS] as Uint8Array;
    const left = (counts[index & PAGE_MASK] as number) - 1;
    assert(left >= 0, 'a tree node is released once per reference');
    counts[index & PAGE_MASK] = left;
    if (left > 0) return false;
    this.#free.push(index);
    this.#used -= 1;
    return true;
  }

  #grow(): void {
    assert(this.words.length * PAGE_NODES < POOL_NODES_MAX, 'the state tree has room for 2^28 nodes of a kind');
    const page = new Int32Array(PAGE_NODES * this.#stride);
    this.words.push(page);
    this.bytes.push(new Uint8Array(page.buffer));
    this.#counts.push(new Uint8Array(PAGE_NODES));
  }
}

export class TreeStore {
  readonly #inner = new NodePool(INNER_WORDS);
  readonly #leaves = new NodePool(LEAF_WORDS);
  readonly #preimage = new Uint8Array(LEAF_PREIMAGE_BYTES);

  get innerCount(): number {
    return this.#inner.used;
  }

  get leafCount(): number {
    return this.#leaves.used;
  }

  get usedBytes(): number {
    return this.#inner.used * this.#inner.nodeBytes + this.#leaves.used * this.#leaves.nodeBytes;
  }

  get allocatedBytes(): number {
    return this.#inner.allocatedBytes + this.#leaves.allocatedBytes;
  }

  /** A leaf with its hash, one reference. The two hashes are read from `at` (in words) of their arrays. */
  newLeaf(keyHashes: Int32Array, valueHashes: Int32Array, at: number): number {
    const index = this.#leaves.take();
    const page = this.#leaves.words[index >>> PAGE_BITS] as Int32Array;
    const to = (index & PAGE_MASK) * LEAF_WORDS;
    for (let i = 0; i < HASH_WORDS; i++) {
      page[to + KEY + i] = keyHashes[at + i] as number;
      page[to + VALUE + i] = valueHashes[at + i] as number;
    }
    const bytes = this.#leaves.bytes[index >>> PAGE_BITS] as Uint8Array;
    for (let i = 0; i < PAIR_BYTES; i++) this.#preimage[1 + i] = bytes[(to + KEY) * 4 + i] as number;
    sha256Into(this.#preimage, bytes, to * 4);
    return ~index;
  }

  /** An inner node over two subtrees, whose references it takes over; one reference. Its hash is set later. */
  newInner(left: number, right: number): number {
    const index = this.#inner.take();
    const page = this.#inner.words[index >>> PAGE_BITS] as Int32Array;
    const at = (index & PAGE_MASK) * INNER_WORDS;
    page[at + LEFT] = left;
    page[at + RIGHT] = right;
    return index + 1;
  }

  left(ref: number): number {
    return this.#child(ref, LEFT);
  }

  right(ref: number): number {
    return this.#child(ref, RIGHT);
  }

  retain(ref: number): void {
    if (ref > 0) this.#inner.retain(ref - 1);
    else if (ref < 0) this.#leaves.retain(~ref);
  }

  /** Drops one reference and frees what nothing refers to any more. Recursion ends at depth 256. */
  release(ref: number): void {
    if (ref < 0) {
      this.#leaves.release(~ref);
    } else if (ref > 0 && this.#inner.release(ref - 1)) {
      const left = this.left(ref);
      const right = this.right(ref);
      this.release(left);
      this.release(right);
    }
  }

  /** Reads of a subtree what readHash, left and right will: see TreeUpdater. Any number, to be used for something. */
  touch(ref: number): number {
    if (ref === EMPTY_REF) return 0;
    const index = ref > 0 ? ref - 1 : ~ref;
    const page = (ref > 0 ? this.#inner : this.#leaves).words[index >>> PAGE_BITS] as Int32Array;
    const at = (index & PAGE_MASK) * (ref > 0 ? INNER_WORDS : LEAF_WORDS);
    return (page[at] as number) ^ (page[at + HASH_WORDS] as number);
  }

  /** Copies the hash of a subtree to `at` (in words) of `target`. */
  readHash(ref: number, target: Int32Array, at: number): void {
    if (ref === EMPTY_REF) {
      target.fill(0, at, at + HASH_WORDS);
      return;
    }
    const index = ref > 0 ? ref - 1 : ~ref;
    const page = (ref > 0 ? this.#inner : this.#leaves).words[index >>> PAGE_BITS] as Int32Array;
    const from = (index & PAGE_MASK) * (ref > 0 ? INNER_WORDS : LEAF_WORDS);
    // A loop: for 8 words it is several times faster than set(subarray()).
    for (let i = 0; i < HASH_WORDS; i++) target[at + i] = page[from + i] as number;
  }

  /** Sets the hash of a new inner node from `at` (in words) of `source`. */
  writeInnerHash(ref: number, source: Int32Array, at: number): void {
    const page = this.#inner.words[(ref - 1) >>> PAGE_BITS] as Int32Array;
    const to = ((ref - 1) & PAGE_MASK) * INNER_WORDS;
    for (let i = 0; i < HASH_WORDS; i++) page[to + i] = source[at + i] as number;
  }

  hashOf(ref: number): Uint8Array {
    const words = new Int32Array(HASH_WORDS);
    this.readHash(ref, words, 0);
    return new Uint8Array(words.buffer);
  }

  /** A copy of the key hash of a leaf. */
  leafKeyHash(ref: number): Uint8Array {
    return this.#leafField(ref, KEY);
  }

  /** A copy of the value hash of a leaf. */
  leafValueHash(ref: number): Uint8Array {
    return this.#leafField(ref, VALUE);
  }

  leafKeyBit(ref: number, depth: number): number {
    const at = ((~ref & PAGE_MASK) * LEAF_WORDS + KEY) * 4;
    return bitAt(this.#leaves.bytes[~ref >>> PAGE_BITS] as Uint8Array, at * 8 + depth);
  }

  /** Whether the key hash of a leaf is that at `at` (in words) of `keyHashes`. */
  leafHasKey(ref: number, keyHashes: Int32Array, at: number): boolean {
    return this.#leafEquals(ref, KEY, keyHashes, at);
  }

  /** Whether the value hash of a leaf is that at `at` (in words) of `valueHashes`. */
  leafHasValue(ref: number, valueHashes: Int32Array, at: number): boolean {
    return this.#leafEquals(ref, VALUE, valueHashes, at);
  }

  #leafEquals(ref: number, field: number, hashes: Int32Array, at: number): boolean {
    const page = this.#leaves.words[~ref >>> PAGE_BITS] as Int32Array;
    const from = (~ref & PAGE_MASK) * LEAF_WORDS + field;
    for (let i = 0; i < HASH_WORDS; i++) if (page[from + i] !== hashes[at + i]) return false;
    return true;
  }

  #leafField(ref: number, field: number): Uint8Array {
    const at = ((~ref & PAGE_MASK) * LEAF_WORDS + field) * 4;
    return (this.#leaves.bytes[~ref >>> PAGE_BITS] as Uint8Array).slice(at, at + HASH_BYTES);
  }

  #child(ref: number, field: number): number {
    const page = this.#inner.words[(ref - 1) >>> PAGE_BITS] as Int32Array;
    return page[((ref - 1) & PAGE_MASK) * INNER_WORDS + field] as number;
  }
}
