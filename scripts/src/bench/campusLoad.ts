/**
 * The campus at lunch (api page, criteria of load): tills that sell over the API, by TLS 1.3, of a node beside four validators, all of
 * them processes of their own, clients too; a crowd at once; open streams; and the same load while nodes are killed with -9.
 * `npm run load -- [--tills N] [--seconds S] [--runs N] [--quick]`. Exit code 1 where a payment was lost or doubled.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { toHex } from '@billcoin/protocol';
import { startBenchCluster, type BenchCluster } from './benchCluster.ts';
import type { BenchNode } from './benchNode.ts';
import { auditChain } from './campus/audit.ts';
import type { Crew, Range, Sold } from './campus/clientCalls.ts';
import { ClientProcess } from './campus/clientProcess.ts';
import type { CampusLoad, CampusLoadPlan, CampusRun, NodeMemory, StreamsRun } from './campus/figures.ts';
import { formatCampusLoad } from './campus/report.ts';
import { residentMb } from './load.ts';

export const CAMPUS_PLAN: CampusLoadPlan = {
  tills: 200, everyMs: 3_000, seconds: 120, payers: 600, crowd: 5_000, connections: 500, streamsEach: 5, streamSeconds: 15, killSeconds: 60, warmUpSeconds: 10, clients: 2, runs: 1,
};
export const QUICK_CAMPUS_PLAN: CampusLoadPlan = {
  ...CAMPUS_PLAN, tills: 20, seconds: 6, payers: 60, crowd: 200, connections: 50, streamSeconds: 3, killSeconds: 8, warmUpSeconds: 2,
};

const VALIDATORS = 4;
/** Payments of one payer in a minute (US-006). */
const ATTEMPTS_MAX = 10;
const SYNC_MS = 60_000;
const POLL_MS = 50;
/** When nodes die, as shares of the time. */
const VALIDATOR_DIES_AT = 0.25;
const API_DIES_AT = 0.55;

interface World {
  readonly plan: CampusLoadPlan;
  readonly cluster: BenchCluster;
  readonly clients: readonly ClientProcess[];
}

/** Starts a node without key; resolves when it has all that the validators have. */
async function startApiNode(node: BenchNode, { validators }: BenchCluster): Promise<void> {
  const height = await (validators[0] as BenchNode).client.metric('billcoin_chain_height');
  await node.start();
  for (const untilMs = performance.now() + SYNC_MS; (await node.client.metric('billcoin_chain_height')) < height; await delay(POLL_MS)) {
    if (performance.now() > untilMs) throw new Error(`the API node is not at height ${height} after ${SYNC_MS} ms`);
  }
}

async function memoryOf(validators: readonly BenchNode[], api: readonly BenchNode[]): Promise<NodeMemory> {
  const of = (nodes: readonly BenchNode[]): Promise<number[]> => Promise.all(nodes.map(({ client }) => residentMb(client)));
  return { validators: await of(validators), api: await of(api) };
}

/** The part of a range that client `i` of `count` has. */
function share({ from, to }: Range, i: number, count: number): Range {
  const at = (n: number): number => from + Math.floor(((to - from) * n) / count);
  return { from: at(i), to: at(i + 1) };
}

function crewOf({ plan, cluster }: World, api: readonly BenchNode[]): Crew {
  return { genesisHash: toHex(cluster.network.genesisHash), nodes: api.map(({ publicUrl }) => publicUrl), tills: { from: 0, to: plan.tills }, payers: { from: 0, to: plan.payers } };
}

function addCounts(all: readonly Readonly<Record<string, number>>[]): Readonly<Record<string, number>> {
  const sum: Record<string, number> = {};
  for (const [code, count] of all.flatMap((one) => Object.entries(one))) sum[code] = (sum[code] ?? 0) + count;
  return sum;
}

/** What the tills of all client processes sold together. */
async function sellAll(world: World, api: readonly BenchNode[], seconds: number): Promise<Sold> {
  const { clients, plan: { everyMs } } = world;
  const crew = crewOf(world, api);
  const all = await Promise.all(clients.map((client, i) => client.call('sell', { ...crew, tills: share(crew.tills, i, clients.length), payers: share(crew.payers, i, clients.length), seconds, everyMs })));
  const total = (read: (sold: Sold) => number): number => all.reduce((sum, sold) => sum + read(sold), 0);
  return {
    planned: total(({ planned }) => planned), validated: total(({ validated }) => validated), reposted: total(({ reposted }) => reposted), unpaid: total(({ unpaid }) => unpaid),
    signed: all.flatMap(({ signed }) => signed), accepted: all.flatMap(({ accepted }) => accepted), validateMs: all.flatMap(({ validateMs }) => validateMs), wholeMs: all.flatMap(({ wholeMs }) => wholeMs),
    calls: { atOnce: total(({ calls }) => calls.atOnce), elsewhere: total(({ calls }) => calls.elsewhere), failed: total(({ calls }) => calls.failed) }, refusals: addCounts(all.map(({ refusals }) => refusals)),
  };
}

