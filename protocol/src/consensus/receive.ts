/**
 * Taking in verified messages (consensus page §1.8): where each is kept, what is evidence, what is dropped. Rules are
 * evaluated afterwards by `step`.
 */
import { assert } from '../lib/assert.ts';
import { toHex } from '../lib/bytes.ts';
import { SIGNATURE_BYTES } from '../lib/signature.ts';
import type { Certificate } from '../wire/consensus.ts';
import { checkCertificateForm, votesIn, votesOf } from './certificate.ts';
import { reportProposals, reportVotes } from './evidence.ts';
import type { Input } from './input.ts';
import { blockOf, proposerOf, roundOf, withBlock, withRound } from './rounds.ts';
import { chain, stay, type ConsensusState, type FutureSlot, type HeldProposal, type NextHeightMessage, type Transition } from './state.ts';
import { NIL, NO_ROUND, type SignedVote } from './types.ts';
import { addVote, tableOf } from './votes.ts';

/** Two different proposals are evidence, a third says nothing new. */
const PROPOSALS_PER_ROUND = 2;
/** A polka and a commit are what a round can have while less than a third is Byzantine; two more are kept to see it break. */
const CERTIFICATES_PER_ROUND = 4;
/** Of the next height only what a node that is a little ahead has sent: rounds 0 and 1. */
const NEXT_HEIGHT_ROUND_MAX = 1;

/** A vote of this height counts, of the next is kept, of the one below joins the prevCommit; others are dropped. */
export function receiveVote(state: ConsensusState, vote: SignedVote): Transition {
  if (vote.height === state.height - 1) return joinPrevCommit(state, vote);
  if (vote.height < state.height || vote.height > state.height + 1) return stay(state);
  assert(vote.validatorIndex >= 0 && vote.validatorIndex < state.validators.validators.length, `validator ${vote.validatorIndex} is in the set`);
  assert(vote.signature.length === SIGNATURE_BYTES && vote.round >= 0, 'a vote has been verified');
  if (vote.height === state.height + 1) return keepForNextHeight(state, { kind: 'voteMsg', vote });
  return vote.round <= state.round + 1 ? countVote(state, vote) : keepAhead(state, vote);
}

function countVote(state: ConsensusState, vote: SignedVote): Transition {
  const held = roundOf(state, vote.round);
  const table = tableOf(held, vote.type);
  const first = table.votes[vote.validatorIndex];
  if (first === undefined) {
    const added = addVote(state.validators, table, vote);
    // PERF: a computed name would make each round an object of a shape of its own.
    return stay(withRound(state, vote.type === 'prevote' ? { ...held, prevote: added } : { ...held, precommit: added }));
  }
  return first.blockId === vote.blockId ? stay(state) : reportVotes(state, first, vote);
}

/** Beyond the next round one vote per validator and type, of the highest round: enough for R8. */
function keepAhead(state: ConsensusState, vote: SignedVote): Transition {
  const known = state.future[vote.validatorIndex]?.[vote.type];
  if (known !== undefined && known.round >= vote.round) return stay(state);
  return stay(withSlot(state, vote.validatorIndex, { [vote.type]: vote }));
}

function withSlot(state: ConsensusState, index: number, change: FutureSlot): ConsensusState {
  return { ...state, future: state.future.map((slot, i) => (i === index ? { ...slot, ...change } : slot)) };
}

/** Late precommits for the decided block widen the certificate that the next block carries. */
function joinPrevCommit(state: ConsensusState, vote: SignedVote): Transition {
  const below = state.prevCommit;
  const joins = below !== undefined && vote.height === below.height && vote.type === 'precommit' && vote.round === below.round && vote.blockId === below.blockId && below.table.votes[vote.validatorIndex] === undefined;
  return stay(joins ? { ...state, prevCommit: { ...below, table: addVote(below.validators, below.table, vote) } } : state);
}

function keepForNextHeight(state: ConsensusState, message: NextHeightMessage): Transition {
  const { round } = message.kind === 'voteMsg' ? message.vote : message.proposal;
  const same = (held: NextHeightMessage): boolean =>
    held.kind === 'voteMsg'
      ? message.kind === 'voteMsg' && held.vote.round === round && held.vote.type === message.vote.type && held.vote.validatorIndex === message.vote.validatorIndex
      : message.kind === 'proposalMsg' && held.proposal.round === round;
  return stay(round > NEXT_HEIGHT_ROUND_MAX || state.nextHeight.some(same) ? state : { ...state, nextHeight: [...state.nextHeight, message] });
}

/**
 * A certificate is a unit: it is kept as it is, whatever its members voted here. Their votes are also counted, which
 * finds the double voters among them.
 */
