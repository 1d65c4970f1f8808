/** Logins: keys, passwords, secrets, PINs, refresh tokens; what phishing, replay and theft meet (threats 16, 30). */
import t from 'tap';
import { toHex } from '@billcoin/protocol';
import { buildRevokeTill, createChallenge, loginByKey, signChallenge, type Key, type TokenPair } from '@billcoin/sdk';
import { openSecrets, PASSWORD_COST } from '../../src/campus/auth/secrets.ts';
import { FAMILY_LIFE_MS, openSessions, SESSIONS_MAX_PER_SUBJECT, type Sessions } from '../../src/campus/auth/sessions.ts';
import { makeCampusKeys } from '../../src/campus/keyFile.ts';
import { openLane } from '../../src/campus/lane.ts';
import { openKeyValueMemory } from '../../src/storage/keyValueMemory.ts';
import { openWorld, sdkKey, wallet, type Answer, type World } from '../support/campusWorld.ts';
import { ManualClock } from '../support/memoryChain.ts';
import { KEYS, keyOf } from '../support/testNetwork.ts';

const codeOf = (answer: Answer): string => (answer.status < 300 ? 'logged in' : (answer.json as { code: string }).code);
const ali = wallet('ali');

async function verify(world: World, message: string, key: Key, genesisHash: Uint8Array = world.chain.genesisHash): Promise<string> {
  return codeOf(await world.post('/auth/verify', { message, publicKey: toHex(key.publicKey), signature: signChallenge(message, genesisHash, key) }));
}

async function password(world: World, role: 'finance' | 'admin', username: string): Promise<string> {
  const added = await world.campus.users.add({ username, role, merchantId: null });
  if (!added.ok || added.password === null) throw new Error('no account');
  return added.password;
}

const logIn = async (world: World, username: string, secret: string): Promise<Answer> => await world.post('/auth/login', { username, password: secret });
const refresh = async (world: World, refreshToken: string): Promise<Answer> => await world.post('/auth/refresh', { refreshToken });
const me = async (world: World, accessToken: string): Promise<number> => (await world.get('/auth/me', { authorization: `Bearer ${accessToken}` })).status;

t.test('a login text is good for one server, network, key and time, and once', async (t) => {
  const world = await openWorld(t);
  const challenge = async (): Promise<string> => (await createChallenge(world.client, { publicKey: toHex(ali.publicKey) })).message;
  const message = await challenge();
  const foreign = message.replaceAll(/127\.0\.0\.1:\d+/g, 'evil.example');
  t.equal(await verify(world, foreign, ali), 'bad_login_signature', 'a phishing page shows its own domain');
  t.equal(await verify(world, message, wallet('siti')), 'bad_login_signature', 'another key');
  t.equal(await verify(world, message, ali, new Uint8Array(32)), 'bad_login_signature', 'another network');
  t.equal(await verify(world, message.replace(/Nonce: .{43}/, `Nonce: ${'A'.repeat(43)}`), ali), 'bad_login_signature', 'a nonce this server did not make');
  const direct = await world.post('/auth/verify', { message, publicKey: toHex(ali.publicKey), signature: toHex(ali.sign(new TextEncoder().encode(message))) });
  t.equal(codeOf(direct), 'bad_login_signature', 'signed without the tag');
  t.equal(await verify(world, message, ali), 'logged in');
  t.equal(await verify(world, message, ali), 'challenge_used', 'a nonce is good once');
  const shared = await challenge();
  await world.campus.students.importRoster('studentId\n1');
  t.same((await Promise.all([verify(world, shared, ali), verify(world, shared, ali)])).sort(), ['challenge_used', 'logged in'], 'at the same moment too');
  const late = await challenge();
  world.chain.clock.moveTo(world.nowMs + 121_000);
  t.equal(await verify(world, late, ali), 'challenge_expired');
});

t.test('the SDK signs no text of another server', async (t) => {
  const world = await openWorld(t);
  const phished = { ...world.client, origin: 'https://billcoin.example' };
  await t.rejects(loginByKey(phished, { key: ali, genesisHash: world.chain.genesisHash }), { name: 'UntrustedAnswerError', message: /not for billcoin\.example/ });
});

