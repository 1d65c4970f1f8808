/** Bodies, headers and callers that mean no good. */
import { request as httpRequest } from 'node:http';
import t from 'tap';
import { Registry } from 'prom-client';
import { Value } from 'typebox/value';
import { formatAddress } from '@billcoin/protocol';
import { BODY_MAX_BYTES, Problem } from '@billcoin/sdk';
import { startApi } from '../../src/api/server.ts';
import { JSON_DEPTH_MAX, JsonRefused, parseStrictJson } from '../../src/api/strictJson.ts';
import { isLoopback, refusalOfCaller } from '../../src/api/loopback.ts';
import { makeLog } from '../../src/log.ts';
import { openWorld, type Answer } from '../support/campusWorld.ts';
import { keyOf } from '../support/testNetwork.ts';
import { departures } from '../support/conforms.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const codeOf = (answer: Answer): string => (answer.json as { code: string }).code;

t.test('strict JSON takes what JSON.parse takes, and no key twice', async (t) => {
  for (const text of ['{}', '[]', '1', '"a"', 'null', ' {"a":{"b":[{"c":1},{"c":2}]},"b":"a\\"b:{"} ', '{"a":"\\u0041","A":1}', '"\\ud83d\\ude00 \\\\ud800"']) t.same(parseStrictJson(bytes(text)), { value: JSON.parse(text) as unknown, text });
  const refused: readonly (readonly [string | Uint8Array<ArrayBuffer>, RegExp])[] = [
    ['', /not JSON/], ['{', /not JSON/], ['{"a":1,}', /not JSON/], ['NaN', /not JSON/], ['{"a":1}{}', /not JSON/], ['\uFEFF{}', /not JSON/], ['{\'a\':1}', /not JSON/],
    ['{"a":1,"a":2}', /"a" stands twice/], ['{"a":1,"\\u0061":2}', /"a" stands twice/], ['[{"x":{"a":1,"b":2,"a":3}}]', /"a" stands twice/], [`{"a"${' '.repeat(500)}:1,"a":2}`, /stands twice/], ['{"a":"a","b":{"a":1},"a":1}', /stands twice/],
    ['{"__proto__":{"admin":true}}', /"__proto__" is not allowed/], ['{"a":{"constructor":{"prototype":{}}}}', /"constructor" is not allowed/], ['{"\\u005f_proto__":1}', /not allowed/],
    ['{"a":"\\ud800"}', /half a surrogate pair/], ['{"a":"x\\uDC00y"}', /half a surrogate pair/], ['{"\\ud83d":1}', /half a surrogate pair/], ['["\\ude00\\ud83d"]', /half a surrogate pair/],
    ['['.repeat(JSON_DEPTH_MAX + 1) + ']'.repeat(JSON_DEPTH_MAX + 1), /nested deeper/], [Uint8Array.of(0x22, 0xff, 0x22), /not UTF-8/], [Uint8Array.of(0x22, 0xc0, 0xaf, 0x22), /not UTF-8/],
  ];
  for (const [text, message] of refused) t.throws(() => parseStrictJson(typeof text === 'string' ? bytes(text) : text), { name: 'JsonRefused', message }, String(text).slice(0, 40));
  t.throws(() => parseStrictJson(bytes(`"${'x'.repeat(10)}`)), JsonRefused);
});

