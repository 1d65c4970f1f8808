/** The real clock and timers. */
import { performance } from 'node:perf_hooks';
import type { Clock, Timers } from './ports.ts';

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};

/** Node fires a longer delay at once. Whoever waits for longer looks again when this has passed, as after every wait. */
const DELAY_MAX_MS = 2 ** 31 - 1;

export const systemTimers: Timers = {
  after(delayMs, fire) {
    const timer = setTimeout(fire, Math.min(delayMs, DELAY_MAX_MS));
    return () => clearTimeout(timer);
  },
};
