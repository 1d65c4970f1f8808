/** Metrics of the API (api page §2.14). No label names a wallet, a student or a transaction. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { faultCode, supplyOf } from '@billcoin/protocol';
import type { Campus } from '../campusPorts.ts';
import type { ChainPort, Clock } from '../ports.ts';

/** The seed asks for 3 s at the 95th percentile: fine steps below it, room for `waitMs` above. */
const VALIDATION_BUCKETS_S = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10];

export interface ApiMetrics {
  readonly httpRequests: Counter<'route' | 'status'>;
  readonly validations: Counter<'result'>;
  readonly validationLatency: Histogram;
  readonly paymentFailed: Counter<'reason'>;
}

export interface MetricSources {
  readonly chain: ChainPort;
  /** None on a node of the chain alone. */
  readonly campus: { readonly services: Campus; readonly streamClients: () => number } | undefined;
  readonly clock: Clock;
}

function counters(registry: Registry): ApiMetrics & { readonly paymentSuccess: Counter } {
  const registers = [registry];
  return {
    httpRequests: new Counter({ name: 'http_requests_total', help: 'Answers of the API by route pattern and status', labelNames: ['route', 'status'], registers }),
    validations: new Counter({ name: 'validations_total', help: 'Answers of POST /payments/validate by error; "valid" where there is none', labelNames: ['result'], registers }),
    validationLatency: new Histogram({ name: 'validation_latency_seconds', help: 'Whole call of POST /payments/validate, waiting included', buckets: VALIDATION_BUCKETS_S, registers }),
    paymentSuccess: new Counter({ name: 'payment_success_total', help: 'Pays that became final while this node ran', registers }),
    paymentFailed: new Counter({ name: 'payment_failed_total', help: 'Pays refused at admission or executed with a fault, and orders that ended unpaid (expired)', labelNames: ['reason'], registers }),
  };
}

/** Values that are asked for when they are scraped. */
function gauges(registry: Registry, { chain, campus, clock }: MetricSources): void {
  const measured = (name: string, help: string, read: () => number | Promise<number>): void => {
    new Gauge({ name, help, registers: [registry], async collect() { this.set(await read()); } });
  };
  measured('finality_age_seconds', 'Time since the newest final block was made; idle blocks come every 10 s', () => Math.max(0, clock.nowMs() - chain.tip().timeMs) / 1_000);
  measured('reserve_gap_ml', 'Millilitres that plants owe; above zero is an alert', () => Number(supplyOf(chain.state()).owedMl));
  if (campus === undefined) return;
  const { services, streamClients } = campus;
  measured('sse_clients', 'Open event streams', streamClients);
  measured('orders_open', 'Orders that wait for their payment', () => services.orders.countOpen());
  measured('campus_height_lag', 'Final blocks whose orders and sales are not written yet', () => chain.tip().height - services.status().height);
  new Gauge({
    name: 'billcoin_campus_writes_waiting', help: 'Writes of the campus that are not on disk yet, by the lane they wait in; what no longer fits its lane is answered with 503', labelNames: ['lane'], registers: [registry],
    collect() { for (const [lane, waiting] of Object.entries(services.writesWaiting())) this.set({ lane }, waiting); },
  });
  new Gauge({
    name: 'billcoin_campus_remembered', help: 'What the campus keeps in memory beside its rows: good access tokens, pseudonyms of wallets, persons with payment attempts; each at most 16,384, persons twice that', labelNames: ['what'], registers: [registry],
    collect() { for (const [what, count] of Object.entries(services.remembered())) this.set({ what }, count); },
  });
  measured('supply_cover_days', 'Milk in custody over the mean daily sale of the last 7 days; -1 without sales', async () => {
    const mean = await services.sales.meanDailyMl();
    const { supplyMl, owedMl } = supplyOf(chain.state());
    return mean === 0n ? -1 : Number(supplyMl - owedMl) / Number(mean);
  });
}

/** Declares the metrics in `registry` and keeps them up to date; `stop` ends the subscriptions. */
export function openApiMetrics(registry: Registry, sources: MetricSources): ApiMetrics & { readonly stop: () => void } {
  const made = counters(registry);
  gauges(registry, sources);
  const stopPayments = sources.chain.onFinal(({ txs }) => {
    for (const tx of txs) {
      if (tx.body.kind.case !== 'pay') continue;
      if (tx.code === 0) made.paymentSuccess.inc();
      else made.paymentFailed.inc({ reason: faultCode(tx.code) ?? 'unknown' });
    }
  });
  const stopOrders = sources.campus?.services.onBlock((_block, events) => {
    for (const event of events) if (event.name === 'order.expired') made.paymentFailed.inc({ reason: 'expired' });
  });
  return {
    ...made,
    stop() {
      stopPayments();
      stopOrders?.();
    },
  };
}
