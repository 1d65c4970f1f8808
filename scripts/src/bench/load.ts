/**
 * Payments as fast as a node of one validator takes them, over HTTP from a second process: a closed loop of pre-signed
 * Pays (consensus page §3: 2,500/s). Every accepted payment must end final. `npm run bench -- load`.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { startBenchCluster } from './benchCluster.ts';
import type { BenchClient } from './benchClient.ts';
import { percentile } from './spread.ts';

const SECONDS = 60;
/** Signed before the clock starts: about the aim for the whole run; the run ends early when they are used up. */
const PER_SECOND = 2_500;
/** Requests in flight. */
const WORKERS = 96;
/** Enough that no sender reaches its 64 places and no till its 256 in a block or two. */
export const LOAD_SIZE = { payers: 600, tills: 120 } as const;
const DRAIN_MS = 60_000;
/** Between two looks at the counters of a node: they cost it about a millisecond. */
const POLL_MS = 25;

export interface LoadBench {
  readonly accepted: number;
  readonly seconds: number;
  readonly acceptedPerS: number;
  /** Final at every node, over the time until the last one was. */
  readonly finalPerS: number;
  readonly acceptMs: readonly number[];
  /** Answers other than accepted, by status. */
  readonly refusals: ReadonlyMap<string, number>;
  /** Of the first node, as are the blocks. */
  readonly residentMb: number;
  readonly blocks: number;
}

interface Tally {
  readonly acceptMs: number[];
  readonly refusals: Map<string, number>;
}

/** Sends its share until the time is over. */
async function work(client: BenchClient, next: () => string | undefined, endMs: number, tally: Tally): Promise<void> {
  for (let tx = next(); tx !== undefined && performance.now() < endMs; tx = next()) {
    const startMs = performance.now();
    try {
      await client.submit(tx);
      tally.acceptMs.push(performance.now() - startMs);
    } catch (error) {
      const why = /refused with \d+/.exec((error as Error).message)?.[0] ?? (error as Error).message;
      tally.refusals.set(why, (tally.refusals.get(why) ?? 0) + 1);
    }
  }
}

const FINAL = 'billcoin_chain_transactions_total';

/** Sends these payments, `workers` at a time spread over the nodes, for so long; resolves when all that were accepted are final everywhere. */
export async function sustain(clients: readonly BenchClient[], signed: readonly string[], seconds: number, workers: number = WORKERS): Promise<LoadBench> {
  const [first] = clients as [BenchClient];
  const blocksBefore = await first.metric('billcoin_chain_blocks_total');
  const finalBefore = await Promise.all(clients.map((client) => client.metric(FINAL)));
  const tally: Tally = { acceptMs: [], refusals: new Map() };
  let at = 0;
  const startMs = performance.now();
  await Promise.all(Array.from({ length: workers }, (_, i) => work(clients[i % clients.length] as BenchClient, () => signed[at++], startMs + seconds * 1_000, tally)));
  const acceptedS = (performance.now() - startMs) / 1_000;
  const accepted = tally.acceptMs.length;
  await Promise.all(clients.map((client, i) => untilFinal(client, (finalBefore[i] ?? 0) + accepted)));
  const finalS = (performance.now() - startMs) / 1_000;
  const { acceptMs, refusals } = tally;
  return {
    accepted, seconds: finalS, acceptedPerS: accepted / acceptedS, finalPerS: accepted / finalS, acceptMs, refusals,
    blocks: (await first.metric('billcoin_chain_blocks_total')) - blocksBefore, residentMb: await residentMb(first),
  };
}

async function untilFinal(client: BenchClient, wanted: number): Promise<void> {
  const deadlineMs = performance.now() + DRAIN_MS;
  for (let final = await client.metric(FINAL); final !== wanted; final = await client.metric(FINAL)) {
    if (final > wanted) throw new Error(`${final - wanted} payments more are final than were accepted`);
    if (performance.now() > deadlineMs) throw new Error(`${wanted - final} accepted payments did not become final`);
    await delay(POLL_MS);
  }
}

export async function residentMb(client: BenchClient): Promise<number> {
  return (await client.metric('billcoin_process_resident_memory_bytes')) / 1_048_576;
}

export async function benchLoad(seconds: number = SECONDS, perSecond: number = PER_SECOND): Promise<LoadBench> {
  const cluster = await startBenchCluster(LOAD_SIZE);
  try {
    return await sustain(cluster.validators.map(({ client }) => client), await cluster.sign(seconds * perSecond), seconds);
  } finally {
    await cluster.stop();
  }
}

export function formatLoadBench({ accepted, seconds, acceptedPerS, finalPerS, acceptMs, refusals, blocks, residentMb: mb }: LoadBench): string {
  return [
    `${accepted} payments, all final after ${seconds.toFixed(1)} s, ${blocks} blocks`,
    `accepted ${acceptedPerS.toFixed(0)}/s, final ${finalPerS.toFixed(0)}/s; answer p50 ${percentile(acceptMs, 0.5).toFixed(0)}  p95 ${percentile(acceptMs, 0.95).toFixed(0)}  p99 ${percentile(acceptMs, 0.99).toFixed(0)} ms`,
    `resident ${mb.toFixed(0)} MB; refusals ${refusals.size === 0 ? 'none' : [...refusals].map(([why, count]) => `${why}: ${count}`).join(', ')}`,
  ].join('\n');
}

const script = process.argv[1];
if (script !== undefined && import.meta.url === pathToFileURL(script).href) {
  process.stdout.write(`${formatLoadBench(await benchLoad(Number(process.argv[2] ?? SECONDS), Number(process.argv[3] ?? PER_SECOND)))}\n`);
}
