/** A real HTTP server that speaks the declared routes: it checks every request and answer against the declarations. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Test } from 'tap';
import { Value } from 'typebox/value';
import { PROBLEMS, ROUTES, API_BASE, type OperationId, type ProblemCode, type Route } from '../src/index.ts';

export interface Request {
  readonly operation: OperationId;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly headers: IncomingMessage['headers'];
  /** 1, 2, … of this operation. */
  readonly attempt: number;
}
/** `raw` writes the answer itself. */
export type Answer = { readonly status: number; readonly body: unknown; readonly headers?: Readonly<Record<string, string>> } | { readonly raw: (response: ServerResponse) => void };
export type Handlers = Partial<Record<OperationId, (request: Request) => Answer | Promise<Answer>>>;

export interface TestServer {
  readonly baseUrl: string;
  readonly host: string;
  readonly requests: Request[];
}

/** A problem of the table, as the server writes it. */
export function refuse(code: ProblemCode, more: Readonly<Record<string, unknown>> = {}, headers: Readonly<Record<string, string>> = {}): Answer {
  const { status, title, text, retryable } = PROBLEMS[code];
  return { status, headers: { 'content-type': 'application/problem+json', ...headers }, body: { type: `urn:billcoin:problem:${code}`, title: title.en, status, detail: text, instance: 'req_1', code, retryable, ...more } };
}

const table = (Object.entries(ROUTES) as [OperationId, Route][]).map(([operation, route]) => ({
  operation, route, pattern: new RegExp(`^${(route.atRoot === true ? '' : API_BASE) + route.path.replace(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`),
}));

async function readText(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk as string;
  return text;
}

/** Numbers of query and path arrive as text. */
function typed(values: Readonly<Record<string, string>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, /^\d{1,15}$/.test(value) && name !== 'heightOrHash' && name !== 'ref' ? Number(value) : value]));
}

export async function startServer(t: Test, handlers: Handlers): Promise<TestServer> {
  const requests: Request[] = [];
  const counts = new Map<OperationId, number>();

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', 'http://test');
    const found = table.find(({ route, pattern }) => route.method === request.method && pattern.test(url.pathname));
    const handler = found === undefined ? undefined : handlers[found.operation];
    if (found === undefined || handler === undefined) throw new Error(`nobody answers ${request.method ?? ''} ${url.pathname}`);
    const { operation, route, pattern } = found;
    const text = await readText(request);
    const params = { ...pattern.exec(url.pathname)?.groups };
    const query = Object.fromEntries(url.searchParams);
    const body: unknown = text === '' ? undefined : request.headers['content-type'] === 'application/json' ? JSON.parse(text) : text;
    if (route.body !== undefined && !Value.Check(route.body, body)) t.fail(`${operation}: body ${text}`, { errors: Value.Errors(route.body, body) });
    if (route.query !== undefined && !Value.Check(route.query, typed(query))) t.fail(`${operation}: query ${url.search}`);
    if (route.params !== undefined && !Value.Check(route.params, typed(params))) t.fail(`${operation}: params ${url.pathname}`);
    if (route.idempotencyKey === true && request.headers['idempotency-key'] === undefined) t.fail(`${operation}: no Idempotency-Key`);
    const attempt = (counts.get(operation) ?? 0) + 1;
    counts.set(operation, attempt);
    const asked: Request = { operation, params, query, body, headers: request.headers, attempt };
    requests.push(asked);
    const given = await handler(asked);
    if ('raw' in given) {
      given.raw(response);
      return;
    }
    const schema = route.responses[given.status];
    if (schema !== undefined && !Value.Check(schema, given.body)) t.fail(`${operation}: answer`, { errors: Value.Errors(schema, given.body) });
    response.writeHead(given.status, { 'content-type': typeof given.body === 'string' ? 'text/csv; charset=utf-8' : 'application/json', ...given.headers });
    response.end(typeof given.body === 'string' ? given.body : JSON.stringify(given.body));
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      t.fail(String(error));
      response.destroy();
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => new Promise<void>((resolve) => {
    server.closeAllConnections();
    server.close(() => resolve());
  }));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { baseUrl: `http://${host}`, host, requests };
}
