/**
 * Signatures of concurrent submissions are verified together: a lone one at once on this thread, a crowd in batches on
 * the worker threads, while this thread goes on serving.
 */
export interface SignatureItem {
  readonly publicKey: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

/** Verdicts in order of the items. */
export type VerifyMany = (items: readonly SignatureItem[]) => Promise<boolean[]>;

/** Signatures of one round: about 25 ms of one worker; later ones wait for the next round. */
const ROUND_ITEMS_MAX = 512;

interface Waiter {
  readonly items: readonly SignatureItem[];
  readonly resolve: (verdicts: readonly boolean[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Verifies through `verifyMany`; `remember` hears of what holds, so that check and block execution need not verify again. */
export function makeSignatureQueue(verifyMany: VerifyMany, remember: (item: SignatureItem) => void): (items: readonly SignatureItem[]) => Promise<readonly boolean[]> {
  const queue: Waiter[] = [];
  let running = false;

  function takeRound(): Waiter[] {
    const round: Waiter[] = [];
    let count = 0;
    while (queue.length > 0 && count < ROUND_ITEMS_MAX) {
      const waiter = queue.shift();
      if (waiter === undefined) break;
      round.push(waiter);
      count += waiter.items.length;
    }
    return round;
  }

  function settle(round: readonly Waiter[], verdicts: readonly boolean[]): void {
    let at = 0;
    for (const { items, resolve } of round) {
      const own = verdicts.slice(at, at + items.length);
      items.forEach((item, i) => {
        if (own[i] === true) remember(item);
      });
      at += items.length;
      resolve(own);
    }
  }

  async function run(): Promise<void> {
    while (queue.length > 0) {
      const round = takeRound();
      try {
        settle(round, await verifyMany(round.flatMap((waiter) => waiter.items)));
      } catch (error) {
        for (const waiter of round) waiter.reject(error);
      }
    }
    running = false;
  }

  return (items) =>
    new Promise((resolve, reject) => {
      queue.push({ items, resolve, reject });
      if (running) return;
      running = true;
      // After this turn of the event loop, so that submissions that arrived together share a round.
      setImmediate(() => void run());
    });
}
