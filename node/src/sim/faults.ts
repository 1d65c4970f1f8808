/** Which faults a run has and how strong they are: drawn from the seed first, so that every run is of another kind. */
import type { Random } from './random.ts';

export interface FaultPlan {
  /** One-way delay: at least, and on average on top, in µs. */
  readonly minDelayUs: number;
  readonly meanDelayUs: number;
  readonly loss: number;
  readonly duplicates: number;
  /** Chance that a link is clogged for a while when something is sent on it. */
  readonly clog: number;
  /** Mean time between partitions; 0: none. */
  readonly partitionEveryMs: number;
  /** Chance of a crash at each effect boundary (a write, its end, a send). */
  readonly crashAtEffect: number;
  readonly crashEveryMs: number;
  readonly killAllEveryMs: number;
  readonly pauseEveryMs: number;
  /** Mean time of a synced write, in µs, and chance of one that takes up to a second. */
  readonly syncUs: number;
  readonly slowSync: number;
  /** Chance that a write fails, which ends the process. */
  readonly writeFails: number;
  /** Chance that a restarted node has lost its data folder, not its keys. */
  readonly wipe: number;
  /** Largest offset of a clock from true time. */
  readonly clockOffsetMs: number;
  readonly restartMs: number;
}

/** A network and disks that work. */
export const NO_FAULTS: FaultPlan = {
  minDelayUs: 200, meanDelayUs: 400, loss: 0, duplicates: 0, clog: 0, partitionEveryMs: 0, crashAtEffect: 0, crashEveryMs: 0, killAllEveryMs: 0, pauseEveryMs: 0, syncUs: 400, slowSync: 0, writeFails: 0, wipe: 0, clockOffsetMs: 0, restartMs: 200,
};

/** Each kind of fault is on in about every second run. */
export function drawFaults(random: Random): FaultPlan {
  const maybe = (draw: () => number): number => (random.chance(0.5) ? draw() : 0);
  return {
    minDelayUs: random.between(100, random.chance(0.3) ? 30_000 : 2_000),
    meanDelayUs: random.between(200, random.chance(0.3) ? 80_000 : 5_000),
    loss: maybe(() => random.unit() * 0.3),
    duplicates: maybe(() => random.unit() * 0.5),
    clog: maybe(() => random.unit() * 0.002),
    partitionEveryMs: maybe(() => random.between(1_000, 10_000)),
    crashAtEffect: maybe(() => random.unit() * 0.003),
    crashEveryMs: maybe(() => random.between(1_000, 20_000)),
    killAllEveryMs: random.chance(0.2) ? random.between(4_000, 30_000) : 0,
    pauseEveryMs: maybe(() => random.between(1_000, 10_000)),
    syncUs: random.between(100, random.chance(0.3) ? 20_000 : 2_000),
    slowSync: maybe(() => random.unit() * 0.003),
    writeFails: random.chance(0.2) ? random.unit() * 0.001 : 0,
    wipe: random.chance(0.3) ? 0.3 : 0,
    clockOffsetMs: maybe(() => random.between(1, 120)),
    restartMs: random.between(20, 3_000),
  };
}
