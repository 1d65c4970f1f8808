/**
 * Signatures of concurrent submissions are verified together: a lone one at once on this thread, a crowd in batches on
 * the worker threads, while this thread goes on serving.
 */
import type { SignedItem, VerifyMany } from '../signaturesOf.ts';

/** Signatures of one round: one batch of a worker, about 2.6 ms of it. */
const ROUND_ITEMS_MAX = 64;
/** Rounds under way at once: while one is verified the next is gathered and the last one is admitted. */
const ROUNDS_MAX = 4;

interface Waiter {
  readonly items: readonly SignedItem[];
  readonly resolve: (verdicts: readonly boolean[]) => void;
  readonly reject: (error: unknown) => void;
}

/** The same verdicts, without verifying again what `knows` says has verified before. */
export function skipKnown(verifyMany: VerifyMany, knows: (item: SignedItem) => boolean): VerifyMany {
  return async (items) => {
    const known = items.map(knows);
    const fresh = items.filter((_, i) => known[i] !== true);
    const verdicts = fresh.length === 0 ? [] : await verifyMany(fresh);
    let at = 0;
    return known.map((isKnown) => isKnown || verdicts[at++] === true);
  };
}

/** Verifies through `verifyMany`; `remember` hears of what holds, so that check and block execution need not verify again. */
export function makeSignatureQueue(verifyMany: VerifyMany, remember: (item: SignedItem) => void): VerifyMany {
  const queue: Waiter[] = [];
  let rounds = 0;
  let isScheduled = false;

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

  async function runRound(): Promise<void> {
    const round = takeRound();
    rounds += 1;
    try {
      settle(round, await verifyMany(round.flatMap((waiter) => waiter.items)));
    } catch (error) {
      for (const waiter of round) waiter.reject(error);
    }
    rounds -= 1;
    schedule();
  }

  /** After this turn of the event loop, so that submissions that arrived together share a round. */
  function schedule(): void {
    if (isScheduled || queue.length === 0) return;
    isScheduled = true;
    setImmediate(() => {
      isScheduled = false;
      while (rounds < ROUNDS_MAX && queue.length > 0) void runRound();
    });
  }

  return (items) =>
    new Promise((resolve, reject) => {
      queue.push({ items, resolve, reject });
      schedule();
    });
}
