/**
 * One writer at a time: work that reads rows and then writes them runs in a lane, in the order it came, so that no two
 * of them decide on the same old row.
 */

import { CampusBusy } from '../campusPorts.ts';

/** More waiting than this means that the disk does not keep up: new work is refused instead of piling up in memory. */
export const LANE_WAITING_MAX = 10_000;

/** What a piece of work has decided; its rows are put and on their way to the disk. */
export interface Put<T> {
  readonly value: T;
  readonly written: Promise<void>;
}

export interface Lane {
  /**
   * Runs `work` after everything that came before it; rejects with CampusBusy when too much waits. `always` waits all the
   * same: for the one caller who has a single piece of work at a time and cannot drop it (the follower).
   */
  run<T>(work: () => Promise<T>, options?: { readonly always: boolean }): Promise<T>;
  /** As `run`, but the next piece of work begins when the rows are put; resolves when they are on disk. */
  commit<T>(work: () => Promise<Put<T>>, options?: { readonly always: boolean }): Promise<T>;
  /** As `commit`, but resolves when the rows are put: for work that is itself a part of what another lane commits. */
  put<T>(work: () => Promise<Put<T>>, options?: { readonly always: boolean }): Promise<Put<T>>;
  /** Resolves when nothing is left to do. */
  idle(): Promise<void>;
  waiting(): number;
}

/** What has put nothing. */
export function putNothing<T>(value: T): Put<T> {
  return { value, written: Promise.resolve() };
}

const nothing = (): void => undefined;

export function openLane(waitingMax: number = LANE_WAITING_MAX): Lane {
  /** The last piece of work has decided. */
  let tail: Promise<unknown> = Promise.resolve();
  /** Everything so far is on disk. */
  let done: Promise<unknown> = Promise.resolve();
  let waiting = 0;

  async function put<T>(work: () => Promise<Put<T>>, { always } = { always: false }): Promise<Put<T>> {
    if (!always && waiting >= waitingMax) throw new CampusBusy(`${waiting} writes wait already`);
    waiting++;
    const [decidedBefore, doneBefore] = [tail, done];
    const deciding = (async () => {
      await decidedBefore;
      return await work();
    })();
    const written = deciding.then((decided) => decided.written).finally(() => waiting--);
    // What failed is told to its caller; those behind it go on.
    tail = deciding.catch(nothing);
    done = written.then(() => doneBefore, () => doneBefore);
    const { value } = await deciding;
    return { value, written };
  }

  async function commit<T>(work: () => Promise<Put<T>>, options?: { readonly always: boolean }): Promise<T> {
    const { value, written } = await put(work, options);
    await written;
    return value;
  }

  return {
    commit,
    put,
    run: (work, options) => commit(async () => putNothing(await work()), options),
    waiting: () => waiting,
    async idle() {
      await done;
    },
  };
}
