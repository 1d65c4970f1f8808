/** What administrators watch and set against abuse (US-006): flags, rate limits, alerts, and the log of what they did. */
import { Type, type Static, type TOptional } from 'typebox';
import { RATE_POLICIES, type RatePolicy } from './ratePolicies.ts';
import { route } from './route.ts';
import { closed, nullable, page, pageQuery, Time } from './values.ts';

/** failed_validations: more than 3 within any 5 minutes. */
export const FLAG_RULES = ['failed_validations'] as const;
export type FlagRule = (typeof FLAG_RULES)[number];
export const FLAG_OUTCOMES = ['abuse', 'harmless', 'our_fault'] as const;
export type FlagOutcome = (typeof FLAG_OUTCOMES)[number];

const FlagId = Type.String({ pattern: '^flg_[0-9A-HJKMNP-TV-Z]{26}$' });
const flagRule = Type.Unsafe<FlagRule>({ type: 'string', enum: [...FLAG_RULES] });
const flagOutcome = Type.Unsafe<FlagOutcome>({ type: 'string', enum: [...FLAG_OUTCOMES] });
const subject = Type.String({ description: 'Whom it is booked on: `student:` and a pseudonym, `wallet:` and a keyed hash, `till:` and its number, a role and an account id' });
const count = Type.Integer({ minimum: 0 });

export const Flag = closed({
  flagId: FlagId,
  rule: flagRule,
  subject,
  firstAt: Time,
  count: Type.Integer({ minimum: 1, description: 'Failures so far: those that raised the flag and all in the 5 minutes after it' }),
  evidence: Type.Array(closed({ at: Time, code: Type.String(), requestId: Type.String() }), { maxItems: 20, description: 'The first ones; request ids stand in the log' }),
  resolved: nullable(closed({ outcome: flagOutcome, note: Type.String(), by: Type.String(), at: Time })),
});
export type Flag = Static<typeof Flag>;

export const listFlags = route({
  method: 'GET',
  path: '/admin/flags',
  summary: 'Flags, newest first.',
  who: ['admin'],
  query: closed({ status: Type.Optional(Type.Union([Type.Literal('open'), Type.Literal('resolved')])), ...pageQuery }),
  responses: { 200: page(Flag) },
});

export const resolveFlag = route({
  method: 'POST',
  path: '/admin/flags/{flagId}/resolve',
  summary: 'Say what a flag was. What fails in the rest of its 5 minutes still raises its count.',
  who: ['admin'],
  params: closed({ flagId: FlagId }),
  body: closed({ outcome: flagOutcome, note: Type.String({ maxLength: 500, description: 'For colleagues; no names' }) }),
  auditBody: ['outcome'],
  responses: { 200: Flag },
  problems: ['not_found', 'flag_resolved'],
});

/** What an administrator may set: above this a window would hold more times in memory than there is room for. */
export const RATE_LIMIT_Q_MAX = 10_000;
/** An hour: longer windows are not what a limit of requests is for. */
export const RATE_LIMIT_WINDOW_MAX_S = 3_600;

const quota = closed({
  q: Type.Integer({ minimum: 1, maximum: RATE_LIMIT_Q_MAX, description: 'At most so many' }),
  w: Type.Integer({ minimum: 0, maximum: RATE_LIMIT_WINDOW_MAX_S, description: 'In any window of so many seconds; 0, of streams alone: open at the same time' }),
});
const quotas = closed(Object.fromEntries(RATE_POLICIES.map((policy) => [policy, Type.Optional(quota)])) as Record<RatePolicy, TOptional<typeof quota>>);
const ratePolicy = Type.Unsafe<RatePolicy>({ type: 'string', enum: [...RATE_POLICIES] });
const RateLimits = closed({
  data: Type.Array(closed({ policy: ratePolicy, ...quota.properties, per: Type.String(), counts: Type.String(), changed: Type.Boolean({ description: 'True where it is not the default' }) })),
});
export type RateLimits = Static<typeof RateLimits>;

export const getRateLimits = route({
  method: 'GET',
  path: '/admin/rate-limits',
  summary: 'Quota of every rate policy.',
  who: ['admin'],
  responses: { 200: RateLimits },
});

export const putRateLimits = route({
  method: 'PUT',
  path: '/admin/rate-limits',
  summary: 'Set quotas. A policy that is left out has its default again.',
  who: ['admin'],
  body: closed({ limits: quotas }),
  auditBody: ['limits'],
  responses: { 200: RateLimits },
  problems: ['malformed_request'],
});

export const AuditEntryView = closed({
  seq: Type.Integer({ minimum: 1 }),
  at: Time,
  actor: closed({ role: Type.String({ description: 'operator: whoever worked at the stopped node, without an id' }), id: Type.String() }),
  action: Type.String({ description: 'Operation id' }),
  detail: Type.Unsafe<Readonly<Record<string, unknown>>>({ type: 'object' }),
  prev: Type.String({ pattern: '^[0-9a-f]{64}$', description: 'Hash of the entry before, 64 zeros for the first' }),
});
const hash = Type.String({ pattern: '^[0-9a-f]{64}$', description: 'Hash with tag bill/audit/1 of the canonical JSON (RFC 8785) of the entry' });

export const listAuditLog = route({
  method: 'GET',
  path: '/admin/audit-log',
  summary: 'Every action of an administrator, newest first: hash-chained and signed.',
  who: ['admin', 'auditor'],
  query: closed({ check: Type.Optional(Type.Union([Type.Literal('true'), Type.Literal('false')], { description: 'true: the whole log is read and verified' })), ...pageQuery }),
  responses: {
    200: closed({
      data: Type.Array(closed({ entry: AuditEntryView, hash, signature: Type.String({ pattern: '^[0-9a-f]{128}$', description: 'Ed25519 under the tag bill/audit/1, of the canonical JSON of the entry' }) }), { maxItems: 100 }),
      nextCursor: nullable(Type.String()),
      head: closed({ seq: count, hash }),
      publicKey: Type.String({ pattern: '^[0-9a-f]{64}$' }),
      brokenAt: Type.Optional(nullable(Type.Integer({ minimum: 1, description: 'With check: the first entry that was changed or is missing; null where all is well' }))),
    }),
  },
});

/** Why a message did not get through; null where it did. */
export const ALERT_ERRORS = ['unreadable', 'not_https', 'not_public', 'timeout', 'unreachable', 'redirect', 'too_large', 'status'] as const;
export const AlertOutcome = closed({
  delivered: Type.Boolean(),
  status: nullable(Type.Integer({ description: 'HTTP status of the receiver' })),
  error: nullable(Type.Unsafe<(typeof ALERT_ERRORS)[number]>({ type: 'string', enum: [...ALERT_ERRORS] })),
});
export type AlertOutcome = Static<typeof AlertOutcome>;

export const testAlert = route({
  method: 'POST',
  path: '/admin/alerts/test',
  summary: 'Send a test message to the Slack channel now, and tell what became of it.',
  who: ['admin'],
  responses: { 200: AlertOutcome },
  problems: ['alerts_not_configured'],
});
