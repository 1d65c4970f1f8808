/** How far behind its peers a node is, how fast it comes nearer, and when it will be there: a pure function of samples. */

/** One look at the own height (blocks that are final here) and at the height of the chain as peers claim it. */
export interface HeightSample {
  /** Monotonic ms. */
  readonly atMs: number;
  readonly height: number;
  readonly target: number;
}

/** A node that is behind, and only one. */
export interface SyncProgress {
  readonly targetHeight: number;
  /** Blocks that this node takes in; undefined before there are two samples. */
  readonly blocksPerMinute: number | undefined;
  /** Until it is at the height of its peers, which goes on meanwhile; undefined while it does not come nearer. */
  readonly leftMs: number | undefined;
}

/** Between two samples. */
export const SAMPLE_MS = 1_000;
/** Samples that count: half a minute evens out a flush or a slow peer, and a stall shows soon. */
export const SAMPLES_MAX = 30;
/** Fewer blocks behind is no sync: claims are up to a second old. */
export const BEHIND_MIN = 3;

/** More blocks than a chain makes between two samples: the target moved because a peer came or went. */
const TARGET_JUMP = 100;

/** The samples with a new one, the oldest gone; those of another target go too. */
export function withSample(samples: readonly HeightSample[], sample: HeightSample): readonly HeightSample[] {
  const last = samples.at(-1);
  const isJump = last !== undefined && Math.abs(sample.target - last.target) > TARGET_JUMP;
  return isJump ? [sample] : [...samples, sample].slice(-SAMPLES_MAX);
}

/** The height of the chain by what peers claim: the highest that two of them reach, so that one liar moves nothing; of one peer its own. */
export function targetOf(claims: readonly number[]): number {
  const [highest = 0, second] = [...claims].sort((a, b) => b - a);
  return second ?? highest;
}

/** Undefined: this node is not behind, as far as it knows. */
export function progressOf(samples: readonly HeightSample[]): SyncProgress | undefined {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined || last.target - last.height < BEHIND_MIN) return undefined;
  const tookMs = last.atMs - first.atMs;
  const nearer = first.target - first.height - (last.target - last.height);
  return {
    targetHeight: last.target,
    blocksPerMinute: tookMs <= 0 ? undefined : Math.round(((last.height - first.height) * 60_000) / tookMs),
    leftMs: nearer <= 0 || tookMs <= 0 ? undefined : Math.round(((last.target - last.height) * tookMs) / nearer),
  };
}
