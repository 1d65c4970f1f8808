/** Metrics of abuse control (api page §2.14). Labels are names of tables of ours, never of a person. */
import { Counter, Gauge, type Registry } from 'prom-client';
import { FLAG_RULES, RATE_POLICIES } from '@billcoin/sdk';
import type { AbuseControl, LimitState } from '../abusePorts.ts';

/** Declares them in `registry`; `limited` hears of every limit without room, `stop` ends the subscriptions. */
export function openAbuseMetrics(registry: Registry, { limits, flags, alerts }: AbuseControl): { readonly limited: (state: LimitState) => void; readonly stop: () => void } {
  const registers = [registry];
  const attemptsLimited = new Counter({ name: 'payment_attempts_limited_total', help: 'Payment attempts refused because their person had made as many as fit a minute', registers });
  const limited = new Counter({ name: 'rate_limited_total', help: 'Requests refused by a rate limit', labelNames: ['policy'], registers });
  const raised = new Counter({ name: 'flags_total', help: 'Flags raised', labelNames: ['rule'], registers });
  const delivered = new Counter({ name: 'alert_delivery_total', help: 'Tries to deliver an alert by outcome; dropped: the queue was full, or nobody took it for three days', labelNames: ['outcome'], registers });
  // A rate over a series that does not exist yet is no rate: each begins at zero.
  for (const policy of RATE_POLICIES) limited.inc({ policy }, 0);
  for (const rule of FLAG_RULES) raised.inc({ rule }, 0);
  delivered.inc({ outcome: 'delivered' }, 0);
  const measured = (name: string, help: string, read: () => number): void => void new Gauge({ name, help, registers, collect() { this.set(read()); } });
  measured('alerts_waiting', 'Alerts that nobody has taken yet', alerts.waiting);
  measured('rate_limit_keys', 'Subjects, accounts and addresses whose windows are in memory', () => limits.sizes().keys);
  measured('rate_limit_times', 'Times in those windows', () => limits.sizes().times);
  measured('rate_limit_keys_forgotten', 'Keys with times in their window that had to go because there were too many', () => limits.sizes().forgotten);
  const stopFlags = flags.onRaised(({ rule }) => raised.inc({ rule }));
  const stopAlerts = alerts.onOutcome((outcome) => delivered.inc({ outcome: outcome === 'dropped' ? outcome : (outcome.error ?? 'delivered') }));
  return {
    limited({ policy }) {
      limited.inc({ policy });
      if (policy === 'pay') attemptsLimited.inc();
    },
    stop() {
      stopFlags();
      stopAlerts();
    },
  };
}
