/** Start of a height and resuming one after a crash (consensus page §1.7). */
import { assert } from '../lib/assert.ts';
import { equalBytes, toHex } from '../lib/bytes.ts';
import { decode } from '../wire/codec.ts';
import { ProposalBody, type HardState, type SignedBody, type Vote } from '../wire/consensus.ts';
import { propose } from './act.ts';
import { coreBlockId } from './bodies.ts';
import { EVERYBODY, type Effect } from './effect.ts';
import type { Input, Resume, StartHeight } from './input.ts';
import { parseVote, signedInput } from './messages.ts';
import { makeSchedule } from './proposer.ts';
import { receiveCertificate, receiveProposal, receiveVote } from './receive.ts';
import { blockOf, paramsOf, roundOf } from './rounds.ts';
import { chain, stay, type ConsensusState, type PrevCommit, type Transition } from './state.ts';
import { timeoutProposeMs } from './timeouts.ts';
import { NIL, NO_ROUND, type RoundStep, type SignedVote } from './types.ts';
import { checkValidatorSet, indexOfKey, totalPowerOf, validatorsHash } from './validators.ts';

/** Step newHeight of a height, with what came early for it. */
export function startHeight(state: ConsensusState, input: StartHeight): Transition {
  const { height, validators, since, params } = input;
  assert(height > state.height, `height ${height} comes after ${state.height}`);
  // PERF: a set that is the very one of the height below was checked and hashed then; sets never change.
  const isChecked = validators === state.validators && state.validatorsHash !== '';
  assert(since <= height && (isChecked || checkValidatorSet(validators).ok), 'the set of a height is a validator set and votes already');
  const follows = state.height > 0 && height === state.height + 1;
  const hash = isChecked ? state.validatorsHash : toHex(validatorsHash(validators));
  const sameSet = hash === state.validatorsHash && since === state.schedule.since;
  const early = follows && sameSet ? state.nextHeight : [];
  const index = state.publicKey === undefined ? undefined : indexOfKey(validators, state.publicKey);
  // A pace timer that runs for another height will never open this one (sync has moved the tip, or a height was decided unstarted).
  const paceOpen = state.paceOpen || state.paceHeight !== height;
  const next: ConsensusState = {
    ...state, height, round: NO_ROUND, step: 'newHeight',
    lockedRound: NO_ROUND, lockedId: NIL, validRound: NO_ROUND, validId: NIL, validPolka: undefined, roundCert: [],
    validators, validatorsHash: hash, totalPower: totalPowerOf(validators), schedule: sameSet ? state.schedule : makeSchedule(validators, since),
    ownIndex: input.sign && !state.muted ? index : undefined, params, prevBlock: input.prevBlock,
    rounds: [], future: validators.validators.map(() => ({})), blocks: [], nextHeight: [],
    paceOpen, paceHeight: paceOpen ? 0 : state.paceHeight, work: false, decision: NIL, decisionRound: NO_ROUND,
    prevCommit: follows ? prevCommitOf(state) : undefined,
  };
  const effects: readonly Effect[] = [
    { kind: 'cancelTimers', height, belowRound: 0 },
    { kind: 'startTimer', timer: 'idle', height, round: 0, ms: params.idleBlockIntervalMs },
  ];
  const recorded = input.resume;
  return chain(next, (opened) => ({ state: opened, effects }), (opened) => (recorded === undefined ? stay(opened) : resume(opened, recorded)), ...early.map((message) => (opened: ConsensusState) => (message.kind === 'voteMsg' ? receiveVote(opened, message.vote) : receiveProposal(opened, message))));
}

/** The precommits of the height just decided, for those that are still on their way. */
function prevCommitOf(state: ConsensusState): PrevCommit | undefined {
  if (state.step !== 'decided') return undefined;
  const { height, decision, decisionRound, validators } = state;
  const { precommit } = roundOf(state, decisionRound);
  return { height, round: decisionRound, blockId: decision, validators, table: precommit };
}

const STEPS: readonly RoundStep[] = ['newHeight', 'propose', 'prevote', 'precommit', 'decided'];

/**
 * Takes round, step, lock and valid value from the sign guard and sends the recorded messages of that round again,
 * verbatim, after the votes that justify being in it: who is in a lower round can be brought here by nobody else, if the
 * others of the quorum that let this node go on lie or have forgotten. A recorded proposal whose body did not reach the
 * disk is not sent, and its slot stays used.
 */
