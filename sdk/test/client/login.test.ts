/** A client that keeps itself logged in: renewed before the end, logged in again where it is refused, once for all who wait. */
import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { toHex } from '@billcoin/protocol';
import { createClient, getMe, getStatus, listPeers, loginCashier, logout, streamOrders, withLogin, type Client, type Me, type TokenPair } from '../../src/index.ts';
import { genesisHash, keys } from '../fixture.ts';
import { refuse, startServer, type Handlers, type Request, type TestServer } from '../server.ts';

const account = { username: 'mei', password: 'K7QX-K7QX-K7QX-K7QX' };
const SESSION = `ses_${'0'.repeat(26)}`;
const me: Me = { sub: 'usr_00000000000000000000000000', role: 'finance', merchantId: null, tillNo: null, linked: null, expiresAt: '2026-04-10T08:15:23Z', limits: [{ policy: 'pay', q: 10, w: 60, remaining: 7, resetS: 41 }] };
const bearer = ({ headers }: Request): string => headers.authorization ?? 'nobody';

function pair(no: number, expiresIn = 900): TokenPair {
  return { accessToken: `token-${no}`, expiresIn, tokenType: 'Bearer', refreshToken: `${SESSION}.${'A'.repeat(22)}.${String(no).padStart(22, 'B')}` };
}

async function startOffice(t: Test, handlers: Handlers): Promise<{ readonly server: TestServer; readonly client: Client }> {
  const server = await startServer(t, { login: ({ attempt }) => ({ status: 200, body: pair(attempt) }), getMe: () => ({ status: 200, body: me }), ...handlers });
  return { server, client: withLogin(createClient({ baseUrl: server.baseUrl }), account) };
}

t.test('nothing is sent until it is needed, and requests at the same time share one login', async (t) => {
  const { server, client } = await startOffice(t, {});
  t.equal(server.requests.length, 0);
  await Promise.all([getMe(client), getMe(client), getMe(client)]);
  t.same(server.requests.map(({ operation }) => operation), ['login', 'getMe', 'getMe', 'getMe']);
  t.same(server.requests[0]?.body, account);
  t.equal(server.requests[0]?.headers.authorization, undefined, 'a login sends no token');
  t.same(server.requests.slice(1).map(bearer), ['Bearer token-1', 'Bearer token-1', 'Bearer token-1']);
});

t.test('a token is renewed before it ends, and each refresh token is used once', async (t) => {
  const { server, client } = await startOffice(t, { login: () => ({ status: 200, body: pair(1, 1) }), refreshLogin: ({ attempt }) => ({ status: 200, body: pair(attempt + 1, attempt === 1 ? 1 : 900) }) });
  await getMe(client);
  for (let i = 0; i < 2; i++) {
    await delay(800); // three quarters of a second-long life
    await getMe(client);
  }
  const renewals = server.requests.filter(({ operation }) => operation === 'refreshLogin');
  t.same(renewals.map(({ body }) => (body as { refreshToken: string }).refreshToken), [pair(1).refreshToken, pair(2).refreshToken]);
  t.same(server.requests.filter(({ operation }) => operation === 'getMe').map(bearer), ['Bearer token-1', 'Bearer token-2', 'Bearer token-3']);
});

t.test('a refresh token that is refused costs a login, not an error', async (t) => {
  const { server, client } = await startOffice(t, { login: ({ attempt }) => ({ status: 200, body: pair(attempt, attempt === 1 ? 1 : 900) }), refreshLogin: () => refuse('refresh_reused') });
  await getMe(client);
  await delay(800);
  await getMe(client);
  t.same(server.requests.map(({ operation }) => operation), ['login', 'getMe', 'refreshLogin', 'login', 'getMe']);
});

t.test('a token that the server refuses is renewed once and the request sent again; then the refusal is told', async (t) => {
  const { server, client } = await startOffice(t, { getMe: (request) => (bearer(request) === 'Bearer token-2' ? { status: 200, body: me } : refuse('unauthenticated')), listPeers: () => refuse('unauthenticated') });
  t.same(await getMe(client), me);
  t.same(server.requests.map(({ operation }) => operation), ['login', 'getMe', 'login', 'getMe']);
  await t.rejects(listPeers(client), { code: 'unauthenticated' });
  t.same(server.requests.slice(4).map(({ operation }) => operation), ['listPeers', 'login', 'listPeers'], 'not for ever');
});

t.test('a wrong password is told at the request that needed it; who is not logged in asks for nothing', async (t) => {
  const { server, client } = await startOffice(t, { login: () => refuse('bad_credentials'), getStatus: () => refuse('unauthenticated') });
  await t.rejects(getMe(client), { code: 'bad_credentials', status: 401 });
  await t.rejects(getStatus(createClient({ baseUrl: server.baseUrl })), { code: 'unauthenticated' });
  t.same(server.requests.map(({ operation }) => operation), ['login', 'getStatus']);
});

t.test('keys sign a text that is for them and this server; programs and cashiers have no refresh token', async (t) => {
  const server: TestServer = await startServer(t, {
    createChallenge: ({ headers }) => ({ status: 200, body: { message: `${headers.host ?? ''} wants you to sign in with your BillCoin account:\n${keys.student.addressText}\n`, expiresAt: '2026-04-10T08:15:23Z' } }),
    verifyChallenge: () => ({ status: 200, body: pair(1) }),
    loginClient: () => ({ status: 200, body: { accessToken: 'program', expiresIn: 1, tokenType: 'Bearer' } }),
    loginCashier: () => ({ status: 200, body: { accessToken: 'cashier', expiresIn: 900, tokenType: 'Bearer' } }),
    getMe: () => ({ status: 200, body: me }), logout: () => ({ raw: (response) => response.writeHead(204).end() }),
  });
  const client = createClient({ baseUrl: server.baseUrl });
  const wallet = withLogin(client, { key: keys.student, genesisHash });
  await getMe(wallet);
  t.match(server.requests[1]?.body, { publicKey: toHex(keys.student.publicKey), signature: /^[0-9a-f]{128}$/ });
  t.match(await loginCashier(wallet, { tillNo: 1, cashierId: 'csh_00000000000000000000000000', pin: '2580' }), { accessToken: 'cashier' });
  t.equal(await logout(wallet), undefined);
  const program = withLogin(client, { clientId: 'cli_00000000000000000000000000', clientSecret: 's' });
  await getMe(program);
  await delay(800);
  await getMe(program);
  t.equal(server.requests.filter(({ operation }) => operation === 'loginClient').length, 2, 'it logs in again');
  await t.rejects(getMe(withLogin(client, { key: keys.merchant, genesisHash })), { name: 'UntrustedAnswerError' }, 'a text for another account');
});

t.test('a stream opens with a fresh token where the old one is refused, and again where it ended', async (t) => {
  const { server, client } = await startOffice(t, {
    streamOrders: (request) => {
      if (bearer(request) !== 'Bearer token-2') return refuse('unauthenticated');
      const name = request.attempt === 2 ? 'reauth' : 'resync';
      return { raw: (response) => void response.writeHead(200, { 'content-type': 'text/event-stream' }).write(`event: ${name}\ndata: {}\n\n`) };
    },
  });
  for await (const { event } of streamOrders(client)) {
    t.equal(event, 'resync', 'what the server says about the login is none of the reader’s');
    break;
  }
  t.same(server.requests.map(({ operation }) => operation), ['login', 'streamOrders', 'login', 'streamOrders', 'streamOrders']);
});
