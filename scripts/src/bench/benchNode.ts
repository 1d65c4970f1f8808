/** A node in a process of its own on temp folders, as an operator would start it, with funded payers. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { toBase64Url } from '@billcoin/protocol';
import { initFolders, makeConfig, makeConsensusKey, readGenesis } from '@billcoin/node';
import { makeBenchNetwork, type BenchNetwork } from './benchNetwork.ts';
import { BenchClient } from './benchClient.ts';

const START_MS = 30_000;
const FUND_MS = 60_000;
/** Transfers of one sender that may be pending; the funding goes in steps of this size. */
const FUND_STEP = 60;

export interface BenchNode {
  readonly network: BenchNetwork;
  readonly client: BenchClient;
  readonly pid: number;
  stop(): Promise<void>;
}

/** main.ts beside the package's index, in source or built form. */
function nodeEntry(): string {
  const index = import.meta.resolve('@billcoin/node');
  return fileURLToPath(index.replace(/index\.(ts|js)$/, 'main.$1'));
}

async function readyUrl(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('the node has an output');
  const timer = setTimeout(() => child.kill('SIGKILL'), START_MS);
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0];
    if (line.startsWith('BillCoin') && url !== undefined) {
      clearTimeout(timer);
      child.stdout.resume();
      return url;
    }
  }
  throw new Error('the node ended before it listened');
}

/** Starts the node and gives every payer its BILL. */
export async function startBenchNode(size: { readonly payers: number; readonly tills: number }): Promise<BenchNode> {
  const root = await mkdtemp(join(tmpdir(), 'billcoin-bench-'));
  const network = makeBenchNetwork({ ...size, timeMs: Date.now() - 1_000 });
  const genesis = join(root, 'genesis.json');
  await writeFile(genesis, network.genesisText);
  const flags = { genesis, 'data-dir': join(root, 'data'), 'key-dir': join(root, 'keys'), 'http-port': '0', 'log-level': 'warn' };
  const config = makeConfig(flags, {});
  await makeConsensusKey(config.keyDir, network.validatorSeed);
  await initFolders(config, await readGenesis(genesis));
  const args = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value]);
  const child = spawn(process.execPath, [...process.execArgv, nodeEntry(), 'start', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const client = new BenchClient(await readyUrl(child));
  await fund(client, network);
  return {
    network, client, pid: child.pid ?? 0,
    async stop() {
      client.close();
      child.kill('SIGTERM');
      await exited;
      await rm(root, { recursive: true, force: true });
    },
  };
}

async function fund(client: BenchClient, network: BenchNetwork): Promise<void> {
  const deadlineMs = Date.now() + FUND_MS;
  for (const group of network.funding(Date.now())) {
    for (let from = 0; from < group.length; from += FUND_STEP) {
      const step = group.slice(from, from + FUND_STEP);
      await Promise.all(step.map((bytes) => client.submit(toBase64Url(bytes))));
      while ((await client.pending()) > 0) if (Date.now() > deadlineMs) throw new Error('the payers were not funded in time');
    }
  }
}
