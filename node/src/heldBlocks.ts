/** Final blocks in memory: the newest, and those that somebody asked for. */
import { LRUCache } from 'lru-cache';
import type { FinalBlock } from './ports.ts';

/** The newest final blocks, in memory before anybody asks for them. */
const FRESH_BLOCKS = 64;
/**
 * Transactions in those blocks together: under load the last block or two. What is kept longer than the young objects live is
 * copied twice by the garbage collector and dies among the old ones: 16,384 of them cost a validator a tenth of the processor.
 */
const FRESH_TXS = 512;
/** Final blocks that were asked for, the one not asked for longest is forgotten first; all others are read from disk. */
export const ASKED_BLOCKS = 256;
/**
 * Transactions in those blocks together, some 6 KB each: 50 MB. 5,000 payments at once are asked for one after the other, all
 * those of a block within seconds; with the whole block read and parsed for each of them they took twice as long.
 */
const ASKED_TXS = 8_192;

/** How many transactions a block counts for in a cache of `max` of them, so that one of any size has room. */
export const weightOf = (max: number) => ({ txs }: Pick<FinalBlock, 'txs'>): number => Math.min(max, Math.max(1, txs.length));

export class HeldBlocks {
  readonly #fresh = new LRUCache<number, FinalBlock>({ max: FRESH_BLOCKS, maxSize: FRESH_TXS, sizeCalculation: weightOf(FRESH_TXS) });
  readonly #asked: LRUCache<number, FinalBlock>;

  /** @param read a block from disk; undefined above the tip, which is asked again the next time. */
  constructor(read: (height: number) => Promise<FinalBlock | undefined>) {
    this.#asked = new LRUCache<number, FinalBlock>({
      max: ASKED_BLOCKS, maxSize: ASKED_TXS, sizeCalculation: weightOf(ASKED_TXS), ignoreFetchAbort: true, // who waits for a block is answered, whatever is forgotten meanwhile
      fetchMethod: async (height) => this.#fresh.peek(height) ?? (await read(height)),
    });
  }

  add(block: FinalBlock): void {
    this.#fresh.set(block.height, block);
  }

  /** Nothing is read for it. */
  peek(height: number): FinalBlock | undefined {
    return this.#fresh.peek(height) ?? this.#asked.peek(height);
  }

  /** Whoever asks for the same block meanwhile waits for the same read. */
  async get(height: number): Promise<FinalBlock | undefined> {
    return this.#asked.fetch(height);
  }
}
