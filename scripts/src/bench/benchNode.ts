/** One node in a process of its own, as an operator would start it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { BenchClient } from './benchClient.ts';

/** Processes that share cores: garbage costs each one thread, and what a request needs dies young. */
export const SHARED_CORES_FLAGS = ['--max-semi-space-size=64', '--single-threaded-gc'] as const;

/** Only ends what hangs: from source, six at once on two busy cores take a minute. */
const START_MS = 180_000;

/** main.ts beside the package's index, in source or built form. */
export function nodeEntry(): string {
  const index = import.meta.resolve('@billcoin/node');
  return fileURLToPath(index.replace(/index\.(ts|js)$/, 'main.$1'));
}

interface Urls {
  readonly http: string;
  readonly https: string | undefined;
}

async function readyUrls(child: ChildProcess): Promise<Urls> {
  if (child.stdout === null) throw new Error('the node has an output');
  const timer = setTimeout(() => child.kill('SIGKILL'), START_MS);
  for await (const line of createInterface({ input: child.stdout })) {
    const http = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0];
    if (line.startsWith('BillCoin') && http !== undefined) {
      clearTimeout(timer);
      child.stdout.resume();
      return { http, https: /https:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0] };
    }
  }
  throw new Error('the node ended before it listened');
}

export class BenchNode {
  readonly #args: readonly string[];
  readonly #profileDir: string | undefined;
  readonly #engineFlags: readonly string[];
  readonly #niceness: number;
  #child: ChildProcess | undefined;
  #client: BenchClient | undefined;
  #httpsUrl: string | undefined;

  /** @param args of `billcoin start`. @param profileDir where the process leaves a CPU profile when it ends. @param engineFlags of Node itself. @param niceness 1 to 19: gives way to others on this machine. */
  constructor(args: readonly string[], profileDir: string | undefined, engineFlags: readonly string[] = [], niceness = 0) {
    this.#args = args;
    this.#engineFlags = engineFlags;
    this.#niceness = niceness;
    this.#profileDir = profileDir;
  }

  get client(): BenchClient {
    if (this.#client === undefined) throw new Error('the node has not been started');
    return this.#client;
  }

  /** Where its API serves this machine; metrics are here alone. */
  get url(): string {
    return this.client.url;
  }

  /** Where it serves others, over TLS if it was told to. */
  get publicUrl(): string {
    return this.#httpsUrl ?? this.url;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Resolves when its API listens. @param connectionsMax that the client may open. */
  async start(connectionsMax?: number): Promise<void> {
    const profile = this.#profileDir === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${this.#profileDir}`];
    const args = [...process.execArgv, ...this.#engineFlags, ...profile, nodeEntry(), 'start', ...this.#args];
    const [command, before] = this.#niceness === 0 ? [process.execPath, []] : ['nice', ['-n', String(this.#niceness), process.execPath]];
    const child = spawn(command, [...before, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#child = child;
    const endWithUs = (): void => void child.kill('SIGKILL');
    process.once('exit', endWithUs);
    child.once('exit', () => process.off('exit', endWithUs));
    const { http, https } = await readyUrls(child);
    this.#client = new BenchClient(http, connectionsMax);
    this.#httpsUrl = https;
  }

  /** Asks it to stop, or kills it at once; resolves when it is gone. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.#client?.close();
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }
}
