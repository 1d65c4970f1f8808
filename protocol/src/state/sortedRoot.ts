/**
 * The root of a state tree (treeHash.ts) from its leaves in ascending order of their key hashes: no tree in memory,
 * one path of it. What a snapshot says of itself before anybody is offered it.
 */
import { EMPTY_HASH, TREE_DEPTH_MAX, bitAt, hashTreeInner, hashTreeLeaf } from './treeHash.ts';

/** A subtree that is complete but for where it ends: a single leaf stands for every subtree that holds it alone. */
interface Part {
  readonly keyHash: Uint8Array;
  readonly hash: Uint8Array;
  /** Bits that all its keys share; TREE_DEPTH_MAX for a leaf. */
  readonly depth: number;
}

/** How many first bits two different key hashes share. */
function sharedBits(a: Uint8Array, b: Uint8Array): number {
  let byte = 0;
  while (a[byte] === b[byte]) byte += 1;
  return byte * 8 + Math.clz32((a[byte] as number) ^ (b[byte] as number)) - 24;
}

/** Lifts a subtree of two leaves or more to a lesser depth: empty siblings all the way up. A leaf needs none. */
function lifted({ keyHash, hash, depth }: Part, to: number): Uint8Array {
  if (depth === TREE_DEPTH_MAX) return hash;
  let lift = hash;
  for (let bit = depth - 1; bit >= to; bit--) lift = bitAt(keyHash, bit) === 0 ? hashTreeInner(lift, EMPTY_HASH) : hashTreeInner(EMPTY_HASH, lift);
  return lift;
}

export class SortedRoot {
  /** From the root down; each is left of the ones behind it. */
  readonly #open: Part[] = [];

  /** Key hashes strictly ascend. */
  add(keyHash: Uint8Array, valueHash: Uint8Array): void {
    const last = this.#open.at(-1);
    if (last !== undefined) this.#close(sharedBits(last.keyHash, keyHash));
    this.#open.push({ keyHash, hash: hashTreeLeaf(keyHash, valueHash), depth: TREE_DEPTH_MAX });
  }

  /** Joins the newest subtrees as far as their keys share more than `shared` bits: nothing comes between them any more. */
  #close(shared: number): void {
    for (let [left, right] = this.#open.slice(-2); left !== undefined && right !== undefined; [left, right] = this.#open.slice(-2)) {
      const depth = sharedBits(left.keyHash, right.keyHash);
      if (depth <= shared) return;
      this.#open.splice(-2, 2, { keyHash: left.keyHash, hash: hashTreeInner(lifted(left, depth + 1), lifted(right, depth + 1)), depth });
    }
  }

  finish(): Uint8Array {
    this.#close(-1);
    const [all] = this.#open;
    return all === undefined ? EMPTY_HASH : lifted(all, 0);
  }
}
