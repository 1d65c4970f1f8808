/**
 * The verdict on a block (consensus page §1.1): decode, links, previous commit, transactions, execution, roots. A pure
 * function of the block and the state before it; no clock and no round of the receiver enters.
 */
import { equalBytes, toHex } from '../lib/bytes.ts';
import { ok, type Fault, type Result } from '../lib/fault.ts';
import { verifyCertificate } from '../consensus/certificate.ts';
import { makeSchedule, proposerAt } from '../consensus/proposer.ts';
import type { ParsedTx } from '../tx/context.ts';
import { parseTx } from '../tx/envelope.ts';
import { decode, encode } from '../wire/codec.ts';
import { Block, Body, Certificate, Header } from '../wire/consensus.ts';
import { setOfEpoch, stakeEpochOf } from '../state/stakeEpochs.ts';
import type { Chain, Executed, Tip } from './chain.ts';
import { provenIn } from './evidence.ts';
import { BlockDraft, closeBlock, headerOf, sealBlock } from './executeBlock.ts';

/** Why a block is not valid: a fault of its bytes or of a transaction, or the header field that does not come out. */
export type BlockFault = Fault | { readonly code: 'invalid_block'; readonly field: string; readonly why: string };
export type BlockVerdict = { readonly ok: true; readonly value: Executed } | { readonly ok: false; readonly fault: BlockFault };

function invalid(field: string, why: string): { readonly ok: false; readonly fault: BlockFault } {
  return { ok: false, fault: { code: 'invalid_block', field, why } };
}

interface OpenedBlock {
  readonly header: Header;
  readonly body: Body;
  readonly txs: readonly ParsedTx[];
}

/** Strict decode of all layers. */
function openBlock(chain: Chain, blockBytes: Uint8Array): Result<OpenedBlock> {
  const block = decode(Block, blockBytes);
  if (!block.ok) return block;
  const header = decode(Header, block.value.header);
  if (!header.ok) return header;
  const body = decode(Body, block.value.body);
  if (!body.ok) return body;
  const txs: ParsedTx[] = [];
  for (const bytes of body.value.txs) {
    const tx = parseTx(chain, bytes);
    if (!tx.ok) return tx;
    txs.push(tx.value);
  }
  return ok({ header: header.value, body: body.value, txs });
}

/** Links to the tip: height, time, proposer, and the commit that made the tip final. */
function checkLinks(chain: Chain, tip: Tip, { header, body }: OpenedBlock): string | undefined {
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
function firstDifference(given: Header, computed: Header): string | undefined {
  if (equalBytes(encode(Header, given), encode(Header, computed))) return undefined;
  const shown = (value: unknown): string => (value instanceof Uint8Array ? toHex(value) : String(value));
  for (const key of Object.keys(Header.fields) as (keyof Header)[]) {
    if (shown(given[key]) !== shown(computed[key])) return `${key}: block has ${shown(given[key])}, execution gives ${shown(computed[key])}`;
  }
  return 'header';
}

/** Executes a block of a peer (or of this node's own past) against the tip and compares every root. */
export function applyBlock(chain: Chain, tip: Tip, blockBytes: Uint8Array): BlockVerdict {
  const opened = openBlock(chain, blockBytes);
  if (!opened.ok) return opened;
  const { header, body, txs } = opened.value;
  const link = checkLinks(chain, tip, opened.value);
  if (link !== undefined) return invalid(link, 'does not follow from the block before');

  const proven = provenIn(chain, tip, body.evidence, header.timeMs);
  if (proven.length < body.evidence.length) return invalid('evidence', 'proves no offence that is unpunished, or two of one validator');

  const block = new BlockDraft(chain, tip, header.timeMs, proven);
  for (const tx of txs) {
    const refusal = block.add(tx);
    if (refusal !== undefined) return { ok: false, fault: refusal };
  }
  const linked: Tip = { ...tip, certificateBytes: body.prevCommit };
  const state = closeBlock(chain, linked, block);
  const computed = headerOf(linked, block, state, header);
  const difference = firstDifference(header, computed);
  if (difference === undefined) return ok(sealBlock(chain, linked, block, state, computed));
  chain.tree.release(state.treeVersion);
  return invalid('header', difference);
}

/** Makes an executed block the tip: its changes enter the flat state, the old tree version is released. */
export function commitBlock(chain: Chain, tip: Tip, executed: Executed, certificate: Certificate): Tip {
  tip.state.apply(executed.changes);
  chain.tree.release(tip.treeVersion);
  const next = stakeEpochOf(tip.state);
  return {
    height: executed.header.height, timeMs: executed.header.timeMs, blockId: executed.blockId, certificateBytes: encode(Certificate, certificate), state: tip.state, treeVersion: executed.treeVersion,
    signers: tip.validators, validators: next.setSince === tip.validatorsSince ? tip.validators : setOfEpoch(tip.state, next), validatorsSince: next.setSince,
  };
}
