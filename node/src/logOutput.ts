/**
 * Where the lines of the log go. A node goes on whatever becomes of whoever reads its log: lines wait for a reader that
 * stands still, are left out where too many wait, and end for good once nobody can read them any more.
 */
import type { Timers } from './ports.ts';

/** About 4,000 lines, a few seconds of full load. A reader that stands still for longer costs lines, never memory or blocks. */
export const WAITING_MAX_BYTES = 1_048_576;
/** Between two attempts while nothing new is to be written. */
const TRY_AGAIN_MS = 100;

export interface LogOutputDeps {
  /** Writes what fits and says how many bytes did; throws as `writeSync` does (EAGAIN: nothing fits now). */
  readonly put: (bytes: Uint8Array) => number;
  readonly timers: Timers;
  /** Lines are written again, of which so many were left out. */
  readonly onLeftOut: (lines: number) => void;
  /** Nobody reads any more: nothing is written from now on. */
  readonly onGone: () => void;
}

export class LogOutput {
  readonly #deps: LogOutputDeps;
  readonly #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #leftOut = 0;
  #isGone = false;
  #cancel: (() => void) | undefined;

  constructor(deps: LogOutputDeps) {
    this.#deps = deps;
  }

  /** Never waits and never throws. */
  write(line: string): void {
    if (this.#isGone) return;
    const bytes = Buffer.from(line);
    if (this.#waitingBytes + bytes.length > WAITING_MAX_BYTES) {
      this.#leftOut += 1;
      return;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#cancel === undefined) this.flush();
  }

  /** Writes what fits now. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const written = this.#put(next);
      if (written === undefined) return;
      this.#waitingBytes -= written;
      if (written < next.length) this.#waiting[0] = next.subarray(written);
      else this.#waiting.shift();
    }
    const lines = this.#leftOut;
    this.#leftOut = 0;
    if (lines > 0) this.#deps.onLeftOut(lines);
  }

  /** How many bytes were written; undefined where none can be now. */
  #put(bytes: Uint8Array): number | undefined {
    try {
      return this.#deps.put(bytes);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EPIPE') this.#end();
      // Full, or a disk that is: it may have room again.
      else this.#cancel = this.#deps.timers.after(TRY_AGAIN_MS, () => this.flush());
      return undefined;
    }
  }

  #end(): void {
    this.#isGone = true;
    this.#waiting.length = 0;
    this.#deps.onGone();
  }
}