function resume(state: ConsensusState, { hardState, blocks, nowMs }: Resume): Transition {
  assert(state.step === 'newHeight' && hardState.height === state.height, 'what is resumed is of the guard’s height');
  assert(state.publicKey !== undefined && equalBytes(hardState.publicKey, state.publicKey), 'the guard is that of this key');
  const step = STEPS[hardState.step];
  assert(step === 'propose' || step === 'prevote' || step === 'precommit', 'a guard record of a height holds a vote or proposal');
  // Bodies that were lost are asked for: a value that only this node is locked on would wedge everybody.
  const lost = [hardState.lockedId, hardState.validId].flatMap((id) => (id === undefined ? [] : [toHex(id)])).filter((id, i, ids) => ids.indexOf(id) === i && !blocks.some((block) => block.id === id));
  const next: ConsensusState = {
    ...state, round: hardState.round, step,
    lockedRound: hardState.lockedRound, lockedId: coreBlockId(hardState.lockedId),
    validRound: hardState.validRound, validId: coreBlockId(hardState.validId), validPolka: hardState.validPolka,
    roundCert: (hardState.roundCert?.votes ?? []).map(guardedVote),
    blocks: [...blocks.map((block) => ({ ...block, verdict: 'valid', fetching: false } as const)), ...lost.map((id) => ({ id, header: undefined, verdict: 'unknown', fetching: true } as const))],
  };
  return chain(next,
    (now) => ({ state: now, effects: [{ kind: 'cancelTimers', height: now.height, belowRound: now.round }, ...lost.map((id): Effect => ({ kind: 'fetchBlock', height: now.height, id }))] }),
    resumeRound,
    (now) => (now.validPolka === undefined ? stay(now) : receiveCertificate(now, now.validPolka)),
    (now) => resendOwn(now, hardState, nowMs),
    (now) => (now.step === 'propose' ? resumePropose(now, hardState) : stay(now)),
  );
}

/** The votes why this round was entered count again, so that a Status is answered with them, and go out at once. */
function resumeRound(state: ConsensusState): Transition {
  const { roundCert } = state;
  if (roundCert.length === 0) return stay(state);
  return chain(state,
    (now) => ({ state: now, effects: [{ kind: 'send', to: EVERYBODY, message: { kind: 'roundCert', votes: roundCert } }] }),
    ...roundCert.map((vote) => (now: ConsensusState) => receiveVote(now, vote)),
  );
}

function resumePropose(state: ConsensusState, hardState: HardState): Transition {
  const timer: Effect = { kind: 'startTimer', timer: 'propose', height: state.height, round: state.round, ms: timeoutProposeMs(paramsOf(state), state.round) };
  return chain(state, (next) => ({ state: next, effects: [timer] }), (next) => (hardState.lastProposal === undefined ? propose(next) : stay(next)));
}

/** Sends and counts the own recorded messages of this round. */
function resendOwn(state: ConsensusState, { lastProposal, lastPrevote, lastPrecommit }: HardState, nowMs: number): Transition {
  if (state.ownIndex === undefined) return stay(state);
  const ownIndex = state.ownIndex;
  const proposal = lastProposal === undefined ? [] : ownProposal(state, lastProposal, ownIndex, nowMs);
  const votes = [lastPrevote, lastPrecommit].flatMap((signed) => (signed === undefined ? [] : [ownVote(signed, ownIndex)]));
  return chain(state, ...[...proposal, ...votes].map((input) => (next: ConsensusState): Transition => {
    if (input.kind === 'voteMsg') {
      const { state: counted, effects } = receiveVote(next, input.vote);
      return { state: counted, effects: [...effects, { kind: 'send', to: EVERYBODY, message: { kind: 'vote', vote: input.vote } }] };
    }
    const { state: held, effects } = receiveProposal(next, input);
    const { proposal: own } = input;
    return { state: held, effects: [...effects, { kind: 'send', to: EVERYBODY, message: { kind: 'proposal', proposal: own } }, { kind: 'send', to: EVERYBODY, message: { kind: 'block', id: own.blockId } }] };
  }));
}

type OwnMessage = Extract<Input, { readonly kind: 'proposalMsg' | 'voteMsg' }>;

function guardedVote(recorded: Vote): SignedVote {
  const vote = parseVote(recorded);
  assert(vote.ok, 'the guard holds votes');
  return vote.value;
}

function ownVote({ body, signature }: SignedBody, validatorIndex: number): OwnMessage {
  return { kind: 'voteMsg', vote: guardedVote({ body, signature, validatorIndex }) };
}

function ownProposal(state: ConsensusState, { body, signature }: SignedBody, ownIndex: number, nowMs: number): readonly OwnMessage[] {
  const decoded = decode(ProposalBody, body);
  assert(decoded.ok, 'the guard holds proposals of this node');
  const { height, round, polRound } = decoded.value;
  const blockId = toHex(decoded.value.blockId);
  const header = blockOf(state, blockId)?.header;
  if (header === undefined) return [];
  // A repeated value goes out with its polka; once a newer polka has replaced it in the guard, others have moved on too.
  const polka = polRound === state.validRound && blockId === state.validId ? state.validPolka : undefined;
  if (polRound !== NO_ROUND && polka === undefined) return [];
  const input = signedInput({ kind: 'proposal', height, round, polRound, blockId, header, polka: polRound === NO_ROUND ? undefined : polka }, signature, ownIndex, nowMs);
  return input.kind === 'proposalMsg' ? [input] : [];
}
