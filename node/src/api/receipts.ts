/** Proofs of final transactions, made from the blocks. */
import { makeReceipt } from '@billcoin/protocol';
import type { ChainPort } from '../ports.ts';

export interface Receipts {
  /** PaymentReceipt bytes; undefined where the block is not stored here. */
  of(height: number, index: number): Promise<Uint8Array | undefined>;
}

export function openReceipts(chain: ChainPort): Receipts {
  return {
    async of(height, index) {
      const block = await chain.readFinal(height);
      if (block === undefined) return undefined;
      const { headerBytes, certificate } = block;
      return makeReceipt({ headerBytes, certificate, txs: block.txs.map((tx) => tx.bytes), results: block.txs.map((tx) => tx.resultBytes) }, index);
    },
  };
}
