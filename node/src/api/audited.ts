/**
 * What of the API goes into the audit log (SPEC §20.6): every change that administrators make or that is made under /admin,
 * and every export of payments.
 */
import { ROUTES, type Route } from '@billcoin/sdk';
import type { Json } from '@billcoin/protocol';
import type { AuditAction, AuditLog } from '../abusePorts.ts';
import { auditDetail, onRecord } from '../onRecord.ts';
import type { Caller } from './caller.ts';
import type { ApiRequest, Entry, Reply } from './entry.ts';

/** Reads of whom paid what, when (threat 14). */
const AUDITED_READS: ReadonlySet<Route> = new Set<Route>([ROUTES.exportMilkSales]);
const OPERATION_IDS: ReadonlyMap<Route, string> = new Map(Object.entries(ROUTES).map(([operationId, route]) => [route as Route, operationId]));

function isAudited(route: Route, { role }: Caller): boolean {
  if (AUDITED_READS.has(route)) return true;
  return route.method !== 'GET' && (route.path.startsWith('/admin/') || (role === 'admin' && !route.path.startsWith('/auth/')));
}

type Values = { readonly [key: string]: Json | undefined };

/** What an object has under some keys; nothing of what is none. */
function picked(from: unknown, keys: readonly string[]): Values {
  return typeof from === 'object' && from !== null ? Object.fromEntries(Object.entries(from as Values).filter(([key]) => keys.includes(key))) : {};
}

/** Path parameters, query and the body keys that the route names. */
function detailOf({ auditBody = [] }: Route, { params, query, body }: Pick<ApiRequest, 'params' | 'query' | 'body'>): AuditAction['detail'] {
  return auditDetail({ ...(params as Values | undefined), ...(query as Values | undefined), ...picked(body, auditBody) });
}

/** The code of a refusal; of what was done the keys of the answer that the route names. */
function afterOf({ auditAnswer }: Route, reply: Reply<Route>): AuditAction['detail'] | undefined {
  if ('problem' in reply) return { refused: reply.problem };
  return auditAnswer === undefined || !('body' in reply) ? undefined : auditDetail(picked(reply.body, auditAnswer));
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
