/** Metrics of one oracle: its own registry, so that several run in one process. */
import { Counter, Gauge, Registry } from 'prom-client';
import type { Taken } from '../intake/takeMessage.ts';
import { VERDICT_NAMES } from '../rules/case.ts';

export interface Gauges {
  readonly queued: () => number;
  readonly receiptsOwed: () => number;
  readonly brokerConnected: () => boolean;
  readonly lotsWaiting: () => number;
}

export interface Metrics {
  readonly registry: Registry;
  /** Totals since the start, for the status page. */
  readonly totals: { messages: number; readings: number; accepted: number; held: number; rejected: number; duplicates: number };
  count(taken: readonly Taken[]): void;
  message(): void;
  statement(kind: 'volume' | 'reject'): void;
  /** `times` 0: the kind exists from now on, so that its first alarm is a change that a rule sees. */
  alarm(kind: string, times?: number): void;
}

export function makeMetrics(gauges: Gauges): Metrics {
  const registers = [new Registry()];
  const [registry] = registers as [Registry];
  const readings = new Counter({ name: 'mmu_readings_total', help: 'Readings by verdict and lowest rule that had something to say (none: accepted)', labelNames: ['verdict', 'rule'], registers });
  const messages = new Counter({ name: 'mmu_messages_total', help: 'MQTT messages taken', registers });
  const statements = new Counter({ name: 'mmu_statements_total', help: 'Statements signed', labelNames: ['kind'], registers });
  const alarms = new Counter({ name: 'mmu_alarms_total', help: 'Things the operator or regulator must look at', labelNames: ['kind'], registers });
  const gauge = (name: string, help: string, value: () => number): void => {
    new Gauge({ name, help, registers, collect() { this.set(value()); } });
  };
  gauge('mmu_intake_queue_messages', 'Messages that wait to be judged', gauges.queued);
  gauge('mmu_receipts_owed', 'Devices that are owed a receipt', gauges.receiptsOwed);
  gauge('mmu_broker_connected', '1 while the broker is connected', () => (gauges.brokerConnected() ? 1 : 0));
  gauge('mmu_lots_waiting', 'Open batches this oracle has not stated anything about', gauges.lotsWaiting);
  const totals = { messages: 0, readings: 0, accepted: 0, held: 0, rejected: 0, duplicates: 0 };

  return {
    registry,
    totals,
    count(taken) {
      for (const { verdict, findings } of taken) {
        const rule = findings[0]?.rule;
        readings.inc({ verdict: VERDICT_NAMES[verdict], rule: rule === undefined ? 'none' : `R${rule.toString().padStart(2, '0')}` });
        totals.readings += 1;
        if (rule === 6) totals.duplicates += 1;
        else if (verdict <= 1) totals.accepted += 1;
        else if (verdict === 2) totals.held += 1;
        else totals.rejected += 1;
      }
    },
    message() {
      messages.inc();
      totals.messages += 1;
    },
    statement: (kind) => statements.inc({ kind }),
    alarm: (kind, times = 1) => alarms.inc({ kind }, times),
  };
}
