/** Timeouts and clock bounds per round (consensus page §1.5, §1.11). All in integer milliseconds. */
import type { ConsensusParams } from './types.ts';

/** Longest timeout of a round: beyond it waiting no longer helps a proposal to arrive. */
const TIMEOUT_MAX_MS = 15_000;
/** Growth per round: a round is longer than the last, so after the network has settled one is long enough. */
const PROPOSE_STEP_MS = 250;
const VOTE_STEP_MS = 150;
/** Longest delay a message may have and still be timely. */
const MSG_DELAY_MAX_MS = 600_000;

/** How long a round waits for its proposal, body and execution (paper L21). */
export function timeoutProposeMs(params: ConsensusParams, round: number): number {
  return Math.min(TIMEOUT_MAX_MS, params.timeoutProposeMs + PROPOSE_STEP_MS * round);
}

/** How long a round waits for more votes after a quorum of any mix (paper L35, L48). */
export function timeoutVoteMs(params: ConsensusParams, round: number): number {
  return Math.min(TIMEOUT_MAX_MS, params.timeoutVoteMs + VOTE_STEP_MS * round);
}

/** Longest delay of a Proposal: grows by a tenth (at least 1 ms) per round, so a value set too small cannot stop the chain. */
export function msgDelayMs(params: ConsensusParams, round: number): number {
  let delayMs = params.msgDelayMs;
  for (let r = 0; r < round && delayMs < MSG_DELAY_MAX_MS; r++) delayMs += Math.max(1, (delayMs - (delayMs % 10)) / 10);
  return Math.min(MSG_DELAY_MAX_MS, delayMs);
}

/** Says whether the proposer's clock fits the own one (§1.11). `receivedAtMs`: own clock when the Proposal arrived. */
export function isTimely(params: ConsensusParams, round: number, timeMs: number, receivedAtMs: number): boolean {
  return timeMs <= receivedAtMs + params.precisionMs && timeMs >= receivedAtMs - msgDelayMs(params, round) - params.precisionMs;
}

/** Block time for a proposer whose clock shows nowMs: the time, or how long to wait until the block below is no longer ahead. */
export function proposalTime(nowMs: number, prevTimeMs: number, precisionMs: number): { readonly timeMs: number } | { readonly waitMs: number } {
  const earliestMs = prevTimeMs + 1;
  return earliestMs <= nowMs + precisionMs ? { timeMs: Math.max(nowMs, earliestMs) } : { waitMs: earliestMs - precisionMs - nowMs };
}