t.test('wrong bodies get problems with stable codes', async (t) => {
  const world = await openWorld(t);
  const json = { 'content-type': 'application/json' };
  const [admin, till] = [await world.as('admin'), await world.as('till')];
  const send = (body: string | Uint8Array<ArrayBuffer>, headers: Readonly<Record<string, string>> = json): Promise<Answer> => world.call('POST', '/transactions', { body, headers });
  const cases: readonly (readonly [string, Promise<Answer>, number, string])[] = [
    ['duplicate key', send('{"tx":"AA","tx":"AA"}'), 400, 'malformed_request'],
    ['unknown key', send('{"tx":"AA","extra":1}'), 400, 'malformed_request'],
    ['prototype', send('{"tx":"AA","__proto__":{}}'), 400, 'malformed_request'],
    ['no object', send('"AA"'), 400, 'malformed_request'],
    ['empty', send(''), 400, 'malformed_request'],
    ['number for text', send('{"tx":1}'), 400, 'malformed_request'],
    ['padding in base64url', send('{"tx":"AA=="}'), 400, 'malformed_request'],
    ['base64url that is not canonical', send('{"tx":"AB"}'), 400, 'malformed_request'],
    ['bytes that are no transaction', send('{"tx":"AAAA"}'), 400, 'malformed'],
    ['not UTF-8', send(Uint8Array.of(0x7b, 0xff, 0x7d)), 400, 'malformed_request'],
    ['a form', send('tx=AA', { 'content-type': 'application/x-www-form-urlencoded' }), 415, 'unsupported_media_type'],
    ['text', send('{"tx":"AA"}', { 'content-type': 'text/plain' }), 415, 'unsupported_media_type'],
    ['CSV where JSON is declared', send('studentId\n', { 'content-type': 'text/csv' }), 415, 'unsupported_media_type'],
    ['JSON where CSV is declared', world.call('POST', '/admin/students/import', { body: '"x"', headers: { ...json, ...admin } }), 415, 'unsupported_media_type'],
    ['a transaction of 33 KB', send(JSON.stringify({ tx: 'A'.repeat(33_000) })), 413, 'body_too_large'],
    ['an order above 16 KiB', world.call('POST', '/orders', { body: JSON.stringify({ order: 'A'.repeat(BODY_MAX_BYTES) }), headers: { ...json, ...till, 'idempotency-key': 'k' } }), 413, 'body_too_large'],
    ['an unknown path', world.get('/nothing'), 404, 'not_found'],
    ['a path below a route', world.get('/orders/x/y/z'), 404, 'not_found'],
    ['another method', world.call('DELETE', '/orders'), 405, 'method_not_allowed'],
    ['a method nobody knows', world.call('PATCH', '/tills/1'), 405, 'method_not_allowed'],
    ['a parameter that is none', world.get('/tills/1e3'), 400, 'malformed_request'],
    ['a till number of zero', world.get('/tills/0'), 400, 'malformed_request'],
    ['an unknown query key', world.get('/status?x=1'), 200, ''],
    ['an unknown query key of a declared query', world.get('/blocks?x=1'), 400, 'malformed_request'],
    ['a query key twice', world.get('/blocks?limit=1&limit=2'), 400, 'malformed_request'],
    ['a file with a NUL in its name', world.get('/docs/static/%00'), 400, 'malformed_request'],
    ['bytes of a file beyond its end', world.get('/docs/static/swagger-ui.css', { range: 'bytes=999999999-' }), 400, 'malformed_request'],
    ['broken percent encoding', world.get('/orders/%zz'), 400, 'malformed_request'],
  ];
  for (const [name, pending, status, code] of cases) {
    const answer = await pending;
    t.equal(answer.status, status, name);
    if (status < 400) continue;
    t.equal(codeOf(answer), code, name);
    t.ok(Value.Check(Problem, answer.json), `${name}: a whole problem`);
    t.equal(answer.headers.get('content-type'), 'application/problem+json; charset=utf-8', name);
    t.equal(answer.headers.get('request-id'), (answer.json as { instance: string }).instance, `${name}: the request id stands in both`);
    t.match(answer.json, { detail: /\w+\./, title: /\w/ }, `${name}: says what to do`);
  }
  t.equal((await world.call('DELETE', '/orders')).headers.get('allow'), 'POST, GET');
  t.match((await world.get('/nothing', { 'accept-language': 'ms-MY,en;q=0.8' })).json, { title: 'Tidak dijumpai' });
  t.match((await send('{"tx":"AA","extra":1}')).json, { errors: [{ pointer: '/extra', code: 'additionalProperties' }] }, 'points at the field');
});

t.test('a roster may be large, other bodies may not', async (t) => {
  const world = await openWorld(t);
  const csv = (rows: number): string => `studentId\n${Array.from({ length: rows }, (_, i) => `A${i}`).join('\n')}`;
  const admin = await world.as('admin');
  const send = (body: string): Promise<Answer> => world.call('POST', '/admin/students/import', { body, headers: { 'content-type': 'text/csv', ...admin } });
  const imported = await send(csv(3_000));
  t.equal(imported.status, 200);
  t.same(departures('importStudents', imported), []);
  t.match(imported.json, { added: 3_000, kept: 0, left: 0 });
  t.match((await send('studentId\nA 1\n')).json, { code: 'bad_roster', errors: [{ pointer: '/line/2', code: 'bad_student_id' }] });
  t.equal((await send('x'.repeat(8_388_609))).status, 413);
});