t.test('a till’s key logs in as its till while it is in force, and not a moment longer', async (t) => {
  const world = await openWorld(t);
  await world.block();
  const token = await world.loginTill();
  const staff = await world.loginCashier();
  t.match((await world.get('/auth/me', { authorization: `Bearer ${token}` })).json, { role: 'till', tillNo: 1, sub: 'till_1', linked: null });
  const merchant = sdkKey(KEYS.cafeteria);
  await world.fund(10n, merchant);
  await world.submit(buildRevokeTill({ genesisHash: world.chain.genesisHash, validUntilMs: world.nowMs + 60_000, sender: merchant.address, tillNo: 1, feeMl: 1n }), merchant);
  await world.block();
  t.same([await me(world, token), await me(world, staff)], [401, 401], 'till and cashier alike');
  const after = await loginByKey(world.client, { key: sdkKey(KEYS.till), genesisHash: world.chain.genesisHash });
  t.match((await world.get('/auth/me', { authorization: `Bearer ${after.accessToken}` })).json, { role: 'student' }, 'its key is a wallet’s like any other');
});

t.test('a wrong name, a wrong password and a disabled account get one answer', async (t) => {
  const world = await openWorld(t);
  const right = await password(world, 'finance', 'mei');
  const gone = await password(world, 'finance', 'gone');
  const { data } = await world.campus.users.list(10, undefined);
  const { userId = '' } = data.find(({ username }) => username === 'gone') ?? {};
  await world.campus.users.change(userId, { isDisabled: true, reason: 'left' });
  t.equal(codeOf(await logIn(world, 'mei', right)), 'logged in');
  const answers = [await logIn(world, 'nobody', right), await logIn(world, 'mei', `${right}x`), await logIn(world, 'gone', gone), await world.post('/auth/client', { clientId: `cli_${'0'.repeat(26)}`, clientSecret: 'x' })];
  const shown = answers.map((answer) => ({ ...(answer.json as object), instance: '' }));
  for (const [i, answer] of answers.entries()) {
    t.equal(answer.status, 401);
    t.same(shown[i], shown[0], 'to the letter');
  }
  t.notMatch(world.logLines.join(''), new RegExp(right), 'no password in the log');
});

t.test('what is stored of a password is scrypt over a keyed hash, at the cost that was chosen', async (t) => {
  const keys = makeCampusKeys();
  const stored = await openSecrets(keys).hash('K7QX-K7QX-K7QX-K7QX');
  t.match(stored, /^scrypt\$15\$8\$3\$[\w-]{22}\$[\w-]{43}$/);
  t.same(PASSWORD_COST, { log2N: 15, r: 8, p: 3 });
  t.equal(await openSecrets(keys).matches(stored, 'K7QX-K7QX-K7QX-K7QX'), true);
  t.equal(await openSecrets(keys).matches(stored, 'K7QX-K7QX-K7QX-K7QY'), false);
  t.equal(await openSecrets(makeCampusKeys()).matches(stored, 'K7QX-K7QX-K7QX-K7QX'), false, 'the database alone lets nobody try passwords');
});

t.test('a refresh token is good once; an old one that comes again ends the login', async (t) => {
  const world = await openWorld(t);
  const first = (await logIn(world, 'mei', await password(world, 'finance', 'mei'))).json as TokenPair;
  const second = (await refresh(world, first.refreshToken)).json as TokenPair;
  t.not(second.refreshToken, first.refreshToken);
  t.same([await me(world, first.accessToken), await me(world, second.accessToken)], [200, 200]);
  const [sid = '', , secret = ''] = second.refreshToken.split('.');
  t.equal(codeOf(await refresh(world, `${sid}.${'A'.repeat(22)}.${secret}`)), 'unauthenticated', 'whoever only saw an access token cannot end the login');
  t.equal(await me(world, second.accessToken), 200);
  t.equal(codeOf(await refresh(world, first.refreshToken)), 'refresh_reused');
  t.same([await me(world, second.accessToken), codeOf(await refresh(world, second.refreshToken))], [401, 'unauthenticated'], 'the whole family');
  t.equal((await world.post('/auth/refresh', { refreshToken: 'x' })).status, 400);
  const third = (await world.post('/auth/verify', await signedLogin(world, ali))).json as TokenPair;
  const both = await Promise.all([refresh(world, third.refreshToken), refresh(world, third.refreshToken)]);
  t.same(both.map(codeOf).sort(), ['logged in', 'refresh_reused'], 'two at the same moment are one too many');
  const fourth = (await world.post('/auth/verify', await signedLogin(world, ali))).json as TokenPair;
  world.chain.clock.moveTo(world.nowMs + FAMILY_LIFE_MS);
  t.equal(codeOf(await refresh(world, fourth.refreshToken)), 'unauthenticated', 'thirty days after the login');
  const stored = (await world.store.list({ gte: 'ss/', lt: 'ss~', limit: 100 })).map(({ value }) => new TextDecoder().decode(value)).join('');
  for (const { refreshToken } of [first, second, third, fourth]) for (const piece of refreshToken.split('.').slice(1)) t.notOk(stored.includes(piece), 'stored as hashes only');
});

