/**
 * When a node starts a height because transactions wait: at once, or after a block of a crowd a little later, so that what comes
 * meanwhile goes into one block. A block costs every validator some 15 ms for its votes, certificate and synced writes, whatever it
 * holds: four of them on two cores spent a quarter of a crowd's time on that.
 */
import type { Clock, Timers } from '../ports.ts';

/** A block of this many is one of a crowd. 200 tills that sell every three seconds make blocks of seven, of fifty behind a dead proposer. */
export const CROWD_TXS = 64;
/**
 * Least time between two blocks of a crowd, where `minBlockIntervalMs` is 100: a payment of it is final 0.15 s later, in the mean, than the
 * least a node could do, and a second or more earlier than it was while blocks came as fast as they could.
 */
export const GATHER_MS = 400;
/** Transactions that wait for no more: half of what a proposer offers. */
export const GATHERED_TXS = 512;

/** The newest block. */
export interface LastBlock {
  readonly txs: number;
  readonly timeMs: number;
}

/** How long the next height waits, 0 to GATHER_MS, with `ready` transactions to start it. The clock is only that of this node. */
export function gatherMs(last: LastBlock, ready: number, nowMs: number): number {
  if (last.txs < CROWD_TXS || ready >= GATHERED_TXS) return 0;
  return Math.min(GATHER_MS, Math.max(0, last.timeMs + GATHER_MS - nowMs));
}

export interface GatheringDeps {
  readonly clock: Clock;
  readonly timers: Timers;
  /** Transactions that a block could take. */
  readonly ready: () => number;
  readonly start: () => void;
}

export class Gathering {
  readonly #deps: GatheringDeps;
  #last: LastBlock = { txs: 0, timeMs: 0 };
  #cancel: (() => void) | undefined;

  constructor(deps: GatheringDeps) {
    this.#deps = deps;
  }

  decided(last: LastBlock): void {
    this.#last = last;
    this.cancel();
  }

  /** There is work: `start` is called now or when the wait is over. */
  work(): void {
    const { clock, timers, ready, start } = this.#deps;
    const waitMs = gatherMs(this.#last, ready(), clock.nowMs());
    if (waitMs === 0) {
      this.cancel();
      start();
      return;
    }
    this.#cancel ??= timers.after(waitMs, () => {
      this.#cancel = undefined;
      start();
    });
  }

  cancel(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
