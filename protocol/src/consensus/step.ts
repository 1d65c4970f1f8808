/**
 * The consensus core in one function: (state, input) → (state, effects). Pure and synchronous: no clock, no random
 * source, no await. This file is the table of contents; consensus page §1.6–1.7 is the specification.
 *
 * Tendermint (arXiv:1807.04938) with a sign guard, certificates as units, proposals on demand and proposer-based time.
 */
import { assert } from '../lib/assert.ts';
import { decode } from '../wire/codec.ts';
import { Header } from '../wire/consensus.ts';
import { enterRound, joinSigning, sign } from './act.ts';
import { startHeight } from './heights.ts';
import type { Input } from './input.ts';
import { receiveCertificate, receiveProposal, receiveVerdict, receiveVote } from './receive.ts';
import { proposerOf, withBlock } from './rounds.ts';
import { RULES, T1, T2, T3 } from './rules.ts';
import { stay, type ConsensusState, type Transition } from './state.ts';
import { answerStatus } from './status.ts';
import { NIL, NO_ROUND } from './types.ts';

/** Rules fired by one input: more would be a circle. */
const FIRINGS_MAX = 16;

/** One input, one transition. The same state and input give the same result; neither is changed. */
export function step(state: ConsensusState, input: Input): Transition {
  if (state.halted || (state.height === 0 && input.kind !== 'startHeight')) return stay(state);
  return joinSigning(evaluate(handle(state, input)));
}

function handle(state: ConsensusState, input: Input): Transition {
  switch (input.kind) {
    case 'startHeight': return startHeight(state, input);
    case 'proposalMsg': return receiveProposal(state, { proposal: input.proposal, receivedAtMs: input.receivedAtMs });
    case 'voteMsg': return receiveVote(state, input.vote);
    case 'certMsg': return receiveCertificate(state, input.certificate);
    case 'blockVerdict': return receiveVerdict(state, input);
    case 'timerFired': return fireTimer(state, input) ?? stay(state);
    case 'workAvailable': return stay(state.step === 'newHeight' ? { ...state, work: true } : state);
    case 'valueBuilt': return offerBuilt(state, input);
    case 'peerStatus': return answerStatus(state, input.peer, input.status);
  }
}

/** Fires enabled rules in their order until none is left. */
function evaluate(handled: Transition): Transition {
  let now = handled;
  for (let firings = 0; now.state.step !== 'decided' && !now.state.halted; firings++) {
    const fired = firstEnabled(now.state);
    if (fired === undefined) break;
    assert(firings < FIRINGS_MAX, `one input fires at most ${FIRINGS_MAX} rules`);
    now = { state: fired.state, effects: [...now.effects, ...fired.effects] };
  }
  return now;
}

function firstEnabled(state: ConsensusState): Transition | undefined {
  for (const rule of RULES) {
    const fired = rule(state);
    if (fired !== undefined) return fired;
  }
  return undefined;
}

/** Timers of another height, round or step are ignored; the pace timer carries the height it opens. */
function fireTimer(state: ConsensusState, { timer, height, round }: Extract<Input, { readonly kind: 'timerFired' }>): Transition | undefined {
  if (timer === 'pace') return height === state.paceHeight ? stay({ ...state, paceOpen: true, paceHeight: 0 }) : undefined;
  if (height !== state.height) return undefined;
  switch (timer) {
    case 'idle': return state.step === 'newHeight' ? enterRound(state, 0, []) : undefined;
    case 'propose': return T1(state, round);
    case 'prevote': return T2(state, round);
    case 'precommit': return T3(state, round);
  }
}

/** Paper L18–L19: the proposer's new value goes out together with its prevote: one guard write. */
function offerBuilt(state: ConsensusState, { height, round, block }: Extract<Input, { readonly kind: 'valueBuilt' }>): Transition {
  const wanted = height === state.height && round === state.round && state.step === 'propose' && state.ownIndex === proposerOf(state, round);
  if (!wanted || state.validId !== NIL || state.lockedRound !== NO_ROUND) return stay(state);
  const header = decode(Header, block.header);
  assert(header.ok && header.value.height === height && header.value.round === round, 'a proposer offers what it would accept');
  const next: ConsensusState = { ...withBlock(state, { ...block, verdict: 'valid', fetching: false }), step: 'prevote' };
  return {
    state: next,
    effects: [
      { kind: 'saveBlock', id: block.id },
      ...sign(next, [{ kind: 'proposal', height, round, polRound: NO_ROUND, blockId: block.id, header: block.header }, { kind: 'prevote', height, round, blockId: block.id }]),
    ],
  };
}