async function signedLogin(world: World, key: Key): Promise<object> {
  const publicKey = toHex(key.publicKey);
  const { message } = await createChallenge(world.client, { publicKey });
  return { message, publicKey, signature: signChallenge(message, world.chain.genesisHash, key) };
}

t.test('sessions are bounded, swept, and say nothing of a wallet', async (t) => {
  const world = await openWorld(t);
  const count = async (prefix: string): Promise<number> => (await world.store.list({ gte: `${prefix}/`, lt: `${prefix}~`, limit: 1_000 })).length;
  const tokens: string[] = [];
  for (let i = 0; i <= SESSIONS_MAX_PER_SUBJECT; i++) {
    world.chain.clock.moveTo(world.nowMs + 1_000);
    tokens.push((await loginByKey(world.client, { key: ali, genesisHash: world.chain.genesisHash })).accessToken);
  }
  t.same([await count('ss'), await count('sb'), await count('se')], [32, 32, 32]);
  t.same([await me(world, tokens[0] ?? ''), await me(world, tokens[1] ?? '')], [401, 200], 'the oldest gives way');
  const rows = (await world.store.list({ gte: '', lt: '~', limit: 10_000 })).map(({ key, value }) => key + new TextDecoder().decode(value)).join('');
  for (const secret of [ali.addressText, toHex(ali.address), toHex(ali.publicKey)]) t.notOk(rows.includes(secret));
  world.chain.clock.moveTo(world.nowMs + FAMILY_LIFE_MS + 2_000);
  await loginByKey(world.client, { key: wallet('siti'), genesisHash: world.chain.genesisHash });
  t.same([await count('ss'), await count('sb'), await count('se')], [1, 1, 1], 'what ended is forgotten with the next login');
});

t.test('wallets without end push out the oldest wallet, and nobody else', async (t) => {
  const store = openKeyValueMemory();
  const clock = new ManualClock(1_000_000);
  const open = (): Sessions => openSessions({ store, keys: makeCampusKeys(), clock, lane: openLane(), sessionsMax: 3 });
  let sessions = open();
  const add = async (subject: string): Promise<string> => {
    clock.moveTo(clock.nowMs() + 1_000);
    const { sid, rows } = await sessions.open({ of: { kind: 'user', userId: 'u' }, subject, lifeMs: FAMILY_LIFE_MS, isRefreshable: true });
    await store.batch(rows, { sync: true });
    return sid;
  };
  const ids = [await add('usr_1'), await add('acc_1'), await add('acc_2')];
  sessions = open(); // what is there counts after a restart
  ids.push(await add('acc_3'), await add('till_1'));
  t.same(await Promise.all(ids.map(async (sid) => (await sessions.get(sid)) !== undefined)), [true, false, false, true, true]);
  ids.push(await add('usr_2'), await add('usr_3'), await add('usr_4'));
  t.same(await Promise.all(ids.map(async (sid) => (await sessions.get(sid)) !== undefined)), [true, false, false, false, true, true, true, true], 'people and tills stay, whatever the bound');
});

