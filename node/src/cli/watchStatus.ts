/** Keeps an operator informed while a node runs: a line that is painted again at a terminal, a log line now and then elsewhere. */
import type { JoinProgress } from '../join/join.ts';
import type { NodeStatus } from '../nodeView.ts';
import type { Clock, Log, Timers } from '../ports.ts';
import type { Terminal } from './terminal.ts';
import { joinLine, statusFields, statusLine } from './statusLine.ts';

const PAINT_MS = 1_000;
/** Log lines: rare when all is well, so that they do not bury what matters. */
const LOG_MS = 60_000;
const LOG_SYNCING_MS = 10_000;

export interface StatusWatch {
  /** Takes the painted line away. */
  stop(): void;
}

export function watchStatus({ status, paint, timers, log }: { readonly status: () => NodeStatus; readonly paint: Terminal['paint']; readonly timers: Timers; readonly log: Log }): StatusWatch {
  let cancel: () => void = () => undefined;

  function tell(): number {
    const now = status();
    if (paint !== undefined) {
      paint(statusLine(now));
      return PAINT_MS;
    }
    log.info(statusFields(now), now.sync === undefined ? 'Status' : 'Syncing');
    return now.sync === undefined ? LOG_MS : LOG_SYNCING_MS;
  }

  function next(): void {
    cancel = timers.after(tell(), next);
  }

  // Not at once without a terminal: nothing has happened yet, and the start has said where it stands.
  cancel = timers.after(paint === undefined ? LOG_SYNCING_MS : 0, next);
  return {
    stop() {
      cancel();
      paint?.('');
    },
  };
}

/** Takes the progress of a newcomer as often as it changes; shows it as often as somebody reads it. */
export function watchJoin({ paint, clock, log }: { readonly paint: Terminal['paint']; readonly clock: Pick<Clock, 'monotonicMs'>; readonly log: Log }): (progress: JoinProgress) => void {
  const everyMs = paint === undefined ? LOG_SYNCING_MS : PAINT_MS;
  let last: { readonly step: JoinProgress['step']; readonly atMs: number } | undefined;
  return (progress) => {
    const atMs = clock.monotonicMs();
    if (last !== undefined && last.step === progress.step && atMs - last.atMs < everyMs) return;
    last = { step: progress.step, atMs };
    if (paint !== undefined) paint(joinLine(progress));
    else log.info({ ...progress }, 'Joining');
  };
}
