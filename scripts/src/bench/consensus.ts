/**
 * Measures the consensus core: time of one `step` for a vote, and whole simulated networks under faults, both with growth
 * in the number of validators. Aims (consensus.md §2–3): 20 µs a vote at n = 50; 150 decided heights/s of four nodes on
 * one core, with cheap signatures. Time is that of the processor, so a busy machine changes it little. The networks run in a process of their own,
 * with the memory that campaigns have.
 */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { CAMPAIGN_FLAGS, runCampaign, type CampaignOptions } from '@billcoin/node';
import { initialState, makeValidatorSet, NIL, sha256, step, utf8, type ConsensusState, type Input, type ValidatorSet, type VoteType } from '@billcoin/protocol';

/** Votes of a pass at each size, and passes over them. */
const VOTES = 10_000;
const WARM_UP_PASSES = 3;
const PASSES = 10;
const BLOCK_ID = 'ab'.repeat(32);
const SIGNATURE = new Uint8Array(64);
const PARAMS = { timeoutProposeMs: 400, timeoutVoteMs: 200, minBlockIntervalMs: 100, idleBlockIntervalMs: 10_000, precisionMs: 250, msgDelayMs: 2_000 };
const TIME_MS = 1_700_000_000_000;

export interface ConsensusBenchOptions {
  /** Validators of the core that counts votes. */
  readonly sizes: readonly number[];
  /** Of each simulated run. */
  readonly heights: number;
  /** By the end the optimising compiler has seen everything; its work is no work of the simulator. */
  readonly warmUpSeconds: number;
  /** Of the first the pace under drawn faults is measured too. */
  readonly campaigns: readonly { readonly validators: number; readonly cpuSeconds: number; readonly heights?: number }[];
}

const FULL: ConsensusBenchOptions = {
  sizes: [1, 4, 7, 13, 50], heights: 40, warmUpSeconds: 20,
  // Of 50 each height is half a million messages.
  campaigns: [{ validators: 4, cpuSeconds: 15 }, { validators: 1, cpuSeconds: 5 }, { validators: 7, cpuSeconds: 8 }, { validators: 13, cpuSeconds: 8 }, { validators: 50, cpuSeconds: 8, heights: 5 }],
};
const WARM_UP_SEED = 1_000_001;
const SEEDS_MAX = 10_000;
/**
 * Faults of every kind that does not keep a quorum from deciding. Drawn ones are measured too, but there a run may stand
 * still for two virtual minutes: that tells of the draw, not of the simulator.
 */
const FAULTS: CampaignOptions['faults'] = {
  minDelayUs: 500, meanDelayUs: 2_000, loss: 0.05, duplicates: 0.05, clog: 0.000_5, partitionEveryMs: 10_000, crashAtEffect: 0.000_5, crashEveryMs: 10_000, pauseEveryMs: 10_000,
  syncUs: 500, slowSync: 0.001, wipe: 0.1, clockOffsetMs: 100, restartMs: 500,
};

interface SimulatorRate {
  readonly what: string;
  readonly heightsPerSecond: number;
  readonly eventsPerHeight: number;
  readonly heights: number;
  readonly seeds: number;
  readonly violation: string | undefined;
}

export interface ConsensusBenchResult {
  readonly stepUs: readonly { readonly validators: number; readonly us: number }[];
  readonly simulator: readonly SimulatorRate[];
}

export async function benchConsensus(options: ConsensusBenchOptions = FULL): Promise<ConsensusBenchResult> {
  const stepUs = options.sizes.map((validators) => ({ validators, us: timeVotes(validators) }));
  return { stepUs, simulator: await askProcess(options) };
}

const OWN_FILE = fileURLToPath(import.meta.url);

/** What `benchSimulator` tells in a process of its own. */
function askProcess(options: ConsensusBenchOptions): Promise<readonly SimulatorRate[]> {
  const child = fork(OWN_FILE, [], { execArgv: [...process.execArgv, ...CAMPAIGN_FLAGS], serialization: 'advanced' });
  child.send(options);
  return new Promise((resolve, reject) => {
    child.once('message', (rates) => resolve(rates as readonly SimulatorRate[]));
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`The process of the simulator ended with code ${code} and told nothing.`)));
  });
}

if (process.argv[1] === OWN_FILE) {
  process.once('message', (options: ConsensusBenchOptions) => void benchSimulator(options).then((rates) => process.send?.(rates, undefined, undefined, () => process.disconnect())));
}

