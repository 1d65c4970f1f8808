/** A devnet in a temporary folder, run as a person runs it: its own process, watched by its output. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const fromRoot = (path: string): string => fileURLToPath(new URL(`../../../../${path}`, import.meta.url));
const FROM_SOURCE = [...process.execArgv, fromRoot('scripts/src/devnet/main.ts')];
const BUILT = [fromRoot('scripts/dist/devnet/main.js')];
const POLL_MS = 50;

export class RunningDevnet {
  readonly data: string;
  readonly #command: readonly string[];
  readonly #child: ChildProcess;
  #output = '';

  constructor(args: readonly string[] = [], command: readonly string[] = FROM_SOURCE, data = mkdtempSync(join(tmpdir(), 'billcoin-devnet-'))) {
    this.data = data;
    this.#command = command;
    const flags = ['--data', this.data, '--api-port', '0', '--broker-port', '0', ...args];
    this.#child = spawn(process.execPath, [...command, ...flags], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) stream?.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
  }

  /** As `npm start` runs it: built, which all its processes start from in a third of the time. */
  static built(...args: string[]): RunningDevnet {
    const { status, stdout } = spawnSync(process.execPath, [fromRoot('node_modules/typescript/bin/tsc'), '-b'], { cwd: fromRoot('.'), encoding: 'utf8' });
    if (status !== 0) throw new Error(`it cannot be built\n${stdout}`);

    return new RunningDevnet(args, BUILT);
  }

  /** A later start on the same folder. */
  again(...args: string[]): RunningDevnet {
    return new RunningDevnet(args, this.#command, this.data);
  }

  get output(): string {
    return this.#output;
  }

  /** Waits until something is so; an ended devnet or a passed deadline is an error with the output. */
  async until(what: string, condition: () => boolean, patienceMs = 120_000): Promise<void> {
    const endMs = Date.now() + patienceMs;
    while (!condition()) {
      if (this.#child.exitCode !== null || Date.now() > endMs) throw new Error(`waited for ${what}\n${this.#output}`);
      await new Promise<void>((resolve) => {
        setTimeout(resolve, POLL_MS);
      });
    }
  }

  saw(pattern: RegExp): Promise<void> {
    return this.until(String(pattern), () => pattern.test(this.#output));
  }

  /** kill -9 of a part. */
  kill(name: string): void {
    const pids = JSON.parse(readFileSync(join(this.data, 'run', 'pids.json'), 'utf8')) as Readonly<Record<string, number>>;
    process.kill(pids[name] as number, 'SIGKILL');
  }

  /** The exit code, when it has ended by itself. */
  async ended(): Promise<number | null> {
    if (this.#child.exitCode === null) await once(this.#child, 'exit');
    return this.#child.exitCode;
  }

  /** Ctrl-C; the exit code. */
  async stop(): Promise<number | null> {
    this.#child.kill('SIGINT');
    return this.ended();
  }

  remove(): void {
    if (this.#child.exitCode === null) this.#child.kill('SIGKILL'); // its parts end with it
    rmSync(this.data, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
  }
}
