/** Calls the handler of a route as somebody, with what its declaration admits: what stands behind the login. */
import { Value } from 'typebox/value';
import { PROBLEMS, ROUTES, type OperationId, type Route } from '@billcoin/sdk';
import type { Caller } from '../../src/api/caller.ts';
import type { Entry } from '../../src/api/entry.ts';

export interface Parts {
  readonly params?: object;
  readonly query?: object;
  readonly body?: object;
}

export interface Called {
  readonly status: number;
  /** Answer, or `{code, data?}` of a refusal. */
  readonly body: never;
}

export function manager(merchantId: string): Caller {
  return { role: 'manager', sub: 'usr_manager', sid: 'ses_1', userId: 'usr_manager', merchantId };
}
export const ADMIN: Caller = { role: 'admin', sub: 'usr_admin', sid: 'ses_2', userId: 'usr_admin' };

function formProblem(route: Route, parts: Parts): string | undefined {
  for (const name of ['params', 'query', 'body'] as const) {
    const schema = route[name];
    if (schema !== undefined && !Value.Check(schema, parts[name] ?? {})) return name;
  }
  return undefined;
}

/** A caller whose role the route does not name is `forbidden`, as the login would say. */
export async function callAs(entries: readonly Entry[], operationId: OperationId, caller: Caller, parts: Parts = {}): Promise<Called> {
  const route: Route = ROUTES[operationId];
  const entry = entries.find(({ declaration }) => declaration === route);
  if (entry === undefined) throw new Error(`${operationId} is not served here`);
  if (!route.who.includes(caller.role) && !route.who.includes('public')) return { status: 403, body: { code: 'forbidden' } as never };
  if (formProblem(route, parts) !== undefined) return { status: 400, body: { code: 'malformed_request' } as never };
  const reply = await entry.handle({
    id: 'req_test', caller, expiresAtMs: undefined, params: (parts.params ?? {}) as never, query: (parts.query ?? {}) as never, body: (parts.body ?? {}) as never, bodyText: '', language: 'en',
    call: { route, caller, address: undefined, requestId: 'req_test', limits: [] }, host: '127.0.0.1', idempotencyKey: undefined, accept: '',
  });
  if ('problem' in reply) return { status: PROBLEMS[reply.problem].status, body: { code: reply.problem, ...(reply.data === undefined ? {} : { data: reply.data }) } as never };
  if (!('body' in reply)) throw new Error(`${operationId} answers with no JSON of its own`);
  const declared = route.responses[reply.status];
  const errors = declared === undefined ? [{ message: `status ${reply.status} is not declared` }] : [...Value.Errors(declared, reply.body)];
  if (errors.length > 0) throw new Error(`${operationId} departs from its declaration: ${errors[0]?.message ?? ''}`);
  return { status: reply.status, body: reply.body as never };
}
