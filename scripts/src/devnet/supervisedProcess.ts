/** One process of the devnet: started, watched, restarted after a crash with growing patience, stopped in order. */
import { fork, type ChildProcess } from 'node:child_process';
import type { LogFile } from './logFile.ts';

const RESTART_FIRST_MS = 250;
const RESTART_MAX_MS = 8_000;
/** A process that lived this long was healthy: its next crash is a first one again. */
const HEALTHY_AFTER_MS = 20_000;
/** Crashes in a row; then the devnet gives up and says so. */
const CRASHES_MAX = 8;
/** Time to end by itself after SIGTERM. */
const STOP_MS = 10_000;

/** glibc gives freed memory back at once instead of keeping it for later: 80 MB less for eleven processes. */
const FRUGAL_MALLOC = { MALLOC_ARENA_MAX: '1', MALLOC_TRIM_THRESHOLD_: '65536', MALLOC_MMAP_THRESHOLD_: '65536' } as const;

export interface ProcessSpec {
  readonly name: string;
  readonly entry: string;
  readonly args: readonly string[];
  /** Flags of the interpreter. */
  readonly execArgv: readonly string[];
  /** Resolves when it does its work. */
  readonly ready: () => Promise<void>;
}

export interface ProcessEvents {
  readonly onMessage: (message: unknown) => void;
  readonly onStart: (pid: number, restarts: number) => void;
  readonly onExit: (why: string) => void;
  /** It crashed too often. */
  readonly onHopeless: (why: string) => void;
}

export class SupervisedProcess {
  readonly #spec: ProcessSpec;
  readonly #events: ProcessEvents;
  readonly #log: LogFile;
  #child: ChildProcess | undefined;
  #crashes = 0;
  #restarts = 0;
  #stopping = false;
  #retry: NodeJS.Timeout | undefined;

  constructor(spec: ProcessSpec, log: LogFile, events: ProcessEvents) {
    this.#spec = spec;
    this.#log = log;
    this.#events = events;
  }

  get name(): string {
    return this.#spec.name;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get restarts(): number {
    return this.#restarts;
  }

  /** Starts it; resolves when it is ready, be it after a restart. */
  start(): Promise<void> {
    this.#spawn();
    return this.#spec.ready();
  }

  /** The last lines of its output. */
  tail(): string {
    return this.#log.tail();
  }

  send(message: object): boolean {
    return this.#child?.connected === true && this.#child.send(message);
  }

  #spawn(): void {
    const { entry, args, execArgv } = this.#spec;
    const startedMs = Date.now();
    // An own process group: Ctrl-C reaches the supervisor alone, which then stops the parts in order.
    const child = fork(entry, args, { execArgv: [...execArgv], env: { ...process.env, ...FRUGAL_MALLOC }, silent: true, detached: true });
    this.#child = child;
    child.stdout?.on('data', (chunk: Buffer) => this.#log.write(chunk));
    child.stderr?.on('data', (chunk: Buffer) => this.#log.write(chunk));
    child.on('message', this.#events.onMessage);
    child.on('error', (error) => {
      this.#log.write(Buffer.from(`${error.message}\n`));
      // What never started does not exit either.
      if (child.pid === undefined && this.#child === child) this.#exited(startedMs, error.message);
    });
    child.once('exit', (code, signal) => this.#exited(startedMs, signal ?? `exit code ${code}`));
    if (child.pid !== undefined) this.#events.onStart(child.pid, this.#restarts);
  }

  #exited(startedMs: number, why: string): void {
    this.#child = undefined;
    if (this.#stopping) return;
    this.#events.onExit(why);
    this.#crashes = Date.now() - startedMs > HEALTHY_AFTER_MS ? 1 : this.#crashes + 1;
    if (this.#crashes > CRASHES_MAX) {
      this.#events.onHopeless(`${this.name} crashed ${CRASHES_MAX} times in a row (${why})`);
      return;
    }
    const waitMs = Math.min(RESTART_MAX_MS, RESTART_FIRST_MS * 2 ** (this.#crashes - 1));
    this.#restarts += 1;
    this.#retry = setTimeout(() => this.#spawn(), waitMs);
  }

  /** Ends it: SIGTERM, and SIGKILL where it does not listen. Resolves with which of them it took. */
  async stop(): Promise<'stopped' | 'killed'> {
    this.#stopping = true;
    clearTimeout(this.#retry);
    const child = this.#child;
    if (child?.pid === undefined) return 'stopped';
    // Not `once` of node:events, which would take a message that this process no longer reads for a failure to end it.
    const ended = new Promise<NodeJS.Signals | null>((resolve) => void child.once('exit', (_code, signal) => resolve(signal)));
    child.kill('SIGTERM');
    const killer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    const signal = await ended;
    clearTimeout(killer);
    return signal === 'SIGKILL' ? 'killed' : 'stopped';
  }
}