/** Streams in one client process, payments from all. */
async function runStreams(world: World, api: BenchNode): Promise<StreamsRun> {
  const { clients: [screens], plan: { streamsEach, streamSeconds } } = world;
  if (screens === undefined) throw new Error('there is no client process');
  const beforeMb = await residentMb(api.client);
  await screens.call('openStreams', { ...crewOf(world, [api]), each: streamsEach });
  const openMb = await residentMb(api.client);
  const sold = await sellAll(world, [api], streamSeconds);
  const loadedMb = await residentMb(api.client);
  const expected = sold.validated * streamsEach;
  return { ...await screens.call('closeStreams', { expected }), expected, beforeMb, openMb, loadedMb, sold };
}

/** Sells at two API nodes while a validator and then one of the two die. */
async function runKilled(world: World, api: readonly [BenchNode, BenchNode]): Promise<Sold> {
  const { cluster: { validators }, plan: { killSeconds } } = world;
  const killed = async (node: BenchNode | undefined, at: number): Promise<void> => {
    await delay(killSeconds * 1_000 * at);
    await node?.end('SIGKILL');
  };
  const [sold] = await Promise.all([sellAll(world, api, killSeconds), killed(validators.at(-1), VALIDATOR_DIES_AT), killed(api[1], API_DIES_AT)]);
  return sold;
}

async function runOn(world: World): Promise<CampusRun> {
  const { plan, cluster, clients: [first] } = world;
  const { validators, followers } = cluster;
  const [api, other] = followers as [BenchNode, BenchNode];
  const warm = await sellAll(world, [api], plan.warmUpSeconds);
  const steady = await sellAll(world, [api], plan.seconds);
  const steadyMemory = await memoryOf(validators, [api]);
  const crowdPayers = { from: plan.payers, to: plan.payers + Math.ceil(plan.crowd / ATTEMPTS_MAX) };
  const crowd = await (first as ClientProcess).call('crowd', { ...crewOf(world, [api]), payers: crowdPayers, payments: plan.crowd, connections: plan.connections });
  const crowdMemory = await memoryOf(validators, [api]);
  const streams = await runStreams(world, api);
  await startApiNode(other, cluster);
  const killed = await runKilled(world, [api, other]);
  const all = [warm, steady, crowd, streams.sold, killed];
  const audit = await auditChain(api.url, api.client, { signed: all.flatMap(({ signed }) => signed), accepted: all.flatMap(({ accepted }) => accepted) });
  return { steady, steadyMemory, crowd, crowdMemory, streams, killed, audit };
}

async function runOnce(plan: CampusLoadPlan): Promise<CampusRun> {
  const cluster = await startBenchCluster({ payers: plan.payers + Math.ceil(plan.crowd / ATTEMPTS_MAX), tills: plan.tills, validators: VALIDATORS, followers: 2, hasCampus: true });
  const clients: ClientProcess[] = [];
  try {
    await startApiNode(cluster.followers[0] as BenchNode, cluster);
    while (clients.length < plan.clients) clients.push(new ClientProcess(cluster.certificate));
    return await runOn({ plan, cluster, clients });
  } finally {
    await Promise.all(clients.map((client) => client.end()));
    await cluster.stop();
  }
}

export async function benchCampusLoad(plan: CampusLoadPlan): Promise<CampusLoad> {
  const runs: CampusRun[] = [];
  while (runs.length < plan.runs) runs.push(await runOnce(plan));
  return { plan, runs };
}

/** Nothing that was accepted is missing, and nothing is there twice. */
export function isWhole({ runs }: CampusLoad): boolean {
  return runs.every(({ audit }) => audit.lost === 0 && audit.doubled === 0);
}

function numberOf(text: string | undefined, otherwise: number, name: string): number {
  const value = text === undefined ? otherwise : Number(text);
  if (!(value > 0)) throw new Error(`--${name} takes a number above zero, not ${text ?? ''}`);
  return value;
}

const script = process.argv[1];
if (script !== undefined && import.meta.url === pathToFileURL(script).href) {
  const { values } = parseArgs({ options: { tills: { type: 'string' }, seconds: { type: 'string' }, runs: { type: 'string' }, quick: { type: 'boolean', default: false } } });
  const plan = values.quick ? QUICK_CAMPUS_PLAN : CAMPUS_PLAN;
  const tills = numberOf(values.tills, plan.tills, 'tills');
  const payers = Math.max(plan.payers, Math.ceil((tills * plan.payers) / plan.tills));
  const result = await benchCampusLoad({ ...plan, tills, payers, seconds: numberOf(values.seconds, plan.seconds, 'seconds'), runs: numberOf(values.runs, plan.runs, 'runs') });
  process.stdout.write(`${formatCampusLoad(result)}\n`);
  process.exit(isWhole(result) ? 0 : 1);
}