export function receiveCertificate(state: ConsensusState, certificate: Certificate): Transition {
  if (certificate.height !== state.height || state.step === 'decided') return stay(state);
  assert(checkCertificateForm(state.validators, certificate).ok, 'a certificate has been verified');
  return chain(
    holdCertificate(state, certificate),
    ...votesOf(certificate).map((vote) => (next: ConsensusState) => receiveVote(next, vote)),
  );
}

function holdCertificate(state: ConsensusState, certificate: Certificate): ConsensusState {
  const held = roundOf(state, certificate.round);
  const blockId = toHex(certificate.blockId);
  const known = held.certificates.some((other) => votesIn(other) === votesIn(certificate) && toHex(other.blockId) === blockId);
  if (known || held.certificates.length >= CERTIFICATES_PER_ROUND) return state;
  return withRound(state, { ...held, certificates: [...held.certificates, certificate] });
}

/** A proposal of this height up to the next round counts, of later rounds the newest of each proposer is kept. */
export function receiveProposal(state: ConsensusState, message: HeldProposal): Transition {
  const { proposal } = message;
  if (proposal.height === state.height + 1) return keepForNextHeight(state, { kind: 'proposalMsg', ...message });
  if (proposal.height !== state.height || state.step === 'decided') return stay(state);
  assert(proposal.blockId !== NIL && proposal.polRound >= NO_ROUND && proposal.polRound < proposal.round, 'a proposal has been verified');
  assert((proposal.polRound === NO_ROUND) === (proposal.polka === undefined), 'a proposal carries its polka');
  if (proposal.round > state.round + 1) {
    const proposer = proposerOf(state, proposal.round);
    const known = state.future[proposer]?.proposal;
    return stay(known !== undefined && known.proposal.round >= proposal.round ? state : withSlot(state, proposer, { proposal: message }));
  }
  return chain(state, (next) => holdProposal(next, message), (next) => (proposal.polka === undefined ? stay(next) : receiveCertificate(next, proposal.polka)));
}

function holdProposal(state: ConsensusState, message: HeldProposal): Transition {
  const { proposal } = message;
  const held = roundOf(state, proposal.round);
  const [first] = held.proposals;
  const known = held.proposals.some((other) => other.proposal.blockId === proposal.blockId && other.proposal.polRound === proposal.polRound);
  if (known || held.proposals.length >= PROPOSALS_PER_ROUND) return stay(state);
  return chain(
    withRound(state, { ...held, proposals: [...held.proposals, message] }),
    (next) => (first === undefined ? stay(next) : reportProposals(next, first.proposal, proposal)),
    (next) => noteBlock(next, proposal.blockId, proposal.header),
  );
}

/** The first proposal of a block asks for its verdict. */
function noteBlock(state: ConsensusState, id: string, header: Uint8Array): Transition {
  const block = blockOf(state, id);
  if (block?.header !== undefined) return stay(state);
  const verdict = block?.verdict ?? 'unknown';
  return { state: withBlock(state, { id, header, verdict, fetching: block?.fetching ?? false }), effects: verdict === 'unknown' ? [{ kind: 'checkBlock', id }] : [] };
}

/** A verdict that was asked for; a block found valid is saved at once (§1.7). */
export function receiveVerdict(state: ConsensusState, { id, valid, header }: Extract<Input, { readonly kind: 'blockVerdict' }>): Transition {
  const block = blockOf(state, id);
  if (block === undefined || block.verdict !== 'unknown' || state.step === 'decided') return stay(state);
  return { state: withBlock(state, { ...block, header: block.header ?? header, verdict: valid ? 'valid' : 'invalid' }), effects: valid ? [{ kind: 'saveBlock', id }] : [] };
}

/** After entering a round: what was ahead and is so no longer. */
export function absorbAhead(state: ConsensusState): Transition {
  const reached = (round: number | undefined): boolean => round !== undefined && round <= state.round + 1;
  const moves: ((next: ConsensusState) => Transition)[] = [];
  const future = state.future.map((slot): FutureSlot => {
    const { prevote, precommit, proposal } = slot;
    for (const vote of [prevote, precommit]) if (vote !== undefined && reached(vote.round)) moves.push((next) => receiveVote(next, vote));
    if (proposal !== undefined && reached(proposal.proposal.round)) moves.push((next) => receiveProposal(next, proposal));
    return {
      prevote: reached(prevote?.round) ? undefined : prevote,
      precommit: reached(precommit?.round) ? undefined : precommit,
      proposal: reached(proposal?.proposal.round) ? undefined : proposal,
    };
  });
  return moves.length === 0 ? stay(state) : chain({ ...state, future }, ...moves);
}
