/** Runs the transactions of a block on a draft and derives what its header commits to. */
import { assert } from '../lib/assert.ts';
import { toHex } from '../lib/bytes.ts';
import type { Fault } from '../lib/fault.ts';
import { chainHash, taggedHash } from '../lib/hash.ts';
import { merkleRoot, merkleRootOfHashes } from '../lib/merkle.ts';
import { stakeEpochOf } from '../state/stakeEpochs.ts';
import { Draft, encodeChange, type ByteChange, type RowChange } from '../state/view.ts';
import type { TreeVersion } from '../state/tree.ts';
import type { BlockEnv, ParsedTx } from '../tx/context.ts';
import { encode } from '../wire/codec.ts';
import { Block, Body, Header } from '../wire/consensus.ts';
import type { ChainEvent } from '../wire/tx.ts';
import { applyTx, type AppliedTx } from './applyTx.ts';
import type { Chain, Executed, Tip } from './chain.ts';
import { endBlock } from './endBlock.ts';
import { punish, type ProvenOffence } from './evidence.ts';
import { isFeeFree } from './gate.ts';
import { assertReserveMoved } from './invariants.ts';

/** Fee-free transactions in a block: nobody fills blocks for nothing (SPEC §4). */
export const FEE_FREE_MAX = 64;
export const FEE_FREE_PER_SIGNER_MAX = 16;
const ZERO_HASH = new Uint8Array(32);

/** A block being filled: its draft and what its transactions did so far. */
export class BlockDraft {
  readonly env: BlockEnv;
  readonly draft: Draft;
  readonly txs: ParsedTx[] = [];
  readonly applied: AppliedTx[] = [];
  readonly evidence: readonly Uint8Array[];
  readonly #chain: Chain;
  readonly #feeFree = new Map<string, number>();
  #feeFreeCount = 0;

  constructor(chain: Chain, tip: Tip, timeMs: number, proven: readonly ProvenOffence[] = []) {
    this.#chain = chain;
    this.evidence = proven.map(({ bytes }) => bytes);
    this.env = { height: tip.height + 1, timeMs, prevTimeMs: tip.timeMs };
    this.draft = new Draft(tip.state, tip.timeMs);
    for (const { offences } of proven) for (const offence of offences) punish(this.draft, offence);
  }

  /** Appends a transaction; a refusal leaves the block as it was. */
  add(tx: ParsedTx): Fault | undefined {
    const free = isFeeFree(this.draft, tx);
    const signer = free ? toHex(tx.body.sender) : '';
    const ofSigner = this.#feeFree.get(signer) ?? 0;
    if (free && (this.#feeFreeCount >= FEE_FREE_MAX || ofSigner >= FEE_FREE_PER_SIGNER_MAX)) return { code: 'too_many_fee_free' };
    const applied = applyTx(this.#chain, this.draft, tx, this.env, this.txs.length);
    if (!applied.ok) return applied.fault;
    this.draft.settle();
    this.txs.push(tx);
    this.applied.push(applied.value);
    if (free) {
      this.#feeFreeCount += 1;
      this.#feeFree.set(signer, ofSigner + 1);
    }
    return undefined;
  }
}

export interface StateChange {
  readonly changes: readonly RowChange[];
  readonly byteChanges: readonly ByteChange[];
  readonly treeVersion: TreeVersion;
  readonly stateRoot: Uint8Array;
}

/** End of block, reserve equation, new tree version. `tip` comes with the commit that the block holds. The caller releases the version if the block is not committed. */
export function closeBlock(chain: Chain, tip: Tip, block: BlockDraft): StateChange {
  endBlock(tip, block.draft, block.env);
  const changes = block.draft.changes();
  assertReserveMoved(tip.state, changes);
  const byteChanges = changes.map(encodeChange);
  const treeVersion = chain.tree.update(tip.treeVersion, byteChanges);
  return { changes, byteChanges, treeVersion, stateRoot: chain.tree.root(treeVersion) };
}

/** Who proposes, in which round the value is first proposed, and of whom it tells. */
export interface Proposing {
  readonly proposerIndex: number;
  readonly round: number;
  /** Evidence of different offences; what `provenIn` does not take is left out. */
  readonly evidence?: readonly Uint8Array[] | undefined;
}

/** The header that follows from the execution (all but the choice of time, round and proposer). */
export function headerOf(tip: Tip, block: BlockDraft, state: StateChange, { proposerIndex, round }: Proposing): Header {
  return {
    version: 1, height: block.env.height, timeMs: block.env.timeMs, prevBlockId: tip.blockId,
    prevCommitHash: tip.certificateBytes === undefined ? ZERO_HASH : taggedHash('bill/commit/1', tip.certificateBytes),
    txRoot: merkleRootOfHashes(block.txs.map((tx) => tx.leafHash)), txCount: block.txs.length, resultRoot: merkleRoot(block.applied.map((one) => one.resultBytes)),
    stateRoot: state.stateRoot, validatorsHash: stakeEpochOf(tip.state).setHash, nextValidatorsHash: stakeEpochOf(block.draft).setHash, evidenceRoot: merkleRoot(block.evidence), proposerIndex, round,
  };
}

export function blockIdBytes(genesisHash: Uint8Array, headerBytes: Uint8Array): Uint8Array {
  return chainHash('bill/header/1', genesisHash, headerBytes);
}

/** Puts header and body together with what the execution gave. */
export function sealBlock(chain: Chain, tip: Tip, block: BlockDraft, state: StateChange, header: Header): Executed {
  const headerBytes = encode(Header, header);
  const body = encode(Body, { txs: block.txs.map((tx) => tx.bytes), evidence: [...block.evidence], prevCommit: tip.certificateBytes });
  return executedOf(chain, block, state, { header, headerBytes, blockBytes: encode(Block, { header: headerBytes, body }) });
}

/** A block whose bytes are known, and what its execution gave. */
export function executedOf(chain: Chain, block: BlockDraft, state: StateChange, { header, headerBytes, blockBytes }: Pick<Executed, 'header' | 'headerBytes' | 'blockBytes'>): Executed {
  assert(block.txs.length === block.applied.length, 'every transaction has a result');
  const events: (readonly ChainEvent[])[] = block.applied.map((one) => one.events);
  return {
    header, headerBytes, blockBytes, blockId: blockIdBytes(chain.genesisHash, headerBytes), txs: block.txs, events,
    evidence: block.evidence, results: block.applied.map((one) => one.resultBytes), codes: block.applied.map((one) => one.code),
    changes: state.changes, byteChanges: state.byteChanges, treeVersion: state.treeVersion,
  };
}
