/**
 * `npm run soak -- --minutes 60`: four validators, each a process of its own, under light load, and whether their memory,
 * handles, streams and queues stay flat. What a payment leaves in the state is memory that a chain is meant to need: it is
 * told apart by what it may cost. Exit code 1 where something grows.
 */
import { readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { startBenchCluster, type BenchCluster } from './benchCluster.ts';
import type { BenchNode } from './benchNode.ts';
import { percentile } from './spread.ts';

const VALIDATORS = 4;
const SIZE = { payers: 60, tills: 20, validators: VALIDATORS } as const;
/** A campus between two breaks. */
const PER_SECOND = 2;
const SAMPLES = 120;
const SAMPLE_MIN_MS = 1_000;
/** What a payment may leave in memory: an invoice record with its place in the tree and in the index of its end, and the newest blocks whole. */
const PAYMENT_MAX_BYTES = 8_192;
/** Medians of a heap differ by so much from quarter to quarter without any reason but when garbage was collected. */
const HEAP_NOISE_MB = 16;

interface Watched {
  readonly what: string;
  readonly metric: string;
  /** Of another metric, not part of what is meant. */
  readonly less?: string | undefined;
  /** Of one unit of the report. */
  readonly unit: number;
  /** Growth that says nothing, from the second quarter of the time to the last, in units, beside what payments may leave. */
  readonly noise: number;
  readonly isMemory: boolean;
}

const memory = (what: string, metric: string, less?: string): Watched => ({ what, metric, less, unit: 1_048_576, noise: HEAP_NOISE_MB, isMemory: true });
const count = (what: string, metric: string, noise = 0): Watched => ({ what, metric, unit: 1, noise, isMemory: false });

/** Room for young objects: V8 doubles it under load up to the bound it was given, and takes it back when it likes; up to 128 MB of a node that grows by nothing. */
const YOUNG = 'billcoin_nodejs_heap_space_size_total_bytes{space="new"}';
/** Read from the system. A few come and go with the tables of the databases and with connections of this client. */
const OPEN_FILES = 'open files';
const WATCHED: readonly Watched[] = [
  memory('resident less young, MB', 'billcoin_process_resident_memory_bytes', YOUNG), memory('heap used, MB', 'billcoin_nodejs_heap_size_used_bytes'), memory('outside the heap, MB', 'billcoin_nodejs_external_memory_bytes'),
  count(OPEN_FILES, '', 16), count('handles', 'billcoin_nodejs_active_handles_total', 4), count('peers', 'billcoin_network_peers'), count('streams', 'billcoin_network_streams'),
  count('queued messages', 'billcoin_network_queued_messages'), count('bytes half received', 'billcoin_network_receiving_bytes'), count('inputs waiting', 'billcoin_consensus_waiting_inputs'),
  count('blocks held whole', 'billcoin_consensus_whole_blocks'), count('pool', 'billcoin_mempool_transactions', PER_SECOND),
];

/** One look at one node: values in the order of WATCHED, in their units. */
type Sample = readonly number[];

export interface Judged {
  readonly what: string;
  readonly first: number;
  readonly last: number;
  readonly isGrowing: boolean;
}

function middle(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/**
 * Compares the second quarter of the samples with the last. A count grows where even the least of the last exceeds the
 * most of the second; memory where its median grew by more than noise and what the payments in between may leave.
 */
export function judge(samples: readonly Sample[], paymentsBetween: number): readonly Judged[] {
  const quarter = Math.floor(samples.length / 4);
  return WATCHED.map(({ what, unit, noise, isMemory }, i) => {
    const valuesOf = (part: readonly Sample[]): readonly number[] => part.map((sample) => sample[i] ?? 0);
    const [before, after] = [valuesOf(samples.slice(quarter, 2 * quarter)), valuesOf(samples.slice(-quarter))];
    const [first, last] = [middle(before), middle(after)];
    const growth = isMemory ? last - first - (paymentsBetween * PAYMENT_MAX_BYTES) / unit : Math.min(...after) - Math.max(...before);
    return { what, first, last, isGrowing: growth > noise };
  });
}

function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

async function look({ client, pid }: BenchNode): Promise<Sample> {
  const value = await client.metrics();
  return WATCHED.map(({ what, metric, less, unit }) => (what === OPEN_FILES ? openFiles(pid) : (value(metric) - (less === undefined ? 0 : value(less))) / unit));
}

/** Hands in payments evenly, at each node in turn, until it is told to stop; how many there were. */
async function pay({ validators, sign }: BenchCluster, isOver: () => boolean): Promise<number> {
  let paid = 0;
  while (!isOver()) {
    const [tx = ''] = await sign(1);
    await validators[paid % validators.length]?.client.submit(tx);
    paid += 1;
    await delay(1_000 / PER_SECOND);
  }
  return paid;
}

export interface Soak {
  readonly minutes: number;
  readonly payments: number;
  /** For each node. */
  readonly nodes: readonly (readonly Judged[])[];
}

/** @param tell a line for people, every tenth sample */
export async function soak(minutes: number, tell: (line: string) => void): Promise<Soak> {
  const cluster = await startBenchCluster(SIZE);
  try {
    let over = false;
    const paying = pay(cluster, () => over);
    paying.catch(() => undefined); // heard below
    const samples: Sample[][] = cluster.validators.map(() => []);
    const everyMs = Math.max(SAMPLE_MIN_MS, (minutes * 60_000) / SAMPLES);
    const endMs = performance.now() + minutes * 60_000;
    for (let n = 0; performance.now() < endMs; n++) {
      await Promise.race([delay(everyMs), paying]);
      const looks = await Promise.all(cluster.validators.map(look));
      looks.forEach((one, i) => samples[i]?.push(one));
      if (n % 10 === 0) tell(`${((n * everyMs) / 60_000).toFixed(1)} min: ${WATCHED.map(({ what }, i) => `${what} ${looks.map((one) => (one[i] ?? 0).toFixed(0)).join('/')}`).join(', ')}`);
    }
    over = true;
    const payments = await paying;
    // Between the middles of the second and of the last quarter lies half of the time.
    return { minutes, payments, nodes: samples.map((ofNode) => judge(ofNode, payments / 2)) };
  } finally {
    await cluster.stop();
  }
}

export function isFlat({ nodes }: Soak): boolean {
  return nodes.every((judged) => judged.every(({ isGrowing }) => !isGrowing));
}

export function formatSoak(result: Soak): string {
  const { minutes, payments, nodes } = result;
  const lines = WATCHED.map(({ what }, i) => {
    const ofNodes = nodes.map((judged) => judged[i]).filter((one) => one !== undefined);
    return `${what.padEnd(24)} ${ofNodes.map(({ first, last }) => `${first.toFixed(0)} → ${last.toFixed(0)}`).join('   ')}   ${ofNodes.some(({ isGrowing }) => isGrowing) ? 'GROWING' : 'flat'}`;
  });
  return [
    `${nodes.length} validators, ${minutes} minutes, ${payments} payments; second quarter → last quarter of the time, each node`, ...lines,
    isFlat(result) ? 'flat' : 'GROWING',
  ].join('\n');
}

const script = process.argv[1];
if (script !== undefined && import.meta.url === pathToFileURL(script).href) {
  const { values } = parseArgs({ options: { minutes: { type: 'string', default: '60' } } });
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) throw new Error(`--minutes takes a number above zero, not ${values.minutes}`);
  const result = await soak(minutes, (line) => void process.stdout.write(`${line}\n`));
  process.stdout.write(`${formatSoak(result)}\n`);
  process.exit(isFlat(result) ? 0 : 1);
}
