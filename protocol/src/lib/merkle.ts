/**
 * Merkle lists of RFC 6962 §2.1 (the same as RFC 9162 §2.1): the roots of a header over transactions, results and
 * evidence. Leaf and inner hashes have different prefixes, and the tree splits at the largest power of two below the
 * number of leaves, so no list passes for another and no leaf is ever duplicated (CVE-2012-2459 cannot happen).
 */
import { assert } from './assert.ts';
import { concat, equalBytes } from './bytes.ts';
import { sha256 } from './hash.ts';

const LEAF_PREFIX = Uint8Array.of(0x00);
const INNER_PREFIX = Uint8Array.of(0x01);
const HASH_BYTES = 32;

/**
 * Root of a list, 32 bytes. The empty list is SHA-256 of nothing; a list of one is its leaf hash.
 * PERF: 2n − 1 hashes for n leaves.
 */
export function merkleRoot(leaves: readonly Uint8Array[]): Uint8Array {
  return leaves.length === 0 ? sha256(new Uint8Array(0)) : rootOf(leaves.map(hashLeaf), 0, leaves.length);
}

/**
 * Audit path of the leaf at `index` (RFC 9162 §2.1.3.1), from the leaf up to below the root; empty for a list of one.
 * An index outside the list is a bug of the caller.
 */
export function merklePath(leaves: readonly Uint8Array[], index: number): Uint8Array[] {
  const isInside = Number.isInteger(index) && index >= 0 && index < leaves.length;
  assert(isInside, 'the index of a Merkle path is inside the list');
  const path: Uint8Array[] = [];
  collectPath(leaves.map(hashLeaf), index, 0, leaves.length, path);
  return path;
}

/** What a Merkle path claims: `leaf` (the bytes themselves) is item `index` of the `count` items under `root`. */
export interface MerkleClaim {
  readonly leaf: Uint8Array;
  readonly index: number;
  readonly count: number;
  readonly path: readonly Uint8Array[];
  readonly root: Uint8Array;
}

/**
 * Whether the claim holds (RFC 9162 §2.1.3.2). `count` must come from a trusted header: it fixes the shape, so a path
 * that is too short or too long is refused, like hashes of another length and an index at or past the count.
 */
export function verifyMerklePath({ leaf, index, count, path, root }: MerkleClaim): boolean {
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(count)) return false;
  if (index < 0 || index >= count || root.length !== HASH_BYTES) return false;
  let position = index;
  let last = count - 1;
  let hash = hashLeaf(leaf);
  for (const sibling of path) {
    if (sibling.length !== HASH_BYTES || last === 0) return false;
    if (position % 2 === 1 || position === last) {
      hash = hashInner(sibling, hash);
      // The last item of an odd level has no sibling there: it rises unhashed until it is a right child.
      while (position % 2 === 0 && position !== 0) {
        position /= 2;
        last = Math.floor(last / 2);
      }
    } else {
      hash = hashInner(hash, sibling);
    }
    position = Math.floor(position / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 && equalBytes(hash, root);
}

function hashLeaf(leaf: Uint8Array): Uint8Array {
  return sha256(concat(LEAF_PREFIX, leaf));
}

function hashInner(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(concat(INNER_PREFIX, left, right));
}

/** Root of hashes[from, to), at least one. */
function rootOf(hashes: readonly Uint8Array[], from: number, to: number): Uint8Array {
  if (to - from === 1) return hashes[from] as Uint8Array;
  const middle = from + splitOf(to - from);
  return hashInner(rootOf(hashes, from, middle), rootOf(hashes, middle, to));
}

function collectPath(hashes: readonly Uint8Array[], index: number, from: number, to: number, path: Uint8Array[]): void {
  if (to - from === 1) return;
  const middle = from + splitOf(to - from);
  if (index < middle) {
    collectPath(hashes, index, from, middle, path);
    path.push(rootOf(hashes, middle, to));
  } else {
    collectPath(hashes, index, middle, to, path);
    path.push(rootOf(hashes, from, middle));
  }
}

/** The largest power of two below n, for n ≥ 2. */
function splitOf(n: number): number {
  let split = 1;
  while (split * 2 < n) split *= 2;
  return split;
}
