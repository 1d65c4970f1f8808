/** The OpenAPI document and the table of problems say the same as the declarations. */
import t from 'tap';
import { FAULTS } from '@billcoin/protocol';
import { isProblemCode, openApi, ORDER_STATUS, PROBLEMS, ROUTES, type ProblemCode, type Route } from '../../src/index.ts';

interface Operation {
  readonly operationId: string;
  readonly security?: unknown;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required: boolean }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: object }>> };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content: Readonly<Record<string, { readonly schema: object }>> }>>;
}
const document = JSON.parse(JSON.stringify(openApi({ version: '0.1.0', serverUrl: 'https://node.example' }))) as { readonly openapi: string; readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>> };

t.test('every route is one operation with its parameters, body and answers', (t) => {
  t.equal(document.openapi, '3.1.0');
  const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));
  t.same(operations.map(({ operationId }) => operationId).sort(), Object.keys(ROUTES).sort());
  const byId = new Map(operations.map((operation) => [operation.operationId, operation]));
  for (const [id, route] of Object.entries(ROUTES) as [string, Route][]) {
    const operation = byId.get(id);
    t.same(operation?.security, route.who.includes('public') ? [{}, { bearer: [] }] : [{ bearer: [] }], `${id}: login`);
    t.equal(operation?.responses['304'] !== undefined, route.etag === true, `${id}: 304`);
    for (const status of ['401', '403']) t.ok(operation?.responses[status] !== undefined, `${id}: a bad token, another role or a web page of elsewhere`);
    t.equal(operation?.requestBody === undefined, route.body === undefined, `${id}: body`);
    for (const status of Object.keys(route.responses)) t.ok(operation?.responses[status] !== undefined, `${id}: ${status}`);
  }
  t.end();
});

t.test('details that a reader relies on', (t) => {
  const validate = document.paths['/api/v1/payments/validate']?.['post'];
  t.same(Object.keys(validate?.responses['200']?.content['application/json']?.schema ?? {}).includes('properties'), true);
  t.match(validate?.responses['400']?.content['application/problem+json']?.schema, { $ref: '#/components/schemas/ValidationProblem' });
  t.match(validate?.responses['429']?.description, 'rate_limited');
  const post = document.paths['/api/v1/orders']?.['post'];
  t.match(post?.parameters?.at(-1), { name: 'Idempotency-Key', in: 'header', required: true });
  t.ok(document.paths['/health/live']?.['get'] !== undefined, 'health stands at the root');
  t.ok(document.paths['/api/v1/streams/orders']?.['get']?.responses['200']?.content['text/event-stream'] !== undefined);
  t.same(Object.keys(document.paths['/api/v1/trace/batch/{batchKey}']?.['get']?.responses['200']?.content ?? {}), ['application/json', 'application/ld+json'], 'both forms of an answer');
  t.match(document.paths['/api/v1/orders/by-ref/{tillNo}/{ref}']?.['get']?.parameters, [{ name: 'tillNo', in: 'path', required: true }, { name: 'ref', in: 'path', required: true }]);
  t.end();
});

t.test('every code has a status, both languages and a remedy', (t) => {
  for (const [code, { status, title, text }] of Object.entries(PROBLEMS)) {
    t.ok(status >= 400 && status < 600 && title.en !== '' && title.ms !== '' && title.en !== title.ms && text.length > 10, code);
  }
  const statusOf = (code: ProblemCode): number => PROBLEMS[code].status;
  t.same(Object.keys(FAULTS).filter((code) => statusOf(code as ProblemCode) === 409).sort(), ['invoice_already_paid', 'invoice_void']);
  t.equal(statusOf('malformed'), 400);
  t.equal(statusOf('insufficient_balance'), 422);
  t.ok(isProblemCode('rate_limited'));
  t.notOk(isProblemCode('constructor'));
  t.same([ORDER_STATUS.AWAITING_PAYMENT.en, ORDER_STATUS.PAID_READY.en], ['Awaiting Payment', 'Paid – Ready'], 'to the letter of the seed');
  t.end();
});
