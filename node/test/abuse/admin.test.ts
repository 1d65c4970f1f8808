/** /admin/flags, /admin/rate-limits, /admin/audit-log and /admin/alerts/test over HTTP (API page §2.13); threats 11, 14, 17, 33. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { canonicalJson, formatAddress, fromHex, signingBytes, taggedHash, toHex, utf8, verifyEd25519, type Json } from '@billcoin/protocol';
import { getRateLimits, listAuditLog, listFlags, putRateLimits, RATE_POLICIES, resolveFlag, testAlert, type Flag, type RateLimits } from '@billcoin/sdk';
import { makeKeyFolder, wallet, type Answer, type World } from '../support/campusWorld.ts';
import { KEYS } from '../support/testNetwork.ts';
import { openAbuseWorld } from './abuseWorld.ts';

const NOBODY = 'f'.repeat(64);
const ADMIN_ROUTES: readonly (readonly [string, string, readonly string[]])[] = [
  ['GET', '/admin/flags', ['admin']], ['POST', '/admin/flags/flg_00000000000000000000000000/resolve', ['admin']], ['GET', '/admin/rate-limits', ['admin']], ['PUT', '/admin/rate-limits', ['admin']],
  ['GET', '/admin/audit-log', ['admin', 'auditor']], ['POST', '/admin/alerts/test', ['admin']],
];

async function failOften(world: World, headers: Readonly<Record<string, string>>, times = 4): Promise<void> {
  for (let i = 0; i < times; i++) await world.post('/payments/validate', { txHash: NOBODY, expectedAmount: '1.80' }, headers);
}
const send = async (world: World, method: string, path: string, body: unknown, headers: Readonly<Record<string, string>>): Promise<Answer> =>
  await world.call(method, path, body === undefined ? { headers } : { body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers } });

t.test('threat 17: the routes are for administrators, the audit log for auditors too', async (t) => {
  const { world } = await openAbuseWorld(t);
  for (const [method, path, allowed] of ADMIN_ROUTES) {
    t.equal((await send(world, method, path, undefined, {})).status, 401, `${method} ${path}`);
    for (const role of ['student', 'till', 'staff', 'manager', 'finance', 'auditor', 'partner', 'service', 'admin'] as const) {
      const { status } = await send(world, method, path, undefined, await world.as(role));
      t.equal(status === 403, !allowed.includes(role), `${role}: ${method} ${path}`);
    }
  }
});

t.test('US-006: a flag is listed with evidence, resolved once, and says who did it', async (t) => {
  const { world } = await openAbuseWorld(t);
  const ali = wallet('ali');
  const admin = await world.as('admin');
  await failOften(world, await world.as(ali), 5);
  world.chain.clock.moveTo(world.nowMs + 1); // ids order by their milliseconds
  await failOften(world, await world.as('till'));
  const { data } = (await world.get('/admin/flags?status=open', admin)).json as { data: readonly Flag[] };
  t.match(data, [{ subject: 'till:1', count: 4 }, { rule: 'failed_validations', count: 5, resolved: null, firstAt: /Z$/ }]);
  t.equal(data[1]?.evidence.length, 5);
  t.notOk(JSON.stringify(data).includes(ali.addressText) || JSON.stringify(data).includes(NOBODY), 'neither address nor hash');
  const path = `/admin/flags/${data[1]?.flagId ?? ''}/resolve`;
  t.equal((await world.post(path, { outcome: 'maybe', note: '' }, admin)).status, 400);
  t.equal((await world.post(path, { outcome: 'abuse', note: 'x'.repeat(501) }, admin)).status, 400);
  t.match((await world.post(path, { outcome: 'harmless', note: 'a broken phone' }, admin)).json, { count: 5, resolved: { outcome: 'harmless', note: 'a broken phone', by: /^usr_/ } });
  t.match((await world.post(path, { outcome: 'abuse', note: '' }, admin)).json, { status: 409, code: 'flag_resolved' });
  t.equal((await world.post('/admin/flags/flg_00000000000000000000000000/resolve', { outcome: 'abuse', note: '' }, admin)).status, 404);
  t.match((await world.get('/admin/flags?status=open', admin)).json, { data: [{ subject: 'till:1' }], nextCursor: null });
  const first = (await world.get('/admin/flags?limit=1', admin)).json as { data: readonly Flag[]; nextCursor: string };
  t.match((await world.get(`/admin/flags?limit=1&cursor=${first.nextCursor}`, admin)).json, { data: [{ resolved: { outcome: 'harmless' } }], nextCursor: null });
  t.match((await world.get('/admin/flags?cursor=AAAA', admin)).json, { status: 400, code: 'malformed_request' });
});

t.test('quotas are read, set and given back to their defaults', async (t) => {
  const { world } = await openAbuseWorld(t);
  const admin = await world.as('admin');
  const put = async (limits: object): Promise<Answer> => await send(world, 'PUT', '/admin/rate-limits', { limits }, admin);
  const { data } = (await world.get('/admin/rate-limits', admin)).json as RateLimits;
  t.same(data.map(({ policy }) => policy), RATE_POLICIES);
  t.same(data.map(({ q, w }) => `${q}/${w}`), ['10/60', '5/60', '5/900', '30/60', '5/3600', '60/60', '300/60', '600/60', '120/60', '60/60', '5/0', '50/0']);
  t.ok(data.every(({ changed }) => !changed));
  const changed = (await put({ pay: { q: 3, w: 10 } })).json as RateLimits;
  t.match(changed.data[0], { policy: 'pay', q: 3, w: 10, changed: true });
  const finance = await world.as('finance');
  await failOften(world, finance, 3);
  t.equal((await world.post('/payments/validate', { txHash: NOBODY, expectedAmount: '1.80' }, finance)).headers.get('ratelimit-policy'), '"user";q=300;w=60, "pay";q=3;w=10');
  t.match(((await put({ user: { q: 100, w: 60 } })).json as RateLimits).data.filter((row) => row.changed), [{ policy: 'user' }], 'a PUT says all that differs');
  for (const limits of [{ pay: { q: 0, w: 60 } }, { pay: { q: 10, w: 0 } }, { streams: { q: 5, w: 60 } }, { pay: { q: 10 } }, { pay: { q: 10_001, w: 60 } }, { pay: { q: 1, w: 3_601 } }, { other: { q: 1, w: 1 } }, { pay: { q: 1.5, w: 1 } }]) {
    t.match((await put(limits)).json, { status: 400, code: 'malformed_request' }, JSON.stringify(limits));
  }
});

interface AuditAnswer {
  readonly data: readonly { readonly entry: { readonly seq: number; readonly action: string; readonly actor: { readonly role: string; readonly id: string }; readonly detail: Readonly<Record<string, unknown>>; readonly prev: string }; readonly hash: string; readonly signature: string }[];
  readonly nextCursor: string | null;
  readonly head: { readonly seq: number; readonly hash: string };
  readonly publicKey: string;
  readonly brokenAt?: number | null;
}

t.test('threats 14, 33: what administrators do and who exports is in the audit log, which anybody can verify', async (t) => {
  const { world } = await openAbuseWorld(t);
  const [admin, auditor] = [await world.as('admin'), await world.as('auditor')];
  const put = { limits: { pay: { q: 20, w: 60 } } };
  await send(world, 'PUT', '/admin/rate-limits', put, admin);
  await world.post('/admin/flags/flg_00000000000000000000000000/resolve', { outcome: 'abuse', note: 'SECRET NOTE' }, admin);
  await world.call('POST', '/admin/students/import', { body: 'studentId\nA001', headers: { 'content-type': 'text/csv', ...(await world.as('service')) } });
  await world.get('/exports/milk-sales?month=2020-01', auditor);
  await world.get('/admin/rate-limits', admin);
  await send(world, 'PUT', '/admin/rate-limits', put, auditor);
  await send(world, 'POST', '/admin/alerts/test', undefined, admin);

  const log = (await world.get('/admin/audit-log?check=true', auditor)).json as AuditAnswer;
  t.same([...log.data].reverse().map(({ entry }) => [entry.action, entry.actor.role, entry.detail]), [
    ['putRateLimits', 'admin', put],
    ['resolveFlag', 'admin', { flagId: 'flg_00000000000000000000000000', outcome: 'abuse' }],
    ['resolveFlag', 'admin', { flagId: 'flg_00000000000000000000000000', outcome: 'abuse', refused: 'not_found' }],
    ['importStudents', 'service', {}],
    ['exportMilkSales', 'auditor', { month: '2020-01', tz: 'UTC', bom: 0 }],
    ['testAlert', 'admin', {}],
    ['testAlert', 'admin', { refused: 'alerts_not_configured' }],
  ], 'reads and what was not allowed are none');
  t.equal(log.brokenAt, null);
  let prev = '0'.repeat(64);
  for (const { entry, hash, signature } of [...log.data].reverse()) {
    const text = utf8(canonicalJson(entry as unknown as Json));
    t.equal(toHex(taggedHash('bill/audit/1', text)), hash);
    t.ok(verifyEd25519(fromHex(log.publicKey) as Uint8Array, signingBytes('bill/audit/1', world.chain.genesisHash, text), fromHex(signature) as Uint8Array));
    t.equal(entry.prev, prev);
    prev = hash;
  }
  t.same(log.head, { seq: 7, hash: prev });
  const page = (await world.get('/admin/audit-log?limit=3', auditor)).json as AuditAnswer;
  t.same(page.data.map(({ entry }) => entry.seq), [7, 6, 5]);
  t.equal(page.brokenAt, undefined);
  t.same(((await world.get(`/admin/audit-log?limit=3&cursor=${page.nextCursor ?? ''}`, auditor)).json as AuditAnswer).data.map(({ entry }) => entry.seq), [4, 3, 2]);

  const key = 'xu/000000000000003';
  const row = new TextDecoder().decode(await world.store.get(key));
  await world.store.batch([{ type: 'put', key, value: utf8(row.replace('admin', 'nobody')) }], { sync: true });
  t.equal(((await world.get('/admin/audit-log?check=true', admin)).json as AuditAnswer).brokenAt, 3);
});

t.test('the audit log says which account was made, of what role, and what was done to it; no name, reason or secret', async (t) => {
  const { world } = await openAbuseWorld(t);
  const [admin, auditor] = [await world.as('admin'), await world.as('auditor')];
  const merchantId = formatAddress(KEYS.cafeteria.address);
  const { userId } = (await world.post('/admin/users', { username: 'siti', role: 'finance' }, admin)).json as { userId: string };
  await world.post('/admin/users', { username: 'siti', role: 'admin' }, admin);
  await send(world, 'PATCH', `/admin/users/${userId}`, { role: 'manager', merchantId, reason: 'SECRET REASON' }, admin);
  await send(world, 'PATCH', `/admin/users/${userId}`, { disabled: true, newPassword: true, reason: 'stolen' }, admin);
  const { clientId } = (await world.post('/admin/clients', { name: 'vending', role: 'partner', merchantId }, admin)).json as { clientId: string };
  await world.call('DELETE', `/admin/clients/${clientId}`, { headers: admin });

  const { json, text } = await world.get('/admin/audit-log', auditor);
  t.same([...(json as AuditAnswer).data].reverse().map(({ entry }) => [entry.action, entry.detail]), [
    ['createUser', { role: 'finance' }],
    ['createUser', { role: 'finance', userId }],
    ['createUser', { role: 'admin' }],
    ['createUser', { role: 'admin', refused: 'username_taken' }],
    ['changeUser', { userId, role: 'manager', merchantId }],
    ['changeUser', { userId, disabled: true, newPassword: true }],
    ['createClientAccount', { role: 'partner', merchantId }],
    ['createClientAccount', { role: 'partner', merchantId, clientId }],
    ['deleteClient', { clientId }],
  ]);
  t.notMatch(text, /siti|SECRET|stolen|vending/);
});

async function openReceiver(texts: string[]): Promise<Server> {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => { body += chunk.toString(); });
    request.on('end', () => {
      texts.push((JSON.parse(body) as { text: string }).text);
      response.end('ok');
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return server;
}

t.test('US-006: flags reach the Slack channel, one message each, with a pseudonym and no secret in any log; the test route says what happened', async (t) => {
  const texts: string[] = [];
  const receiver = await openReceiver(texts);
  t.teardown(() => void receiver.close());
  const webhookFile = join(await makeKeyFolder(t), 'slack');
  await writeFile(webhookFile, `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/services/TOPSECRET`);
  const { world } = await openAbuseWorld(t, { alerts: { webhookFile, allowLoopback: true } });
  const ali = wallet('ali');
  await failOften(world, await world.as(ali), 9);
  while (texts.length < 1) await new Promise<void>((resolve) => void setTimeout(resolve, 5));
  const [flag] = (await world.campus.abuse.flags.list({ limit: 1 })).flags;
  t.same(texts, [`BillCoin flag: failed_validations, ${flag?.subject ?? ''}, count 4, ${flag?.flagId ?? ''}`]);
  t.match(flag?.subject, /^wallet:[0-9a-f]{32}$/);
  const admin = await world.as('admin');
  t.same((await send(world, 'POST', '/admin/alerts/test', undefined, admin)).json, { delivered: true, status: 200, error: null });
  receiver.closeAllConnections();
  await new Promise((resolve) => void receiver.close(resolve));
  t.same((await send(world, 'POST', '/admin/alerts/test', undefined, admin)).json, { delivered: false, status: null, error: 'unreachable' });
  await writeFile(webhookFile, 'https://192.168.0.1/services/TOPSECRET');
  t.same((await send(world, 'POST', '/admin/alerts/test', undefined, admin)).json, { delivered: false, status: null, error: 'not_public' });
  const { text } = await world.get('/metrics');
  for (const line of ['flags_total{rule="failed_validations"} 1', 'alert_delivery_total{outcome="unreachable"} 1', 'alerts_waiting 0']) t.ok(text.includes(line), line);
  t.notOk(world.logLines.join('').includes('TOPSECRET'));
  t.notOk(text.includes('student:') || text.includes('wallet:') || text.includes(ali.addressText), 'no label holds a person');
});

t.test('an administrator does all of it with the SDK', async (t) => {
  const { world } = await openAbuseWorld(t);
  const admin = await world.clientAs('admin');
  await failOften(world, await world.as('till'));
  const { data: [flag] } = await listFlags(admin, { status: 'open' });
  t.match(await resolveFlag(admin, { flagId: flag?.flagId ?? '', outcome: 'our_fault' }), { resolved: { outcome: 'our_fault', note: '' } });
  t.same((await listFlags(admin, { status: 'open' })).data, []);
  await putRateLimits(admin, { bad: { q: 5, w: 60 } });
  t.same((await getRateLimits(admin)).data.filter(({ changed }) => changed).map(({ policy, q }) => [policy, q]), [['bad', 5]]);
  await t.rejects(testAlert(admin), { code: 'alerts_not_configured' });
  const log = await listAuditLog(admin, { check: 'true', limit: 10 });
  t.same(log.data.map(({ entry }) => entry.action), ['testAlert', 'testAlert', 'putRateLimits', 'resolveFlag']);
  t.equal(log.brokenAt, null);
});
