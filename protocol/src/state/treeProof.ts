/**
 * Makes the state proof of one row key: walks down from the root and keeps the siblings.
 */
import type { StateProof } from '../proof/stateProof.ts';
import { bitAt } from './treeHash.ts';
import { EMPTY_REF, type TreeStore } from './treeStore.ts';

/** Proof of inclusion where the row exists under this root, else of absence. */
export function proveKey(store: TreeStore, rootRef: number, keyHash: Uint8Array): StateProof {
  let ref = rootRef;
  const path: number[] = [];
  while (ref > EMPTY_REF) {
    const goesRight = bitAt(keyHash, path.length) === 1;
    path.push(goesRight ? store.left(ref) : store.right(ref));
    ref = goesRight ? store.right(ref) : store.left(ref);
  }
  const depth = path.length;
  const bitmap = new Uint8Array(Math.ceil(depth / 8));
  const siblings: Uint8Array[] = [];
  for (let d = depth - 1; d >= 0; d--) {
    const sibling = path[d] as number;
    if (sibling === EMPTY_REF) continue;
    bitmap[d >>> 3] = (bitmap[d >>> 3] as number) | (0x80 >>> (d & 7));
    siblings.push(store.hashOf(sibling));
  }
  if (ref === EMPTY_REF) return { keyHash, depth, bitmap, siblings };
  const leafKeyHash = store.leafKeyHash(ref);
  return { keyHash, leafKeyHash, leafValueHash: store.leafValueHash(ref), depth, bitmap, siblings };
}
