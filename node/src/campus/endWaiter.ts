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

const nothing = (): void => undefined;

export function openEndWaiter(chain: ChainPort): EndWaiter {
  const wakes = new Set<() => void>();
  const unsubscribe = chain.onFinal(() => {
    for (const wake of wakes) wake();
  });

  return {
    waiting: () => wakes.size,
    close() {
      unsubscribe();
      for (const wake of wakes) wake();
    },
    async until(probe, waitMs) {
      if (wakes.size >= WAITERS_MAX || waitMs <= 0) return await probe();
      let isOver = false;
      let proceed = nothing;
      const wake = (): void => proceed();
      const timer = setTimeout(() => {
        isOver = true;
        proceed();
      }, waitMs);
      wakes.add(wake);
      try {
        for (;;) {
          // The block may become final while the probe runs: listen before asking.
          const woken = new Promise<void>((resolve) => { proceed = resolve; });
          const isLast = isOver;
          const found = await probe();
          if (found !== undefined || isLast) return found;
          await woken;
        }
      } finally {
        clearTimeout(timer);
        wakes.delete(wake);
      }
    },
  };
}