t.test('a program has an access token only, and loses it with its account', async (t) => {
  const world = await openWorld(t);
  const admin = await world.as('admin');
  t.match((await world.post('/admin/clients', { name: 'Shop', role: 'partner' }, admin)).json, { code: 'merchant_missing' });
  const made = (await world.post('/admin/clients', { name: 'Top-ups', role: 'service' }, admin)).json as { clientId: string; clientSecret: string };
  const tokens = await world.post('/auth/client', { clientId: made.clientId, clientSecret: made.clientSecret });
  t.same(Object.keys(tokens.json), ['accessToken', 'expiresIn', 'tokenType']);
  t.equal(codeOf(await world.post('/auth/client', { clientId: made.clientId, clientSecret: `${made.clientSecret}x` })), 'bad_credentials');
  const { accessToken } = tokens.json as { accessToken: string };
  t.equal(await me(world, accessToken), 200);
  t.match((await world.get('/admin/clients', admin)).json, { data: [{ name: 'Top-ups', role: 'service', merchantId: null }], nextCursor: null });
  t.notMatch((await world.get(`/admin/clients/${made.clientId}`, admin)).text, made.clientSecret, 'shown once');
  t.equal((await world.call('DELETE', `/admin/clients/${made.clientId}`, { headers: admin })).status, 204);
  t.same([await me(world, accessToken), (await world.call('DELETE', `/admin/clients/${made.clientId}`, { headers: admin })).status], [401, 404]);
});

t.test('a cashier is bound to the tills of his list and the till he stands at', async (t) => {
  const world = await openWorld(t);
  const till = await world.as('till');
  const here = await world.addCashier([1]);
  const elsewhere = await world.addCashier([2]);
  const at = async (tillNo: number, cashier: { cashierId: string; pin: string }): Promise<string> => codeOf(await world.post(`/tills/${tillNo}/cashier`, cashier, till));
  t.equal(await at(1, here), 'logged in');
  t.equal(await at(1, { ...here, pin: '2581' }), 'bad_credentials');
  t.equal(await at(1, elsewhere), 'bad_credentials');
  t.equal(await at(1, { cashierId: `csh_${'0'.repeat(26)}`, pin: '2580' }), 'bad_credentials');
  t.equal(await at(2, elsewhere), 'not_found', 'a till opens itself only');
  t.match((await world.get('/auth/me', await world.as('staff'))).json, { role: 'staff', tillNo: 1 });
});

t.test('accounts: made, changed, disabled; the last administrator stays', async (t) => {
  const world = await openWorld(t);
  const admin = await world.as('admin');
  const merchantId = sdkKey(KEYS.cafeteria).addressText;
  world.chain.clock.moveTo(world.nowMs + 1_000);
  const made = await world.post('/admin/users', { username: 'siti', role: 'finance' }, admin);
  t.equal(made.status, 201);
  const { userId, password: first } = made.json as { userId: string; password: string };
  t.match(first, /^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$/, '80 bits that nobody thought up');
  t.equal(codeOf(await world.post('/admin/users', { username: 'siti', role: 'admin' }, admin)), 'username_taken');
  t.equal(codeOf(await world.post('/admin/users', { username: 'boss', role: 'manager' }, admin)), 'merchant_missing');
  t.equal(codeOf(await world.post('/admin/users', { username: 'boss', role: 'manager', merchantId: `${merchantId.slice(0, -2)}qq` }, admin)), 'malformed_request');
  const { accessToken } = (await logIn(world, 'siti', first)).json as TokenPair;
  const change = async (body: object): Promise<Answer> => await world.call('PATCH', `/admin/users/${userId}`, { body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...admin } });
  t.match((await change({ role: 'manager', merchantId, reason: 'moved' })).json, { role: 'manager', merchantId, password: null, reason: 'moved' });
  t.equal(await me(world, accessToken), 401, 'every change ends the logins there are');
  const { password: second } = (await change({ newPassword: true, reason: 'forgotten' })).json as { password: string };
  t.same([codeOf(await logIn(world, 'siti', first)), codeOf(await logIn(world, 'siti', second))], ['bad_credentials', 'logged in']);
  t.match((await change({ disabled: true, reason: 'left' })).json, { disabled: true });
  t.equal(codeOf(await logIn(world, 'siti', second)), 'bad_credentials');
  t.match((await change({ disabled: false, reason: 'back' })).json, { disabled: false });
  t.equal(codeOf(await logIn(world, 'siti', second)), 'logged in');
  const own = ((await world.get('/auth/me', admin)).json as { sub: string }).sub;
  const self = await world.call('PATCH', `/admin/users/${own}`, { body: '{"role":"auditor","reason":"x"}', headers: { 'content-type': 'application/json', ...admin } });
  t.equal(codeOf(self), 'last_admin');
  t.match((await world.get('/admin/users?limit=1', admin)).json, { data: [{ username: 'siti', role: 'manager' }], nextCursor: /./ });
  t.notMatch((await world.get('/admin/users', admin)).text, /scrypt|password/);
  t.equal((await world.get(`/admin/users/usr_${'0'.repeat(26)}`, admin)).status, 404);
});

