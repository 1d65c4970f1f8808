/** Effect buildValue: a block from the pool, at a time the rules allow (consensus page §1.7, §1.11). */
import {
  BLOCK_MAX_BYTES, buildBlock, certificateBytes, paramsOf, proposalTime, type Chain, type Effect, type Executed, type ParsedTx, type Tip,
} from '@billcoin/protocol';
import type { Clock } from '../ports.ts';
import type { EvidencePool } from './evidencePool.ts';

/** Room that the ledger keeps free in a block, and the largest transaction on top. */
const FULL_MARGIN_BYTES = 65_536;
/**
 * Transactions offered to a block of round 0, half of what one may hold, and half as many in each further round: where the
 * validators are too slow for a block, the next one must not be larger still because more waits meanwhile. With full blocks four
 * of them on two cores stood for six seconds now and then, one failed round after the other.
 */
const OFFER_TXS = 1_024;
/** However many rounds have failed. */
const OFFER_MIN_TXS = 64;

/** Where blocks come from: the pool. */
export interface BlockSource {
  offer(limit: number): readonly ParsedTx[];
  parkLeftOut(offered: readonly ParsedTx[], included: readonly ParsedTx[]): void;
  /** Transactions that a block could take. */
  readonly ready: number;
}

export interface BuildingDeps {
  readonly chain: Chain;
  readonly source: BlockSource;
  readonly clock: Clock;
  readonly evidence: EvidencePool;
}

export type BuildValue = Extract<Effect, { readonly kind: 'buildValue' }>;

/** The block, or how long to wait until the block below is no longer ahead of this clock. */
export function buildValue({ chain, source, clock, evidence }: BuildingDeps, tip: Tip, proposerIndex: number, { round, prevTimeMs, prevCommit }: BuildValue): Executed | { readonly waitMs: number } {
  const time = proposalTime(clock.nowMs(), prevTimeMs, paramsOf(tip.state).precisionMs);
  if ('waitMs' in time) return time;
  const parent = prevCommit === undefined ? tip : { ...tip, certificateBytes: certificateBytes(prevCommit) };
  const offered = source.offer(Math.max(OFFER_MIN_TXS, Math.floor(OFFER_TXS / 2 ** round)));
  const executed = buildBlock(chain, parent, offered, time.timeMs, { proposerIndex, round, evidence: evidence.offer(tip) });
  if (executed.txs.length < offered.length && !isFull(executed)) source.parkLeftOut(offered, executed.txs);
  return executed;
}

/** Nothing of ordinary size fits any more: what was left out has not failed. */
function isFull(executed: Executed): boolean {
  return executed.blockBytes.length > BLOCK_MAX_BYTES - FULL_MARGIN_BYTES;
}
