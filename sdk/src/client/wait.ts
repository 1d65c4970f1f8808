/** Time and cancellation of calls: a deadline that holds over retries, and waits that end with it. */

/** A call's own end joined with the caller's signal. `done` must be called, else the timer lives on. */
export interface Deadline {
  readonly signal: AbortSignal;
  readonly endMs: number;
  /** True where our own time ran out, false where the caller gave up. */
  timedOut(): boolean;
  /** Starts the time anew. */
  renew(): void;
  done(): void;
}

/** Starts a deadline of `timeoutMs` that also ends when `outer` does. */
export function startDeadline(timeoutMs: number, outer: AbortSignal | undefined): Deadline {
  const controller = new AbortController();
  let timedOut = false;
  const end = (): void => {
    timedOut = true;
    controller.abort(new Error(`nothing heard for ${timeoutMs} ms`));
  };
  let timer = setTimeout(end, timeoutMs);
  const giveUp = (): void => controller.abort(outer?.reason);
  if (outer?.aborted === true) giveUp();
  outer?.addEventListener('abort', giveUp, { once: true });
  return {
    signal: controller.signal,
    endMs: Date.now() + timeoutMs,
    timedOut: () => timedOut,
    renew() {
      clearTimeout(timer);
      if (!controller.signal.aborted) timer = setTimeout(end, timeoutMs);
    },
    done() {
      clearTimeout(timer);
      outer?.removeEventListener('abort', giveUp);
    },
  };
}

/** Waits `ms`; rejects with the signal's reason as soon as it aborts. */
export function waitMs(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(asError(signal.reason));
      return;
    }
    const end = (): void => {
      clearTimeout(timer);
      reject(asError(signal.reason));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', end);
      resolve();
    }, ms);
    signal.addEventListener('abort', end, { once: true });
  });
}

/** Whatever was thrown, as an Error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** Wait before attempt number `attempt` (1, 2, …): doubles from `firstMs` to `maxMs`, half of it by chance so that many clients do not come back at once. */
export function backoffMs(attempt: number, firstMs: number, maxMs: number): number {
  const full = Math.min(maxMs, firstMs * 2 ** (attempt - 1));
  return full / 2 + (full / 2) * Math.random();
}
