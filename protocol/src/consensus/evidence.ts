/** Proof that a validator signed two different things for one purpose (consensus page §1.12). Detection only. */
import { compareBytes } from '../lib/bytes.ts';
import type { Evidence, SignedBody, Vote } from '../wire/consensus.ts';
import { proposalBodyBytes } from './bodies.ts';
import type { Effect } from './effect.ts';
import { wireVote } from './messages.ts';
import { proposerOf, roundOf, withRound } from './rounds.ts';
import type { ConsensusState, Transition } from './state.ts';
import type { SignedProposal, SignedVote } from './types.ts';
import { indexOfKey } from './validators.ts';

/** The pair with the lower body bytes first, so that the order of arrival cannot make a second offence. */
function inOrder<T extends { readonly body: Uint8Array }>(a: T, b: T): { readonly a: T; readonly b: T } {
  return compareBytes(a.body, b.body) <= 0 ? { a, b } : { a: b, b: a };
}

/** Two votes of one validator, height, round and type for different blocks (NIL counts). */
export function duplicateVote(a: SignedVote, b: SignedVote): Evidence {
  return { evidence: { case: 'duplicateVote', value: inOrder<Vote>(wireVote(a), wireVote(b)) } };
}

/** Two proposals of one height and round with different bodies. */
export function duplicateProposal(a: SignedProposal, b: SignedProposal): Evidence {
  const signed = (proposal: SignedProposal): SignedBody => ({ body: proposalBodyBytes(proposal), signature: proposal.signature });
  return { evidence: { case: 'duplicateProposal', value: inOrder(signed(a), signed(b)) } };
}

/** Reports a double vote once per validator, round and type. */
export function reportVotes(state: ConsensusState, held: SignedVote, second: SignedVote): Transition {
  return report(state, held.round, `${held.type}:${held.validatorIndex}`, held.validatorIndex, duplicateVote(held, second));
}

/** Reports a double proposal once per round. */
export function reportProposals(state: ConsensusState, held: SignedProposal, second: SignedProposal): Transition {
  return report(state, held.round, 'proposal', proposerOf(state, held.round), duplicateProposal(held, second));
}

function report(state: ConsensusState, round: number, offence: string, offender: number, evidence: Evidence): Transition {
  const at = roundOf(state, round);
  if (at.reported.includes(offence)) return { state, effects: [] };
  const noted = withRound(state, { ...at, reported: [...at.reported, offence] });
  const own = state.publicKey !== undefined && indexOfKey(state.validators, state.publicKey) === offender;
  const effect: Effect = { kind: 'reportEvidence', evidence, offender, own };
  // Somebody else runs our key: whatever we sign from here on may be the second half of an offence.
  return { state: own ? { ...noted, ownIndex: undefined, muted: true } : noted, effects: [effect] };
}
