/**
 * The hash rule of the state tree (SPEC: consensus.md §5). keyHash = SHA-256(row key), valueHash = SHA-256(value),
 * leaf = SHA-256(0x00 ‖ keyHash ‖ valueHash) of 65 bytes, inner = SHA-256(left ‖ right) of exactly 64 bytes, so that
 * neither passes for the other. Only this rule is consensus; how the tree is stored is not.
 */
import { assert } from '../lib/assert.ts';
import { HASH_BYTES, sha256, sha256Into } from '../lib/hash.ts';

export { HASH_BYTES };
export const PAIR_BYTES = 2 * HASH_BYTES;
export const LEAF_PREIMAGE_BYTES = 1 + PAIR_BYTES;

/** A key hash has 256 bits, so no two keys share more than 255 of them and no path is longer. */
export const TREE_DEPTH_MAX = 8 * HASH_BYTES;

/** Hash of a subtree without leaves, and the root of an empty tree. Never written to. */
export const EMPTY_HASH: Uint8Array = new Uint8Array(HASH_BYTES);

/**
 * Port: SHA-256 of each 64-byte pair, n·64 bytes in, n·32 bytes out, in order. The input is a scratch area that the
 * caller uses again, so it must not be kept.
 */
export type HashPairs = (pairs: Uint8Array) => Uint8Array;

/** The portable hasher of pairs, one after the other: browsers, and the reference for native ones. */
export const hashPairsPortable: HashPairs = (pairs) => {
  assert(pairs.length % PAIR_BYTES === 0, 'pairs are a whole number of 64 bytes');
  const out = new Uint8Array(pairs.length / 2);
  for (let at = 0; at < pairs.length; at += PAIR_BYTES) sha256Into(pairs.subarray(at, at + PAIR_BYTES), out, at / 2);
  return out;
};

/** Hash of the leaf of a row. Both hashes have 32 bytes. */
export function hashTreeLeaf(keyHash: Uint8Array, valueHash: Uint8Array): Uint8Array {
  const preimage = new Uint8Array(LEAF_PREIMAGE_BYTES);
  preimage.set(keyHash, 1);
  preimage.set(valueHash, 1 + HASH_BYTES);
  return sha256(preimage);
}

/** Hash of an inner node over its halves. Both hashes have 32 bytes. */
export function hashTreeInner(left: Uint8Array, right: Uint8Array): Uint8Array {
  const preimage = new Uint8Array(PAIR_BYTES);
  preimage.set(left);
  preimage.set(right, HASH_BYTES);
  return sha256(preimage);
}

/** Bit i of a byte string, 0 or 1; bit 0 is the most significant bit of the first byte (key hashes and bitmaps). */
export function bitAt(bytes: Uint8Array, i: number): number {
  return ((bytes[i >>> 3] as number) >>> (7 - (i & 7))) & 1;
}
