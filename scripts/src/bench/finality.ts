/**
 * Single payments on an idle network over HTTP: from the first byte of the Pay to the answer that it is final, and to the
 * answer that it is accepted. Aim for one validator (consensus page §3): p50 ≤ 15 ms, p95 ≤ 40 ms. `npm run bench -- finality`.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { startBenchCluster, type BenchCluster } from './benchCluster.ts';
import type { BenchClient } from './benchClient.ts';
import { percentile } from './spread.ts';

const PAYMENTS = 500;
const WARM_UP = 30;
/** Longer than the least interval between blocks (100 ms): each payment meets an idle chain. */
const PAUSE_MS = 120;
const PAYERS = 50;
const FINAL_WAIT_MS = 30_000;

/** Times of each payment from the moment it was handed in, ms. */
export interface FinalityTimes {
  readonly acceptedMs: readonly number[];
  readonly finalMs: readonly number[];
}

export interface FinalityBench extends FinalityTimes {
  readonly payments: number;
  /** Means of the synced writes on the way, ms. */
  readonly syncMs: Readonly<Record<'body' | 'guard' | 'certificate', number>>;
}

/** Between two questions whether a payment is final: what every figure may be too high by. */
const FINAL_POLL_MS = 1;

/** Hands in one payment after the other, at each of these nodes in turn, and waits for the node that took it to say that it is final. */
export async function timeSinglePayments(cluster: BenchCluster, clients: readonly BenchClient[], payments: number): Promise<FinalityTimes> {
  const acceptedMs: number[] = [];
  const finalMs: number[] = [];
  for (const [n, tx] of (await cluster.sign(payments)).entries()) {
    const client = clients[n % clients.length] as BenchClient;
    await delay(PAUSE_MS);
    const startMs = performance.now();
    const { txHash } = await client.submit(tx);
    acceptedMs.push(performance.now() - startMs);
    await untilFinal(client, txHash);
    finalMs.push(performance.now() - startMs);
  }
  return { acceptedMs, finalMs };
}

async function untilFinal(client: BenchClient, txHash: string): Promise<void> {
  for (const endMs = performance.now() + FINAL_WAIT_MS; (await client.status(txHash)) !== 'final'; await delay(FINAL_POLL_MS)) {
    if (performance.now() > endMs) throw new Error(`payment ${txHash} is not final after ${FINAL_WAIT_MS} ms`);
  }
}

export async function benchFinality(payments: number = PAYMENTS): Promise<FinalityBench> {
  const cluster = await startBenchCluster({ payers: PAYERS, tills: 10 });
  try {
    const clients = cluster.validators.map(({ client }) => client);
    const [client] = clients as [BenchClient];
    await timeSinglePayments(cluster, clients, WARM_UP);
    const times = await timeSinglePayments(cluster, clients, payments);
    const mean = async (what: string): Promise<number> => (1_000 * (await client.metric(`billcoin_disk_sync_seconds_sum{what="${what}"}`))) / (await client.metric(`billcoin_disk_sync_seconds_count{what="${what}"}`));
    return { payments, ...times, syncMs: { body: await mean('body'), guard: await mean('guard'), certificate: await mean('certificate') } };
  } finally {
    await cluster.stop();
  }
}

export function formatFinalityBench({ payments, acceptedMs, finalMs, syncMs }: FinalityBench): string {
  return [
    `${payments} single payments on an idle node of one validator, over HTTP`,
    formatTimes('accepted (on disk)', acceptedMs), formatTimes('final (validated)', finalMs),
    `synced writes, mean: body ${syncMs.body.toFixed(2)}, guard ${syncMs.guard.toFixed(2)} (twice), certificate ${syncMs.certificate.toFixed(2)} ms`,
  ].join('\n');
}

export function formatTimes(name: string, valuesMs: readonly number[]): string {
  return `${name.padEnd(34)} p50 ${percentile(valuesMs, 0.5).toFixed(1)}  p95 ${percentile(valuesMs, 0.95).toFixed(1)}  p99 ${percentile(valuesMs, 0.99).toFixed(1)}  max ${Math.max(...valuesMs).toFixed(1)} ms`;
}

const script = process.argv[1];
if (script !== undefined && import.meta.url === pathToFileURL(script).href) {
  process.stdout.write(`${formatFinalityBench(await benchFinality(Number(process.argv[2] ?? PAYMENTS)))}\n`);
}