async function benchSimulator({ heights, warmUpSeconds, campaigns }: ConsensusBenchOptions): Promise<readonly SimulatorRate[]> {
  const seeds = { fromSeed: 1, seedsMax: SEEDS_MAX, heights, signatures: 'hash' as const };
  await runCampaign({ ...seeds, fromSeed: WARM_UP_SEED, cpuSeconds: warmUpSeconds, validators: 4, faults: FAULTS });
  const simulator: SimulatorRate[] = [];
  for (const campaign of campaigns) simulator.push(await rateOf(`n = ${campaign.validators}`, { ...seeds, ...campaign, faults: FAULTS }));
  for (const campaign of campaigns.slice(0, 1)) simulator.push(await rateOf(`n = ${campaign.validators}, drawn faults`, { ...seeds, ...campaign }));
  return simulator;
}

async function rateOf(what: string, options: CampaignOptions): Promise<SimulatorRate> {
  const { heights, events, seeds, cpuSeconds, failures } = await runCampaign(options);
  return { what, heightsPerSecond: heights / cpuSeconds, eventsPerHeight: events / heights, heights, seeds, violation: failures[0]?.violation.what };
}

export function formatConsensusBench({ stepUs, simulator }: ConsensusBenchResult): string {
  const steps = stepUs.map(({ validators, us }) => `${us.toFixed(2)} µs at n = ${validators}`).join(', ');
  const rates = simulator.map(({ what, heightsPerSecond, eventsPerHeight, heights, seeds, violation }) =>
    `simulator, ${what}: ${heightsPerSecond.toFixed(0)} decided heights/s of one core, ${eventsPerHeight.toFixed(0)} events a height (${heights} heights, ${seeds} seeds)${violation === undefined ? '' : `, VIOLATION: ${violation}`}`);
  return [`step per vote: ${steps}`, ...rates].join('\n');
}

interface Height {
  /** Proposal and verdict are in, no vote is. */
  readonly state: ConsensusState;
  readonly votes: readonly Input[];
}

/** Heights from proposal to decision, seen by a node that signs, until there are enough votes. */
function heightsOf(n: number): readonly Height[] {
  const validators = makeValidatorSet(Array.from({ length: n }, (_, i) => ({ power: 1, publicKey: sha256(utf8(`bench ${i}`)) })));
  const heights: Height[] = [];
  let decided = initialState({ publicKey: validators.validators[0]!.publicKey });
  for (let counted = 0; counted < VOTES; counted += 2 * n) {
    const height = heights.length + 1;
    const state = proposed(decided, validators, height);
    const votes = (['prevote', 'precommit'] as const).flatMap((type) => votesOf(type, n, height));
    heights.push({ state, votes });
    decided = takeVotes({ state, votes });
  }
  return heights;
}

function takeVotes({ state, votes }: Height): ConsensusState {
  return votes.reduce((now, vote) => step(now, vote).state, state);
}

/** Microseconds of the processor for one vote. The core is pure, so the same votes are counted again and again. */
function timeVotes(n: number): number {
  const heights = heightsOf(n);
  const votes = heights.reduce((sum, height) => sum + height.votes.length, 0);
  for (let pass = 0; pass < WARM_UP_PASSES; pass++) heights.forEach(takeVotes);
  const before = process.cpuUsage();
  for (let pass = 0; pass < PASSES; pass++) heights.forEach(takeVotes);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / (PASSES * votes);
}

function votesOf(type: VoteType, n: number, height: number): readonly Input[] {
  return Array.from({ length: n }, (_, validatorIndex) => ({ kind: 'voteMsg', vote: { type, height, round: 0, blockId: BLOCK_ID, validatorIndex, signature: SIGNATURE } }));
}

function proposed(state: ConsensusState, validators: ValidatorSet, height: number): ConsensusState {
  const inputs: readonly Input[] = [
    { kind: 'startHeight', height, validators, since: 1, params: PARAMS, prevBlock: { id: NIL, timeMs: TIME_MS - 1 }, sign: true },
    { kind: 'proposalMsg', receivedAtMs: TIME_MS, proposal: { height, round: 0, polRound: -1, blockId: BLOCK_ID, signature: SIGNATURE, header: new Uint8Array(1), headerRound: 0, headerTimeMs: TIME_MS } },
    { kind: 'blockVerdict', id: BLOCK_ID, valid: true },
  ];
  return inputs.reduce((now, input) => step(now, input).state, state);
}
