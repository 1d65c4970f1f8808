/** `npm start`: a whole BillCoin network on one machine. See README.md. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClient, getStatus, type Client } from '@billcoin/sdk';
import { asAccount } from './accounts.ts';
import { readMilk } from './audit.ts';
import { lockData } from './dataLock.ts';
import { runDay } from './day.ts';
import { freePort } from './freePort.ts';
import type { LotReport } from './messages.ts';
import { openNetwork, ORACLES, pathsOf, writeWhole, type Paths } from './network.ts';
import { checkDay } from './onceChecks.ts';
import { parseOptions, UsageError, type Options } from './options.ts';
import { readReadings } from './oracleView.ts';
import { pause } from './parts/settle.ts';
import { initFolders, planProcesses, type Ports } from './plan.ts';
import { readPurchases } from './purchaseBook.ts';
import { statusBlock } from './statusBlock.ts';
import { startAll, type Running } from './supervisor.ts';
import { Tally } from './tally.ts';

const STATUS_EVERY_MS = 5_000;
/** A fixed day: seven cartons a student; five earn the coupon, the sixth spends it. */
const CARTONS = 7;
/** A day of the running devnet, compressed. */
const DAY_SPREAD_MS = 60_000;
/** A day that failed is tried again as the next one, after a moment. */
const NEXT_DAY_MS = 3_000;
/** Milk is traded away this many days later: under nine days of shelf life, even at a lot a minute. */
const OLD_AFTER_DAYS = 2;

interface Devnet {
  readonly options: Options;
  readonly paths: Paths;
  readonly client: Client;
  /** Sees what the public does not: loyalty and export. */
  readonly finance: Client;
  readonly running: Running;
  readonly tally: Tally;
  readonly oracleUrls: readonly string[];
}

