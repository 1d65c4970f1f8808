/**
 * The state of the consensus core: plain data, never changed in place, can be copied by structuredClone.
 * Lists are in a fixed order, so that nothing depends on the order of keys.
 */
import type { Certificate, ValidatorSet } from '../wire/consensus.ts';
import type { Effect } from './effect.ts';
import type { Schedule } from './proposer.ts';
import { NIL, NO_ROUND, type BlockIdHex, type ConsensusParams, type RoundStep, type SignedProposal, type SignedVote } from './types.ts';

export interface ConsensusState {
  /** Own consensus key; undefined for a node that only watches. */
  readonly publicKey: Uint8Array | undefined;
  /** 0 before the first startHeight. */
  readonly height: number;
  /** −1 until the height starts. */
  readonly round: number;
  readonly step: RoundStep;
  readonly lockedRound: number;
  readonly lockedId: BlockIdHex;
  readonly validRound: number;
  readonly validId: BlockIdHex;
  readonly validPolka: Certificate | undefined;
  /** Votes that justified entering the round; empty in round 0. Kept in the guard: nobody else may be able to bring the others here. */
  readonly roundCert: readonly SignedVote[];
  readonly validators: ValidatorSet;
  /** Hex of the hash of `validators`. */
  readonly validatorsHash: string;
  /** Sum of all power. */
  readonly totalPower: number;
  readonly schedule: Schedule;
  /** Own index in the set; undefined: do not sign. */
  readonly ownIndex: number | undefined;
  readonly params: ConsensusParams | undefined;
  readonly prevBlock: { readonly id: BlockIdHex; readonly timeMs: number };
  /** Ascending by round. */
  readonly rounds: readonly RoundState[];
  /** Newest messages of rounds beyond round + 1, by validator. */
  readonly future: readonly FutureSlot[];
  /** In order of first mention. */
  readonly blocks: readonly BlockState[];
  /** Messages of height + 1, in order of arrival. */
  readonly nextHeight: readonly NextHeightMessage[];
  /** May a height start as soon as there is work? True at boot. */
  readonly paceOpen: boolean;
  /** The height that the running pace timer opens; 0: none runs. */
  readonly paceHeight: number;
  /** workAvailable came in step newHeight. */
  readonly work: boolean;
  readonly decision: BlockIdHex;
  /** Round of the certificate that decided. */
  readonly decisionRound: number;
  /** Precommits of the height below: late ones still widen the prevCommit. */
  readonly prevCommit: PrevCommit | undefined;
  /** The own key was seen to sign twice: never sign again in this process. */
  readonly muted: boolean;
  /** halt was asked for: every further input is ignored. */
  readonly halted: boolean;
}

export interface RoundState {
  readonly round: number;
  /** At most two distinct ones, in order of arrival. */
  readonly proposals: readonly HeldProposal[];
  readonly prevote: VoteTable;
  readonly precommit: VoteTable;
  /** Certificates that came or were made, at most one per type and block, at most CERTIFICATES_PER_ROUND. */
  readonly certificates: readonly Certificate[];
  readonly prevoteTimerStarted: boolean;
  readonly precommitTimerStarted: boolean;
  readonly polkaHandled: boolean;
  /** Offences reported, `type:index`, ascending by report. */
  readonly reported: readonly string[];
}

export interface HeldProposal {
  readonly proposal: SignedProposal;
  readonly receivedAtMs: number;
}

/** Votes of one type and round. */
export interface VoteTable {
  /** By validator index; the first vote counts. */
  readonly votes: readonly (SignedVote | undefined)[];
  /** Power per block id (or NIL), in order of first vote. */
  readonly tallies: readonly { readonly blockId: BlockIdHex; readonly power: number }[];
  /** Power of all who voted. */
  readonly power: number;
}

export interface BlockState {
  readonly id: BlockIdHex;
  readonly verdict: 'unknown' | 'valid' | 'invalid';
  /** Known from a proposal, a built value or the disk. */
  readonly header: Uint8Array | undefined;
  readonly fetching: boolean;
}

export interface FutureSlot {
  readonly prevote?: SignedVote | undefined;
  readonly precommit?: SignedVote | undefined;
  readonly proposal?: HeldProposal | undefined;
}

export type NextHeightMessage =
  | { readonly kind: 'proposalMsg'; readonly proposal: SignedProposal; readonly receivedAtMs: number }
  | { readonly kind: 'voteMsg'; readonly vote: SignedVote };

export interface PrevCommit {
  readonly height: number;
  readonly round: number;
  readonly blockId: BlockIdHex;
  readonly validators: ValidatorSet;
  readonly table: VoteTable;
}

/** What a rule or handler gives back: the next state and what to do, in order. */
export interface Transition {
  readonly state: ConsensusState;
  readonly effects: readonly Effect[];
}

/** The core before its first height. `publicKey` is the consensus key of this node, undefined if it only watches. */
export function initialState(config: { readonly publicKey: Uint8Array | undefined }): ConsensusState {
  return {
    publicKey: config.publicKey, height: 0, round: NO_ROUND, step: 'newHeight',
    lockedRound: NO_ROUND, lockedId: NIL, validRound: NO_ROUND, validId: NIL, validPolka: undefined, roundCert: [],
    validators: { validators: [] }, validatorsHash: '', totalPower: 0, schedule: { slots: [], offset: 0, since: 1 }, ownIndex: undefined,
    params: undefined, prevBlock: { id: NIL, timeMs: 0 },
    rounds: [], future: [], blocks: [], nextHeight: [],
    paceOpen: true, paceHeight: 0, work: false, decision: NIL, decisionRound: NO_ROUND, prevCommit: undefined, muted: false, halted: false,
  };
}

/** Nothing to do. */
export function stay(state: ConsensusState): Transition {
  return { state, effects: [] };
}

/** One transition after the other, effects in order. */
export function chain(state: ConsensusState, ...moves: readonly ((state: ConsensusState) => Transition)[]): Transition {
  return moves.reduce<Transition>((done, move) => {
    const next = move(done.state);
    return { state: next.state, effects: [...done.effects, ...next.effects] };
  }, stay(state));
}