t.test('names are one line that people can read; times and months are of the calendar', async (t) => {
  const world = await openWorld(t);
  const [admin, manager, finance] = [await world.as('admin'), await world.as('manager'), await world.as('finance')];
  const price = { price: { rule: 'rm', rm: '1.80' }, cartonLitres: '0.250', lot: null, received: 0 };
  const account = formatAddress(keyOf('a new merchant').address);
  for (const name of ['', '   ', 'a\u0000b', 'a\nb', 'a\u0085b', 'pay\u202Eme', '\u2066x', 'x\ufffd', 'a\u2028b', '\u200b\u00ad', '\ud800']) {
    const answers = [
      await world.post('/admin/merchants', { name, account }, admin), await world.post('/admin/clients', { name, role: 'service' }, admin), await world.post('/tills/enrol', { name }, manager),
      await world.post('/cashiers', { name, pin: '2580', tills: [] }, manager), await world.post('/products', { name: { en: name, ms: 'Susu' }, ...price }, manager), await world.post('/products', { name: { en: 'Milk', ms: name }, ...price }, manager),
    ];
    t.same(answers.map(({ status, json }) => [status, (json as { code?: string }).code]), answers.map(() => [400, 'malformed_request']), `U+${[...name].map((character) => character.codePointAt(0)?.toString(16)).join(' U+')}`);
  }
  for (const name of ['Susu segar 牛奶 👨‍👩‍👧', 'A & B', '<b>']) t.equal((await world.post('/cashiers', { name, pin: '2580', tills: [] }, manager)).status, 201, name);
  for (const time of ['2026-02-30T00:00:00Z', '2026-04-31T00:00:00Z', '2026-01-01T24:00:00Z', '2026-01-01T23:59:60Z', '1969-12-31T23:59:59Z', '0099-01-01T00:00:00Z']) {
    for (const name of ['from', 'to']) for (const [list, as] of [['/orders', finance], ['/price/history', {}]] as const) {
      const answer = await world.get(`${list}?${name}=${time}`, as);
      t.equal(answer.status, 400, `${list} ${name} ${time}`);
      t.match(answer.json, { errors: [{ pointer: `/${name}`, code: 'time' }] });
    }
  }
  t.equal((await world.get('/orders?from=2028-02-29T00:00:00Z', finance)).status, 200);
  for (const month of ['0000-01', '0099-12', '2026-13', '2026-00']) t.equal((await world.get(`/exports/milk-sales/manifest?month=${month}`, finance)).status, 400, month);
});

t.test('the answers that limits of an own till and rows of others give are declared', async (t) => {
  const world = await openWorld(t);
  const [till, student] = [await world.as('till'), await world.as('student')];
  const row = `/proofs/row/01${'00'.repeat(20)}`;
  for (const [operation, answer, status] of [
    ['listOrders', await world.get('/orders?tillNo=2', till), 404], ['streamOrders', await world.get('/streams/orders?tillNo=2', till), 404], ['getRowProof', await world.get(row), 401], ['getRowProof', await world.get(row, student), 403],
    ['getStatus', await world.get('/status', { authorization: 'Bearer no' }), 401], ['getStatus', await world.get('/status', { origin: 'https://evil.example' }), 403],
  ] as const) {
    t.equal(answer.status, status, operation);
    t.same(departures(operation, answer), [], operation);
  }
  const tagged = await world.get('/genesis', { 'if-none-match': '*' });
  t.equal(tagged.status, 304, 'any version will do');
});

function raw(port: number, headers: Readonly<Record<string, string>>): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, path: '/api/v1/status', headers, setHost: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on('error', reject);
    request.end();
  });
}

t.test('web pages and names that resolve to this machine do not reach the API', async (t) => {
  const world = await openWorld(t);
  const { port } = world.api;
  const host = `127.0.0.1:${port}`;
  for (const own of [host, `localhost:${port}`, `[::1]:${port}`]) t.equal(await raw(port, { host: own }), 200, own);
  for (const foreign of ['evil.example', `evil.example:${port}`, '127.0.0.1', `127.0.0.1:${port + 1}`, `127.0.0.1.evil.example:${port}`]) t.equal(await raw(port, { host: foreign }), 403, foreign);
  t.equal(await raw(port, { host, origin: 'https://evil.example' }), 403);
  t.equal(await raw(port, { host, origin: 'null' }), 403);
  t.equal(await raw(port, { host, 'sec-fetch-site': 'cross-site' }), 403);
  t.equal(await raw(port, { host, origin: `http://${host}`, 'sec-fetch-site': 'same-origin' }), 200, 'its own docs page');
  t.match(refusalOfCaller({}, port), /Host header/, 'no Host at all');
  t.equal(refusalOfCaller({ host: 'localhost' }, 80), undefined, 'the default port need not be named');
});

t.test('without TLS the API listens on loopback only', async (t) => {
  const world = await openWorld(t);
  const { chain, campus } = world;
  const log = makeLog({ level: 'silent', nodeName: 'test' });
  for (const host of ['0.0.0.0', '::', '192.168.1.7', 'billcoin.example']) {
    await t.rejects(startApi({ chain, campus, clock: chain.clock, log, config: { host, port: 0 }, registry: new Registry() }), { message: /without TLS the API may only listen on 127\.0\.0\.1/ });
    t.notOk(isLoopback(host));
  }
  t.match(world.logLines.join(''), /the API listens for this machine/);
});
