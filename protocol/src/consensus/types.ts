/**
 * What the consensus core talks about: verified messages in memory, parameters of a height, what a node must remember.
 *
 * Inside the core a block id is lower-case hex and NIL a constant of its own; on the wire an id is 32 bytes and NIL is
 * absent. `messages.ts` is the one place that turns the one into the other.
 */
import type { Certificate, HardState } from '../wire/consensus.ts';
import type { ParamsRow } from '../wire/state.ts';

/** 64 lower-case hex digits. */
export type BlockIdHex = string;

/** A vote for no block; also "no locked value" and "no valid value". Never a block id: those are 64 hex digits. */
export const NIL = 'nil';

/** The round −1 of the paper: nothing locked, nothing valid, no proof of lock, no round entered yet. */
export const NO_ROUND = -1;

export type VoteType = 'prevote' | 'precommit';

/** A vote whose signature the shell has checked (or that the own signer has just made). */
export interface SignedVote {
  readonly type: VoteType;
  readonly height: number;
  readonly round: number;
  /** The block voted for, or NIL. */
  readonly blockId: BlockIdHex;
  readonly validatorIndex: number;
  readonly signature: Uint8Array;
}

/** A proposal whose signature, header and polka certificate the shell has checked (`readProposal`). */
export interface SignedProposal {
  readonly height: number;
  readonly round: number;
  /** −1 for a fresh value, else the round of `polka`, below `round`. */
  readonly polRound: number;
  readonly blockId: BlockIdHex;
  readonly signature: Uint8Array;
  /** Header bytes; their block id is `blockId`. */
  readonly header: Uint8Array;
  /** From the header: the round in which the value was first proposed, and block time. */
  readonly headerRound: number;
  readonly headerTimeMs: number;
  /** Present iff polRound ≥ 0: for polRound and blockId. */
  readonly polka?: Certificate | undefined;
}

/** A vote to be signed. */
export interface UnsignedVote {
  readonly kind: VoteType;
  readonly height: number;
  readonly round: number;
  readonly blockId: BlockIdHex;
  /** Prevotes by R2 only: the polka that lets a locked node vote for another block; the signer's lock rule wants it. */
  readonly polka?: Certificate | undefined;
}

/** A proposal to be signed; the block itself goes out with it as BlockData. */
export interface UnsignedProposal {
  readonly kind: 'proposal';
  readonly height: number;
  readonly round: number;
  readonly polRound: number;
  readonly blockId: BlockIdHex;
  readonly header: Uint8Array;
  readonly polka?: Certificate | undefined;
}

export type Unsigned = UnsignedProposal | UnsignedVote;

/** The part of the hard state that the core decides; `recordSigned` joins it with the signed bytes. */
export type HardStateContent = Pick<HardState, 'height' | 'round' | 'step' | 'lockedRound' | 'lockedId' | 'validRound' | 'validId' | 'validPolka' | 'roundCert'>;

/** The parameters of a height, straight from the chain's params row (§1.5). Bases; `timeouts.ts` adds the growth per round. */
export type ConsensusParams = Pick<ParamsRow, 'timeoutProposeMs' | 'timeoutVoteMs' | 'minBlockIntervalMs' | 'idleBlockIntervalMs' | 'precisionMs' | 'msgDelayMs'>;

/** A block the core may propose or decide: on disk or in memory of the shell, executed and found valid. */
export interface ValidBlock {
  readonly id: BlockIdHex;
  readonly header: Uint8Array;
}

export type RoundStep = 'newHeight' | 'propose' | 'prevote' | 'precommit' | 'decided';

/** Numbers of the steps in the hard state. */
export const STEP_NUMBER: Readonly<Record<RoundStep, number>> = { newHeight: 0, propose: 1, prevote: 2, precommit: 3, decided: 4 };

/** What a node tells its peers about the height it is in, so that they send what it lacks (§1.13). */
export interface PeerStatus {
  readonly height: number;
  /** −1 before round 0. */
  readonly round: number;
  readonly step: RoundStep;
  /** At most STATUS_ROUNDS, ascending. Bitmaps as in certificates. */
  readonly rounds: readonly RoundStatus[];
}

export interface RoundStatus {
  readonly round: number;
  readonly hasProposal: boolean;
  readonly prevotes: Uint8Array;
  readonly precommits: Uint8Array;
}

/** Rounds reported in a Status: the current one, its neighbours and the one locked. */
export const STATUS_ROUNDS = 4;
