/**
 * Proofs that a row of the state has a value, or that there is no such row, against a state root (SPEC §8.3).
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { equalBytes } from '../lib/bytes.ts';
import { EMPTY_HASH, HASH_BYTES, TREE_DEPTH_MAX, bitAt, hashTreeInner, hashTreeLeaf } from '../state/treeHash.ts';
import type { StateProof } from '../wire/consensus.ts';

export type { StateProof };

/** What the proof must show about the row. */
export type ExpectedRow = { readonly value: Uint8Array } | 'absent';

/**
 * Whether `proof` shows under `root` that the row has exactly this value, or does not exist. Any malformed part is
 * refused: hashes and root of 32 bytes, the exact bitmap, one sibling for each bit, no sibling that is EMPTY.
 */
export function verifyStateProof(
  root: Uint8Array, proof: StateProof, rowKey: Uint8Array, expected: ExpectedRow,
): boolean {
  return root.length === HASH_BYTES
    && isWellFormed(proof)
    && equalBytes(proof.keyHash, sha256(rowKey))
    && saysExpected(proof, expected)
    && equalBytes(rootOfProof(proof), root);
}

function isWellFormed(proof: StateProof): boolean {
  const { keyHash, leafKeyHash, leafValueHash, depth, bitmap, siblings } = proof;
  if (keyHash.length !== HASH_BYTES) return false;
  if ((leafKeyHash === undefined) !== (leafValueHash === undefined)) return false;
  if (leafKeyHash !== undefined && leafKeyHash.length !== HASH_BYTES) return false;
  if (leafValueHash !== undefined && leafValueHash.length !== HASH_BYTES) return false;
  if (!Number.isInteger(depth) || depth < 0 || depth > TREE_DEPTH_MAX) return false;
  if (bitmap.length !== Math.ceil(depth / 8)) return false;
  let count = 0;
  for (let i = 0; i < bitmap.length * 8; i++) {
    if (bitAt(bitmap, i) === 0) continue;
    if (i >= depth) return false;
    count += 1;
  }
  return siblings.length === count
    && siblings.every((sibling) => sibling.length === HASH_BYTES && !equalBytes(sibling, EMPTY_HASH));
}

function saysExpected(proof: StateProof, expected: ExpectedRow): boolean {
  const { keyHash, leafKeyHash, leafValueHash, depth } = proof;
  if (expected === 'absent') {
    return leafKeyHash === undefined || (!equalBytes(leafKeyHash, keyHash) && sharesBits(leafKeyHash, keyHash, depth));
  }
  return leafKeyHash !== undefined && leafValueHash !== undefined
    && equalBytes(leafKeyHash, keyHash) && equalBytes(leafValueHash, sha256(expected.value));
}

function sharesBits(a: Uint8Array, b: Uint8Array, count: number): boolean {
  for (let i = 0; i < count; i++) if (bitAt(a, i) !== bitAt(b, i)) return false;
  return true;
}

/** The root that the path leads to; the proof is well formed. */
function rootOfProof(proof: StateProof): Uint8Array {
  const { keyHash, leafKeyHash, leafValueHash, depth, bitmap, siblings } = proof;
  let node = leafKeyHash === undefined || leafValueHash === undefined
    ? EMPTY_HASH : hashTreeLeaf(leafKeyHash, leafValueHash);
  let next = 0;
  for (let d = depth - 1; d >= 0; d--) {
    let sibling = EMPTY_HASH;
    if (bitAt(bitmap, d) === 1) {
      sibling = siblings[next] as Uint8Array;
      next += 1;
    }
    node = bitAt(keyHash, d) === 1 ? hashTreeInner(sibling, node) : hashTreeInner(node, sibling);
  }
  return node;
}
