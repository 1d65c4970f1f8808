/**
 * The rules of the round (consensus page §1.7), each with its line of the Tendermint paper (arXiv:1807.04938).
 * A rule is a function from the state to a transition, or undefined where it is not enabled.
 */
import { toHex } from '../lib/bytes.ts';
import { enterRound, precommit, prevote } from './act.ts';
import { votesIn } from './certificate.ts';
import { EVERYBODY } from './effect.ts';
import { blockOf, paramsOf, roundOf, withBlock, withRound } from './rounds.ts';
import { chain, type ConsensusState, type HeldProposal, type RoundState, type Transition } from './state.ts';
import { isTimely, timeoutVoteMs } from './timeouts.ts';
import { NIL, NO_ROUND, type BlockIdHex } from './types.ts';
import { isThird, powerOf } from './validators.ts';
import { certificateFor, hasQuorumOfAny, hasQuorumOfNil, votersAt } from './votes.ts';

export type Rule = (state: ConsensusState) => Transition | undefined;

const NONE: readonly never[] = [];

/**
 * What this node thinks of a proposal: a header whose round does not fit counts as judged invalid (a fresh value is
 * first proposed in this round, a repeated one at or before the round of its polka).
 */
function judge(state: ConsensusState, { proposal }: HeldProposal): 'unknown' | 'valid' | 'invalid' {
  const fits = proposal.polRound === NO_ROUND ? proposal.headerRound === proposal.round : proposal.headerRound <= proposal.polRound;
  return fits ? (blockOf(state, proposal.blockId)?.verdict ?? 'unknown') : 'invalid';
}

/** R1, L22: a fresh proposal. L24 prevote for it, L26 prevote NIL. */
export const R1: Rule = (state) => {
  if (state.step !== 'propose') return undefined;
  const held = roundOf(state, state.round).proposals.find((other) => other.proposal.polRound === NO_ROUND && judge(state, other) !== 'unknown');
  if (held === undefined) return undefined;
  const { blockId, headerTimeMs } = held.proposal;
  const free = state.lockedRound === NO_ROUND || state.lockedId === blockId;
  const timely = isTimely(paramsOf(state), state.round, headerTimeMs, held.receivedAtMs);
  return prevote(state, judge(state, held) === 'valid' && timely && free ? blockId : NIL);
};

/** R2, L28: a repeated proposal with the polka of an earlier round. L30 prevote for it, L32 prevote NIL. Not timed: a quorum has judged its time. */
export const R2: Rule = (state) => {
  if (state.step !== 'propose') return undefined;
  for (const held of roundOf(state, state.round).proposals) {
    const { polRound, blockId } = held.proposal;
    if (polRound === NO_ROUND || judge(state, held) === 'unknown') continue;
    const polka = certificateFor(state, roundOf(state, polRound), 'prevote', blockId);
    if (polka === undefined) continue;
    const free = state.lockedRound <= polRound || state.lockedId === blockId;
    return prevote(state, judge(state, held) === 'valid' && free ? blockId : NIL, polka);
  }
  return undefined;
};

/** R3, L34: a quorum has prevoted, whatever for, first time: wait a little for a polka. */
export const R3: Rule = (state) => {
  if (state.step !== 'prevote') return undefined;
  const held = roundOf(state, state.round);
  if (held.prevoteTimerStarted || !hasQuorumOfAny(state, held.prevote)) return undefined;
  return {
    state: withRound(state, { ...held, prevoteTimerStarted: true }),
    effects: [{ kind: 'startTimer', timer: 'prevote', height: state.height, round: state.round, ms: timeoutVoteMs(paramsOf(state), state.round) }],
  };
};

/** R4, L36: a valid proposal has its polka, first time. L37–L41 lock and precommit if at prevote; L42–L43 valid value in any case. */
export const R4: Rule = (state) => {
  if (state.step !== 'prevote' && state.step !== 'precommit') return undefined;
  const held = roundOf(state, state.round);
  if (held.polkaHandled) return undefined;
  for (const candidate of held.proposals) {
    const { blockId } = candidate.proposal;
    if (judge(state, candidate) !== 'valid') continue;
    const polka = certificateFor(state, held, 'prevote', blockId);
    if (polka === undefined) continue;
    const valid: ConsensusState = { ...withRound(state, { ...held, polkaHandled: true }), validId: blockId, validRound: state.round, validPolka: polka };
    if (state.step !== 'prevote') return { state: valid, effects: [] };
    const locked: ConsensusState = { ...valid, lockedId: blockId, lockedRound: state.round };
    return chain(locked, (next) => precommit(next, blockId), (next) => ({
      state: next,
      // From round 1 on somebody may be locked elsewhere: proposal and polka together unlock it (§1.13).
      effects: state.round === 0 ? [] : [{ kind: 'send', to: EVERYBODY, message: { kind: 'proposal', proposal: candidate.proposal } }, { kind: 'relay', certificate: polka }],
    }));
  }
  return undefined;
};

