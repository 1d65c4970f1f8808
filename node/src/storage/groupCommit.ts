/** Group commit: writers that come while a write is under way share the next one. */

/** Operations of one commit: bounds what a single write holds in memory (2 MiB of small rows). */
export const GROUP_OPERATIONS_MAX = 8_192;

export interface GroupCommit<Operation> {
  /** Resolves when the operations are written, on disk unless `sync` is false. Groups are written in the order of the calls. */
  write(operations: readonly Operation[], options?: { readonly sync: boolean }): Promise<void>;
  /** Resolves when everything written so far is on disk. */
  drain(): Promise<void>;
}

/** A store of bytes or of rows. */
export interface Batches<Operation> {
  batch(operations: readonly Operation[], options: { readonly sync: boolean }): Promise<void>;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Writers wait for the group they join; callers bound how many wait (the pool has a limit of its own). */
export function groupCommit<Operation>(store: Batches<Operation>): GroupCommit<Operation> {
  const queue: { readonly operations: readonly Operation[]; readonly sync: boolean; readonly waiter: Waiter }[] = [];
  let running: Promise<void> | undefined;

  /** One write that needs the disk takes the whole group there. */
  function takeGroup(): { operations: Operation[]; waiters: Waiter[]; sync: boolean } {
    const operations: Operation[] = [];
    const waiters: Waiter[] = [];
    let sync = false;
    while (queue.length > 0 && (operations.length === 0 || operations.length < GROUP_OPERATIONS_MAX)) {
      const next = queue.shift();
      if (next === undefined) break;
      for (const operation of next.operations) operations.push(operation);
      waiters.push(next.waiter);
      sync ||= next.sync;
    }
    return { operations, waiters, sync };
  }

  async function run(): Promise<void> {
    while (queue.length > 0) {
      const { operations, waiters, sync } = takeGroup();
      try {
        await store.batch(operations, { sync });
        for (const waiter of waiters) waiter.resolve();
      } catch (error) {
        for (const waiter of waiters) waiter.reject(error);
      }
    }
    running = undefined;
  }

  return {
    write(operations, { sync } = { sync: true }) {
      return new Promise((resolve, reject) => {
        queue.push({ operations, sync, waiter: { resolve, reject } });
        running ??= run();
      });
    },
    async drain() {
      await (running ?? Promise.resolve());
    },
  };
}