/** Days that were begun and the batches of the last ones: a day's number is used once. */
interface Calendar {
  readonly day: number;
  readonly batches: readonly string[];
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function clock(): string {
  return new Date().toISOString().slice(11, 19);
}

function say(text: string): void {
  print(`${clock()} ${text}`);
}

async function choosePorts(options: Options, validators: number): Promise<Ports> {
  const api = await freePort(options.apiPort);
  const broker = await freePort(options.brokerPort);
  const oracles: number[] = [];
  for (let no = 0; no < ORACLES.length; no++) oracles.push(await freePort(0));
  const nodes: { peers: number; api: number }[] = [];
  while (validators > 1 && nodes.length <= validators) nodes.push({ peers: await freePort(0), api: await freePort(0) });
  return { api, broker, oracles, nodes };
}

async function start(options: Options, paths: Paths): Promise<Devnet> {
  const { genesis, isNew } = openNetwork(paths, Date.now(), options.validators);
  const validators = genesis.validators.validators.length;
  const ports = await choosePorts(options, validators);
  say(`${isNew ? 'A new network' : 'Going on with'} ${genesis.chainId} in ${paths.root}`);
  initFolders(paths, validators);
  const tally = new Tally(readPurchases(paths.root));
  const running = await startAll(paths, planProcesses(paths, ports, genesis), { say, onNote: (note) => tally.take(note) });
  const client = createClient({ baseUrl: `http://127.0.0.1:${ports.api}` });
  const devnet = { options, paths, running, tally, client, finance: asAccount(client, paths.root, 'finance'), oracleUrls: ports.oracles.map((port) => `http://127.0.0.1:${port}`) };
  printUrls(devnet, ports);
  return devnet;
}

function printUrls({ options, oracleUrls, paths }: Devnet, ports: Ports): void {
  const api = `http://127.0.0.1:${ports.api}`;
  const month = new Date().toISOString().slice(0, 7);
  print([
    '', 'Try (this machine only):',
    `  documentation  ${api}/api/v1/docs`,
    `  status         ${api}/api/v1/status`,
    `  reserve        ${api}/api/v1/reserve`,
    `  batches        ${api}/api/v1/batches`,
    `  metrics        ${api}/metrics`,
    `  month as CSV   ${api}/api/v1/exports/milk-sales?month=${month}   (log in by POST /auth/login with ${paths.keys}/account-finance.json)`,
    `  refused milk   ${oracleUrls[0]}/readings/rejected`,
    `  by hand        npm run -s reading -- --litres 12 --data ${paths.root} | mosquitto_pub -h 127.0.0.1 -p ${ports.broker} -q 1 -t <topic it names> -s`,
    ...(options.once ? [] : [`  pay by script  node scripts/examples/pay.mjs ${paths.root} ${api}   (after the first top-up)`]), '',
  ].join('\n'));
}

async function printStatus({ client, running, tally, oracleUrls }: Devnet): Promise<void> {
  try {
    const [{ height }, milk, readings] = await Promise.all([getStatus(client, { timeoutMs: STATUS_EVERY_MS }), readMilk(client), readReadings(oracleUrls)]);
    const figures = { height, milk, readings, payments: tally.count, times: tally.times, coupons: tally.loyalty.totals(), processes: running.pids().size + 1, restarts: running.restarts(), memory: running.memory() };
    print(statusBlock(figures, clock()));
  } catch (error) {
    print(`── ${clock()} UTC · the node does not answer: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function readCalendar(paths: Paths): Calendar {
  const path = join(paths.root, 'calendar.json');
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Calendar) : { day: 0, batches: [] };
}

/** Runs the next day; its number is taken before anything is signed. */
async function nextDay({ paths, running, tally }: Devnet, spreadMs: number): Promise<LotReport> {
  const { day: last, batches } = readCalendar(paths);
  const day = last + 1;
  const keep = (known: readonly string[]): void => writeWhole(join(paths.root, 'calendar.json'), JSON.stringify({ day, batches: known.slice(-OLD_AFTER_DAYS) }));
  keep(batches);
  tally.nextDay();
  const oldBatch = batches.length >= OLD_AFTER_DAYS ? batches[0] : undefined;
  const lot = await Promise.race([runDay(running.call, say, { day, cartons: CARTONS, spreadMs, oldBatch }), running.failed]);
  keep([...batches, lot.batchKey]);
  return lot;
}

/** One day and its checks; the exit code. */
async function runOnce(devnet: Devnet): Promise<0 | 1> {
  const { client, paths, running, tally } = devnet;
  const { height: startHeight } = await getStatus(client);
  const lot = await nextDay(devnet, 0);
  const checks = await checkDay({ client, finance: devnet.finance, call: running.call, paths, tally, lot, startHeight });
  await printStatus(devnet);
  for (const { name, ok, detail } of checks) print(`${ok ? 'ok  ' : 'FAIL'} ${name.padEnd(14)} ${detail}`);
  const failing = checks.filter(({ ok }) => !ok).map(({ name }) => name);
  print(failing.length === 0 ? `Day ${lot.day}: every sum agrees.` : `Day ${lot.day}: FAILED: ${failing.join(', ')}.`);
  return failing.length === 0 ? 0 : 1;
}

/** Day after day until somebody stops it. */
async function runDays(devnet: Devnet, isOver: () => boolean): Promise<void> {
  await devnet.running.call('cafeteria', 'offer', {});
  while (!isOver()) {
    try {
      await nextDay(devnet, DAY_SPREAD_MS);
    } catch (error) {
      if (isOver()) return;
      say(`this day came to nothing: ${error instanceof Error ? error.message : String(error)}`);
    }
    await Promise.race([pause(NEXT_DAY_MS), devnet.running.failed]);
  }
}

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  const paths = pathsOf(options.data);
  let stopping = false;
  const stopAsked = new Promise<number>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        stopping = true;
        resolve(0);
      });
    }
  });
  const unlock = lockData(paths);
  const devnet = await start(options, paths);
  const statusTimer = setInterval(() => void printStatus(devnet), STATUS_EVERY_MS);
  try {
    const work = options.once ? runOnce(devnet) : runDays(devnet, () => stopping).then(() => 0);
    return await Promise.race([work, stopAsked, devnet.running.failed]);
  } finally {
    clearInterval(statusTimer);
    stopping = true;
    say('stopping');
    await devnet.running.stop();
    unlock();
    say('stopped; a later start goes on from here');
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  const isUsage = error instanceof UsageError;
  process.stderr.write(`${isUsage ? error.message : error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
process.exit();
