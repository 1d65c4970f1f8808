/**
 * Reads decided blocks of a running node. From the first one kept up to the tip each is there: one that is not found was
 * lost, since LevelDB looks keys up in pages that it does not check. That stops the node, as a wrong checksum does; "there
 * is no such block" would be a lie.
 */
import type { Chain } from '@billcoin/protocol';
import { storedFinalBlock, type StoredBlock } from '../finalBlock.ts';
import type { FinalBlock } from '../ports.ts';
import { REMEDY, StorageFailure } from '../storageFailure.ts';
import type { BlockStore } from './blockStore.ts';
import type { ChainIndex } from './chainIndex.ts';

/** Blocks below the tip by this many have their rows in the index: twice what the flusher may be behind. */
const INDEX_BEHIND_MAX = 512;

export interface DecidedReaderDeps {
  readonly chain: Chain;
  readonly blocks: Pick<BlockStore, 'read'>;
  readonly index: Pick<ChainIndex, 'results'>;
  readonly firstBlock: number;
  readonly tip: () => { readonly height: number };
  readonly halt: (failure: StorageFailure) => void;
}

export interface DecidedReader {
  /** Undefined above the tip and below the first block kept. */
  readonly readBlock: (height: number) => Promise<StoredBlock | undefined>;
  /** The same with what the index says its transactions did; undefined also while that is not written yet. */
  readonly readFinal: (height: number) => Promise<FinalBlock | undefined>;
}

export function decidedReader({ chain, blocks, index, firstBlock, tip, halt }: DecidedReaderDeps): DecidedReader {
  function lost(failure: StorageFailure): never {
    halt(failure);
    throw failure;
  }

  async function readBlock(height: number): Promise<StoredBlock | undefined> {
    // As it is before the read: the tip goes on meanwhile.
    const isDecided = height >= firstBlock && height <= tip().height;
    const block = await blocks.read(height).catch((error: unknown) => (error instanceof StorageFailure ? lost(error) : Promise.reject(error as Error)));
    return block ?? (isDecided ? lost(new StorageFailure('lost_records', `Block ${height} is not found any more.`, REMEDY.restoreBackup)) : undefined);
  }

  return {
    readBlock,
    async readFinal(height) {
      const isIndexed = height >= firstBlock && height <= tip().height - INDEX_BEHIND_MAX;
      const [block, results] = [await readBlock(height), await index.results(height)];
      if (block === undefined) return undefined;
      if (results !== undefined) return storedFinalBlock(chain, block, results);
      return isIndexed ? lost(new StorageFailure('damaged_value', `The index does not hold what block ${height} did.`, REMEDY.rebuild)) : undefined;
    },
  };
}
