/**
 * Real validator processes on loopback (consensus page §3): finality of single payments, payments a second, a crowd at once,
 * bytes sent, a dead proposer, a newcomer, memory; with growth in the number of validators. Clients are this process.
 * `npm run bench -- network [--quick] [--profile FOLDER]`.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { startBenchCluster, type BenchCluster } from './benchCluster.ts';
import type { BenchClient } from './benchClient.ts';
import { formatTimes, timeSinglePayments, type FinalityTimes } from './finality.ts';
import { LOAD_SIZE, residentMb, sustain, type LoadBench } from './load.ts';
import { percentile } from './spread.ts';

/** How much is measured at one number of validators. */
export interface NetworkBenchPlan {
  readonly validators: number;
  readonly singles: number;
  readonly seconds: number;
  /** Payments handed in at once, and over how many connections. */
  readonly crowd: number;
  readonly connections: number;
  /** Payments one by one after a validator was killed; none where the rest is no quorum. */
  readonly singlesWithoutOne: number;
  /** A node with an empty folder follows at the end. */
  readonly isFollowed: boolean;
}

const plan = (validators: number, rest: Partial<NetworkBenchPlan> = {}): NetworkBenchPlan =>
  ({ validators, singles: 150, seconds: 12, crowd: 5_000, connections: 500, singlesWithoutOne: 0, isFollowed: false, ...rest });

export const NETWORK_PLANS: readonly NetworkBenchPlan[] = [plan(1), plan(4, { singles: 300, seconds: 30, singlesWithoutOne: 60, isFollowed: true }), plan(7)];
export const QUICK_NETWORK_PLANS: readonly NetworkBenchPlan[] = [plan(4, { singles: 60, seconds: 10, singlesWithoutOne: 24, isFollowed: true })];

const WARM_UP = 30;
/** Load before what is measured: by its end the optimising compiler has seen what a validator does all day. */
const WARM_UP_LOAD_S = 5;
/** Before the first payment, ms: a node that has just started is not yet an idle one. */
const SETTLE_MS = 2_000;
/** Signed beforehand: more than any of these networks takes. */
const PER_SECOND = 3_000;
/** Requests in flight. */
const WORKERS = 96;
const SYNC_MAX_MS = 120_000;
const SYNC_POLL_MS = 100;

export interface Newcomer {
  readonly payments: number;
  readonly seconds: number;
  /** Of the processor, start of the process included. */
  readonly cpuSeconds: number;
}

export interface NetworkBench {
  readonly validators: number;
  readonly idleMb: number;
  readonly single: FinalityTimes;
  /** Blocks of the sustained load, and bytes that all nodes sent for one of its payments, divided by their number, by kind of message. */
  readonly load: LoadBench;
  readonly sentBytes: ReadonlyMap<string, number>;
  /** Of the processor, for a payment at one node: unlike a rate, a busy machine changes it little. */
  readonly cpuUs: number;
  readonly loadedMb: number;
  readonly crowd: LoadBench;
  readonly withoutOne: FinalityTimes | undefined;
  readonly newcomer: Newcomer | undefined;
  /** Messages that were dropped and peers that were banned, at any node: nobody should. */
  readonly dropped: number;
  readonly bans: number;
}

const CPU_SECONDS = 'billcoin_process_cpu_seconds_total';
const KINDS = ['vote', 'proposal', 'certificate', 'roundCert', 'status', 'needBlock', 'block', 'txs', 'getBlocks', 'blocks'] as const;

async function sum(clients: readonly BenchClient[], name: string): Promise<number> {
  const values = await Promise.all(clients.map((client) => client.metric(name)));
  return values.reduce((total, value) => total + value, 0);
}

async function sentBy(clients: readonly BenchClient[]): Promise<readonly number[]> {
  return Promise.all(KINDS.map((kind) => sum(clients, `billcoin_network_sent_bytes_total{kind="${kind}"}`)));
}

/** From the start of its process until it is at the height the others had when it began. */
async function timeNewcomer({ validators, followers }: BenchCluster): Promise<Newcomer | undefined> {
  const [newcomer] = followers;
  const [served] = validators;
  if (newcomer === undefined || served === undefined) return undefined;
  const height = await served.client.metric('billcoin_chain_height');
  await newcomer.start();
  const startMs = performance.now();
  while ((await newcomer.client.metric('billcoin_chain_height')) < height) {
    if (performance.now() - startMs > SYNC_MAX_MS) throw new Error(`the newcomer is not at ${height} after ${SYNC_MAX_MS} ms`);
    await delay(SYNC_POLL_MS);
  }
  const seconds = (performance.now() - startMs) / 1_000;
  return { payments: await newcomer.client.metric('billcoin_chain_transactions_total'), seconds, cpuSeconds: await newcomer.client.metric(CPU_SECONDS) };
}

/** Kills the last validator with -9; every n-th height then begins with a proposer that is dead. */
async function timeWithoutOne(cluster: BenchCluster, payments: number): Promise<FinalityTimes> {
  const { validators } = cluster;
  await validators.at(-1)?.end('SIGKILL');
  return timeSinglePayments(cluster, validators.slice(0, -1).map(({ client }) => client), payments);
}

