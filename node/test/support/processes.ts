/** Networks of real `billcoin start` processes on loopback: folders, ports, starts, kills, and questions over HTTP. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { sha256, toBase64Url, toHex, utf8, type Genesis, type GenesisSpec } from '@billcoin/protocol';
import { CONSENSUS_KEY_FILE, NODE_KEY_FILE, createKeyFile, keyPairOf } from '../../src/crypto/keyFiles.ts';
import { createSignGuard } from '../../src/crypto/signGuard.ts';
import { createDataFolder } from '../../src/storage/dataFolder.ts';
import { KEYS, keyOf, makeTestGenesis } from './testNetwork.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const POLL_MS = 50;

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A process of the network: a validator, or one that follows. */
export class TestProcess {
  readonly index: number;
  readonly folder: string;
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;
  #url = '';
  /** What it wrote to standard error and its log, for the message of a failed test. */
  readonly output: string[] = [];

  constructor(index: number, folder: string, args: readonly string[]) {
    this.index = index;
    this.folder = folder;
    this.#args = args;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Resolves when its API listens. */
  async start(): Promise<void> {
    const child = spawn(process.execPath, ['--import=tsx', '--conditions=development', MAIN, 'start', ...this.#args], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    child.stderr.on('data', (chunk: Buffer) => this.output.push(chunk.toString()));
    const ended = once(child, 'exit').then(([code, signal]) => {
      throw new Error(`node ${this.index} ended (${String(signal ?? code)}) before it listened\n${this.output.join('')}`);
    });
    const listening = new Promise<void>((resolve) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        const url = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0];
        if (url === undefined) this.output.push(`${line}\n`);
        else this.#url = url;
        if (url !== undefined) resolve();
      });
    });
    await Promise.race([listening, ended]);
    ended.catch(() => undefined); // from here on its end is what the test wants
  }

  /** Kills it at once, or asks it to stop; resolves when it is gone. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const gone = once(child, 'exit');
    child.kill(signal);
    const [code] = (await gone) as [number | null];
    return code;
  }

  async get<T>(path: string): Promise<T> {
    const response = await fetch(`${this.#url}${path}`, { signal: AbortSignal.timeout(5_000) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
    return (path.startsWith('/api') ? JSON.parse(text) : text) as T;
  }

  async height(): Promise<number> {
    return (await this.get<{ height: number }>('/api/v1/status')).height;
  }

  async blockId(height: number): Promise<string> {
    return (await this.get<{ hash: string }>(`/api/v1/blocks/${height}`)).hash;
  }

  /** Value of a metric without labels. */
  async metric(name: string): Promise<number> {
    return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(await this.get<string>('/metrics'))?.[1] ?? NaN);
  }

  async submit(tx: Uint8Array): Promise<void> {
    const response = await fetch(`${this.#url}/api/v1/transactions`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ tx: toBase64Url(tx) }), signal: AbortSignal.timeout(5_000) });
    if (!response.ok) throw new Error(`refused: ${response.status} ${await response.text()}`);
  }

  /** Waits until the node is at that height; throws after `waitMs` with what it said. */
  async reach(height: number, waitMs: number): Promise<void> {
    const endMs = Date.now() + waitMs;
    let seen = -1;
    while (seen < height) {
      if (Date.now() > endMs) throw new Error(`node ${this.index} is at ${seen}, not at ${height}, after ${waitMs} ms\n${this.output.slice(-20).join('')}`);
      await delay(POLL_MS);
      seen = await this.height();
    }
  }
}

export interface TestProcesses {
  readonly genesis: Genesis;
  /** Validators first, then those that only follow. */
  readonly nodes: readonly TestProcess[];
  /** Kills what still runs and removes the folders. */
  remove(): Promise<void>;
}

/** Folders of n validators and some followers, all knowing each other; nothing runs yet. */
export async function makeProcesses({ validators, followers = 0, params = {} }: { readonly validators: number; readonly followers?: number; readonly params?: Partial<GenesisSpec['params']> }): Promise<TestProcesses> {
  const root = await mkdtemp(join(tmpdir(), 'billcoin-processes-'));
  const keys = Array.from({ length: validators }, (_, i) => (i === 0 ? KEYS.validator : keyOf(`validator ${i}`)));
  const genesis = makeTestGenesis(Date.now() - 1_000, params, keys);
  await writeFile(join(root, 'genesis.json'), genesis.text);
  const size = validators + followers;
  const nodeKeys = Array.from({ length: size }, (_, i) => keyPairOf(sha256(utf8(`node test node key ${i}`))));
  const ports: number[] = [];
  while (ports.length < size) ports.push(await freePort());
  const nodes: TestProcess[] = [];
  for (const [i, { seed }] of nodeKeys.entries()) {
    const folder = join(root, `node-${i}`);
    const [keyDir, dataDir] = [join(folder, 'keys'), join(folder, 'data')];
    await mkdir(keyDir, { recursive: true, mode: 0o700 });
    await createKeyFile(keyDir, NODE_KEY_FILE, seed);
    const key = keys[i];
    if (key !== undefined) {
      await createKeyFile(keyDir, CONSENSUS_KEY_FILE, key.seed);
      await createSignGuard(keyDir, { publicKey: key.publicKey, genesisHash: genesis.genesisHash });
    }
    await createDataFolder(dataDir, genesis.genesisHash);
    const peers = nodeKeys.flatMap(({ publicKey }, j) => (j === i ? [] : [`${toHex(publicKey)}@127.0.0.1:${ports[j]}`])).join(',');
    nodes.push(new TestProcess(i, folder, [
      '--genesis', join(root, 'genesis.json'), '--data-dir', dataDir, '--key-dir', keyDir, '--http-port', '0', '--node-name', `node-${i}`, '--log-level', 'info', '--verify-threads', '0',
      '--listen', `127.0.0.1:${ports[i]}`, '--peers', peers,
    ]));
  }
  return {
    genesis, nodes,
    async remove() {
      await Promise.all(nodes.map((node) => node.end('SIGKILL')));
      await rm(root, { recursive: true, force: true });
    },
  };
}
