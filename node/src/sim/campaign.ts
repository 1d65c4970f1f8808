/** Seed after seed until the time is up or an invariant breaks, and what all of them survived together. */
import type { SimulationReport } from './report.ts';
import { simulate } from './simulation.ts';

/** One run in this many has real signatures. */
const REAL_EVERY = 100;

export interface CampaignOptions {
  readonly fromSeed: number;
  /** Decided heights of each run before its faults end. */
  readonly heights: number;
  /** At least one run is made, then runs begin while this much time of the processor has not been used. */
  readonly cpuSeconds: number;
  readonly seedsMax: number;
  /** Fixed instead of drawn. */
  readonly validators?: number | undefined;
}

export interface CampaignReport {
  readonly seeds: number;
  readonly withLiars: number;
  readonly heights: number;
  readonly events: number;
  readonly virtualMs: number;
  readonly cpuSeconds: number;
  readonly accepted: number;
  /** Evidence that stands in blocks. */
  readonly evidence: number;
  readonly faults: ReadonlyMap<string, number>;
  /** Runs in which a lie was told. */
  readonly lies: ReadonlyMap<string, number>;
  /** The run that broke an invariant; the campaign ended with it. */
  readonly failed: SimulationReport | undefined;
}

function cpuSecondsNow(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function add(counts: Map<string, number>, key: string, count: number): void {
  counts.set(key, (counts.get(key) ?? 0) + count);
}

export async function runCampaign(options: CampaignOptions): Promise<CampaignReport> {
  const [faults, lies] = [new Map<string, number>(), new Map<string, number>()];
  const sums = { seeds: 0, withLiars: 0, heights: 0, events: 0, virtualMs: 0, accepted: 0, evidence: 0 };
  const startSeconds = cpuSecondsNow();
  let failed: SimulationReport | undefined;
  for (let seed = options.fromSeed; failed === undefined && sums.seeds < options.seedsMax && (sums.seeds === 0 || cpuSecondsNow() - startSeconds < options.cpuSeconds); seed++) {
    const report = await simulate({ seed, heights: options.heights, validators: options.validators, signatures: seed % REAL_EVERY === 0 ? 'ed25519' : 'hash' });
    sums.seeds += 1;
    sums.withLiars += report.liars > 0 ? 1 : 0;
    sums.heights += report.heights;
    sums.events += report.events;
    sums.virtualMs += report.virtualMs;
    sums.accepted += report.clients['accepted'] ?? 0;
    sums.evidence += report.evidence;
    for (const [fault, count] of Object.entries(report.faults)) add(faults, fault, count);
    for (const lie of report.lies) add(lies, lie, 1);
    if (report.violation !== undefined) failed = report;
  }
  return { ...sums, cpuSeconds: cpuSecondsNow() - startSeconds, faults, lies, failed };
}
