/** The chain a ledger works for and where it stands: what every function of this room takes. */
import { assert } from '../lib/assert.ts';
import type { ParsedTx, NetworkContext } from '../tx/context.ts';
import { epochAt, setOfEpoch, stakeEpochOf } from '../state/stakeEpochs.ts';
import type { FlatState, RowChange, ByteChange } from '../state/view.ts';
import type { StateTree, TreeVersion } from '../state/tree.ts';
import type { Header, ValidatorSet } from '../wire/consensus.ts';
import type { ChainEvent } from '../wire/tx.ts';

export interface Chain extends NetworkContext {
  readonly tree: StateTree;
  /**
   * What was decided at an earlier height and is not in state: the header, and the commit of it that stands in the next
   * block. Only evidence of light client attacks asks. Undefined for a height that is not kept; where the function is absent,
   * nobody is found guilty by headers, so whoever executes blocks of a network gives it.
   */
  readonly past?: ((height: number) => PastBlock | undefined) | undefined;
  /**
   * A transaction that was parsed before, by the leaf hash of its bytes: what stands in a block was most often read when it
   * came. PERF: reading it twice is a tenth of what a payment costs (BENCHMARKS.md).
   */
  readonly parsed?: ((leafHash: Uint8Array) => ParsedTx | undefined) | undefined;
}

export interface PastBlock {
  readonly header: Uint8Array;
  /** Certificate bytes. */
  readonly prevCommitOfNext: Uint8Array;
}

/** The newest final block and the state after it; height 0 is genesis. */
export interface Tip {
  readonly height: number;
  readonly timeMs: number;
  /** 32 zero bytes at height 0. */
  readonly blockId: Uint8Array;
  /** Bytes of the certificate that made it final; undefined at height 0. */
  readonly certificateBytes: Uint8Array | undefined;
  readonly state: FlatState;
  readonly treeVersion: TreeVersion;
  /** Set that voted on this block; at height 0 the first one. */
  readonly signers: ValidatorSet;
  /** Set that votes on the next block, and the first height at which it voted. */
  readonly validators: ValidatorSet;
  readonly validatorsSince: number;
}

/** The sets of a tip, from the state after it: for whoever loads a state instead of executing blocks. */
export function setsAt(state: FlatState, height: number): Pick<Tip, 'signers' | 'validators' | 'validatorsSince'> {
  const next = stakeEpochOf(state);
  const validators = setOfEpoch(state, next);
  const epoch = height === 0 ? next : epochAt(state, height);
  assert(epoch !== undefined, 'the stake epoch of the newest block is in state');
  return { signers: epoch.setSince === next.setSince ? validators : setOfEpoch(state, epoch), validators, validatorsSince: next.setSince };
}

/** A block with all that its execution gave; nothing of it is in force until `commitBlock`. */
export interface Executed {
  readonly header: Header;
  readonly headerBytes: Uint8Array;
  readonly blockBytes: Uint8Array;
  readonly blockId: Uint8Array;
  readonly txs: readonly ParsedTx[];
  /** Evidence in the body. */
  readonly evidence: readonly Uint8Array[];
  /** TxResult bytes, the leaves of resultRoot. */
  readonly results: readonly Uint8Array[];
  /** 0 done, else the number of the fault. */
  readonly codes: readonly number[];
  readonly events: readonly (readonly ChainEvent[])[];
  readonly changes: readonly RowChange[];
  readonly byteChanges: readonly ByteChange[];
  readonly treeVersion: TreeVersion;
}

