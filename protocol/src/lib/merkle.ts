/**
 * Merkle lists of RFC 6962 §2.1 (the same as RFC 9162 §2.1): the roots of a header over transactions, results and
 * evidence. Leaf and inner hashes have different prefixes, and the tree splits at the largest power of two below the
 * number of leaves, so no list passes for another and no leaf is ever duplicated (CVE-2012-2459 cannot happen).
 */
import { assert } from './assert.ts';
import { equalBytes } from './bytes.ts';
import { HASH_BYTES, prefixedHashInto, sha256, sha256Into } from './hash.ts';

const LEAF_PREFIX = Uint8Array.of(0x00);

/**
 * Root of a list, 32 bytes. The empty list is SHA-256 of nothing; a list of one is its leaf hash.
 * PERF: 2n − 1 hashes for n leaves.
 */
export function merkleRoot(leaves: readonly Uint8Array[]): Uint8Array {
  return rootOf(leafHashes(leaves), leaves.length);
}

/** The same of leaves that `merkleLeafHash` has hashed before: what stands in several lists is hashed once. */
export function merkleRootOfHashes(hashes: readonly Uint8Array[]): Uint8Array {
  const level = new Uint8Array(hashes.length * HASH_BYTES);
  for (let i = 0; i < hashes.length; i++) level.set(hashes[i] as Uint8Array, i * HASH_BYTES);
  return rootOf(level, hashes.length);
}

/**
 * The same root of leaves that come one at a time and are not kept: a list of millions in a few dozen hashes.
 * PERF: as many hashes as `merkleRoot`, and log2(n) of them in memory.
 */
export class RunningRoot {
  /** Roots of full subtrees, each larger than the ones behind it; together they cover the leaves so far. */
  readonly #subtrees: { readonly hash: Uint8Array; readonly leaves: number }[] = [];

  add(leaf: Uint8Array): void {
    let grown = { hash: merkleLeafHash(leaf), leaves: 1 };
    for (let last = this.#subtrees.at(-1); last?.leaves === grown.leaves; last = this.#subtrees.at(-1)) {
      this.#subtrees.pop();
      grown = { hash: hashInner(last.hash, grown.hash), leaves: 2 * grown.leaves };
    }
    this.#subtrees.push(grown);
  }

  /** Of the leaves so far; more may follow. */
  root(): Uint8Array {
    const [smallest, ...larger] = this.#subtrees.map(({ hash }) => hash).reverse();
    return smallest === undefined ? sha256(new Uint8Array(0)) : larger.reduce((right, left) => hashInner(left, right), smallest);
  }
}

/** Hash of one leaf of a list, 32 bytes. */
export function merkleLeafHash(leaf: Uint8Array): Uint8Array {
  const out = new Uint8Array(HASH_BYTES);
  prefixedHashInto(LEAF_PREFIX, leaf, out, 0);
  return out;
}

/** @param level the leaf hashes one after the other; overwritten. */
function rootOf(level: Uint8Array, leafCount: number): Uint8Array {
  if (leafCount === 0) return sha256(new Uint8Array(0));
  for (let count = leafCount; count > 1; count = hashLevel(level, count));
  return level.slice(0, HASH_BYTES);
}

/**
 * Audit path of the leaf at `index` (RFC 9162 §2.1.3.1), from the leaf up to below the root; empty for a list of one.
 * An index outside the list is a bug of the caller.
 */
export function merklePath(leaves: readonly Uint8Array[], index: number): Uint8Array[] {
  const isInside = Number.isInteger(index) && index >= 0 && index < leaves.length;
  assert(isInside, 'the index of a Merkle path is inside the list');
  const path: Uint8Array[] = [];
  const level = leafHashes(leaves);
  let position = index;
  for (let count = leaves.length; count > 1; count = hashLevel(level, count)) {
    const sibling = position ^ 1;
    if (sibling < count) path.push(level.slice(sibling * HASH_BYTES, (sibling + 1) * HASH_BYTES));
    position >>>= 1;
  }
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
  let hash = merkleLeafHash(leaf);
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

/** 0x01 ‖ left ‖ right. */
const innerPreimage = new Uint8Array(1 + 2 * HASH_BYTES);
innerPreimage[0] = 0x01;

function hashInner(left: Uint8Array, right: Uint8Array): Uint8Array {
  innerPreimage.set(left, 1);
  innerPreimage.set(right, 1 + HASH_BYTES);
  return sha256(innerPreimage);
}

/** The leaf hashes one after the other. */
function leafHashes(leaves: readonly Uint8Array[]): Uint8Array {
  const level = new Uint8Array(leaves.length * HASH_BYTES);
  for (const [i, leaf] of leaves.entries()) prefixedHashInto(LEAF_PREFIX, leaf, level, i * HASH_BYTES);
  return level;
}

/**
 * Replaces the first `count` hashes by the level above and returns its length. Pairs from the left, the odd one rises as it
 * is: the same tree as a split at the largest power of two.
 */
function hashLevel(level: Uint8Array, count: number): number {
  const pairs = count >>> 1;
  for (let pair = 0; pair < pairs; pair++) {
    const from = 2 * pair * HASH_BYTES;
    for (let i = 0; i < 2 * HASH_BYTES; i++) innerPreimage[1 + i] = level[from + i] as number;
    sha256Into(innerPreimage, level, pair * HASH_BYTES);
  }
  if (count % 2 === 1) level.copyWithin(pairs * HASH_BYTES, (count - 1) * HASH_BYTES, count * HASH_BYTES);
  return pairs + (count % 2);
}
