/** What an operator must look at: one line at `error` and one count each. */
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';

const TEXTS = {
  fork: 'two readings share one number: the device is locked, tell the regulator',
  quarantine_flood: 'a device fills the quarantine: bar its certificate at the broker',
  withheld: 'a fork of a named reading is held but not named: no statement, tell the regulator',
  unknown_profile: 'the batch was opened under a profile this program does not know: update the oracle',
  outbox: 'a statement cannot reach the chain',
} as const;

export type AlarmKind = keyof typeof TEXTS;
export type Alarm = (kind: AlarmKind, fields: object) => void;

export function makeAlarm(log: Log, metrics: Pick<Metrics, 'alarm'>): Alarm {
  for (const kind of Object.keys(TEXTS)) metrics.alarm(kind, 0);
  return (kind, fields) => {
    metrics.alarm(kind);
    log.error({ alarm: kind, ...fields }, TEXTS[kind]);
  };
}
