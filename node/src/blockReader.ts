/** Final blocks by height with the newest kept in memory: validations and streams ask for the same few blocks again. */
import type { ChainPort, FinalBlock } from './ports.ts';

/** Blocks of some minutes at lunch; at most 64 MiB with full blocks, usually well below 1 MiB. */
export const BLOCKS_KEPT = 64;

export interface BlockReader {
  read(height: number): Promise<FinalBlock | undefined>;
  close(): void;
}

export function openBlockReader(chain: ChainPort): BlockReader {
  const kept = new Map<number, FinalBlock>();

  function keep(block: FinalBlock): void {
    kept.delete(block.height);
    kept.set(block.height, block);
    const [oldest] = kept.keys();
    if (kept.size > BLOCKS_KEPT && oldest !== undefined) kept.delete(oldest);
  }

  const close = chain.onFinal(keep);
  return {
    close,
    async read(height) {
      const held = kept.get(height);
      if (held !== undefined) return held;
      const block = await chain.readFinal(height);
      if (block !== undefined) keep(block);
      return block;
    },
  };
}
