/**
 * One update of the state tree: changes the structure by copying the touched paths, then hashes the new inner nodes a
 * level at a time, deepest first. Every node made here stays in the result, so nothing has to be cleaned up.
 */
import { assert } from '../lib/assert.ts';
import { splitAt, type SortedChanges } from './treeChanges.ts';
import { HASH_BYTES, PAIR_BYTES, type HashPairs } from './treeHash.ts';
import { EMPTY_REF, HASH_WORDS, type TreeStore } from './treeStore.ts';

/** Pairs of one HashPairs call: a native hasher is at full speed from about 1,000, and the scratch stays in cache. */
export const PAIRS_PER_CALL = 2048;

interface Edit {
  readonly store: TreeStore;
  readonly changes: SortedChanges;
  /** The hashes of the changes as words. */
  readonly keyWords: Int32Array;
  readonly valueWords: Int32Array;
  /** New inner nodes by depth, not hashed yet. */
  readonly levels: number[][];
  leafDelta: number;
}

export interface UpdatedRoot {
  /** Holds one reference for the caller. */
  readonly rootRef: number;
  readonly leafDelta: number;
}

/** The tree under `rootRef` with the changes; the old one stays as it is. Hashes are not set yet: see hashLevels. */
export function changeStructure(
  store: TreeStore, rootRef: number, changes: SortedChanges,
): UpdatedRoot & { readonly levels: readonly number[][] } {
  const edit: Edit = {
    store,
    changes,
    keyWords: toWords(changes.keyHashes),
    valueWords: toWords(changes.valueHashes),
    levels: [],
    leafDelta: 0,
  };
  const changed = changeSubtree(edit, rootRef, 0, 0, changes.count);
  return { rootRef: changed, leafDelta: edit.leafDelta, levels: edit.levels };
}

/** Sets the hashes of the new inner nodes, deepest level first. `scratch` holds PAIRS_PER_CALL pairs. */
export function hashLevels(
  store: TreeStore, levels: readonly number[][], hashPairs: HashPairs, scratch: Uint8Array,
): void {
  const words = toWords(scratch);
  for (let depth = levels.length - 1; depth >= 0; depth--) {
    const level = levels[depth] as number[];
    for (let from = 0; from < level.length; from += PAIRS_PER_CALL) {
      const count = Math.min(PAIRS_PER_CALL, level.length - from);
      for (let i = 0; i < count; i++) {
        const ref = level[from + i] as number;
        store.readHash(store.left(ref), words, i * 2 * HASH_WORDS);
        store.readHash(store.right(ref), words, i * 2 * HASH_WORDS + HASH_WORDS);
      }
      const hashed = hashPairs(scratch.subarray(0, count * PAIR_BYTES));
      assert(hashed.length === count * HASH_BYTES, 'HashPairs returns 32 bytes for each pair');
      const hashes = toWords(hashed);
      for (let i = 0; i < count; i++) store.writeInnerHash(level[from + i] as number, hashes, i * HASH_WORDS);
    }
  }
}

/** The subtree at `depth` with changes [from, to), one reference for the caller. */
function changeSubtree(edit: Edit, ref: number, depth: number, from: number, to: number): number {
  const { store } = edit;
  if (from === to) {
    store.retain(ref);
    return ref;
  }
  if (ref <= EMPTY_REF) return changeLeaf(edit, ref, depth, from, to);
  const middle = splitAt(edit.changes, depth, from, to);
  const oldLeft = store.left(ref);
  const oldRight = store.right(ref);
  const left = changeSubtree(edit, oldLeft, depth + 1, from, middle);
  const right = changeSubtree(edit, oldRight, depth + 1, middle, to);
  if (left !== oldLeft || right !== oldRight) return join(edit, depth, left, right);
  // Nothing changed below: share the old node. It still holds its own references to both halves.
  store.release(left);
  store.release(right);
  store.retain(ref);
  return ref;
}

/** The subtree of at most one old leaf (or EMPTY) with changes [from, to), at least one; pushes the leaf down. */
function changeLeaf(edit: Edit, leaf: number, depth: number, from: number, to: number): number {
  const { store, changes } = edit;
  if (from === to) {
    store.retain(leaf);
    return leaf;
  }
  if (to - from === 1) {
    const isSameRow = leaf !== EMPTY_REF && store.leafHasKey(leaf, edit.keyWords, from * HASH_WORDS);
    if (leaf === EMPTY_REF || isSameRow) return replaceLeaf(edit, leaf, from);
  }
  const middle = splitAt(changes, depth, from, to);
  const goesRight = leaf !== EMPTY_REF && store.leafKeyBit(leaf, depth) === 1;
  const left = changeLeaf(edit, goesRight ? EMPTY_REF : leaf, depth + 1, from, middle);
  const right = changeLeaf(edit, goesRight ? leaf : EMPTY_REF, depth + 1, middle, to);
  return join(edit, depth, left, right);
}

/** Change `i` put in the place of the leaf of the same row, or of EMPTY. */
function replaceLeaf(edit: Edit, leaf: number, i: number): number {
  const { store, changes } = edit;
  const isNew = leaf === EMPTY_REF;
  if (changes.dies[i] === 1) {
    if (!isNew) edit.leafDelta -= 1;
    return EMPTY_REF;
  }
  if (!isNew && store.leafHasValue(leaf, edit.valueWords, i * HASH_WORDS)) {
    store.retain(leaf);
    return leaf;
  }
  if (isNew) edit.leafDelta += 1;
  return store.newLeaf(edit.keyWords, edit.valueWords, i * HASH_WORDS);
}

/** (EMPTY, EMPTY) is EMPTY and (EMPTY, leaf) that leaf; everything else is an inner node, (EMPTY, inner) too. */
function join(edit: Edit, depth: number, left: number, right: number): number {
  if (left === EMPTY_REF && right <= EMPTY_REF) return right;
  if (right === EMPTY_REF && left < EMPTY_REF) return left;
  const ref = edit.store.newInner(left, right);
  while (edit.levels.length <= depth) edit.levels.push([]);
  (edit.levels[depth] as number[]).push(ref);
  return ref;
}

/** Hashes as words in the byte order of the machine: they are only copied and compared, never read as numbers. */
function toWords(hashes: Uint8Array): Int32Array {
  const aligned = hashes.byteOffset % 4 === 0 ? hashes : new Uint8Array(hashes);
  return new Int32Array(aligned.buffer, aligned.byteOffset, hashes.length / 4);
}
