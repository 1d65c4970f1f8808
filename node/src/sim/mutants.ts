/**
 * Deliberately broken nodes, for tests only: the simulator must find each of them. They wrap the production core and
 * change what goes in or comes out, so that no broken rule is ever built into it.
 */
import { CERTIFICATE_TYPE, NIL, makeCertificate, type ConsensusState, type Effect, type Input, type SignedProposal, type SignedVote } from '@billcoin/protocol';
import { CORE, type Core } from '../driver.ts';
import { AMNESIA } from './byzantine.ts';

export const MUTANTS = ['no lock', 'first vote only', 'vote counted twice', 'unsynced guard', 'truthy verdict', 'round 0 is no lock', 'body not durable', 'no timers'] as const;
export type Mutant = (typeof MUTANTS)[number];

/** A signer that does not look at locks: it would hide what the core does wrong. */
const CARELESS: Pick<Core, 'maySign' | 'recordSigned'> = {
  maySign(record, body) {
    const decision = CORE.maySign(record, body);
    return decision.kind === 'refuse' && decision.why === 'locked' ? { kind: 'sign' } : decision;
  },
  recordSigned: (record, content, signed) => CORE.recordSigned({ ...record, lockedRound: -1, lockedId: undefined }, content, signed),
};

function unlock(state: ConsensusState): ConsensusState {
  return { ...state, lockedRound: -1, lockedId: NIL };
}

function after(change: (state: ConsensusState, effects: readonly Effect[]) => { readonly state: ConsensusState; readonly effects: readonly Effect[] }): Core['step'] {
  return (state, input) => {
    const next = CORE.step(state, input);
    return change(next.state, next.effects);
  };
}

/** The first vote of a validator counts, and no polka certificate overrules it: hidden locks stay hidden. */
function firstVoteOnly(state: ConsensusState, input: Input): ReturnType<Core['step']> {
  if (input.kind === 'certMsg' && input.certificate.type === CERTIFICATE_TYPE.prevote) return { state, effects: [] };
  const next = CORE.step(state, input.kind === 'proposalMsg' ? { ...input, proposal: withoutPolka(input.proposal) } : input);
  const rounds = next.state.rounds.map((round) => ({ ...round, certificates: round.certificates.filter((one) => one.type !== CERTIFICATE_TYPE.prevote) }));
  return { state: { ...next.state, rounds }, effects: next.effects };
}

/** A polka of another height: the core takes no notice of it. */
function withoutPolka(proposal: SignedProposal): SignedProposal {
  return proposal.polka === undefined ? proposal : { ...proposal, polka: { ...proposal.polka, height: proposal.height + 9 } };
}

/** Every vote for a block counts twice, and the certificate does not look who signed. */
function countTwice(state: ConsensusState, input: Input): ReturnType<Core['step']> {
  const next = CORE.step(state, input);
  if (input.kind !== 'voteMsg' || input.vote.blockId === NIL || next.state.step === 'decided') return next;
  const again = CORE.step(doubled(next.state, input.vote), { kind: 'workAvailable' });
  return { state: again.state, effects: [...next.effects, ...again.effects] };
}

function doubled(state: ConsensusState, vote: SignedVote): ConsensusState {
  const { type, height, round, blockId } = vote;
  const rounds = state.rounds.map((held) => {
    if (held.round !== round) return held;
    const tallies = held[type].tallies.map((tally) => (tally.blockId === blockId ? { ...tally, power: tally.power + 1 } : tally));
    const isQuorum = tallies.some((tally) => tally.blockId === blockId && 3 * tally.power > 2 * state.totalPower);
    const all = held[type].votes.map((_, validatorIndex) => ({ ...vote, validatorIndex }));
    const made = isQuorum ? makeCertificate(state.validators, { type, height, round, blockId }, all) : undefined;
    return { ...held, [type]: { ...held[type], tallies }, certificates: made === undefined ? held.certificates : [...held.certificates, made] };
  });
  return { ...state, rounds };
}

const CORES: Readonly<Record<Mutant, Core>> = {
  'no lock': { ...CARELESS, step: after((state, effects) => ({ state: unlock(state), effects })) },
  'first vote only': { ...CORE, step: firstVoteOnly },
  'vote counted twice': { ...CORE, step: countTwice },
  'unsynced guard': CORE,
  'truthy verdict': { ...CORE, step: (state, input) => CORE.step(state, input.kind === 'blockVerdict' ? { ...input, valid: true } : input) },
  'round 0 is no lock': { ...CARELESS, step: after((state, effects) => ({ state: state.lockedRound === 0 ? unlock(state) : state, effects })) },
  'no timers': { ...CORE, step: after((state, effects) => ({ state, effects: effects.filter(({ kind }) => kind !== 'startTimer') })) },
  'body not durable': { ...CORE, step: after((state, effects) => ({ state, effects: effects.map((effect) => (effect.kind === 'signAndSend' ? { ...effect, durableBeforeWrite: [] } : effect)) })) },
};

export function mutantCore(mutant: Mutant | undefined): Core {
  return mutant === undefined ? CORE : CORES[mutant];
}

/** The core of a validator that lies or forgets. */
export function liarCore(forgets: boolean): Core {
  return forgets ? AMNESIA : CORE;
}
