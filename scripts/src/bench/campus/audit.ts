/** After a load: is every payment that a node accepted in the chain, and each only once? Read from the blocks, not from what the campus says. */
import { setTimeout as delay } from 'node:timers/promises';
import { createClient, getBlock, type BlockView } from '@billcoin/sdk';
import { inParallel } from '../../devnet/parts/settle.ts';
import type { BenchClient } from '../benchClient.ts';

const DRAIN_MS = 60_000;
const POLL_MS = 200;
const BLOCKS_AT_ONCE = 8;

export interface Audit {
  readonly blocks: number;
  readonly payments: number;
  /** Accepted and not final, although the pool is empty or a minute has passed. */
  readonly lost: number;
  /** Final more often than once, or final and signed by nobody of the load. */
  readonly doubled: number;
}

/** @param url of the node that is asked. @param client of the same node, for its pool. */
export async function auditChain(url: string, client: BenchClient, { signed, accepted }: { readonly signed: Iterable<string>; readonly accepted: Iterable<string> }): Promise<Audit> {
  const api = createClient({ baseUrl: url });
  const missing = new Set(accepted);
  const ours = new Set(signed);
  const seen = new Set<string>();
  let [height, doubled] = [0, 0];

  function take({ transactions }: BlockView): void {
    for (const { txHash, kind } of transactions) {
      if (kind !== 'pay') continue;
      if (seen.has(txHash) || !ours.has(txHash)) doubled += 1;
      seen.add(txHash);
      missing.delete(txHash);
    }
  }
  for (const untilMs = performance.now() + DRAIN_MS; ; await delay(POLL_MS)) {
    // Asked before the blocks are read: what is pending no more stands in one of them.
    const isDrained = (await client.pending()) === 0;
    const tip = (await getBlock(api)).height;
    const heights = Array.from({ length: tip - height }, (_, i) => height + 1 + i);
    for (const block of await inParallel(heights, BLOCKS_AT_ONCE, (heightOrHash) => getBlock(api, { heightOrHash }))) take(block);
    height = tip;
    if ((isDrained && missing.size === 0) || performance.now() > untilMs) break;
  }
  return { blocks: height, payments: seen.size, lost: missing.size, doubled };
}
