/** Waits for a transaction to end: asks again after each final block until its time is over. */
import type { ChainPort } from '../ports.ts';

/** 5,000 concurrent payments may wait (apps page); whoever comes above that gets the answer of this moment. */
export const WAITERS_MAX = 5_000;

export interface EndWaiter {
  /** The first value `probe` gives, asked now and after each final block; undefined after `waitMs`. */
  until<T>(probe: () => Promise<T | undefined>, waitMs: number): Promise<T | undefined>;
  waiting(): number;
  close(): void;
}

export function openEndWaiter(chain: ChainPort): EndWaiter {
  const wakes = new Set<() => void>();
  const unsubscribe = chain.onFinal(() => {
    for (const wake of wakes) wake();
  });

  /** Resolves true with the next final block, false when the time is over. */
  async function nextBlock(restMs: number): Promise<boolean> {
    return await new Promise((resolve) => {
      const done = (came: boolean): void => {
        clearTimeout(timer);
        wakes.delete(wake);
        resolve(came);
      };
      const wake = (): void => done(true);
      const timer = setTimeout(() => done(false), restMs);
      wakes.add(wake);
    });
  }

  return {
    waiting: () => wakes.size,
    close() {
      unsubscribe();
      for (const wake of wakes) wake();
    },
    async until(probe, waitMs) {
      const end = performance.now() + waitMs;
      for (;;) {
        // The block may become final while the probe runs: listen before asking.
        const restMs = wakes.size >= WAITERS_MAX ? 0 : end - performance.now();
        const next = restMs > 0 ? nextBlock(restMs) : undefined;
        const found = await probe();
        if (found !== undefined || next === undefined) return found;
        if (!(await next)) return await probe();
      }
    },
  };
}
