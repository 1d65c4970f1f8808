/** The proposer's side: fills a block from what the pool offers. */
import { assert } from '../lib/assert.ts';
import { BLOCK_MAX_BYTES, BLOCK_MAX_EVIDENCE, BLOCK_MAX_TXS } from '../wire/consensus.ts';
import type { ParsedTx } from '../tx/context.ts';
import type { Chain, Executed, Tip } from './chain.ts';
import { provenIn } from './evidence.ts';
import { BlockDraft, closeBlock, headerOf, sealBlock, type Proposing } from './executeBlock.ts';

/** Room for header, previous certificate and the framing of 2,000 transactions inside the block limit. */
const BLOCK_OVERHEAD_BYTES = 32_768;

/**
 * Builds and executes the next block from the offered transactions in their order; those that do not fit or fail the
 * gate are left out (they stay in the pool until they end), and so is evidence that proves nothing at this time.
 * @param timeMs the proposer's clock, above the tip's time.
 */
export function buildBlock(chain: Chain, tip: Tip, offered: Iterable<ParsedTx>, timeMs: number, proposing: Proposing): Executed {
  assert(timeMs > tip.timeMs, 'block time rises');
  const block = new BlockDraft(chain, tip, timeMs, provenIn(chain, tip, proposing.evidence ?? [], timeMs).slice(0, BLOCK_MAX_EVIDENCE));
  let size = block.evidence.reduce((sum, bytes) => sum + bytes.length + 4, BLOCK_OVERHEAD_BYTES);
  for (const tx of offered) {
    if (block.txs.length >= BLOCK_MAX_TXS) break;
    if (size + tx.bytes.length + 4 > BLOCK_MAX_BYTES) continue;
    if (block.add(tx) === undefined) size += tx.bytes.length + 4;
  }
  const state = closeBlock(chain, tip, block);
  return sealBlock(chain, tip, block, state, headerOf(tip, block, state, proposing));
}
