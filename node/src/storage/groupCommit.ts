/** Group commit: writers that come while a synced write is under way share the next one. */
import type { Store, StoreOperation } from '../ports.ts';

/** Operations of one commit: bounds what a single write holds in memory (2 MiB of small rows). */
export const GROUP_OPERATIONS_MAX = 8_192;

export interface GroupCommit {
  /** Resolves when the operations are on disk. */
  write(operations: readonly StoreOperation[]): Promise<void>;
  /** Resolves when everything written so far is on disk. */
  drain(): Promise<void>;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Writers wait for the group they join; callers bound how many wait (the pool has a limit of its own). */
export function groupCommit(store: Store): GroupCommit {
  const queue: { readonly operations: readonly StoreOperation[]; readonly waiter: Waiter }[] = [];
  let running: Promise<void> | undefined;

  function takeGroup(): { operations: StoreOperation[]; waiters: Waiter[] } {
    const operations: StoreOperation[] = [];
    const waiters: Waiter[] = [];
    while (queue.length > 0 && (operations.length === 0 || operations.length < GROUP_OPERATIONS_MAX)) {
      const next = queue.shift();
      if (next === undefined) break;
      for (const operation of next.operations) operations.push(operation);
      waiters.push(next.waiter);
    }
    return { operations, waiters };
  }

  async function run(): Promise<void> {
    while (queue.length > 0) {
      const { operations, waiters } = takeGroup();
      try {
        await store.batch(operations, { sync: true });
        for (const waiter of waiters) waiter.resolve();
      } catch (error) {
        for (const waiter of waiters) waiter.reject(error);
      }
    }
    running = undefined;
  }

  return {
    write(operations) {
      return new Promise((resolve, reject) => {
        queue.push({ operations, waiter: { resolve, reject } });
        running ??= run();
      });
    },
    async drain() {
      await (running ?? Promise.resolve());
    },
  };
}
