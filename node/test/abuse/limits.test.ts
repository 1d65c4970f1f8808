/** US-006 over HTTP: attempts and failures, what is said about them, and whom they are booked on. Threats 9, 10, 20 of the API page §5. */
import t from 'tap';
import { toBase64Url } from '@billcoin/protocol';
import { sdkKey, wallet, type Answer, type World } from '../support/campusWorld.ts';
import { KEYS } from '../support/testNetwork.ts';
import { freshPay, from, linkAll, openAbuseWorld, openFlagsOf, postPay, type Headers } from './abuseWorld.ts';

const NOBODY = 'f'.repeat(64);

const validate = async (world: World, headers: Headers, body: unknown = { txHash: NOBODY, expectedAmount: '1.80' }): Promise<Answer> => await world.post('/payments/validate', body, headers);

t.test('US-006: ten validations a minute of a person, whatever their answers; the 11th says when to come back', async (t) => {
  const { world } = await openAbuseWorld(t);
  const headers = await world.as('finance');
  const first = await validate(world, headers);
  t.equal(first.status, 200);
  t.equal(first.headers.get('ratelimit-policy'), '"user";q=300;w=60, "pay";q=10;w=60');
  t.match(first.headers.get('ratelimit'), /^"user";r=29\d;t=60, "pay";r=9;t=60$/);
  t.equal((await validate(world, headers, { txHash: 'no hash', expectedAmount: '1.80' })).status, 400, 'malformed ones count');
  t.equal((await validate(world, headers, '{')).status, 400);
  for (let i = 3; i < 10; i++) t.equal((await validate(world, headers)).status, 200);
  const refused = await validate(world, headers);
  t.match(refused.json, { status: 429, code: 'rate_limited', retryable: true, 'violated-policies': ['pay'] });
  t.equal(refused.headers.get('content-type'), 'application/problem+json; charset=utf-8');
  t.equal(refused.headers.get('retry-after'), '60');
  t.match(refused.headers.get('ratelimit'), /"pay";r=0;t=60$/);
  t.equal((await validate(world, await world.as('auditor'))).status, 200, 'another person');
  world.chain.clock.moveTo(world.nowMs + 59_999);
  t.equal((await validate(world, headers)).headers.get('retry-after'), '1');
  await world.block(1);
  t.equal((await validate(world, headers)).status, 200, 'the refused ones were not counted');
  t.match((await world.get('/metrics')).text, /payment_attempts_limited_total 2\n/);
});

t.test('US-006: tills and programs have policy machine and validate as often as they sell', async (t) => {
  const { world } = await openAbuseWorld(t);
  for (const who of ['till', 'partner', 'service'] as const) {
    const headers = await world.as(who);
    for (let i = 0; i < 15; i++) t.equal((await validate(world, headers)).status, 200);
    t.match((await validate(world, headers)).headers.get('ratelimit-policy'), /^"machine";q=600;w=60$/);
  }
  await world.campus.abuse.limits.change({ machine: { q: 20, windowS: 60 } });
  const headers = await world.as('service');
  for (let i = 0; i < 4; i++) await validate(world, headers);
  t.match((await validate(world, headers)).json, { code: 'rate_limited', 'violated-policies': ['machine'] });
  t.equal((await world.get('/auth/me', headers)).status, 429, 'of all routes together');
});

t.test('US-006: ten Pays a minute of a payer, whoever posts them and from wherever', async (t) => {
  const { world } = await openAbuseWorld(t);
  const [ali, siti] = [wallet('ali'), wallet('siti')];
  await world.fund(20_000n, ali, siti);
  const [aliLogin, tillLogin] = [await world.as(ali), await world.as('till')];
  const ways: readonly Headers[] = [{}, from('10.1.1.1'), from('10.1.1.2'), aliLogin, tillLogin];
  for (let i = 0; i < 10; i++) t.equal((await postPay(world, ali, ways[i % ways.length])).status, 202);
  const eleventh = freshPay(world, ali);
  for (const headers of ways) {
    const refused = await world.post('/transactions', { tx: world.textOf(eleventh) }, headers);
    t.match(refused.json, { status: 429, 'violated-policies': ['pay'] });
    t.equal(refused.headers.get('retry-after'), '60');
  }
  t.equal(await world.chain.txStatus(eleventh.txHash), undefined, 'what was refused is not in the pool');
  t.equal((await postPay(world, siti, aliLogin)).status, 202, 'who pays is limited, not who posts');
  world.chain.clock.moveTo(world.nowMs + 60_000);
  const later = await postPay(world, ali);
  t.equal(later.status, 202);
  t.equal(later.headers.get('ratelimit'), '"pay";r=9;t=60');
});

t.test('US-006: validations and Pays of all wallets of a student share one ten', async (t) => {
  const { world } = await openAbuseWorld(t);
  const [phone, tablet] = [wallet('phone'), wallet('tablet')];
  await world.fund(20_000n, phone, tablet);
  await linkAll(world, 'A001', phone, tablet);
  const headers = await world.as(phone);
  for (let i = 0; i < 4; i++) t.equal((await validate(world, headers)).status, 200);
  for (let i = 0; i < 3; i++) {
    t.equal((await postPay(world, phone)).status, 202);
    t.equal((await postPay(world, tablet)).status, 202);
  }
  t.equal((await postPay(world, tablet)).status, 429);
  t.equal((await validate(world, await world.as(tablet))).status, 429);
});

