/**
 * Reads stored blocks again, slowly and for ever, with what the index says of them (consensus page §1.10): a disk that loses
 * bytes in old files is noticed while a backup or a peer still has them. Damage stops the node like any other.
 */
import { Tx, assert, blockIdBytes, decode, equalBytes, merkleRoot, txIdOf, type Chain } from '@billcoin/protocol';
import { openedBlock, type StoredBlock } from '../finalBlock.ts';
import type { Timers } from '../ports.ts';
import { REMEDY, StorageFailure } from '../storageFailure.ts';
import type { BlockStore } from './blockStore.ts';
import type { ChainIndex } from './chainIndex.ts';

const STEP_MS = 1_000;
/**
 * Read in one step, 5 GB a day: what a campus pays in a week. It is paid in processor time, not in reading: 150 payments are looked
 * up and hashed, some 2 ms. At four times as much, each looked up by itself, nodes that shared a machine lost a tenth of it.
 */
const STEP_BYTES = 64 * 1_024;
/** Blocks of one step, of which the smallest are nearly empty: a hundred times as many as an idle chain makes. */
const STEP_BLOCKS = 16;
/** The newest blocks are left to recovery: index rows are written behind them. */
const YOUNG_BLOCKS = 256;

export interface ScrubDeps {
  readonly chain: Chain;
  readonly blocks: Pick<BlockStore, 'read'>;
  readonly index: Pick<ChainIndex, 'results' | 'positionsOf' | 'heightOf'>;
  /** First block whose results are in the index. */
  readonly firstBlock: number;
  readonly tipHeight: () => number;
  readonly timers: Timers;
  readonly halt: (failure: Error) => void;
}

export interface Scrub {
  /** The block read last. */
  height(): number;
  /** Resolves when the step under way is done. */
  stop(): Promise<void>;
}

function damaged(what: string, remedy: string): StorageFailure {
  return new StorageFailure('damaged_value', what, remedy);
}

/** Throws StorageFailure where a stored block is not the decided one, or the index does not know it. */
export async function checkStored({ chain, index }: Pick<ScrubDeps, 'chain' | 'index'>, height: number, { blockBytes, certificate }: StoredBlock): Promise<void> {
  const { header, headerBytes, txs } = openedBlock(blockBytes);
  const isDecided = equalBytes(blockIdBytes(chain.genesisHash, headerBytes), certificate.blockId) && equalBytes(merkleRoot(txs), header.txRoot);
  if (!isDecided) throw damaged(`Block ${height} on disk is not the one that was decided.`, REMEDY.restoreBackup);
  const results = await index.results(height);
  const isIndexed = results?.length === txs.length && equalBytes(merkleRoot(results.map((one) => one.resultBytes)), header.resultRoot) && (await index.heightOf(certificate.blockId)) === height;
  if (!isIndexed) throw damaged(`The index does not hold what block ${height} did.`, REMEDY.rebuild);
  const places = await index.positionsOf(txs.map((bytes) => {
    const tx = decode(Tx, bytes);
    assert(tx.ok, 'a decided block holds transactions');
    return txIdOf(chain.genesisHash, tx.value.body);
  }));
  const lost = places.findIndex((place, i) => place?.height !== height || place.index !== i);
  if (lost !== -1) throw damaged(`The index does not find transaction ${lost} of block ${height}.`, REMEDY.rebuild);
}

export function startScrub(deps: ScrubDeps): Scrub {
  const { blocks, firstBlock, tipHeight, timers, halt } = deps;
  let next = firstBlock;
  let isStopped = false;
  let running: Promise<void> = Promise.resolve();
  let cancel: () => void = () => undefined;

  async function step(): Promise<void> {
    let bytes = 0;
    for (let read = 0; read < STEP_BLOCKS && bytes < STEP_BYTES && !isStopped; read++) {
      if (next > tipHeight() - YOUNG_BLOCKS) {
        next = firstBlock;
        return;
      }
      const block = await blocks.read(next);
      if (block === undefined) throw new StorageFailure('lost_records', `Block ${next} is missing.`, REMEDY.restoreBackup);
      await checkStored(deps, next, block);
      bytes += block.blockBytes.length;
      next += 1;
    }
  }

  async function run(): Promise<void> {
    try {
      await step();
      if (!isStopped) cancel = timers.after(STEP_MS, begin);
    } catch (error) {
      if (!isStopped) halt(error instanceof Error ? error : new Error('The scrub failed.', { cause: error }));
    }
  }

  function begin(): void {
    running = run();
  }

  cancel = timers.after(STEP_MS, begin);
  return {
    height: () => next - 1,
    async stop() {
      isStopped = true;
      cancel();
      await running;
    },
  };
}
