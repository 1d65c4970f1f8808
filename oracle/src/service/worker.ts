/** A background loop that runs one thing at a time: when nudged, at an interval, and again with backoff after a failure. */

const RETRY_FIRST_MS = 250;
const RETRY_MAX_MS = 30_000;

export interface Worker {
  /** Runs soon; nudges while it runs are one run more. */
  nudge(): void;
  /** Lets the run that is under way end; none starts after. */
  close(): Promise<void>;
}

export interface WorkerOptions {
  readonly everyMs: number;
  readonly run: () => Promise<void>;
  /** A run failed; it is tried again after retryMs. */
  readonly onFailure: (error: unknown, retryMs: number) => void;
}

export function startWorker({ everyMs, run, onFailure }: WorkerOptions): Worker {
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let again = false;
  let closed = false;
  let failures = 0;

  function schedule(delayMs: number): void {
    clearTimeout(timer);
    if (!closed) timer = setTimeout(start, delayMs);
  }
  async function once(): Promise<void> {
    again = false;
    let delayMs = everyMs;
    try {
      await run();
      failures = 0;
    } catch (error) {
      failures += 1;
      delayMs = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** (failures - 1));
      if (!closed) onFailure(error, delayMs);
    }
    running = undefined;
    schedule(again && failures === 0 ? 0 : delayMs);
  }
  function start(): void {
    if (closed || running !== undefined) return;
    clearTimeout(timer);
    running = once();
  }
  schedule(0);
  return {
    nudge() {
      again = true;
      if (running === undefined && failures === 0) schedule(0);
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      await running;
    },
  };
}
