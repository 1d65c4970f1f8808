/** Every declared route is well formed, closed, and its problems stand in the one table. */
import t from 'tap';
import { FAULTS } from '@billcoin/protocol';
import { Value } from 'typebox/value';
import { PROBLEMS, ROLES, ROUTES, type Route } from '../../src/index.ts';

const routes: [string, Route][] = Object.entries(ROUTES);

t.test('method and path are unique and parameters stand in the path', (t) => {
  const seen = new Set<string>();
  for (const [name, route] of routes) {
    const key = `${route.method} ${route.path}`;
    t.notOk(seen.has(key), `${name} is the only ${key}`);
    seen.add(key);
    const inPath = [...route.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
    t.same(Object.keys(route.params?.properties ?? {}), inPath, `${name} declares its path parameters`);
    t.ok(route.who.length > 0 && route.who.every((role) => ROLES.includes(role)), `${name} says who`);
  }
  t.end();
});

/** Every object schema below a schema. */
function* objects(schema: unknown): Generator<Record<string, unknown>> {
  if (typeof schema !== 'object' || schema === null) return;
  const node = schema as Record<string, unknown>;
  if (node['type'] === 'object' && node['properties'] !== undefined) yield node;
  for (const value of Object.values(node)) yield* objects(value);
}

t.test('no object accepts unknown keys', (t) => {
  let count = 0;
  for (const [name, route] of routes) {
    for (const schema of objects([route.params, route.query, route.body, route.responses])) {
      count++;
      if (schema['additionalProperties'] !== false) t.fail(`${name} has an open object: ${Object.keys(schema['properties'] as object).join(',')}`);
    }
  }
  t.ok(count > 40);
  t.end();
});

t.test('every problem of a route and every chain fault has a row', (t) => {
  for (const [name, route] of routes) for (const code of route.problems ?? []) t.ok(PROBLEMS[code] !== undefined, `${name}: ${code}`);
  for (const code of Object.keys(FAULTS)) t.ok(code in PROBLEMS, code);
  t.end();
});

t.test('payments/validate takes and answers what the seed says, to the letter', (t) => {
  const { body, responses } = ROUTES.validatePayment;
  const txHash = 'ab'.repeat(32);
  t.ok(Value.Check(body, { txHash, expectedAmount: '1.80' }));
  t.ok(Value.Check(body, { txHash: `0x${txHash.toUpperCase()}`, expectedAmount: '1.80', unit: 'BILL', waitMs: 3000 }));
  for (const expectedAmount of ['1e3', '1,80', '-1', '+1', '1.8000', '', '.5', '1.', '١', 'NaN', ' 1']) t.notOk(Value.Check(body, { txHash, expectedAmount }), expectedAmount);
  t.notOk(Value.Check(body, { txHash, expectedAmount: 1.8 }), 'a JSON number has lost its decimals');
  t.notOk(Value.Check(body, { txHash, expectedAmount: '1.80', extra: 1 }));
  t.notOk(Value.Check(body, { expectedAmount: '1.80' }));
  t.notOk(Value.Check(body, { txHash, expectedAmount: '1.80', waitMs: 3001 }));
  t.ok(Value.Check(responses[200], { valid: true, confirmedAt: '2026-04-10T08:15:23Z', error: null }));
  t.same(Object.keys(responses[200].properties), ['valid', 'confirmedAt', 'error']);
  t.end();
});