export async function benchNetworkOf({ validators, singles, seconds, crowd, connections, singlesWithoutOne, isFollowed }: NetworkBenchPlan, profileDir?: string): Promise<NetworkBench> {
  const connectionsMax = Math.ceil(connections / validators);
  const cluster = await startBenchCluster({ ...LOAD_SIZE, validators, followers: isFollowed ? 1 : 0, profileDir, connectionsMax });
  try {
    const clients = cluster.validators.map(({ client }) => client);
    await delay(SETTLE_MS);
    await timeSinglePayments(cluster, clients, WARM_UP);
    const idleMb = await sum(clients, 'billcoin_process_resident_memory_bytes') / 1_048_576 / validators;
    const single = await timeSinglePayments(cluster, clients, singles);
    await sustain(clients, await cluster.sign(Math.min(seconds, WARM_UP_LOAD_S) * PER_SECOND), Math.min(seconds, WARM_UP_LOAD_S), WORKERS);
    const signed = await cluster.sign(seconds * PER_SECOND);
    const [sentBefore, cpuBefore] = [await sentBy(clients), await sum(clients, CPU_SECONDS)];
    const load = await sustain(clients, signed, seconds, WORKERS);
    const [sentAfter, cpuAfter] = [await sentBy(clients), await sum(clients, CPU_SECONDS)];
    const sentBytes = new Map(KINDS.map((kind, i) => [kind, ((sentAfter[i] ?? 0) - (sentBefore[i] ?? 0)) / load.accepted / validators]));
    const crowded = await sustain(clients, await cluster.sign(crowd), Number.POSITIVE_INFINITY, connections);
    const loadedMb = await residentMb(clients[0] as BenchClient);
    const newcomer = await timeNewcomer(cluster);
    const dropped = await sum(clients, 'billcoin_network_dropped_messages_total');
    const bans = await sum(clients, 'billcoin_network_bans_total');
    const withoutOne = singlesWithoutOne === 0 ? undefined : await timeWithoutOne(cluster, singlesWithoutOne);
    return { validators, idleMb, single, load, sentBytes, cpuUs: (1e6 * (cpuAfter - cpuBefore)) / load.accepted / validators, loadedMb, crowd: crowded, withoutOne, newcomer, dropped, bans };
  } finally {
    await cluster.stop();
  }
}

export async function benchNetwork(plans: readonly NetworkBenchPlan[] = NETWORK_PLANS, profileDir?: string): Promise<readonly NetworkBench[]> {
  const results: NetworkBench[] = [];
  for (const one of plans) results.push(await benchNetworkOf(one, profileDir));
  return results;
}

export function formatNetworkBench(results: readonly NetworkBench[]): string {
  return results.map(formatOne).join('\n\n');
}

function formatOne({ validators, idleMb, single, load, sentBytes, cpuUs, loadedMb, crowd, withoutOne, newcomer, dropped, bans }: NetworkBench): string {
  const kinds = [...sentBytes].filter(([, bytes]) => bytes >= 0.5);
  const total = kinds.reduce((all, [, bytes]) => all + bytes, 0);
  return [
    `n = ${validators}: ${idleMb.toFixed(0)} MB a node idle, ${loadedMb.toFixed(0)} MB after the load; ${dropped} messages dropped, ${bans} bans`,
    formatTimes('  single, accepted', single.acceptedMs), formatTimes('  single, final', single.finalMs),
    `  sustained: ${formatLoad(load)}, ${load.blocks} blocks; ${cpuUs.toFixed(0)} µs of the processor for a payment at each validator`,
    `  sent for a payment by each validator: ${total.toFixed(0)} B (${kinds.map(([kind, bytes]) => `${kind} ${bytes.toFixed(0)}`).join(', ')})`,
    `  ${crowd.accepted} at once: all final everywhere after ${crowd.seconds.toFixed(2)} s; ${formatLoad(crowd)}`,
    ...(newcomer === undefined ? [] : [`  newcomer: ${newcomer.payments} payments in ${newcomer.seconds.toFixed(1)} s, ${(newcomer.payments / newcomer.seconds).toFixed(0)}/s, ${newcomer.cpuSeconds.toFixed(1)} s of the processor with its start`]),
    ...(withoutOne === undefined ? [] : [formatTimes('  final with one validator dead', withoutOne.finalMs), `  a dead proposer adds at most ${(Math.max(...withoutOne.finalMs) - percentile(single.finalMs, 0.5)).toFixed(0)} ms`]),
  ].join('\n');
}

function formatLoad({ finalPerS, acceptMs, refusals }: LoadBench): string {
  const refused = refusals.size === 0 ? '' : `, ${[...refusals].map(([why, count]) => `${why}: ${count}`).join(', ')}`;
  return `${finalPerS.toFixed(0)}/s final, answer p50 ${percentile(acceptMs, 0.5).toFixed(0)} p99 ${percentile(acceptMs, 0.99).toFixed(0)} max ${Math.max(...acceptMs).toFixed(0)} ms${refused}`;
}
