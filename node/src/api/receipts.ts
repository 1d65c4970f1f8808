/**
 * Proofs of final transactions. After a block of 500 payments 500 tills want one each: the two Merkle trees of a block are
 * hashed once and every proof only picks its path (with a path hashed from scratch each, that block would cost seconds).
 */
import { hash } from 'node:crypto';
import { concat, encode, PaymentReceipt } from '@billcoin/protocol';
import type { ChainPort, FinalBlock } from '../ports.ts';

/** Proofs are asked for in the seconds after a block. */
const BLOCKS_KEPT = 8;
const LEAF = Uint8Array.of(0x00);
const INNER = Uint8Array.of(0x01);

function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(hash('sha256', concat(...parts), 'buffer'));
}

/** All levels of a Merkle list of RFC 6962, leaves first; a node without a sibling rises as it is. */
export function merkleLevels(leaves: readonly Uint8Array[]): readonly (readonly Uint8Array[])[] {
  let level: readonly Uint8Array[] = leaves.map((leaf) => sha256(LEAF, leaf));
  const levels = [level];
  while (level.length > 1) {
    const below = level;
    level = Array.from({ length: Math.ceil(below.length / 2) }, (_, i) => {
      const [left, right] = [below[2 * i] as Uint8Array, below[2 * i + 1]];
      return right === undefined ? left : sha256(INNER, left, right);
    });
    levels.push(level);
  }
  return levels;
}

/** Audit path of a leaf: the siblings from its level up. */
export function pathIn(levels: readonly (readonly Uint8Array[])[], index: number): Uint8Array[] {
  return levels.flatMap((level, depth) => level[(index >> depth) ^ 1] ?? []);
}

type Receiver = (index: number) => Uint8Array | undefined;

function receiptsOf({ txs, headerBytes, certificate }: FinalBlock): Receiver {
  const txLevels = merkleLevels(txs.map((tx) => tx.bytes));
  const resultLevels = merkleLevels(txs.map((tx) => tx.resultBytes));
  return (index) => {
    const tx = txs[index];
    if (tx === undefined) return undefined;
    return encode(PaymentReceipt, { tx: tx.bytes, result: tx.resultBytes, index, txPath: pathIn(txLevels, index), resultPath: pathIn(resultLevels, index), header: headerBytes, certificate });
  };
}

export interface Receipts {
  /** PaymentReceipt bytes; undefined where the block is not stored here. */
  of(height: number, index: number): Promise<Uint8Array | undefined>;
}

export function openReceipts(chain: Pick<ChainPort, 'readFinal'>): Receipts {
  const kept = new Map<number, Receiver>();
  return {
    async of(height, index) {
      const held = kept.get(height);
      if (held !== undefined) return held(index);
      const block = await chain.readFinal(height);
      if (block === undefined) return undefined;
      const made = receiptsOf(block);
      kept.set(height, made);
      const [oldest] = kept.keys();
      if (kept.size > BLOCKS_KEPT && oldest !== undefined) kept.delete(oldest);
      return made(index);
    },
  };
}
