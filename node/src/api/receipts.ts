/**
 * Proofs of final transactions. After a block of 500 payments 500 tills want one each: the two Merkle trees of a block are
 * hashed once and every proof only picks its path (with a path hashed from scratch each, that block would cost seconds).
 */
import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { concat, encode, ExecutionReceipt, PaymentReceipt } from '@billcoin/protocol';
import { weightOf } from '../heldBlocks.ts';
import type { ChainPort, FinalBlock, FinalTx } from '../ports.ts';

/** Proofs are asked for in the seconds after a block, under load of many blocks in turn. */
const BLOCKS_KEPT = 256;
/** Transactions in those blocks together, with 1 KB of hashes each. */
const TXS_KEPT = 8_192;
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

/** A final transaction and what proves it. */
export interface ProvenTx {
  readonly tx: FinalTx;
  /** PaymentReceipt bytes. */
  receipt(): Uint8Array;
  /** ExecutionReceipt bytes: neither people nor amounts. */
  execution(): Uint8Array;
}

type ProvenBlock = (index: number) => ProvenTx | undefined;

function provenBlock({ txs, headerBytes: header, certificate }: FinalBlock): ProvenBlock {
  const txLevels = merkleLevels(txs.map((tx) => tx.bytes));
  const resultLevels = merkleLevels(txs.map((tx) => tx.resultBytes));
  return (index) => {
    const tx = txs[index];
    if (tx === undefined) return undefined;
    const { bytes, resultBytes: result } = tx;
    return {
      tx,
      receipt: () => encode(PaymentReceipt, { tx: bytes, result, index, txPath: pathIn(txLevels, index), resultPath: pathIn(resultLevels, index), header, certificate }),
      execution: () => encode(ExecutionReceipt, { result, index, resultPath: pathIn(resultLevels, index), header, certificate }),
    };
  };
}

export interface Receipts {
  /** Undefined where the block is not stored here. */
  at(height: number, index: number): Promise<ProvenTx | undefined>;
  /** PaymentReceipt bytes; undefined where the block is not stored here. */
  of(height: number, index: number): Promise<Uint8Array | undefined>;
}

export function openReceipts(chain: Pick<ChainPort, 'readFinal'>): Receipts {
  const kept = new LRUCache<number, ProvenBlock>({
    max: BLOCKS_KEPT, maxSize: TXS_KEPT, ignoreFetchAbort: true, // whoever waits is answered, whatever is forgotten meanwhile
    fetchMethod: async (height, _stale, { options }) => {
      const block = await chain.readFinal(height);
      if (block === undefined) return undefined;
      options.size = weightOf(TXS_KEPT)(block);
      return provenBlock(block);
    },
  });
  const at = async (height: number, index: number): Promise<ProvenTx | undefined> => (await kept.fetch(height))?.(index);
  return { at, of: async (height, index) => (await at(height, index))?.receipt() };
}
