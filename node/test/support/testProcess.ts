/** One real `billcoin start` process: starts, stops, signals, its clock, and questions over HTTP. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { toBase64Url } from '@billcoin/protocol';
import { createClient, type Client } from '@billcoin/sdk';
import { CLOCK_VARIABLE, type ClockMessage } from './testClock.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const CLOCK = new URL('testClock.ts', import.meta.url).href;
const POLL_MS = 50;
/** A machine that others use too; a node that answers later is as good as dead. */
const ANSWER_MS = 15_000;
/** Lines of a node that are kept for the message of a failed test. */
const OUTPUT_LINES = 200;

/** A process of the network: a validator, or one that follows. */
export class TestProcess {
  readonly index: number;
  /** Holds its `keys` and `data`. */
  readonly folder: string;
  /** Hex of its node key. */
  readonly nodeKey: string;
  /** Where it listens for peers. */
  readonly peerPort: number;
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;
  #client: Client = createClient({ baseUrl: 'http://127.0.0.1:9' });
  #httpsUrl: string | undefined;
  #clockMs = 0;
  #isPaused = false;
  /** What it wrote to standard error and its log, for the message of a failed test. */
  readonly output: string[] = [];

  constructor(parts: { readonly index: number; readonly folder: string; readonly nodeKey: string; readonly peerPort: number; readonly args: readonly string[] }) {
    this.index = parts.index;
    this.folder = parts.folder;
    this.nodeKey = parts.nodeKey;
    this.peerPort = parts.peerPort;
    this.#args = parts.args;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** There is a process, and it is not stopped by a signal. */
  get isAwake(): boolean {
    return this.#isThere() && !this.#isPaused;
  }

  /** An sdk client of the API as it listened last. */
  get client(): Client {
    return this.#client;
  }

  /** Where it serves others over TLS, if it was started so. */
  get httpsUrl(): string | undefined {
    return this.#httpsUrl;
  }

  /** Resolves when its API listens. `more`: options of this start alone. */
  async start(...more: readonly string[]): Promise<void> {
    const child = spawn(process.execPath, ['--import=tsx', `--import=${CLOCK}`, '--conditions=development', MAIN, 'start', ...this.#args, ...more], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'], env: { ...process.env, [CLOCK_VARIABLE]: String(this.#clockMs) },
    });
    this.#child = child;
    this.#isPaused = false;
    createInterface({ input: child.stderr! }).on('line', (line) => this.#note(line));
    const ended = once(child, 'exit').then(([code, signal]) => {
      throw new Error(`node ${this.index} ended (${String(signal ?? code)}) before it listened\n${this.output.join('\n')}`);
    });
    const listening = new Promise<void>((resolve) => {
      createInterface({ input: child.stdout! }).on('line', (line) => {
        const baseUrl = /^BillCoin .*(http:\/\/127\.0\.0\.1:\d+)/.exec(line)?.[1];
        if (baseUrl === undefined) return this.#note(line);
        this.#client = createClient({ baseUrl });
        this.#httpsUrl = /https:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0];
        resolve();
      });
    });
    await Promise.race([listening, ended]);
    ended.catch(() => undefined); // from here on its end is what the test wants
  }

  /** Kills it at once, or asks it to stop; resolves when it is gone. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    const child = this.#child;
    if (child === undefined || !this.#isThere()) return child?.exitCode ?? null;
    const gone = once(child, 'exit');
    child.kill(signal);
    const [code] = (await gone) as [number | null];
    return code;
  }

  /** Stops it where it stands; its connections stay open and say nothing. */
  pause(): void {
    this.#isPaused = this.#child?.kill('SIGSTOP') === true;
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
    this.#isPaused = false;
  }

  /** How far its wall clock is ahead of the machine's from now on, over restarts too. */
  setClock(offsetMs: number): void {
    this.#clockMs = Math.round(offsetMs); // a clock has no fractions
    const message: ClockMessage = { offsetMs: this.#clockMs };
    if (this.#isThere()) this.#child?.send(message);
  }

  async get<T>(path: string): Promise<T> {
    const response = await fetch(`${this.#client.origin}${path}`, { signal: AbortSignal.timeout(ANSWER_MS) });
    const text = await response.text();
    if (!response.ok) throw new Error(`node ${this.index}, ${path}: ${response.status} ${text}`);
    return (path.startsWith('/api') ? JSON.parse(text) : text) as T;
  }

  async height(): Promise<number> {
    return (await this.get<{ height: number }>('/api/v1/status')).height;
  }

  async blockId(height: number): Promise<string> {
    return (await this.get<{ hash: string }>(`/api/v1/blocks/${height}`)).hash;
  }

  /** Value of a metric without labels, or the sum over them; 0 where it has not been counted yet. */
  async metric(name: string): Promise<number> {
    const values = (await this.get<string>('/metrics')).matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'));
    return [...values].reduce((sum, [, value]) => sum + Number(value), 0);
  }

  /** Whatever the status is. */
  async post(path: string, body: object): Promise<{ readonly status: number; readonly text: string }> {
    const response = await fetch(`${this.#client.base}${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body), signal: AbortSignal.timeout(ANSWER_MS) });
    return { status: response.status, text: await response.text() };
  }

  async submit(tx: Uint8Array): Promise<void> {
    const { status, text } = await this.post('/transactions', { tx: toBase64Url(tx) });
    if (status >= 300) throw new Error(`refused: ${status} ${text}`);
  }

  /** Waits until the node is at that height; throws after `waitMs` with what it said. */
  async reach(height: number, waitMs: number): Promise<void> {
    await this.until(`is at height ${height}`, waitMs, async () => (await this.height()) >= height);
  }

  /** Waits for something to be so; throws after `waitMs` with what the node said. */
  async until(what: string, waitMs: number, isSo: () => Promise<boolean>): Promise<void> {
    const endMs = performance.now() + waitMs;
    while (!(await isSo())) {
      if (performance.now() > endMs) throw new Error(`not within ${waitMs} ms: node ${this.index} ${what}; it is at height ${await this.height()}\n${this.output.slice(-20).join('\n')}`);
      await delay(POLL_MS);
    }
  }

  #isThere(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  #note(line: string): void {
    this.output.push(line);
    if (this.output.length > OUTPUT_LINES) this.output.shift();
  }
}
