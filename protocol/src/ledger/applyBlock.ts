/**
 * The verdict on a block (consensus page §1.1): decode, links, previous commit, transactions, execution, roots. A pure
 * function of the block and the state before it; no clock and no round of the receiver enters.
 */
import { equalBytes, toHex } from '../lib/bytes.ts';
import { ok, type Fault, type Result } from '../lib/fault.ts';
import { merkleLeafHash } from '../lib/merkle.ts';
import { verifyCertificate } from '../consensus/certificate.ts';
import { makeSchedule, proposerAt } from '../consensus/proposer.ts';
import type { ParsedTx } from '../tx/context.ts';
import { parseTx } from '../tx/envelope.ts';
import { decode, decodeShared, encode } from '../wire/codec.ts';
import { Block, Body, Certificate, Header } from '../wire/consensus.ts';
import { setOfEpoch, stakeEpochOf } from '../state/stakeEpochs.ts';
import type { Chain, Executed, Tip } from './chain.ts';
import { provenIn } from './evidence.ts';
import { BlockDraft, closeBlock, executedOf, headerOf } from './executeBlock.ts';

/** Why a block is not valid: a fault of its bytes or of a transaction, or the header field that does not come out. */
export type BlockFault = Fault | { readonly code: 'invalid_block'; readonly field: string; readonly why: string };
export type BlockVerdict = { readonly ok: true; readonly value: Executed } | { readonly ok: false; readonly fault: BlockFault };

function invalid(field: string, why: string): { readonly ok: false; readonly fault: BlockFault } {
  return { ok: false, fault: { code: 'invalid_block', field, why } };
}

/** A block of which the header is decoded. Bytes are shared with `blockBytes`, which must not change afterwards. */
export interface OpenedBlock {
  readonly blockBytes: Uint8Array;
  readonly headerBytes: Uint8Array;
  readonly bodyBytes: Uint8Array;
  readonly header: Header;
}

/** A block taken apart, its transactions still bytes. */
export interface DecodedBlock extends OpenedBlock {
  readonly body: Body;
}

/** Strict decode of a block down to its header. */
export function openBlock(blockBytes: Uint8Array): Result<OpenedBlock> {
  const block = decodeShared(Block, blockBytes);
  if (!block.ok) return block;
  const { header: headerBytes, body: bodyBytes } = block.value;
  const header = decode(Header, headerBytes);
  return header.ok ? ok({ blockBytes, headerBytes, bodyBytes, header: header.value }) : header;
}

/** Strict decode of the body too. */
export function decodeBody(opened: OpenedBlock): Result<DecodedBlock> {
  const body = decodeShared(Body, opened.bodyBytes);
  return body.ok ? ok({ ...opened, body: body.value }) : body;
}

/** Its transactions, or the fault of the first that has no right form. */
function parseTxs(chain: Chain, body: Body): Result<readonly ParsedTx[]> {
  const txs: ParsedTx[] = [];
  for (const bytes of body.txs) {
    const known = chain.parsed?.(merkleLeafHash(bytes));
    if (known !== undefined) {
      txs.push(known);
      continue;
    }
    const tx = parseTx(chain, bytes);
    if (!tx.ok) return tx;
    txs.push(tx.value);
  }
  return ok(txs);
}

/** Links to the tip: height, time, proposer, and the commit that made the tip final. */
function checkLinks(chain: Chain, tip: Tip, { header, body }: DecodedBlock): string | undefined {
  if (header.height !== tip.height + 1) return 'height';
  if (header.timeMs <= tip.timeMs) return 'timeMs';
  if (!equalBytes(header.prevBlockId, tip.blockId)) return 'prevBlockId';
  if (header.proposerIndex !== proposerAt(makeSchedule(tip.validators, tip.validatorsSince), header.height, header.round)) return 'proposerIndex';
  if ((body.prevCommit === undefined) !== (tip.height === 0)) return 'prevCommit';
  if (body.prevCommit === undefined || tip.certificateBytes === undefined) return undefined;
  if (equalBytes(body.prevCommit, tip.certificateBytes)) return undefined;
  const commit = decode(Certificate, body.prevCommit);
  const names = commit.ok && commit.value.height === tip.height && equalBytes(commit.value.blockId, tip.blockId) && commit.value.type === 2;
  return names && verifyCertificate(chain.genesisHash, tip.signers, commit.value, chain.verify).ok ? undefined : 'prevCommit';
}

/** First field of the recomputed header that differs from the one in the block. */
function firstDifference(given: Header, computed: Header): string {
  const shown = (value: unknown): string => (value instanceof Uint8Array ? toHex(value) : String(value));
  for (const key of Object.keys(Header.fields) as (keyof Header)[]) {
    if (shown(given[key]) !== shown(computed[key])) return `${key}: block has ${shown(given[key])}, execution gives ${shown(computed[key])}`;
  }
  return 'header';
}

/** Executes a block of a peer (or of this node's own past) against the tip and compares every root. */
export function applyBlock(chain: Chain, tip: Tip, blockBytes: Uint8Array): BlockVerdict {
  const opened = openBlock(blockBytes);
  if (!opened.ok) return opened;
  const decoded = decodeBody(opened.value);
  return decoded.ok ? applyDecoded(chain, tip, decoded.value) : decoded;
}

/** `applyBlock` of a block that is decoded already. */
export function applyDecoded(chain: Chain, tip: Tip, decoded: DecodedBlock): BlockVerdict {
  const { header, body } = decoded;
  const txs = parseTxs(chain, body);
  if (!txs.ok) return txs;
  const link = checkLinks(chain, tip, decoded);
  if (link !== undefined) return invalid(link, 'does not follow from the block before');

  const proven = provenIn(chain, tip, body.evidence, header.timeMs);
  if (proven.length < body.evidence.length) return invalid('evidence', 'proves no offence that is unpunished, or two of one validator');

  const block = new BlockDraft(chain, tip, header.timeMs, proven);
  for (const tx of txs.value) {
    const refusal = block.add(tx);
    if (refusal !== undefined) return { ok: false, fault: refusal };
  }
  const linked: Tip = { ...tip, certificateBytes: body.prevCommit };
  const state = closeBlock(chain, linked, block);
  const computed = headerOf(linked, block, state, header);
  // What decodes encodes back to the same bytes, so nothing but the computed header is encoded here.
  if (equalBytes(decoded.headerBytes, encode(Header, computed))) return ok(executedOf(chain, block, state, decoded));
  chain.tree.release(state.treeVersion);
  return invalid('header', firstDifference(header, computed));
}

/** Makes an executed block the tip: its changes enter the flat state, the old tree version is released. */
export function commitBlock(chain: Chain, tip: Tip, executed: Executed, certificate: Certificate): Tip {
  tip.state.apply(executed.changes, executed.byteChanges);
  chain.tree.release(tip.treeVersion);
  const next = stakeEpochOf(tip.state);
  return {
    height: executed.header.height, timeMs: executed.header.timeMs, blockId: executed.blockId, certificateBytes: encode(Certificate, certificate), state: tip.state, treeVersion: executed.treeVersion,
    signers: tip.validators, validators: next.setSince === tip.validatorsSince ? tip.validators : setOfEpoch(tip.state, next), validatorsSince: next.setSince,
  };
}
