/** Everything that can happen to the consensus core (consensus page §1.6). The shell gives one input at a time to `step`. */
import type { Certificate, HardState, ValidatorSet } from '../wire/consensus.ts';
import type { BlockIdHex, ConsensusParams, PeerStatus, SignedProposal, SignedVote, ValidBlock } from './types.ts';

export type TimerKind = 'propose' | 'prevote' | 'precommit' | 'pace' | 'idle';

export type Input =
  | StartHeight
  | { readonly kind: 'proposalMsg'; readonly proposal: SignedProposal; /** Local clock when the Proposal (not the body) arrived; for one's own, when it was signed. */ readonly receivedAtMs: number }
  /** Answer to checkBlock, and to fetchBlock once the body has been executed. Verdicts nobody asked for are ignored. */
  | { readonly kind: 'blockVerdict'; readonly id: BlockIdHex; readonly valid: boolean; /** Of a valid block that was fetched without a proposal. */ readonly header?: Uint8Array | undefined }
  | { readonly kind: 'voteMsg'; readonly vote: SignedVote }
  | { readonly kind: 'certMsg'; readonly certificate: Certificate }
  /** Exactly the numbers of startTimer; 0 as the round of pace and idle. */
  | { readonly kind: 'timerFired'; readonly timer: TimerKind; readonly height: number; readonly round: number }
  /**
   * The pool holds an executable transaction, or verified evidence is pending. It is remembered while the height waits
   * to start (step newHeight) and forgotten afterwards: the shell gives it when the pool stops being empty, and again
   * right after every startHeight while the pool is not empty.
   */
  | { readonly kind: 'workAvailable' }
  /** Answer to buildValue: the block is executed, valid and in the shell's hands. Ignored if (height, round) has passed. */
  | { readonly kind: 'valueBuilt'; readonly height: number; readonly round: number; readonly block: ValidBlock }
  /** Answered with what the peer lacks. */
  | { readonly kind: 'peerStatus'; readonly peer: string; readonly status: PeerStatus };

/**
 * Moves the core to a height, step newHeight. Comes after boot, after every decide (certificate durable), and when block
 * sync has moved the tip. Heights only grow.
 *
 * Messages of height h + 1 that arrive while the core is at h are verified by the shell under the set of h; the core
 * keeps a bounded number of them and drops them here if the set has changed. Votes of height h − 1 are verified under
 * the set of h − 1.
 */
export interface StartHeight {
  readonly kind: 'startHeight';
  readonly height: number;
  /** Sorted as `checkValidatorSet` demands. */
  readonly validators: ValidatorSet;
  /** First height at which this set votes; 1 ≤ since ≤ height. */
  readonly since: number;
  readonly params: ConsensusParams;
  /** The block below; at height 1 the genesis time and 64 zero digits. */
  readonly prevBlock: { readonly id: BlockIdHex; readonly timeMs: number };
  /** False: take part without signing (lost guard, §1.9). A key that is not in the set never signs either. */
  readonly sign: boolean;
  /** Only if the guard's record is of this height: after boot, and when sync has brought back blocks that were lost. */
  readonly resume?: Resume | undefined;
}

/** What a node has signed in a height before, and what of it is on disk (§1.7 Resume). No rule may fire before it. */
export interface Resume {
  readonly hardState: HardState;
  /** Bodies of this height found on disk, executed again and valid. */
  readonly blocks: readonly ValidBlock[];
  /** Local clock; stands in for the arrival time of the own recorded proposal. */
  readonly nowMs: number;
}
