/** Makes a snapshot of a running node at the heights that all nodes agree on; behind the chain, one at a time. */
import { assert, type Tip } from '@billcoin/protocol';
import type { Clock, FinalBlock, Log } from '../ports.ts';
import type { SnapshotParts, SnapshotShelf } from '../storage/snapshotShelf.ts';
import type { StateStore } from '../storage/stateStore.ts';

const HOUR_MS = 3_600_000;
/** A node that replays what is older than this is catching up: whoever wants a snapshot wants a newer one. */
const AGE_MAX_MS = 600_000;

/**
 * Whether the state after a block is kept as a snapshot: every `everyBlocks` heights, and after the first block of each
 * hour of block time. Every node decides the same without a word, so peers offer the same snapshots.
 */
export function isSnapshotHeight({ height, timeMs }: Pick<FinalBlock, 'height' | 'timeMs'>, previousTimeMs: number, everyBlocks: number): boolean {
  return height % everyBlocks === 0 || Math.floor(timeMs / HOUR_MS) > Math.floor(previousTimeMs / HOUR_MS);
}

export interface SnapshotMakerDeps {
  readonly shelf: SnapshotShelf;
  readonly everyBlocks: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** What is made of a tip and of the rows that are on disk for it. */
export interface SnapshotSource {
  readonly genesisHash: Uint8Array;
  readonly block: FinalBlock;
  readonly blockBytes: Uint8Array;
  readonly tip: Pick<Tip, 'signers' | 'validators' | 'validatorsSince'>;
}

export class SnapshotMaker {
  readonly #deps: SnapshotMakerDeps;
  #making: Promise<void> | undefined;

  constructor(deps: SnapshotMakerDeps) {
    this.#deps = deps;
  }

  isDue(block: Pick<FinalBlock, 'height' | 'timeMs'>, previousTimeMs: number): boolean {
    const { everyBlocks, clock } = this.#deps;
    return this.#making === undefined && isSnapshotHeight(block, previousTimeMs, everyBlocks) && block.timeMs > clock.nowMs() - AGE_MAX_MS;
  }

  /** The rows on disk are those of the block now: they are read as of this moment, whatever is written from here on. */
  make(source: SnapshotSource, state: Pick<StateStore, 'rowsAt'>): void {
    this.#making = this.#make(source, state.rowsAt(source.block.height)).catch((error: unknown) => {
      // The chain does not depend on it; what is wrong with the disk says so itself.
      this.#deps.log.error({ error, height: source.block.height }, 'No snapshot could be made');
    }).finally(() => {
      this.#making = undefined;
    });
  }

  async #make({ genesisHash, block, blockBytes, tip: { signers, validators, validatorsSince } }: SnapshotSource, reading: ReturnType<StateStore['rowsAt']>): Promise<void> {
    const rows = await reading;
    assert(rows !== undefined, 'the state was flushed up to the block');
    const { height, headerBytes, certificate } = block;
    const lightBlock = { header: headerBytes, certificate, validators: signers, nextValidators: signers === validators ? undefined : validators };
    const about: SnapshotParts[1] = { genesisHash, height, lightBlock, validatorsSince };
    await this.#deps.shelf.add(about, blockBytes, rows);
  }

  /** Resolves when nothing is being made. */
  async settled(): Promise<void> {
    await this.#making;
  }
}