t.test('another password or PIN also ends the logins that are under way', async (t) => {
  const world = await openWorld(t);
  const { logins, users, cashiers } = world.campus;
  const merchantId = sdkKey(KEYS.cafeteria).addressText;
  const added = await users.add({ username: 'mei', role: 'finance', merchantId: null });
  if (!added.ok || added.password === null) throw new Error('no account');
  const old = { username: 'mei', password: added.password };
  const { cashierId, pin } = await world.addCashier([1]);
  const till = { role: 'till', sid: '', sub: 'till_1', tillNo: 1, merchantId } as const;
  /** Of four logins during a change, how many are good after it. Hashes are computed in turn, so that some match the old one when the new one stands. */
  const lasting = async (change: Promise<{ readonly ok: boolean }>, login: () => ReturnType<typeof logins.byPassword>): Promise<number> => {
    await new Promise(setImmediate);
    const tried = await Promise.all([login(), login(), login(), login()]);
    t.ok((await change).ok);
    const tokens = tried.flatMap((one) => (one.ok ? [one.tokens.accessToken] : []));
    return (await Promise.all(tokens.map((token) => me(world, token)))).filter((status) => status === 200).length;
  };
  t.equal(await lasting(users.change(added.user.userId, { newPassword: true, reason: 'stolen' }), () => logins.byPassword(old)), 0);
  t.equal(await lasting(cashiers.change(merchantId, cashierId, { pin: '80413' }), () => logins.byPin(till, { cashierId, pin })), 0);
});

t.test('a login ends at once where it is ended', async (t) => {
  const world = await openWorld(t);
  const pair = await loginByKey(world.client, { key: sdkKey(keyOf('wallet one')), genesisHash: world.chain.genesisHash });
  const header = { authorization: `Bearer ${pair.accessToken}` };
  t.equal((await world.call('POST', '/auth/logout', { headers: header })).status, 204);
  t.same([await me(world, pair.accessToken), codeOf(await refresh(world, pair.refreshToken))], [401, 'unauthenticated']);
});

t.test('a login counts as a write until its session is on disk, and is answered then', async (t) => {
  const rows = openKeyValueMemory();
  const disk = { passed: Promise.resolve(), reached: (): void => undefined };
  const world = await openWorld(t, {
    store: {
      ...rows,
      async batch(operations, options) {
        await rows.batch(operations, options);
        disk.reached();
        await disk.passed;
      },
    },
  });
  const right = await password(world, 'finance', 'mei');
  const signed = await signedLogin(world, ali);
  for (const [what, login] of [['password', () => logIn(world, 'mei', right)], ['key', () => world.post('/auth/verify', signed)]] as const) {
    let pass = (): void => undefined;
    disk.passed = new Promise((resolve) => {
      pass = resolve;
    });
    const reached = new Promise<void>((resolve) => {
      disk.reached = resolve;
    });
    let isAnswered = false;
    const answered = login().finally(() => (isAnswered = true));
    await reached;
    await new Promise(setImmediate);
    t.equal(world.campus.writesWaiting().sessions, 1, what);
    t.notOk(isAnswered);
    pass();
    t.equal(codeOf(await answered), 'logged in');
    t.equal(world.campus.writesWaiting().sessions, 0);
  }
});
