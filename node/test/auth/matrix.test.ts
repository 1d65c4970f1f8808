/** Every route × every role over real HTTP, from the declarations: who may call gets an answer, who may not gets 401 or 403 (threat 17). */
import t from 'tap';
import { formatAddress } from '@billcoin/protocol';
import { API_BASE, PROBLEMS, ROLES, ROUTES, type OperationId, type Role, type Route } from '@billcoin/sdk';
import { openWorld, wallet, type World } from '../support/campusWorld.ts';
import { KEYS } from '../support/testNetwork.ts';

/** A thousand requests one after the other, on a machine that others use too. */
t.setTimeout(180_000);

const ULID = '0'.repeat(26);
/** A value of the right form for each path parameter, of a thing that is not there. */
const VALUES: Readonly<Record<string, string>> = {
  txHash: 'f'.repeat(64), batchKey: 'f'.repeat(64), couponId: 'f'.repeat(64), rowKey: '22', heightOrHash: '1', height: '1', ref: 'f'.repeat(20), tillNo: '1',
  address: wallet('nobody').addressText, merchantId: formatAddress(KEYS.cafeteria.address), validator: wallet('nobody').addressText,
  orderId: `ord_${ULID}`, refundId: `ref_${ULID}`, productId: `prd_${ULID}`, studentRef: `stu_${ULID}`, walletId: `wal_${ULID}`, userId: `usr_${ULID}`, clientId: `cli_${ULID}`, cashierId: `csh_${ULID}`, flagId: `flg_${ULID}`,
  id: 'x', policy: 'pay',
};

function pathOf({ path, atRoot }: Route): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = VALUES[name];
    if (value === undefined) throw new Error(`say what a ${name} looks like`);
    return value;
  });
  return (atRoot === true ? '' : API_BASE) + filled;
}

/** Sends the least that reaches the policy; a stream is let go of once its head is there. */
async function statusOf(world: World, declaration: Route, authorization: string | undefined): Promise<{ readonly status: number; readonly challenge: string | null; readonly code: string | undefined }> {
  const { method, body, bodyType = 'application/json', idempotencyKey } = declaration;
  const abort = new AbortController();
  const response = await fetch(world.api.url + pathOf(declaration), {
    method, signal: abort.signal,
    headers: { ...(authorization === undefined ? {} : { authorization }), ...(body === undefined ? {} : { 'content-type': bodyType }), ...(idempotencyKey === true ? { 'idempotency-key': 'matrix' } : {}) },
    ...(body === undefined ? {} : { body: '{}' }),
  });
  const isProblem = response.headers.get('content-type')?.startsWith('application/problem+json') === true;
  const code = isProblem ? (await response.json() as { code: string }).code : undefined;
  abort.abort();
  return { status: response.status, challenge: response.headers.get('www-authenticate'), code };
}

async function tokenOf(world: World, role: Role): Promise<string | undefined> {
  return role === 'public' ? undefined : (await world.as(role)).authorization;
}

/** A roster of "{}" and a rotation without a body change nothing; a logout ends the login it was sent with. */
const ENDS_LOGIN: ReadonlySet<OperationId> = new Set(['logout']);

t.test('the declarations decide, for everybody and everywhere', { timeout: 150_000 }, async (t) => {
  const world = await openWorld(t);
  await world.block();
  // A second phone is for linked students: the wallet that stands for the role is one.
  const imported = await world.campus.students.importRoster('studentId\n1181100001');
  await world.link(wallet('anybody'), imported.ok ? imported.codes[0]?.linkCode ?? '' : '');
  const operations = (Object.entries(ROUTES) as [OperationId, Route][]).sort(([a], [b]) => Number(ENDS_LOGIN.has(a)) - Number(ENDS_LOGIN.has(b)));
  let refused = 0;
  const tokens = new Map<Role, string | undefined>();
  for (const role of ROLES) tokens.set(role, await tokenOf(world, role));
  for (const role of ROLES) {
    const authorization = tokens.get(role);
    for (const [operation, declaration] of operations) {
      const { status, challenge, code } = await statusOf(world, declaration, authorization);
      const mayCall = declaration.who.includes('public') || declaration.who.includes(role);
      const expected = mayCall ? 'let in' : role === 'public' ? 'unauthenticated' : 'forbidden';
      const got = code === 'unauthenticated' || code === 'forbidden' ? code : 'let in';
      if (got !== expected) t.fail(`${role} at ${operation}: ${got} (${status}), not ${expected}`);
      if (expected === 'let in') continue;
      refused++;
      if (status !== PROBLEMS[expected].status) t.fail(`${operation} answers ${role} with ${status}`);
      if ((challenge?.startsWith('Bearer realm="billcoin"') === true) !== (status === 401)) t.fail(`${operation}: WWW-Authenticate belongs to 401`);
    }
  }
  t.ok(refused > 250, `${operations.length} routes × ${ROLES.length} roles, ${refused} refused`);
});

