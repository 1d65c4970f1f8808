/**
 * One update of the state tree, a level at a time: down, where the changes fall into ever smaller subtrees, and up, where
 * the touched paths are copied and hashed, deepest first. Nothing recurses: the nodes of a tree lie all over memory, and the
 * reads of one level need not wait for each other, while those along a path must. Every node made here stays in the result,
 * so nothing has to be cleaned up.
 */
import { assert } from '../lib/assert.ts';
import { splitAt, type SortedChanges } from './treeChanges.ts';
import { HASH_BYTES, PAIR_BYTES, type HashPairs } from './treeHash.ts';
import { EMPTY_REF, HASH_WORDS, type TreeStore } from './treeStore.ts';

/** Pairs of one HashPairs call: a native hasher is at full speed from about 1,000, and the scratch stays in cache. */
const PAIRS_PER_CALL = 2048;

/** The touched subtrees of an update by level, in key order; each is a record of these words. */
const OLD = 0;
/** Changes [from, to) fall into it, at least one. */
const FROM = 1;
const TO = 2;
/** Its halves where it divides: TOUCHED + the number of a touched subtree, else what an untouched one is. */
const LEFT = 3;
const RIGHT = 4;
/** What it becomes, with one reference. */
const NEW = 5;
const SUBTREE_WORDS = 6;

/** Takes what was read to bring it near, so that the reads are not left out as useless. */
const READ = new Int32Array(1);

/** Larger than any reference to a node. */
const TOUCHED = 2 ** 29;

/** In the place of LEFT where a subtree does not divide, because it becomes a leaf or empty. */
const WHOLE = -(2 ** 30);

/**
 * Room for subtrees, 1.5 MB: a block of 1,000 changes to 10^6 rows touches 13,000, and what is not written costs nothing. More, which
 * a whole state needs while it is built, is given back. PERF: an array that grew with the blocks made V8 throw away the compiled code.
 */
const ROOM = 2 ** 16;

/** The changes of one update and what they did. */
interface Edit {
  readonly changes: SortedChanges;
  /** The hashes of the changes as words. */
  readonly keyWords: Int32Array;
  readonly valueWords: Int32Array;
  leafDelta: number;
}

export interface UpdatedRoot {
  /** Holds one reference for the caller. */
  readonly rootRef: number;
  readonly leafDelta: number;
}

/** Changes the trees of one store. */
export class TreeUpdater {
  readonly #store: TreeStore;
  readonly #hashPairs: HashPairs;
  readonly #pairs = new Uint8Array(PAIRS_PER_CALL * PAIR_BYTES);
  readonly #pairWords = toWords(this.#pairs);
  /** New inner nodes, whose halves stand in the pairs. */
  readonly #unhashed: number[] = [];
  #subtrees = new Int32Array(ROOM * SUBTREE_WORDS);
  #count = 0;

  constructor(store: TreeStore, hashPairs: HashPairs) {
    this.#store = store;
    this.#hashPairs = hashPairs;
  }

  /** The tree under `rootRef` with the changes; the old one stays as it is. */
  update(rootRef: number, changes: SortedChanges): UpdatedRoot {
    if (changes.count === 0) {
      this.#store.retain(rootRef);
      return { rootRef, leafDelta: 0 };
    }
    const edit: Edit = { changes, keyWords: toWords(changes.keyHashes), valueWords: toWords(changes.valueHashes), leafDelta: 0 };
    this.#count = 0;
    this.#add(rootRef, 0, changes.count);
    const starts: number[] = [];
    for (let start = 0; start < this.#count; start = starts.at(-1) as number) {
      const end = this.#count;
      this.#divide(edit, start, end, starts.length);
      starts.push(end);
    }
    for (let depth = starts.length - 1; depth >= 0; depth--) this.#join(depth === 0 ? 0 : (starts[depth - 1] as number), starts[depth] as number);
    const updated = this.#subtrees[NEW] as number;
    if (this.#subtrees.length > ROOM * SUBTREE_WORDS) this.#subtrees = new Int32Array(ROOM * SUBTREE_WORDS);
    return { rootRef: updated, leafDelta: edit.leafDelta };
  }

  /** Number of a new subtree of the level below, with changes [from, to). */
  #add(old: number, from: number, to: number): number {
    const at = this.#count * SUBTREE_WORDS;
    if (at === this.#subtrees.length) {
      const larger = new Int32Array(2 * at);
      larger.set(this.#subtrees);
      this.#subtrees = larger;
    }
    const subtrees = this.#subtrees;
    subtrees[at + OLD] = old;
    subtrees[at + FROM] = from;
    subtrees[at + TO] = to;
    return this.#count++;
  }

  /** A half of a subtree with changes [from, to), perhaps none. */
  #half(old: number, from: number, to: number): number {
    return from === to ? old : TOUCHED + this.#add(old, from, to);
  }

