/** Everything the consensus core can ask for (consensus page §1.6). The shell performs effects strictly in list order. */
import type { Certificate, Evidence } from '../wire/consensus.ts';
import type { TimerKind } from './input.ts';
import type { BlockIdHex, HardStateContent, SignedProposal, SignedVote, Unsigned } from './types.ts';

export type Effect =
  /** Execute the block speculatively, as soon as its body is here (NeedBlock if it does not come), and answer blockVerdict. Cached by id. */
  | { readonly kind: 'checkBlock'; readonly id: BlockIdHex }
  /** Start the synced put of the body; nobody waits for it here (see signAndSend). */
  | { readonly kind: 'saveBlock'; readonly id: BlockIdHex }
  | SignAndSend
  /** Messages already signed by somebody. */
  | { readonly kind: 'send'; /** A peer of peerStatus, or every validator. */ readonly to: string | typeof EVERYBODY; readonly message: SendMessage }
  /** A certificate to every validator. */
  | { readonly kind: 'relay'; readonly certificate: Certificate }
  /** Monotonic clock. Answered by timerFired with the same numbers. */
  | { readonly kind: 'startTimer'; readonly timer: TimerKind; readonly height: number; readonly round: number; readonly ms: number }
  /** Drop propose, prevote and precommit timers of lower heights and of lower rounds of this height, and every idle timer up to this height. Never the pace timer. */
  | { readonly kind: 'cancelTimers'; readonly height: number; readonly belowRound: number }
  /** Ask the ledger for a block whose time is by `proposalTime(now, prevTimeMs, precisionMs)`; answer valueBuilt. */
  | { readonly kind: 'buildValue'; readonly height: number; readonly round: number; readonly prevTimeMs: number; /** The widest certificate of the block below that this core can make; undefined at height 1 and after boot or sync: use the stored one. */ readonly prevCommit: Certificate | undefined }
  /** A quorum has precommitted a block without a verdict: ask peers until its body is here (it may be already, or on its way), check it and answer blockVerdict. Asked for once. */
  | { readonly kind: 'fetchBlock'; readonly height: number; readonly id: BlockIdHex }
  /** Synced put of the certificate, then the block is final, then startHeight of the next height. */
  | { readonly kind: 'decide'; readonly height: number; readonly id: BlockIdHex; readonly certificate: Certificate }
  | { readonly kind: 'reportEvidence'; readonly evidence: Evidence; readonly offender: number; /** The own key signed twice: somebody else runs it. The core has stopped signing; alarm. */ readonly own: boolean }
  /** Stop at once and alarm: a quorum committed a block that this node finds invalid. */
  | { readonly kind: 'halt'; readonly reason: string };

/** Recipient of a send that goes to every validator. */
export const EVERYBODY = 'everybody';

export type SendMessage =
  | { readonly kind: 'vote'; readonly vote: SignedVote }
  | { readonly kind: 'proposal'; readonly proposal: SignedProposal }
  | { readonly kind: 'certificate'; readonly certificate: Certificate }
  /** Why a round was entered: votes of one height and one round, each by another validator. */
  | { readonly kind: 'roundCert'; readonly votes: readonly SignedVote[] }
  /** BlockData of a block this node has found valid. */
  | { readonly kind: 'block'; readonly id: BlockIdHex };

/**
 * The shell: (1) waits until `durableBeforeWrite` are on disk; (2) asks `maySign` for each body in order and signs;
 * (3) writes one guard record `recordSigned(…)`, synced; (4) waits until `durableBeforeSend` are on disk; (5) sends, a
 * proposal with its block; (6) feeds the signed messages back as inputs, in order. A refusal of the sign rule sends and
 * returns nothing.
 */
export interface SignAndSend {
  readonly kind: 'signAndSend';
  readonly bodies: readonly Unsigned[];
  readonly hardState: HardStateContent;
  readonly durableBeforeWrite: readonly BlockIdHex[];
  readonly durableBeforeSend: readonly BlockIdHex[];
}
