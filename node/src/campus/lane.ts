/**
 * One writer at a time: work that reads rows and then writes them runs in a lane, in the order it came, so that no two
 * of them decide on the same old row.
 */

import { CampusBusy } from '../campusPorts.ts';

/** More waiting than this means that the disk does not keep up: new work is refused instead of piling up in memory. */
export const LANE_WAITING_MAX = 10_000;

export interface Lane {
  /**
   * Runs `work` after everything that came before it; rejects with CampusBusy when too much waits. `always` waits all the
   * same: for the one caller who has a single piece of work at a time and cannot drop it (the follower).
   */
  run<T>(work: () => Promise<T>, options?: { readonly always: boolean }): Promise<T>;
  /** Resolves when nothing is left to do. */
  idle(): Promise<void>;
  waiting(): number;
}

export function openLane(waitingMax: number = LANE_WAITING_MAX): Lane {
  let tail: Promise<unknown> = Promise.resolve();
  let waiting = 0;

  async function run<T>(work: () => Promise<T>, { always } = { always: false }): Promise<T> {
    if (!always && waiting >= waitingMax) throw new CampusBusy(`${waiting} writes wait already`);
    waiting++;
    const before = tail;
    const result = (async () => {
      await before;
      try {
        return await work();
      } finally {
        waiting--;
      }
    })();
    // What failed was told to its caller; those behind it go on.
    tail = result.catch(() => undefined);
    return await result;
  }

  return {
    run,
    waiting: () => waiting,
    async idle() {
      await tail;
    },
  };
}
