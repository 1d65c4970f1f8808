/** Limits of addresses, logins, PINs and links over HTTP (API page §2.1). */
import t from 'tap';
import { signingBytes, toHex, utf8 } from '@billcoin/protocol';
import type { Key } from '@billcoin/sdk';
import { addressKey } from '../../src/api/subject.ts';
import { wallet, type Answer } from '../support/campusWorld.ts';
import { from, openAbuseWorld, postPay, type Headers } from './abuseWorld.ts';

t.test('reads without a login: 120 a minute of an address, a /64 of IPv6 is one, this machine is free', async (t) => {
  const { world } = await openAbuseWorld(t);
  for (let i = 0; i < 120; i++) t.equal((await world.get('/status', from(i % 2 === 0 ? '2001:db9::1' : '2001:db9:0:0:ffff::2'))).status, 200);
  const refused = await world.get('/status', from('2001:0db9::3'));
  t.match(refused.json, { status: 429, 'violated-policies': ['public'] });
  t.equal(refused.headers.get('ratelimit-policy'), '"public";q=120;w=60');
  t.equal((await world.get('/status', from('2001:db9:0:1::1'))).status, 200);
  t.equal((await world.get('/status', { ...from('2001:db9::1'), ...(await world.as('till')) })).status, 200, 'who has logged in has his own');
  for (let i = 0; i < 130; i++) await world.get('/status');
  t.equal((await world.get('/status')).status, 200);
  t.equal((await world.get('/health/live', from('2001:db9::1'))).status, 200, 'health has no limit');
});