t.test('threat 10: hashes and transactions of a victim, posted by others, change nothing for the victim', async (t) => {
  const { world } = await openAbuseWorld(t);
  const [victim, attacker] = [wallet('victim'), wallet('attacker')];
  await world.fund(20_000n, victim);
  const pay = freshPay(world, victim);
  const tx = world.textOf(pay);
  t.equal((await world.post('/transactions', { tx })).status, 202);
  const [attackerLogin, tillLogin, victimLogin] = [await world.as(attacker), await world.as('till'), await world.as(victim)];
  for (let i = 0; i < 20; i++) {
    await world.post('/transactions', { tx }, from(`10.0.0.${i}`));
    await validate(world, attackerLogin, { txHash: pay.txHash, expectedAmount: '9.99' });
    await validate(world, tillLogin, { txHash: pay.txHash, expectedAmount: '9.99' });
  }
  t.match((await validate(world, victimLogin, { txHash: pay.txHash, expectedAmount: '1.80' })).headers.get('ratelimit'), /"pay";r=8;/, 'her own Pay and this validation');
  await world.block();
  for (let i = 0; i < 20; i++) await validate(world, tillLogin, { txHash: pay.txHash, expectedAmount: '9.99' });
  const flags = await openFlagsOf(world.campus.abuse);
  t.match(flags.map(({ subject }) => subject).sort(), ['till:1', /^wallet:[0-9a-f]{32}$/], 'who fails is flagged, not whose hash it is');
});

t.test('US-006: the 4th failed validation of any role flags its caller; not_final, 401, 403 and 429 are none', async (t) => {
  const { world } = await openAbuseWorld(t);
  const ali = wallet('ali');
  await world.fund(20_000n, ali);
  const pending = freshPay(world, ali);
  await world.post('/transactions', { tx: world.textOf(pending) });
  const open = async (): Promise<readonly (readonly [string, number])[]> => (await openFlagsOf(world.campus.abuse)).map(({ subject, count }) => [subject.split(':')[0] ?? '', count] as const);

  const till = await world.as('till');
  for (let i = 0; i < 8; i++) t.match((await validate(world, till, { txHash: pending.txHash, expectedAmount: '1.80' })).json, { error: 'not_final' });
  await validate(world, {});
  await validate(world, await world.as('admin'));
  t.same(await open(), []);
  for (const body of [{ txHash: NOBODY, expectedAmount: '1.80' }, { txHash: NOBODY }, '{', { txHash: NOBODY, expectedAmount: '0' }]) await validate(world, till, body);
  t.same(await open(), [['till', 4]]);
  const [flag] = await openFlagsOf(world.campus.abuse);
  t.same(flag?.evidence.map(({ code }) => code), ['tx_not_found', 'malformed_request', 'malformed_request', 'malformed_request']);
  t.ok(world.logLines.some((line) => line.includes(flag?.evidence[0]?.requestId ?? 'none')), 'evidence is found in the log');
  const staff = await world.as('staff');
  world.chain.clock.moveTo(world.nowMs + 1); // ids order by their milliseconds
  for (let i = 0; i < 12; i++) await validate(world, staff);
  t.same(await open(), [['staff', 10], ['till', 4]], 'two were 429');
  t.match((await world.get('/metrics')).text, /flags_total\{rule="failed_validations"\} 2\n/);
});

t.test('US-006: a new Pay of the own wallet that admission refuses for its content is a failure; of another wallet, or as the till posts it, it is none', async (t) => {
  const { world } = await openAbuseWorld(t);
  const [poor, other] = [wallet('poor'), wallet('other')];
  const [poorLogin, tillLogin] = [await world.as(poor), await world.as('till')];
  for (let i = 0; i < 5; i++) t.equal((await postPay(world, other, poorLogin)).status, 422, 'no balance');
  for (let i = 0; i < 5; i++) t.equal((await postPay(world, other, tillLogin)).status, 422);
  t.same(await openFlagsOf(world.campus.abuse), []);
  const one = world.textOf(freshPay(world, poor));
  for (let i = 0; i < 5; i++) t.equal((await world.post('/transactions', { tx: one }, poorLogin)).status, 422, 'the same again is not new');
  t.same(await openFlagsOf(world.campus.abuse), []);
  for (let i = 0; i < 3; i++) await postPay(world, poor, poorLogin);
  t.match(await openFlagsOf(world.campus.abuse), [{ subject: /^wallet:[0-9a-f]{32}$/, count: 4 }]);
});

t.test('threat 20: an Idempotency-Key is of the subject that sent it: another till gets no stored answer', async (t) => {
  const { world } = await openAbuseWorld(t);
  const order = world.order();
  const body = { order: toBase64Url(order.order), salt: toBase64Url(order.salt), invoice: toBase64Url(order.invoice) };
  const key = { 'idempotency-key': 'key-1' };
  t.equal((await world.post('/orders', body, { ...key, ...(await world.as('till')) })).status, 201);
  t.equal((await world.post('/orders', body, { ...key, ...(await world.as(sdkKey(KEYS.till))) })).headers.get('idempotency-replayed'), 'true');
  const stored = await world.store.list({ gte: 'i/', lt: 'i0', limit: 10 });
  t.equal(stored.length, 1);
  t.notMatch(stored[0]?.key, /^i\/local\//, 'scoped to who sent it');
});
