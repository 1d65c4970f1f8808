/** What several rules do: enter a round, propose, vote. */
import { assert } from '../lib/assert.ts';
import type { Certificate } from '../wire/consensus.ts';
import { wireBlockId } from './bodies.ts';
import { makeCertificate } from './certificate.ts';
import { EVERYBODY, type Effect } from './effect.ts';
import { wireVote } from './messages.ts';
import { absorbAhead } from './receive.ts';
import { blockOf, paramsOf, proposerOf } from './rounds.ts';
import { chain, stay, type ConsensusState, type Transition } from './state.ts';
import { timeoutProposeMs } from './timeouts.ts';
import { NIL, NO_ROUND, STEP_NUMBER, type BlockIdHex, type SignedVote, type Unsigned } from './types.ts';

/**
 * Paper L11–L21. `why` are the votes that justify entering; the proposer starts its propose timer too, because a
 * proposer whose building hangs must still prevote NIL.
 */
export function enterRound(state: ConsensusState, round: number, why: readonly SignedVote[]): Transition {
  const { height } = state;
  const params = paramsOf(state);
  const first = state.step === 'newHeight';
  const pace = first ? { paceOpen: false, paceHeight: height + 1 } : {};
  const effects: Effect[] = [{ kind: 'cancelTimers', height, belowRound: round }];
  if (round > 0 && why.length > 0) effects.push({ kind: 'send', to: EVERYBODY, message: { kind: 'roundCert', votes: why } });
  if (first) effects.push({ kind: 'startTimer', timer: 'pace', height: height + 1, round: 0, ms: params.minBlockIntervalMs });
  effects.push({ kind: 'startTimer', timer: 'propose', height, round, ms: timeoutProposeMs(params, round) });
  return chain(state, (next) => ({ state: { ...next, ...pace, round, step: 'propose', roundCert: why, work: false }, effects }), absorbAhead, propose);
}

/** Paper L14–L19: the proposer offers its valid value again, else asks for a new one. Others do nothing. */
export function propose(state: ConsensusState): Transition {
  const { height, round, validId, validRound, validPolka } = state;
  if (state.ownIndex === undefined || state.ownIndex !== proposerOf(state, round)) return stay(state);
  if (validId === NIL) {
    // A new value could not even get the own prevote.
    if (state.lockedRound !== NO_ROUND) return stay(state);
    return { state, effects: [{ kind: 'buildValue', height, round, prevTimeMs: state.prevBlock.timeMs, prevCommit: prevCommitOf(state) }] };
  }
  const block = blockOf(state, validId);
  // Resumed without its body, which is on its way.
  if (block?.header === undefined || block.verdict !== 'valid' || validPolka === undefined) return stay(state);
  const { header } = block;
  return { state, effects: sign(state, [{ kind: 'proposal', height, round, polRound: validRound, blockId: validId, header, polka: validPolka }]) };
}

/** The widest certificate of the block below that is known here. */
function prevCommitOf(state: ConsensusState): Certificate | undefined {
  const below = state.prevCommit;
  return below === undefined ? undefined : makeCertificate(below.validators, { type: 'precommit', height: below.height, round: below.round, blockId: below.blockId }, below.table.votes);
}

/** Prevote in this round; step := prevote. `polka` is what allows it against a lock (R2). */
export function prevote(state: ConsensusState, blockId: BlockIdHex, polka?: Certificate): Transition {
  const { height, round } = state;
  const next: ConsensusState = { ...state, step: 'prevote' };
  return { state: next, effects: sign(next, [{ kind: 'prevote', height, round, blockId, polka: blockId === NIL ? undefined : polka }]) };
}

/** Precommit in this round; step := precommit. */
export function precommit(state: ConsensusState, blockId: BlockIdHex): Transition {
  const { height, round } = state;
  const next: ConsensusState = { ...state, step: 'precommit' };
  return { state: next, effects: sign(next, [{ kind: 'precommit', height, round, blockId }]) };
}

/** The effect that signs these bodies with the hard state of `state`; nothing for a node that does not sign. */
export function sign(state: ConsensusState, bodies: readonly Unsigned[]): readonly Effect[] {
  if (state.ownIndex === undefined || bodies.length === 0) return [];
  // A durable lock (or valid value) on bytes that are nowhere would be a wedge, so the bodies come strictly first (§1.9).
  const locked = [state.lockedId, state.validId, ...bodies.flatMap((body) => (body.kind === 'precommit' ? [body.blockId] : []))];
  return [{
    kind: 'signAndSend', bodies,
    hardState: {
      height: state.height, round: state.round, step: STEP_NUMBER[state.step],
      lockedRound: state.lockedRound, lockedId: wireBlockId(state.lockedId),
      validRound: state.validRound, validId: wireBlockId(state.validId), validPolka: state.validPolka,
      roundCert: state.roundCert.length === 0 ? undefined : { votes: state.roundCert.map(wireVote) },
    },
    // One that is not here was resumed from the guard, which holds it already.
    durableBeforeWrite: [...new Set(locked)].filter((id) => id !== NIL && blockOf(state, id)?.verdict === 'valid'),
    durableBeforeSend: bodies.flatMap((body) => (body.kind === 'proposal' ? [body.blockId] : [])),
  }];
}

/** All bodies signed in one step are one signAndSend, hence one guard write (§1.6). It takes the place of the last one. */
export function joinSigning({ state, effects }: Transition): Transition {
  const signings = effects.filter((effect) => effect.kind === 'signAndSend');
  if (signings.length < 2) return { state, effects };
  const bodies = signings.flatMap((effect) => effect.bodies);
  assert(bodies.every((body) => body.round === state.round), 'one step signs in one round');
  const last = signings.at(-1);
  return { state, effects: effects.flatMap((effect) => (effect.kind !== 'signAndSend' ? [effect] : effect === last ? sign(state, bodies) : [])) };
}