t.test('a policy is asked before anything else is looked at', async (t) => {
  const world = await openWorld(t);
  t.equal((await world.call('POST', '/admin/students/import', { body: 'x'.repeat(100_000), headers: { 'content-type': 'application/pdf' } })).status, 401, 'before media type and size');
  t.equal((await world.post('/orders', '{', await world.as('student'))).status, 403, 'before the body and its Idempotency-Key');
  t.equal((await world.get('/orders/nonsense')).status, 401, 'before the form of the path');
});

t.test('what is another’s is not there', async (t) => {
  const world = await openWorld(t);
  const [ali, siti] = [wallet('ali'), wallet('siti')];
  await world.fund(10_000n, ali, siti);
  const order = world.order();
  const { orderId } = (await world.postOrder(order)).json as { orderId: string };
  const txHash = await world.pay(ali, order.invoice);
  const asked = async (path: string, who: Parameters<World['as']>[0]): Promise<number> => (await world.get(path, await world.as(who))).status;
  const validated = async (who: Parameters<World['as']>[0]): Promise<string | null> => ((await world.post('/payments/validate', { txHash, expectedAmount: '1.80' }, await world.as(who))).json as { error: string | null }).error;
  t.same([await validated(ali), await validated(siti)], ['not_final', 'tx_not_found'], 'while it waits');
  await world.block();
  t.same([await validated(ali), await validated(siti)], [null, 'tx_not_found']);
  const stranger = `Bearer ${await world.tokenOf('partner', formatAddress(KEYS.farm.address))}`;
  const paths: readonly (readonly [string, Parameters<World['as']>[0]])[] = [
    [`/orders/${orderId}`, ali], [`/accounts/${ali.addressText}`, ali], [`/accounts/${ali.addressText}/transactions`, ali], [`/loyalty/${ali.addressText}`, ali], [`/trace/tx/${txHash}`, ali],
  ];
  for (const [path, owner] of paths) t.same([await asked(path, owner), await asked(path, siti)], [200, 404], path);
  t.equal((await world.get(`/orders/${orderId}`, { authorization: stranger })).status, 404, 'a partner of another merchant');
  t.match((await world.get('/orders', { authorization: stranger })).json, { data: [] });
  t.equal(await asked('/orders?tillNo=2', 'till'), 404, 'another till’s list');
  t.equal(await asked('/streams/orders?tillNo=2', 'till'), 404);
  t.equal(await asked(`/accounts/${formatAddress(KEYS.cafeteria.address)}`, 'manager'), 200);
  t.equal(await asked(`/accounts/${ali.addressText}`, 'manager'), 404);
  const row = `/proofs/row/01${Buffer.from(ali.address).toString('hex')}`;
  t.same([await asked(row, ali), await asked(row, 'auditor'), await asked(row, siti), (await world.get(row)).status], [200, 200, 403, 401]);
  t.match((await world.post('/payments/validate', { txHash, expectedAmount: '1.80', merchantId: formatAddress(KEYS.cafeteria.address) }, { authorization: stranger })).json, { error: 'wrong_recipient' }, 'a partner asks for its own merchant, whatever it says');
});

t.test('all wallets of a student see what one of them paid', async (t) => {
  const world = await openWorld(t);
  const [old, young] = [wallet('old phone'), wallet('new phone')];
  await world.fund(10_000n, old);
  const imported = await world.campus.students.importRoster('studentId\n1181100001');
  const [issued] = imported.ok ? imported.codes : [];
  await world.link(old, issued?.linkCode ?? '');
  const renewed = await world.campus.students.renewLinkCode(issued?.studentRef ?? '');
  const before = await world.as(young);
  t.equal((await world.get(`/loyalty/${old.addressText}`, before)).status, 404, 'not yet the student’s');
  await world.link(young, renewed?.linkCode ?? '');
  t.equal((await world.get(`/loyalty/${old.addressText}`, before)).status, 200, 'the link counts at once, in the login there is');
  const subs = await Promise.all([old, young].map(async (key) => (await world.get('/auth/me', await world.as(key))).json as { sub: string; linked: boolean }));
  t.equal(subs[0]?.sub, subs[1]?.sub, 'one pseudonym, one bucket of every limit');
  t.match(subs, [{ linked: true }, { linked: true }]);
});

t.test('a stream ends with the token it was opened by, and says why', async (t) => {
  const world = await openWorld(t);
  const manager = await world.as('manager');
  const { expiresAt } = (await world.get('/auth/me', manager)).json as { expiresAt: string };
  world.chain.clock.moveTo(Date.parse(expiresAt) - 200);
  const startedMs = performance.now();
  const response = await fetch(`${world.api.url}${API_BASE}/streams/orders`, { headers: manager });
  t.equal(response.status, 200);
  t.match(await response.text(), /\nevent: reauth\ndata: \{\}\n\n$/, 'the last frame');
  t.ok(performance.now() - startedMs > 150, 'not before');
});
