/**
 * Measures the consensus core: time of one `step` for a vote, with growth in the number of validators, and whole
 * simulated networks under faults. Aims (consensus.md §2–3): 20 µs a vote at n = 50; 150 decided heights/s of four nodes
 * on one core.
 */
import { runCampaign } from '@billcoin/node';
import { initialState, makeValidatorSet, NIL, sha256, step, utf8, type ConsensusState, type Input, type ValidatorSet, type VoteType } from '@billcoin/protocol';

const SIZES = [1, 4, 7, 13, 50];
/** Votes timed at each size. */
const VOTES = 100_000;
const WARM_UP_VOTES = 20_000;
const BLOCK_ID = 'ab'.repeat(32);
const SIGNATURE = new Uint8Array(64);
const PARAMS = { timeoutProposeMs: 400, timeoutVoteMs: 200, minBlockIntervalMs: 100, idleBlockIntervalMs: 10_000, precisionMs: 250, msgDelayMs: 2_000 };
const TIME_MS = 1_700_000_000_000;

const CAMPAIGN = { fromSeed: 1, heights: 40, cpuSeconds: 20, seedsMax: 10_000 };

export interface ConsensusBenchResult {
  readonly stepUs: readonly { readonly validators: number; readonly us: number }[];
  readonly heightsPerSecond: number;
  readonly heights: number;
  readonly seeds: number;
  readonly violation: string | undefined;
}

export async function benchConsensus(): Promise<ConsensusBenchResult> {
  const stepUs = SIZES.map((validators) => ({ validators, us: timeVotes(validators) }));
  const { heights, seeds, cpuSeconds, failures } = await runCampaign({ ...CAMPAIGN, validators: 4 });
  return { stepUs, heights, seeds, heightsPerSecond: heights / cpuSeconds, violation: failures[0]?.violation.what };
}

export function formatConsensusBench({ stepUs, heights, seeds, heightsPerSecond, violation }: ConsensusBenchResult): string {
  const steps = stepUs.map(({ validators, us }) => `${us.toFixed(2)} µs at n = ${validators}`).join(', ');
  return `step per vote: ${steps}\nsimulator, 4 validators under faults: ${heightsPerSecond.toFixed(0)} decided heights/s of one core (${heights} heights, ${seeds} seeds)${violation === undefined ? '' : `, VIOLATION: ${violation}`}`;
}

/** A height from its proposal to its decision, seen by a node that signs; only the votes are timed. */
function timeVotes(n: number): number {
  const validators = makeValidatorSet(Array.from({ length: n }, (_, i) => ({ power: 1, publicKey: sha256(utf8(`bench ${i}`)) })));
  let [counted, spentMs, height] = [0, 0, 0];
  let state = initialState({ publicKey: validators.validators[0]!.publicKey });
  while (counted < VOTES + WARM_UP_VOTES) {
    height += 1;
    state = proposed(state, validators, height);
    const votes = (['prevote', 'precommit'] as const).flatMap((type) => votesOf(type, n, height));
    const startMs = performance.now();
    for (const vote of votes) state = step(state, vote).state;
    if (counted >= WARM_UP_VOTES) spentMs += performance.now() - startMs;
    counted += votes.length;
  }
  return (spentMs * 1_000) / (counted - WARM_UP_VOTES);
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
