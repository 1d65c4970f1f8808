/** Status and the answer to it (consensus page §1.13): every quorum seen by one correct node is eventually seen by all. */
import { bitOf, makeBitmap } from './certificate.ts';
import type { Effect, SendMessage } from './effect.ts';
import { blockOf, roundOf } from './rounds.ts';
import { stay, type ConsensusState, type RoundState, type Transition } from './state.ts';
import { NIL, STATUS_ROUNDS, type PeerStatus, type RoundStatus } from './types.ts';
import { certificateFor } from './votes.ts';

/** Messages in one answer: two full rounds at 50 validators; the next Status, 200 ms later, asks for the rest. */
const ANSWER_MAX = 256;

/** The rounds that matter to this node, ascending: locked, valid, the last one and the current one. */
function statusRounds(state: ConsensusState): readonly number[] {
  const rounds = [state.lockedRound, state.validRound, state.round - 1, state.round].filter((round) => round >= 0);
  return [...new Set(rounds)].sort((a, b) => a - b).slice(-STATUS_ROUNDS);
}

/** What this node tells its peers every 200 ms while undecided and on every change of step. */
export function statusOf(state: ConsensusState): PeerStatus {
  const size = state.validators.validators.length;
  const rounds = statusRounds(state).map((round): RoundStatus => {
    const held = roundOf(state, round);
    return {
      round, hasProposal: held.proposals.some(({ proposal }) => blockOf(state, proposal.blockId)?.verdict === 'valid'),
      prevotes: makeBitmap(size, (i) => held.prevote.votes[i] !== undefined),
      precommits: makeBitmap(size, (i) => held.precommit.votes[i] !== undefined),
    };
  });
  return { height: state.height, round: state.round, step: state.step, rounds };
}

/**
 * Sends a peer in this height what it lacks. A peer in a lower height is served blocks by the shell, one in a higher
 * height serves us.
 */
export function answerStatus(state: ConsensusState, peer: string, status: PeerStatus): Transition {
  if (status.height !== state.height || status.step === 'decided') return stay(state);
  const rounds = [...new Set([...statusRounds(state), ...status.rounds.slice(0, STATUS_ROUNDS).map((held) => held.round)])].sort((a, b) => b - a);
  const lacking = [...certificatesFor(state, status), ...rounds.flatMap((round) => lackingIn(state, roundOf(state, round), status))];
  const effects = lacking.slice(0, ANSWER_MAX).map((message): Effect => ({ kind: 'send', to: peer, message }));
  return { state, effects };
}

/** Certificates as units: a bitmap of first votes does not tell whether the peer knows of a quorum. */
function certificatesFor(state: ConsensusState, status: PeerStatus): readonly SendMessage[] {
  if (state.step === 'decided') {
    const commit = certificateFor(state, roundOf(state, state.decisionRound), 'precommit', state.decision);
    return commit === undefined ? [] : [{ kind: 'certificate', certificate: commit }, { kind: 'block', id: state.decision }];
  }
  const handled = status.round === state.validRound && status.step === 'precommit';
  const useful = state.round > state.validRound || !handled;
  return state.validPolka === undefined || !useful ? [] : [{ kind: 'certificate', certificate: state.validPolka }];
}

function lackingIn(state: ConsensusState, held: RoundState, status: PeerStatus): readonly SendMessage[] {
  const theirs = status.rounds.find((other) => other.round === held.round);
  const missing = (votes: RoundState['prevote']['votes'], bitmap: Uint8Array | undefined): readonly SendMessage[] =>
    votes.flatMap((vote, i) => (vote === undefined || (bitmap !== undefined && bitOf(bitmap, i)) ? [] : [{ kind: 'vote', vote }]));
  return [...lackingProposal(state, held, theirs), ...missing(held.precommit.votes, theirs?.precommits), ...missing(held.prevote.votes, theirs?.prevotes)];
}

/** A proposal is worth sending with a body that this node has found valid. */
function lackingProposal(state: ConsensusState, held: RoundState, theirs: RoundStatus | undefined): readonly SendMessage[] {
  if (theirs?.hasProposal === true) return [];
  return held.proposals.flatMap(({ proposal }): readonly SendMessage[] =>
    proposal.blockId !== NIL && blockOf(state, proposal.blockId)?.verdict === 'valid' ? [{ kind: 'proposal', proposal }, { kind: 'block', id: proposal.blockId }] : []);
}
