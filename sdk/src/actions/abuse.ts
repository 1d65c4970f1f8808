/** What administrators watch and set against abuse: flags, quotas, alerts, and the log of what they did. All need role admin, the log admin or auditor. */
import type { Flag, FlagOutcome, AlertOutcome, RateLimits } from '../api/abuse.ts';
import type { Routes } from '../api/index.ts';
import type { RatePolicy } from '../api/ratePolicies.ts';
import type { AnswerOf, QueryOf } from '../api/route.ts';
import type { Client } from '../client/client.ts';
import { request, type CallOptions } from '../client/request.ts';

/** Flags, newest first. */
export function listFlags(client: Client, query: QueryOf<Routes['listFlags']> = {}, options?: CallOptions): Promise<AnswerOf<Routes['listFlags']>> {
  return request<Routes['listFlags']>(client, 'GET', '/admin/flags', { query, idempotent: true }, options);
}

/** Says what a flag was. @throws ApiError `flag_resolved` somebody did before. */
export function resolveFlag(client: Client, { flagId, outcome, note = '' }: { readonly flagId: string; readonly outcome: FlagOutcome; readonly note?: string }, options?: CallOptions): Promise<Flag> {
  return request<Routes['resolveFlag']>(client, 'POST', '/admin/flags/{flagId}/resolve', { params: { flagId }, body: { outcome, note }, idempotent: false }, options);
}

/** The quota of every rate policy. */
export function getRateLimits(client: Client, options?: CallOptions): Promise<RateLimits> {
  return request<Routes['getRateLimits']>(client, 'GET', '/admin/rate-limits', { idempotent: true }, options);
}

/** Sets quotas: at most `q` in any `w` seconds. A policy that is left out has its default again. */
export function putRateLimits(client: Client, limits: Readonly<Partial<Record<RatePolicy, { readonly q: number; readonly w: number }>>>, options?: CallOptions): Promise<RateLimits> {
  return request<Routes['putRateLimits']>(client, 'PUT', '/admin/rate-limits', { body: { limits }, idempotent: true }, options);
}

/** What administrators did, newest first; with `check` the whole log is verified by the node. */
export function listAuditLog(client: Client, query: QueryOf<Routes['listAuditLog']> = {}, options?: CallOptions): Promise<AnswerOf<Routes['listAuditLog']>> {
  return request<Routes['listAuditLog']>(client, 'GET', '/admin/audit-log', { query, idempotent: true }, options);
}

/** Sends a message to the Slack channel now. @throws ApiError `alerts_not_configured` */
export function testAlert(client: Client, options?: CallOptions): Promise<AlertOutcome> {
  return request<Routes['testAlert']>(client, 'POST', '/admin/alerts/test', { idempotent: false }, options);
}
