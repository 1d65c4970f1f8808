/** Who is who in a run: how many validators, which of them are faulty beyond crashes, and in what way. Drawn from the seed. */
import { LIES, type Lie } from './byzantine.ts';
import type { Random } from './random.ts';

/**
 * What makes a validator count as Byzantine (consensus page §2.1, I5): it says what it likes; its guard is put back to an
 * older one; its key runs in two processes; its disk says "synced" and has not written.
 */
export const NATURES = ['liar', 'old guard', 'two processes', 'lying disk'] as const;
export type Nature = (typeof NATURES)[number];

/** What is fixed instead of drawn. */
export interface CastOptions {
  readonly validators?: number | undefined;
  readonly liars?: number | undefined;
  readonly lies?: readonly Lie[] | undefined;
  /** In what way the liars are faulty. */
  readonly nature?: Nature | undefined;
  readonly epochEndsMs?: number | undefined;
}

export interface Cast {
  readonly size: number;
  readonly faulty: ReadonlyMap<number, Nature>;
  readonly lies: readonly Lie[];
  /** When the stake epoch ends in which validators are punished, and they leave the set; undefined: not in this run. */
  readonly epochEndsMs: number | undefined;
}

const SEVEN_CHANCE = 0.1;
const FAULTY_CHANCE = 0.65;
const LIAR_CHANCE = 0.7;
const LIE_CHANCE = 0.3;
const EPOCH_CHANCE = 0.4;
const EPOCH_ENDS_MAX_MS = 20_000;

export function drawCast(random: Random, options: CastOptions): Cast {
  const size = options.validators ?? (random.chance(SEVEN_CHANCE) ? 7 : 4);
  const count = options.liars ?? (size >= 4 && random.chance(FAULTY_CHANCE) ? random.between(1, Math.floor((size - 1) / 3)) : 0);
  const faulty = new Map<number, Nature>();
  while (faulty.size < count) faulty.set(random.below(size), options.nature ?? (options.lies !== undefined || random.chance(LIAR_CHANCE) ? 'liar' : random.pick(NATURES)));
  const hasLiars = [...faulty.values()].includes('liar');
  const epochEndsMs = options.epochEndsMs ?? (random.chance(EPOCH_CHANCE) ? random.between(1_000, EPOCH_ENDS_MAX_MS) : undefined);
  return { size, faulty, epochEndsMs, lies: hasLiars ? (options.lies ?? LIES.filter(() => random.chance(LIE_CHANCE))) : [] };
}
