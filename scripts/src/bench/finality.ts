/**
 * Single payments on an idle node over HTTP: from the first byte of the Pay to the answer that it is final, and to the
 * answer that it is accepted. Aim (consensus page §3): p50 ≤ 15 ms, p95 ≤ 40 ms. `npm run bench -- finality`.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { toBase64Url } from '@billcoin/protocol';
import { startBenchNode } from './benchNode.ts';
import { percentile } from './spread.ts';

const PAYMENTS = 500;
const WARM_UP = 30;
/** Longer than the least interval between blocks (100 ms): each payment meets an idle chain. */
const PAUSE_MS = 120;
const PAYERS = 50;

export interface FinalityBench {
  readonly payments: number;
  readonly acceptedMs: readonly number[];
  readonly finalMs: readonly number[];
  /** Means of the synced writes on the way, ms. */
  readonly syncMs: Readonly<Record<'body' | 'guard' | 'certificate', number>>;
}

export async function benchFinality(payments: number = PAYMENTS): Promise<FinalityBench> {
  const node = await startBenchNode({ payers: PAYERS, tills: 10 });
  try {
    const acceptedMs: number[] = [];
    const finalMs: number[] = [];
    for (let n = 0; n < payments + WARM_UP; n++) {
      const tx = toBase64Url(node.network.pay(n, Date.now()));
      await delay(PAUSE_MS);
      const startMs = performance.now();
      const { txHash } = await node.client.submit(tx);
      const accepted = performance.now() - startMs;
      const answer = await node.client.validate(txHash);
      const final = performance.now() - startMs;
      if (!answer.valid) throw new Error(`payment ${n} is not valid: ${String(answer.error)}`);
      if (n < WARM_UP) continue;
      acceptedMs.push(accepted);
      finalMs.push(final);
    }
    const mean = async (what: string): Promise<number> => (1_000 * (await node.client.metric(`billcoin_disk_sync_seconds_sum{what="${what}"}`))) / (await node.client.metric(`billcoin_disk_sync_seconds_count{what="${what}"}`));
    return { payments, acceptedMs, finalMs, syncMs: { body: await mean('body'), guard: await mean('guard'), certificate: await mean('certificate') } };
  } finally {
    await node.stop();
  }
}

export function formatFinalityBench({ payments, acceptedMs, finalMs, syncMs }: FinalityBench): string {
  const row = (name: string, values: readonly number[]): string =>
    `${name.padEnd(34)} p50 ${percentile(values, 0.5).toFixed(1)}  p95 ${percentile(values, 0.95).toFixed(1)}  p99 ${percentile(values, 0.99).toFixed(1)}  max ${Math.max(...values).toFixed(1)} ms`;
  return [
    `${payments} single payments on an idle node of one validator, over HTTP`,
    row('accepted (on disk)', acceptedMs), row('final (validated)', finalMs),
    `synced writes, mean: body ${syncMs.body.toFixed(2)}, guard ${syncMs.guard.toFixed(2)} (twice), certificate ${syncMs.certificate.toFixed(2)} ms`,
  ].join('\n');
}

const script = process.argv[1];
if (script !== undefined && import.meta.url === pathToFileURL(script).href) {
  process.stdout.write(`${formatFinalityBench(await benchFinality(Number(process.argv[2] ?? PAYMENTS)))}\n`);
}
