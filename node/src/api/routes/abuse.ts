/** /admin/flags, /admin/rate-limits, /admin/audit-log, /admin/alerts/test (US-006, api page §2.13). */
import { RATE_POLICIES, ROUTES, type Flag, type RateLimits, type RatePolicy } from '@billcoin/sdk';
import type { AbuseControl, FlagRow, Limits, Quota } from '../../abusePorts.ts';
import { rfc3339 } from '../../rfc3339.ts';
import { badCursor, fromCursor, LIMIT_DEFAULT, toCursor } from '../cursor.ts';
import { serve, type ApiRequest, type Entry, type Refusal, type Reply } from '../entry.ts';

const FLAG_ID = /^flg_[0-9A-HJKMNP-TV-Z]{26}$/;
const SEQ = /^[1-9]\d{0,14}$/;

function flagView({ flagId, rule, subject, firstAtMs, count, evidence, resolved }: FlagRow): Flag {
  return {
    flagId, rule, subject, firstAt: rfc3339(firstAtMs), count,
    evidence: evidence.map(({ atMs, code, requestId }) => ({ at: rfc3339(atMs), code, requestId })),
    resolved: resolved === null ? null : { outcome: resolved.outcome, note: resolved.note, by: resolved.by, at: rfc3339(resolved.atMs) },
  };
}

/** The key that a cursor goes on before; a refusal where it is none of ours. */
function keyBefore(cursor: string | undefined, form: RegExp): string | undefined | Refusal {
  if (cursor === undefined) return undefined;
  return fromCursor(cursor, form) ?? badCursor;
}

async function listFlags({ flags }: AbuseControl, { query }: ApiRequest<typeof ROUTES.listFlags>): Promise<Reply<typeof ROUTES.listFlags>> {
  const before = keyBefore(query.cursor, FLAG_ID);
  if (typeof before === 'object') return before;
  const { flags: rows, next } = await flags.list({ status: query.status, limit: query.limit ?? LIMIT_DEFAULT, before });
  return { status: 200, body: { data: rows.map(flagView), nextCursor: next === undefined ? null : toCursor(next) } };
}

async function resolveFlag({ flags }: AbuseControl, { caller, params, body }: ApiRequest<typeof ROUTES.resolveFlag>): Promise<Reply<typeof ROUTES.resolveFlag>> {
  const flag = await flags.resolve(params.flagId, { ...body, by: caller.role === 'public' ? '' : caller.sub });
  if (flag === undefined) return { problem: 'not_found' };
  return flag === 'resolved' ? { problem: 'flag_resolved' } : { status: 200, body: flagView(flag) };
}

function limitsView(limits: Limits): RateLimits {
  return { data: limits.settings().map(({ policy, q, windowS, per, counts, isChanged }) => ({ policy, q, w: windowS, per, counts, changed: isChanged })) };
}

/** Streams are counted while they are open, everything else in a window: one cannot become the other. */
async function putRateLimits({ limits }: AbuseControl, { body }: ApiRequest<typeof ROUTES.putRateLimits>): Promise<Reply<typeof ROUTES.putRateLimits>> {
  const hasNoWindow = new Map(limits.settings().map(({ policy, windowS }) => [policy, windowS === 0]));
  const wrong = RATE_POLICIES.filter((policy) => body.limits[policy] !== undefined && (body.limits[policy]?.w === 0) !== hasNoWindow.get(policy));
  if (wrong.length > 0) return { problem: 'malformed_request', detail: 'w is 0 for streams and above 0 for all others.', errors: wrong.map((policy) => ({ pointer: `/limits/${policy}/w`, code: 'window' })) };
  const quotas: Partial<Record<RatePolicy, Quota>> = {};
  for (const policy of RATE_POLICIES) {
    const quota = body.limits[policy];
    if (quota !== undefined) quotas[policy] = { q: quota.q, windowS: quota.w };
  }
  await limits.change(quotas);
  return { status: 200, body: limitsView(limits) };
}

async function listAuditLog({ audit }: AbuseControl, { query }: ApiRequest<typeof ROUTES.listAuditLog>): Promise<Reply<typeof ROUTES.listAuditLog>> {
  const before = keyBefore(query.cursor, SEQ);
  if (typeof before === 'object') return before;
  const { entries, next } = await audit.list({ limit: query.limit ?? LIMIT_DEFAULT, before: before === undefined ? undefined : Number(before) });
  const checked = query.check === 'true' ? { brokenAt: (await audit.check()) ?? null } : {};
  return { status: 200, body: { data: entries.map((entry) => ({ ...entry })), nextCursor: next === undefined ? null : toCursor(String(next)), head: await audit.head(), publicKey: audit.publicKey, ...checked } };
}

export function abuseRoutes(abuse: AbuseControl): readonly Entry[] {
  return [
    serve(ROUTES.listFlags, (request) => listFlags(abuse, request)),
    serve(ROUTES.resolveFlag, (request) => resolveFlag(abuse, request)),
    serve(ROUTES.getRateLimits, async () => ({ status: 200, body: limitsView(abuse.limits) })),
    serve(ROUTES.putRateLimits, (request) => putRateLimits(abuse, request)),
    serve(ROUTES.listAuditLog, (request) => listAuditLog(abuse, request)),
    serve(ROUTES.testAlert, async () => (abuse.alerts.isConfigured ? { status: 200, body: await abuse.alerts.test() } : { problem: 'alerts_not_configured' })),
  ];
}
