/** Seed after seed, and what all of them survived together. The totals are plain JSON, so that processes can add theirs up. */
import { NO_FAULTS, type FaultPlan } from './faults.ts';
import type { Signatures } from './keys.ts';
import type { Violation } from './report.ts';
import { simulate } from './simulation.ts';

/** Lines of the story of a failed run that are kept with it; `npm run sim -- --seed N` tells more. */
const STORY_LINES = 60;

/**
 * How Node runs a campaign: with room for 64 MiB of young objects, and without threads that help to collect them. What a
 * simulated instant leaves behind is dead before that room is full, so little is copied: a tenth more heights a second.
 */
export const CAMPAIGN_FLAGS: readonly string[] = ['--max-semi-space-size=64', '--single-threaded-gc'];

export interface CampaignOptions {
  readonly fromSeed: number;
  /** From one seed to the next: k processes take every k-th. */
  readonly seedStep?: number | undefined;
  readonly seedsMax: number;
  /** Decided heights of each run before its faults end. */
  readonly heights: number;
  /** At least one run is made, then runs begin while this much time of the processor has not been used. */
  readonly cpuSeconds: number;
  /** The campaign ends with so many broken runs; 1 unless given. */
  readonly failuresMax?: number | undefined;
  /** Fixed instead of drawn. */
  readonly validators?: number | undefined;
  /** Fixed instead of drawn: otherwise one run in a hundred signs for real. */
  readonly signatures?: Signatures['name'] | undefined;
  /** Fixed instead of drawn; what is not named here is not drawn either. */
  readonly faults?: Partial<FaultPlan> | undefined;
  /** Hears of the totals after each run. */
  readonly onRun?: ((totals: CampaignTotals) => void) | undefined;
}

export interface Failure {
  readonly seed: number;
  readonly violation: Violation;
  /** The last lines. */
  readonly story: readonly string[];
}

export interface CampaignTotals {
  readonly seeds: number;
  /** Runs in which somebody was faulty beyond crashes: a liar, a restored guard, two processes with one key, a disk that lies. */
  readonly withLiars: number;
  readonly withRealSignatures: number;
  readonly heights: number;
  readonly events: number;
  readonly virtualMs: number;
  readonly cpuSeconds: number;
  readonly accepted: number;
  /** Offences that stand in blocks. */
  readonly evidence: number;
  /** Changes of the validator set. */
  readonly setChanges: number;
  /** Faults that happened, by kind. */
  readonly faults: Readonly<Record<string, number>>;
  /** Runs in which a lie was told. */
  readonly lies: Readonly<Record<string, number>>;
  readonly failures: readonly Failure[];
}

export const NO_TOTALS: CampaignTotals = { seeds: 0, withLiars: 0, withRealSignatures: 0, heights: 0, events: 0, virtualMs: 0, cpuSeconds: 0, accepted: 0, evidence: 0, setChanges: 0, faults: {}, lies: {}, failures: [] };

function addCounts(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  const sums = { ...a };
  for (const [key, count] of Object.entries(b)) sums[key] = (sums[key] ?? 0) + count;
  return sums;
}

export function addTotals(a: CampaignTotals, b: CampaignTotals): CampaignTotals {
  return {
    seeds: a.seeds + b.seeds, withLiars: a.withLiars + b.withLiars, withRealSignatures: a.withRealSignatures + b.withRealSignatures, heights: a.heights + b.heights, events: a.events + b.events,
    virtualMs: a.virtualMs + b.virtualMs, cpuSeconds: a.cpuSeconds + b.cpuSeconds, accepted: a.accepted + b.accepted, evidence: a.evidence + b.evidence, setChanges: a.setChanges + b.setChanges,
    faults: addCounts(a.faults, b.faults), lies: addCounts(a.lies, b.lies), failures: [...a.failures, ...b.failures],
  };
}

function cpuSecondsNow(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

async function runSeed(seed: number, options: CampaignOptions): Promise<CampaignTotals> {
  const startSeconds = cpuSecondsNow();
  const { liars, signatures, heights, events, virtualMs, clients, evidence, setChanges, faults, lies, violation, story } = await simulate({
    seed, heights: options.heights, validators: options.validators, signatures: options.signatures, faults: options.faults === undefined ? undefined : { ...NO_FAULTS, ...options.faults },
  });
  return {
    seeds: 1, withLiars: liars > 0 ? 1 : 0, withRealSignatures: signatures === 'ed25519' ? 1 : 0, heights, events, virtualMs, cpuSeconds: cpuSecondsNow() - startSeconds, accepted: clients['accepted'] ?? 0, evidence, setChanges, faults,
    lies: Object.fromEntries(lies.map((lie) => [lie, 1])), failures: violation === undefined ? [] : [{ seed, violation, story: story.slice(-STORY_LINES) }],
  };
}

export async function runCampaign(options: CampaignOptions): Promise<CampaignTotals> {
  const { fromSeed, seedStep = 1, seedsMax, cpuSeconds, failuresMax = 1, onRun } = options;
  let totals = NO_TOTALS;
  while (totals.seeds < seedsMax && totals.failures.length < failuresMax && (totals.seeds === 0 || totals.cpuSeconds < cpuSeconds)) {
    totals = addTotals(totals, await runSeed(fromSeed + totals.seeds * seedStep, options));
    onRun?.(totals);
  }
  return totals;
}
