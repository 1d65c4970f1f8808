/** OpenAPI 3.1 from the declarations: the document can say nothing that the server does not check. */
import { ROUTES } from './index.ts';
import { Problem, ValidationProblem } from './problem.ts';
import { COMMON_PROBLEMS, PROBLEMS, type ProblemCode } from './problems.ts';
import { API_BASE, type Route } from './route.ts';

export interface OpenApiInfo {
  readonly version: string;
  /** Where people reach this server, e.g. `https://billcoin.example`. */
  readonly serverUrl: string;
}

type Json = Readonly<Record<string, unknown>>;

/** The OpenAPI document of every route. */
export function openApi({ version, serverUrl }: OpenApiInfo): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const [operationId, route] of Object.entries(ROUTES) as [string, Route][]) {
    const path = route.atRoot === true ? route.path : API_BASE + route.path;
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(operationId, route) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'BillCoin', version, summary: 'Payments in litres of milk', license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    servers: [{ url: serverUrl }],
    paths,
    components: {
      schemas: { Problem, ValidationProblem },
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
    },
  };
}

function operation(operationId: string, route: Route): Json {
  const parameters = [...parametersOf(route.params, 'path'), ...parametersOf(route.query, 'query'), ...(route.idempotencyKey === true ? [IDEMPOTENCY_KEY] : [])];
  return {
    operationId,
    tags: [route.path.split('/')[1] ?? ''],
    summary: route.summary,
    description: `Who: ${route.who.join(', ')}.${route.own === undefined ? '' : ` Of it: ${route.own}.`}`,
    // A token that is sent must be good, on public routes too; whoever is a party sees more of some.
    security: [...(route.who.includes('public') ? [{}] : []), { bearer: [] }],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.body === undefined ? {} : { requestBody: { required: true, content: { [route.bodyType ?? 'application/json']: { schema: route.body } } } }),
    responses: { ...answers(route), ...(route.etag === true ? { 304: { description: 'As If-None-Match has it' } } : {}), ...refusals(operationId, route) },
  };
}

const IDEMPOTENCY_KEY: Json = { name: 'Idempotency-Key', in: 'header', required: true, schema: { type: 'string', minLength: 1, maxLength: 128 } };

function parametersOf(schema: Route['params'], place: 'path' | 'query'): Json[] {
  if (schema === undefined) return [];
  const { required = [] }: { readonly required?: readonly string[] } = schema; // TypeBox leaves it out where all are optional
  return Object.entries(schema.properties).map(([name, value]) => ({ name, in: place, required: required.includes(name), schema: value }));
}

function answers(route: Route): Json {
  const others = Object.fromEntries(Object.entries(route.alternative ?? {}).map(([type, schema]) => [type, { schema }]));
  return Object.fromEntries(Object.entries(route.responses).map(([status, schema]) => [status, status === '204' ? { description: 'Done' } : { description: 'Done', content: { [route.responseType ?? 'application/json']: { schema }, ...others } }]));
}

/** Problems by status, each with its codes. */
function refusals(operationId: string, route: Route): Json {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of new Set<ProblemCode>([...COMMON_PROBLEMS, ...(route.problems ?? [])])) {
    const { status } = PROBLEMS[code];
    if (route.responses[status] === undefined) byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const schemaOf = (status: number): string => (operationId === 'validatePayment' && (status === 400 || status === 500) ? 'ValidationProblem' : 'Problem');
  return Object.fromEntries([...byStatus].map(([status, codes]) => [status, {
    description: codes.join(', '),
    content: { 'application/problem+json': { schema: { $ref: `#/components/schemas/${schemaOf(status)}` } } },
  }]));
}