/** R5, L44: a quorum has prevoted NIL: precommit NIL. The lock stays. */
export const R5: Rule = (state) => {
  const enabled = state.step === 'prevote' && hasQuorumOfNil(state, roundOf(state, state.round).prevote);
  return enabled ? precommit(state, NIL) : undefined;
};

/** R6, L47: a quorum has precommitted, whatever for, first time: wait a little for a commit. */
export const R6: Rule = (state) => {
  if (state.step === 'newHeight') return undefined;
  const held = roundOf(state, state.round);
  if (held.precommitTimerStarted || !hasQuorumOfAny(state, held.precommit)) return undefined;
  return {
    state: withRound(state, { ...held, precommitTimerStarted: true }),
    effects: [{ kind: 'startTimer', timer: 'precommit', height: state.height, round: state.round, ms: timeoutVoteMs(paramsOf(state), state.round) }],
  };
};

/** R7, L49: a quorum of precommits for a block at any round of this height, and the block is known. The Proposal is not needed. */
export const R7: Rule = (state) => {
  for (const held of state.rounds) {
    for (const id of mentioned(state, held)) {
      const certificate = certificateFor(state, held, 'precommit', id);
      if (certificate === undefined) continue;
      const block = blockOf(state, id);
      if (block?.verdict === 'valid') {
        return { state: { ...state, step: 'decided', decision: id, decisionRound: held.round }, effects: [{ kind: 'decide', height: state.height, id, certificate }] };
      }
      if (block?.verdict === 'invalid') {
        const reason = `a quorum committed block ${id} at height ${state.height}, which this node finds invalid: more than a third of the validators lie, or this node has a bug`;
        return { state: { ...state, halted: true }, effects: [{ kind: 'halt', reason }] };
      }
      if (block?.fetching === true) continue;
      return { state: withBlock(state, { id, header: block?.header, verdict: 'unknown', fetching: true }), effects: [{ kind: 'fetchBlock', height: state.height, id }] };
    }
  }
  return undefined;
};

/** Blocks that may be committed in a round, by tally or certificate. PERF: asked of every round after every input. */
function mentioned(state: ConsensusState, held: RoundState): readonly BlockIdHex[] {
  if (held.certificates.length === 0 && !hasQuorumOfAny(state, held.precommit)) return NONE;
  const byTally = held.precommit.tallies.map((tally) => tally.blockId).filter((id) => id !== NIL);
  const byUnit = held.certificates.flatMap((certificate) => (votesIn(certificate) === 'precommit' ? [toHex(certificate.blockId)] : []));
  return [...byTally, ...byUnit.filter((id) => !byTally.includes(id))];
}

/** R8, L55: more than a third of the power is in a later round: go to the highest such. */
export const R8: Rule = (state) => {
  for (const round of roundsAhead(state)) {
    const voters = votersAt(state, roundOf(state, round));
    const power = voters.reduce((sum, vote) => sum + powerOf(state.validators, vote.validatorIndex), 0);
    if (isThird(power, state.totalPower)) return enterRound(state, round, voters);
  }
  return undefined;
};

/** Rounds above the current one with votes or certificates, highest first. PERF: mostly none, and asked after every input. */
function roundsAhead(state: ConsensusState): readonly number[] {
  const isAnyAhead = state.rounds.some(({ round }) => round > state.round) || state.future.some(({ prevote, precommit }) => prevote !== undefined || precommit !== undefined);
  if (!isAnyAhead) return NONE;
  const ahead = new Set<number>();
  for (const { round } of state.rounds) if (round > state.round) ahead.add(round);
  for (const { prevote, precommit } of state.future) {
    if (prevote !== undefined) ahead.add(prevote.round);
    if (precommit !== undefined) ahead.add(precommit.round);
  }
  return [...ahead].sort((a, b) => b - a);
}

/** Start of a height: (i) there is work and the pace allows it, (ii) the proposer of round 0 has started. (iii) is R8, (iv) the idle timer. */
export const START: Rule = (state) => {
  if (state.step !== 'newHeight') return undefined;
  const proposed = roundOf(state, 0).proposals.length > 0;
  return (state.work && state.paceOpen) || proposed ? enterRound(state, 0, []) : undefined;
};

/** T1, L57: the propose timer: prevote NIL. */
export function T1(state: ConsensusState, round: number): Transition | undefined {
  return state.step === 'propose' && state.round === round ? prevote(state, NIL) : undefined;
}

/** T2, L61: the prevote timer: precommit NIL. */
export function T2(state: ConsensusState, round: number): Transition | undefined {
  return state.step === 'prevote' && state.round === round ? precommit(state, NIL) : undefined;
}

/** T3, L65: the precommit timer: next round. */
export function T3(state: ConsensusState, round: number): Transition | undefined {
  if (state.step === 'newHeight' || state.step === 'decided' || state.round !== round) return undefined;
  const why = roundOf(state, round).precommit.votes.flatMap((vote) => (vote === undefined ? [] : [vote]));
  return enterRound(state, round + 1, why);
}

/** In this order; after each firing again from the start. A "precommit any" must never shadow a pending polka. */
export const RULES: readonly Rule[] = [R7, R8, START, R4, R5, R3, R2, R1, R6];
