/** The operator's view of an oracle, on loopback: counts and queues, what was held or rejected and why, lots, metrics. */
import Fastify, { type FastifyInstance } from 'fastify';
import { VERDICT_NAMES } from '../rules/case.ts';
import { ruleText } from '../rules/table.ts';
import type { LotRow, OutboxRow, QuarantineRow } from '../store/rows.ts';
import { parseJson, type Store } from '../store/store.ts';
import type { Metrics } from './metrics.ts';

/** Rows of one answer. */
const LIMIT_MAX = 500;
const LIMIT_DEFAULT = 50;
/** A held reading nobody released in this time has expired; its bytes may still be named (oracle page §3). */
export const HOLD_EXPIRES_MS = 72 * 3_600_000;

export interface StatusDesk {
  readonly store: Store;
  readonly metrics: Metrics;
  readonly nowMs: () => number;
  /** What changes: connection, queues, heights, lots. */
  readonly status: () => object;
}

const limitSchema = { querystring: { type: 'object', additionalProperties: false, properties: { limit: { type: 'integer', minimum: 1, maximum: LIMIT_MAX, default: LIMIT_DEFAULT } } } } as const;
interface Limited {
  Querystring: { limit: number };
}

function stateOf({ verdict, receivedAtMs }: QuarantineRow, nowMs: number): 'open' | 'rejected' | 'expired' {
  if (VERDICT_NAMES[verdict] === 'reject') return 'rejected';
  return nowMs - receivedAtMs > HOLD_EXPIRES_MS ? 'expired' : 'open';
}

function keptView(row: QuarantineRow, nowMs: number): object {
  const findings = row.findings.map((finding) => ({ ...finding, rule: `R${finding.rule.toString().padStart(2, '0')}`, verdict: VERDICT_NAMES[finding.verdict], text: ruleText(finding.rule) }));
  return { ...row, receivedAt: new Date(row.receivedAtMs).toISOString(), verdict: VERDICT_NAMES[row.verdict], state: stateOf(row, nowMs), findings };
}

/** The server, not listening yet. */
export function makeStatusApi({ store, metrics, nowMs, status }: StatusDesk): FastifyInstance {
  const app = Fastify({ logger: false });
  app.get('/status', () => ({ ...status(), readings: metrics.totals }));
  app.get<Limited>('/readings/rejected', { schema: limitSchema }, async ({ query }) => {
    const rows = await store.list({ prefix: 'q', limit: query.limit, reverse: true });
    return { data: rows.map(({ value }) => keptView(parseJson<QuarantineRow>(value), nowMs())) };
  });
  app.get<Limited>('/lots', { schema: limitSchema }, async ({ query }) => {
    const lots = await store.list({ prefix: 'l', limit: query.limit });
    const finished = await store.list({ prefix: 'p', limit: query.limit });
    return { data: lots.map(({ value }) => parseJson<LotRow>(value)), finished: finished.map(({ value }) => parseJson<OutboxRow>(value)) };
  });
  app.get('/metrics', async (_request, reply) => reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()));
  return app;
}