t.test('keys of addresses', async (t) => {
  for (const own of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1']) t.equal(addressKey(own), undefined, own);
  t.equal(addressKey('::ffff:10.0.0.9'), '10.0.0.9');
  t.equal(addressKey('fe80::1:2:3:4%eth0'), 'fe80:0:0:0::/64');
  t.equal(addressKey('2001:db9:1:2:3:4:5:6'), '2001:db9:1:2::/64');
  t.equal(addressKey(undefined), 'unknown');
});

t.test('60 refused transactions a minute of an address; admitted ones are free', async (t) => {
  const { world } = await openAbuseWorld(t);
  const ali = wallet('ali');
  await world.fund(20_000n, ali);
  const campus = from('10.2.2.2');
  for (let i = 0; i < 60; i++) t.equal((await world.post('/transactions', { tx: 'AAAA' }, campus)).status, 400);
  t.match((await world.post('/transactions', { tx: 'AAAA' }, campus)).json, { status: 429, 'violated-policies': ['bad'] });
  t.equal((await world.post('/evidence', { evidence: 'AAAA' }, campus)).status, 429, 'evidence that proves nothing costs as much');
  t.equal((await postPay(world, ali, from('10.2.2.3'))).status, 202);
  const others = Array.from({ length: 10 }, (_, i) => wallet(`other ${i}`));
  await world.fund(5_000n, ...others);
  for (let round = 0; round < 7; round++) for (const other of others) t.equal((await postPay(world, other, from('10.2.2.4'))).status, 202);
});

t.test('five failed logins a minute of an account, 30 of an address; names nobody has are limited alike; a success costs nothing', async (t) => {
  const { world } = await openAbuseWorld(t);
  const added = await world.campus.users.add({ username: 'mei', role: 'finance', merchantId: null });
  if (!added.ok || added.password === null) throw new Error('the account was not made');
  const { password } = added;
  const login = async (username: string, secret: string, headers: Headers = {}): Promise<number> => (await world.post('/auth/login', { username, password: secret }, headers)).status;
  for (const username of ['mei', 'nobody']) {
    for (let i = 0; i < 3; i++) t.equal(await login(username, 'wrong password'), 401);
    if (username === 'mei') for (let i = 0; i < 8; i++) t.equal(await login(username, password), 200);
    for (let i = 0; i < 2; i++) t.equal(await login(username, 'wrong password'), 401);
    t.equal(await login(username, username === 'mei' ? password : 'wrong password'), 429, 'also with the right password');
  }
  world.chain.clock.moveTo(world.nowMs + 60_000);
  t.equal((await Promise.all(Array.from({ length: 20 }, async () => await login('mei', 'wrong password')))).filter((status) => status === 401).length, 5, 'twenty guesses at once are twenty guesses');
  for (let i = 0; i < 30; i++) t.equal(await login(`name-${i}`, 'wrong password', from('10.3.3.3')), 401);
  const refused = await world.post('/auth/login', { username: 'name-99', password: 'wrong password' }, from('10.3.3.3'));
  t.match(refused.json, { status: 429, 'violated-policies': ['login-address'] });
  t.equal(await login('name-99', 'wrong password', from('10.3.3.4')), 401);
});

t.test('the headers say the room that is left after the answer', async (t) => {
  const { world } = await openAbuseWorld(t);
  const added = await world.campus.users.add({ username: 'mei', role: 'finance', merchantId: null });
  if (!added.ok) throw new Error('the account was not made');
  const roomOf = async (path: string, body: object): Promise<string | null> => (await world.post(path, body, from('10.5.5.5'))).headers.get('ratelimit');
  t.equal(await roomOf('/transactions', { tx: 'AAAA' }), '"bad";r=59;t=60');
  t.equal(await roomOf('/transactions', { tx: 'AAAA' }), '"bad";r=58;t=60');
  t.equal(await roomOf('/auth/login', { username: 'mei', password: 'wrong password' }), '"login-address";r=29;t=60, "login";r=4;t=60');
  t.equal(await roomOf('/auth/login', { username: 'mei', password: added.password }), '"login-address";r=29;t=60, "login";r=4;t=60', 'a success costs nothing');
});

t.test('five wrong PINs of a cashier in 15 minutes', async (t) => {
  const { world } = await openAbuseWorld(t);
  const { cashierId, pin } = await world.addCashier([1]);
  const till = await world.as('till');
  const enter = async (digits: string): Promise<number> => (await world.post('/tills/1/cashier', { cashierId, pin: digits }, till)).status;
  t.equal(await enter(pin), 200);
  for (let i = 0; i < 5; i++) t.equal(await enter('0000'), 401);
  t.equal(await enter(pin), 429);
  world.chain.clock.moveTo(world.nowMs + 899_999);
  const again = await world.as('till');
  t.equal((await world.post('/tills/1/cashier', { cashierId, pin }, again)).status, 429);
  world.chain.clock.moveTo(world.nowMs + 1);
  t.equal((await world.post('/tills/1/cashier', { cashierId, pin }, again)).status, 200);
});

t.test('five tries an hour of a wallet to link, signed by it; 60 a minute of an address, signed or not', async (t) => {
  const { world } = await openAbuseWorld(t);
  const { genesisHash } = world.chain;
  const link = async (key: Key, headers: Headers = {}, isSigned = true): Promise<Answer> => {
    const { message } = (await world.post('/auth/challenge', { publicKey: toHex(key.publicKey) }, headers)).json as { message: string };
    const signature = toHex(key.sign(signingBytes('bill/login/1', genesisHash, utf8(message))));
    return await world.post('/wallets/link', { linkCode: '0123456789', message, publicKey: toHex(key.publicKey), signature: isSigned ? signature : '0'.repeat(128) }, headers);
  };
  for (let i = 0; i < 10; i++) t.equal((await link(wallet('ali'), {}, false)).status, 401, 'threat 10: whoever only names a wallet uses up none of its tries');
  for (let i = 0; i < 5; i++) t.match((await link(wallet('ali'))).json, { status: 409, code: 'cannot_link' });
  t.match((await link(wallet('ali'))).json, { status: 429, 'violated-policies': ['link'] });
  for (let i = 0; i < 60; i++) t.equal((await link(wallet(`link ${i}`), from('10.4.4.4'), false)).status, 401);
  t.match((await link(wallet('link 60'), from('10.4.4.4'))).json, { status: 429, 'violated-policies': ['link-address'] });
  world.chain.clock.moveTo(world.nowMs + 3_600_000);
  t.equal((await link(wallet('ali'))).status, 409);
});
