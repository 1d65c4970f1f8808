/**
 * Metrics (style.md H13): each room declares its own beside its code and receives this registry; nothing is global.
 * Names carry their unit; every metric has a help text.
 */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

export interface Metrics {
  readonly registry: Registry;
  counter<L extends string = never>(name: string, help: string, labels?: readonly L[]): Counter<L>;
  gauge<L extends string = never>(name: string, help: string, labels?: readonly L[]): Gauge<L>;
  /** A gauge whose value is asked for when it is scraped. */
  measured(name: string, help: string, read: () => number): void;
  /** The same for each value of a label; the values are those of a table, never of user data. */
  measuredBy(name: string, help: string, label: string, read: () => ReadonlyMap<string, number>): void;
  histogram<L extends string = never>(name: string, help: string, buckets: readonly number[], labels?: readonly L[]): Histogram<L>;
}

/** Seconds, from a quarter of a millisecond (a sync on a good disk) to ten seconds (an idle block). */
export const LATENCY_BUCKETS_S: readonly number[] = [0.000_25, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

export function makeMetrics({ processMetrics }: { readonly processMetrics: boolean }): Metrics {
  const registry = new Registry();
  if (processMetrics) collectDefaultMetrics({ register: registry, prefix: 'billcoin_' });
  const registers = [registry];
  return {
    registry,
    counter: (name, help, labels = []) => new Counter({ name, help, labelNames: [...labels], registers }),
    gauge: (name, help, labels = []) => new Gauge({ name, help, labelNames: [...labels], registers }),
    measured(name, help, read) {
      new Gauge({ name, help, registers, collect() { this.set(read()); } });
    },
    measuredBy(name, help, label, read) {
      new Gauge({ name, help, labelNames: [label], registers, collect() { for (const [value, number] of read()) this.set({ [label]: value }, number); } });
    },
    histogram: (name, help, buckets, labels = []) => new Histogram({ name, help, buckets: [...buckets], labelNames: [...labels], registers }),
  };
}
