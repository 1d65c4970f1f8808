/**
 * Payments as fast as a node of one validator takes them, over HTTP from a second process: a closed loop of pre-signed
 * Pays (consensus page §3: 2,500/s). Every accepted payment must end final. `npm run bench -- load`.
 */
import { setImmediate as immediate } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { toBase64Url } from '@billcoin/protocol';
import { startBenchNode } from './benchNode.ts';
import type { BenchClient } from './benchClient.ts';
import { percentile } from './spread.ts';

const SECONDS = 60;
/** Signed before the clock starts: about the aim for the whole run; the run ends early when they are used up. */
const PER_SECOND = 2_500;
/** Requests in flight. */
const WORKERS = 96;
/** Enough that no sender reaches its 64 places and no till its 256 in a block or two. */
const PAYERS = 600;
const TILLS = 120;
const DRAIN_MS = 30_000;
const SIGNED_PER_TURN = 100;

export interface LoadBench {
  readonly accepted: number;
  readonly seconds: number;
  readonly acceptedPerS: number;
  /** Final over the time until the last one was. */
  readonly finalPerS: number;
  readonly acceptMs: readonly number[];
  /** Answers other than accepted, by status. */
  readonly refusals: ReadonlyMap<string, number>;
  readonly blocks: number;
  readonly residentMb: number;
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

export async function benchLoad(seconds: number = SECONDS, perSecond: number = PER_SECOND): Promise<LoadBench> {
  const node = await startBenchNode({ payers: PAYERS, tills: TILLS });
  try {
    const { client, network } = node;
    const nowMs = Date.now();
    const signed: string[] = [];
    for (let n = 0; n < seconds * perSecond; n++) {
      signed.push(toBase64Url(network.pay(n, nowMs)));
      if (n % SIGNED_PER_TURN === 0) await immediate(); // or the node would close connections that seem dead
    }
    const [blocksBefore, finalBefore] = [await client.metric('billcoin_chain_blocks_total'), await client.metric('billcoin_chain_transactions_total')];
    let at = 0;
    const tally: Tally = { acceptMs: [], refusals: new Map() };
    const startMs = performance.now();
    await Promise.all(Array.from({ length: WORKERS }, () => work(client, () => signed[at++], startMs + seconds * 1_000, tally)));
    const acceptedS = (performance.now() - startMs) / 1_000;
    const deadlineMs = performance.now() + DRAIN_MS;
    while ((await client.pending()) > 0) if (performance.now() > deadlineMs) throw new Error('accepted payments did not end');
    const finalS = (performance.now() - startMs) / 1_000;
    const final = (await client.metric('billcoin_chain_transactions_total')) - finalBefore;
    const accepted = tally.acceptMs.length;
    if (final !== accepted) throw new Error(`${accepted} were accepted, ${final} are final`);
    return {
      accepted, seconds: finalS, acceptedPerS: accepted / acceptedS, finalPerS: final / finalS, acceptMs: tally.acceptMs, refusals: tally.refusals,
      blocks: (await client.metric('billcoin_chain_blocks_total')) - blocksBefore,
      residentMb: (await client.metric('billcoin_process_resident_memory_bytes')) / 1_048_576,
    };
  } finally {
    await node.stop();
  }
}

export function formatLoadBench({ accepted, seconds, acceptedPerS, finalPerS, acceptMs, refusals, blocks, residentMb }: LoadBench): string {
  return [
    `${accepted} payments, all final after ${seconds.toFixed(1)} s, ${WORKERS} requests in flight, ${blocks} blocks`,
    `accepted ${acceptedPerS.toFixed(0)}/s, final ${finalPerS.toFixed(0)}/s; answer p50 ${percentile(acceptMs, 0.5).toFixed(0)}  p95 ${percentile(acceptMs, 0.95).toFixed(0)}  p99 ${percentile(acceptMs, 0.99).toFixed(0)} ms`,
    `resident ${residentMb.toFixed(0)} MB; refusals ${refusals.size === 0 ? 'none' : [...refusals].map(([why, count]) => `${why}: ${count}`).join(', ')}`,
  ].join('\n');
}

const script = process.argv[1];
if (script !== undefined && import.meta.url === pathToFileURL(script).href) {
  process.stdout.write(`${formatLoadBench(await benchLoad(Number(process.argv[2] ?? SECONDS), Number(process.argv[3] ?? PER_SECOND)))}\n`);
}
