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
  /** Messages on their way on one link; more are dropped. 0: any number. */
  readonly capacity: number;
  /** Mean times between things that happen; 0: never. A link whose messages vanish in one direction: */
  readonly halfOpenEveryMs: number;
  /** A peer that reads 1 kB/s for a while: */
  readonly slowReaderEveryMs: number;
  readonly partitionEveryMs: number;
  /** Chance of a crash at each effect boundary (a write, its end, a send). */
  readonly crashAtEffect: number;
  /** Chance of a crash at each read while a process recovers. */
  readonly crashInRecovery: number;
  readonly crashEveryMs: number;
  readonly crashLoopEveryMs: number;
  readonly killAllEveryMs: number;
  readonly pauseEveryMs: number;
  /** Mean time of a synced write, in µs, and chance of one that takes up to a second. */
  readonly syncUs: number;
  readonly slowSync: number;
  /** Chance that a write, a read fails, which ends the process. */
  readonly writeFails: number;
  readonly readFails: number;
  /** A disk without room: writes fail until there is some. */
  readonly diskFullEveryMs: number;
  /** A bit flips in a stored value of one certain node. */
  readonly flipEveryMs: number;
  /** A sector of a guard file goes bad. */
  readonly guardDamageEveryMs: number;
  /** Chance that a restarted node has lost its data folder, not its keys; that it was given back an old one. */
  readonly wipe: number;
  readonly restoreData: number;
  /** Chance that a restarted node has lost its guard, and its data folder in every second case. */
  readonly loseGuard: number;
  /** Largest offset of a clock from true time, and drift. */
  readonly clockOffsetMs: number;
  readonly clockDriftPpm: number;
  /** A clock steps, stands still, or is hours off for a while. */
  readonly clockStepEveryMs: number;
  /** Chance that a machine starts in 1970, until it hears what time it is. */
  readonly bootIn1970: number;
  readonly restartMs: number;
}

/** A network and disks that work. */
export const NO_FAULTS: FaultPlan = {
  minDelayUs: 200, meanDelayUs: 400, loss: 0, duplicates: 0, clog: 0, capacity: 0, halfOpenEveryMs: 0, slowReaderEveryMs: 0, partitionEveryMs: 0,
  crashAtEffect: 0, crashInRecovery: 0, crashEveryMs: 0, crashLoopEveryMs: 0, killAllEveryMs: 0, pauseEveryMs: 0,
  syncUs: 400, slowSync: 0, writeFails: 0, readFails: 0, diskFullEveryMs: 0, flipEveryMs: 0, guardDamageEveryMs: 0, wipe: 0, restoreData: 0, loseGuard: 0,
  clockOffsetMs: 0, clockDriftPpm: 0, clockStepEveryMs: 0, bootIn1970: 0, restartMs: 200,
};

/** Twice precisionMs. */
const OFFSET_MAX_MS = 500;
const DRIFT_MAX_PPM = 200;
const FAILS_MAX = 0.1;
const MAYBE = 0.35;
const RARELY = 0.12;

/** Each kind of fault is on in every third to eighth run: all at once let nothing happen that could go wrong. */
export function drawFaults(random: Random): FaultPlan {
  const maybe = (draw: () => number, chance = MAYBE): number => (random.chance(chance) ? draw() : 0);
  const rarely = (draw: () => number): number => maybe(draw, RARELY);
  return {
    minDelayUs: random.between(100, random.chance(0.3) ? 30_000 : 2_000),
    meanDelayUs: random.between(200, random.chance(0.3) ? 80_000 : 5_000),
    loss: maybe(() => random.unit() * 0.3),
    duplicates: maybe(() => random.unit() * 0.5),
    clog: maybe(() => random.unit() * 0.002),
    capacity: rarely(() => random.between(2, 20)),
    halfOpenEveryMs: rarely(() => random.between(1_000, 8_000)),
    slowReaderEveryMs: rarely(() => random.between(1_000, 10_000)),
    partitionEveryMs: maybe(() => random.between(1_000, 10_000)),
    crashAtEffect: maybe(() => random.unit() * 0.003),
    crashInRecovery: maybe(() => random.unit() * 0.02),
    crashEveryMs: maybe(() => random.between(1_000, 20_000)),
    crashLoopEveryMs: rarely(() => random.between(2_000, 20_000)),
    killAllEveryMs: rarely(() => random.between(4_000, 30_000)),
    pauseEveryMs: maybe(() => random.between(1_000, 10_000)),
    syncUs: random.between(100, random.chance(0.3) ? 20_000 : 2_000),
    slowSync: maybe(() => random.unit() * 0.003),
    // Most of the time seldom: at a tenth of all writes nothing gets done.
    writeFails: rarely(() => FAILS_MAX * random.unit() ** 6),
    readFails: rarely(() => FAILS_MAX * random.unit() ** 6),
    diskFullEveryMs: rarely(() => random.between(2_000, 20_000)),
    flipEveryMs: rarely(() => random.between(1_000, 10_000)),
    guardDamageEveryMs: rarely(() => random.between(500, 5_000)),
    wipe: rarely(() => 0.3),
    restoreData: rarely(() => 0.4),
    loseGuard: rarely(() => 0.1),
    clockOffsetMs: maybe(() => random.between(1, OFFSET_MAX_MS)),
    clockDriftPpm: maybe(() => random.between(1, DRIFT_MAX_PPM)),
    clockStepEveryMs: rarely(() => random.between(1_000, 8_000)),
    bootIn1970: rarely(() => 0.4),
    restartMs: random.between(20, 3_000),
  };
}
