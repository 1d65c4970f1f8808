/** Work on one key goes one after the other, work on different keys side by side. */

export interface Turns {
  run<T>(key: string, work: () => Promise<T>): Promise<T>;
  /** Resolves when nothing is left to do. */
  idle(): Promise<void>;
}

/** Holds no more keys than there are requests at work. */
export function openTurns(): Turns {
  const tails = new Map<string, Promise<unknown>>();
  return {
    async run(key, work) {
      const before = tails.get(key);
      const result = (async () => {
        await before;
        return await work();
      })();
      // What failed was told to its caller; those behind it go on.
      const tail = result.catch(() => undefined);
      tails.set(key, tail);
      try {
        return await result;
      } finally {
        if (tails.get(key) === tail) tails.delete(key);
      }
    },
    async idle() {
      await Promise.all(tails.values());
    },
  };
}
