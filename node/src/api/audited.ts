/**
 * What of the API goes into the audit log (SPEC §20.6): every change that administrators make or that is made under /admin,
 * and every export of payments.
 */
import { ROUTES, type Route } from '@billcoin/sdk';
import type { Json } from '@billcoin/protocol';
import type { AuditAction, AuditLog } from '../abusePorts.ts';
import { onRecord } from '../onRecord.ts';
import type { Caller } from './caller.ts';
import type { ApiRequest, Entry, Reply } from './entry.ts';

/** Reads of whom paid what, when (threat 14). */
const AUDITED_READS: ReadonlySet<Route> = new Set<Route>([ROUTES.exportMilkSales]);
const OPERATION_IDS: ReadonlyMap<Route, string> = new Map(Object.entries(ROUTES).map(([operationId, route]) => [route as Route, operationId]));

function isAudited(route: Route, { role }: Caller): boolean {
  if (AUDITED_READS.has(route)) return true;
  return route.method !== 'GET' && (route.path.startsWith('/admin/') || (role === 'admin' && !route.path.startsWith('/auth/')));
}

/** What is under some keys of an object; nothing of anything else. */
function partOf(from: unknown, keys: readonly string[] | undefined): AuditAction['detail'] {
  const entries = typeof from === 'object' && from !== null ? (Object.entries(from) as [string, Json | undefined][]) : [];
  return Object.fromEntries(entries.filter((entry): entry is [string, Json] => entry[1] !== undefined && (keys?.includes(entry[0]) ?? true)));
}

/** Path parameters, query and the body keys that the route names. */
function detailOf({ auditBody = [] }: Route, { params, query, body }: Pick<ApiRequest, 'params' | 'query' | 'body'>): AuditAction['detail'] {
  return { ...partOf(params, undefined), ...partOf(query, undefined), ...partOf(body, auditBody) };
}

/** The code of a refusal; of what was done the keys of the answer that the route names. */
function afterOf({ auditAnswer }: Route, reply: Reply<Route>): AuditAction['detail'] | undefined {
  if ('problem' in reply) return { refused: reply.problem };
  return auditAnswer === undefined || !('body' in reply) ? undefined : partOf(reply.body, auditAnswer);
}

export function audited(entry: Entry, audit: Pick<AuditLog, 'append'>): Entry {
  const { declaration, handle } = entry;
  return {
    ...entry,
    async handle(request) {
      const { caller } = request;
      if (!isAudited(declaration, caller)) return await handle(request);
      const actor = { role: caller.role, id: caller.role === 'public' ? '' : caller.sub };
      const action: AuditAction = { actor, action: OPERATION_IDS.get(declaration) ?? '', detail: detailOf(declaration, request) };
      return await onRecord(audit, action, () => handle(request), (reply) => afterOf(declaration, reply));
    },
  };
}