  /** The subtrees [start, end) of a level: some become a leaf or nothing, the others have halves. */
  #divide(edit: Edit, start: number, end: number, depth: number): void {
    const store = this.#store;
    this.#bringNear(start, end, OLD);
    for (let i = start; i < end; i++) {
      const at = i * SUBTREE_WORDS;
      const old = this.#subtrees[at + OLD] as number;
      const from = this.#subtrees[at + FROM] as number;
      const to = this.#subtrees[at + TO] as number;
      if (old <= EMPTY_REF && to - from === 1 && (old === EMPTY_REF || store.leafHasKey(old, edit.keyWords, from * HASH_WORDS))) {
        this.#subtrees[at + LEFT] = WHOLE;
        this.#subtrees[at + NEW] = this.#replaceLeaf(edit, old, from);
        continue;
      }
      const middle = splitAt(edit.changes, depth, from, to);
      // An old leaf goes down to where it parts from the changes.
      const goesRight = old < EMPTY_REF && store.leafKeyBit(old, depth) === 1;
      const left = this.#half(old > EMPTY_REF ? store.left(old) : goesRight ? EMPTY_REF : old, from, middle);
      const right = this.#half(old > EMPTY_REF ? store.right(old) : goesRight ? old : EMPTY_REF, middle, to);
      this.#subtrees[at + LEFT] = left;
      this.#subtrees[at + RIGHT] = right;
    }
  }

  /** Change `i` put in the place of the leaf of the same row, or of EMPTY. */
  #replaceLeaf(edit: Edit, leaf: number, i: number): number {
    const isNew = leaf === EMPTY_REF;
    if (edit.changes.dies[i] === 1) {
      if (!isNew) edit.leafDelta -= 1;
      return EMPTY_REF;
    }
    if (!isNew && this.#store.leafHasValue(leaf, edit.valueWords, i * HASH_WORDS)) {
      this.#store.retain(leaf);
      return leaf;
    }
    if (isNew) edit.leafDelta += 1;
    return this.#store.newLeaf(edit.keyWords, edit.valueWords, i * HASH_WORDS);
  }

  /** Puts the new halves of the subtrees [start, end) of a level together, and hashes the nodes made of them. */
  #join(start: number, end: number): void {
    const store = this.#store;
    const subtrees = this.#subtrees;
    this.#bringNear(start, end, LEFT);
    this.#bringNear(start, end, RIGHT);
    for (let at = start * SUBTREE_WORDS; at < end * SUBTREE_WORDS; at += SUBTREE_WORDS) {
      const left = subtrees[at + LEFT] as number;
      const right = subtrees[at + RIGHT] as number;
      if (left === WHOLE) continue;
      const newLeft = this.#newHalf(left);
      const newRight = this.#newHalf(right);
      if (newLeft === this.#oldHalf(left) && newRight === this.#oldHalf(right)) {
        // Nothing changed below: share the old node. It still holds its own references to both halves.
        const old = subtrees[at + OLD] as number;
        store.release(newLeft);
        store.release(newRight);
        store.retain(old);
        subtrees[at + NEW] = old;
      } else if (newLeft === EMPTY_REF && newRight <= EMPTY_REF) {
        // (EMPTY, EMPTY) is EMPTY and (EMPTY, leaf) that leaf; everything else is an inner node, (EMPTY, inner) too.
        subtrees[at + NEW] = newRight;
      } else if (newRight === EMPTY_REF && newLeft < EMPTY_REF) {
        subtrees[at + NEW] = newLeft;
      } else {
        subtrees[at + NEW] = this.#newInner(newLeft, newRight);
      }
    }
    this.#hash();
  }

  #oldHalf(half: number): number {
    return half < TOUCHED ? half : (this.#subtrees[(half - TOUCHED) * SUBTREE_WORDS + OLD] as number);
  }

  /** With one reference. */
  #newHalf(half: number): number {
    if (half >= TOUCHED) return this.#subtrees[(half - TOUCHED) * SUBTREE_WORDS + NEW] as number;
    this.#store.retain(half);
    return half;
  }

  /**
   * Reads one word of the nodes that stand in a field of the subtrees [start, end), in a loop of nothing else: the processor
   * then has many of these reads under way together, where a loop with work in it waits for each.
   */
  #bringNear(start: number, end: number, field: number): void {
    let sum = 0;
    for (let at = start * SUBTREE_WORDS + field; at < end * SUBTREE_WORDS; at += SUBTREE_WORDS) {
      const ref = this.#subtrees[at] as number;
      if (ref < TOUCHED && ref > WHOLE) sum ^= this.#store.touch(ref);
    }
    READ[0] = sum;
  }

  #newInner(left: number, right: number): number {
    if (this.#unhashed.length === PAIRS_PER_CALL) this.#hash();
    const at = this.#unhashed.length * 2 * HASH_WORDS;
    this.#store.readHash(left, this.#pairWords, at);
    this.#store.readHash(right, this.#pairWords, at + HASH_WORDS);
    const ref = this.#store.newInner(left, right);
    this.#unhashed.push(ref);
    return ref;
  }

  #hash(): void {
    const count = this.#unhashed.length;
    if (count === 0) return;
    const hashed = this.#hashPairs(this.#pairs.subarray(0, count * PAIR_BYTES));
    assert(hashed.length === count * HASH_BYTES, 'HashPairs returns 32 bytes for each pair');
    const hashes = toWords(hashed);
    for (let i = 0; i < count; i++) this.#store.writeInnerHash(this.#unhashed[i] as number, hashes, i * HASH_WORDS);
    this.#unhashed.length = 0;
  }
}

/** Hashes as words in the byte order of the machine: they are only copied and compared, never read as numbers. */
function toWords(hashes: Uint8Array): Int32Array {
  const aligned = hashes.byteOffset % 4 === 0 ? hashes : new Uint8Array(hashes);
  return new Int32Array(aligned.buffer, aligned.byteOffset, hashes.length / 4);
}
