/** Cashiers: who may stand at a till says its manager alone, and a PIN that is taken away ends at once (threat 24). */
import t from 'tap';
import { formatAddress } from '@billcoin/protocol';
import { CASHIERS_MAX, type Cashier } from '@billcoin/sdk';
import { isWeakPin } from '../../src/campus/auth/cashiers.ts';
import { cashierRoutes } from '../../src/api/routes/cashiers.ts';
import { callAs, manager } from '../support/callAs.ts';
import { openWorld, type Answer, type World } from '../support/campusWorld.ts';
import { departures } from '../support/conforms.ts';
import { KEYS } from '../support/testNetwork.ts';

const siti = { name: 'Siti', pin: '49271', tills: [1] };
const codeOf = (answer: Answer): string => (answer.status < 300 ? String(answer.status) : (answer.json as { code: string }).code);

async function send(world: World, method: string, path: string, body?: object): Promise<Answer> {
  const login = await world.as('manager');
  return await world.call(method, path, body === undefined ? { headers: login } : { headers: { 'content-type': 'application/json', ...login }, body: JSON.stringify(body) });
}

async function logIn(world: World, cashierId: string, pin: string): Promise<Answer> {
  return await world.post('/tills/1/cashier', { cashierId, pin }, await world.as('till'));
}

t.test('a manager adds a cashier, who then takes the till over by PIN', async (t) => {
  const world = await openWorld(t);
  const added = await send(world, 'POST', '/cashiers', siti);
  t.same(departures('postCashier', added), []);
  t.equal(added.status, 201);
  const { cashierId } = added.json as Cashier;
  t.notMatch(added.text, /pin|49271/i, 'the PIN is told to nobody');
  t.equal(codeOf(await logIn(world, cashierId, siti.pin)), '200');
  t.equal(codeOf(await logIn(world, cashierId, '49272')), 'bad_credentials');
  const seen = await world.call('GET', '/cashiers', { headers: await world.as('till') });
  t.same(departures('listCashiers', seen), []);
  t.match(seen.json, { data: [{ cashierId, name: 'Siti', tills: [1] }], nextCursor: null }, 'the till shows who may stand at it');
  const dump = (await world.store.list({ gte: '', lt: '~', limit: 10_000 })).map(({ value }) => new TextDecoder().decode(value)).join('\n') + world.logLines.join('\n');
  t.notMatch(dump, siti.pin, 'no row and no log line holds a PIN');
});

t.test('another PIN, another till, or no cashier any more ends the sessions at once', async (t) => {
  const world = await openWorld(t);
  const ids: string[] = [];
  for (let i = 0; i < 3; i++) ids.push(((await send(world, 'POST', '/cashiers', siti)).json as Cashier).cashierId);
  const [changed = '', moved = '', gone = ''] = ids;
  const tokens = await Promise.all(ids.map(async (id) => ((await logIn(world, id, siti.pin)).json as { accessToken: string }).accessToken));
  const standing = async (): Promise<number[]> => await Promise.all(tokens.map(async (token) => (await world.call('GET', '/auth/me', { headers: { authorization: `Bearer ${token}` } })).status));
  t.same(await standing(), [200, 200, 200]);
  t.equal((await send(world, 'PATCH', `/cashiers/${changed}`, { pin: '80413' })).status, 200);
  t.match((await send(world, 'PATCH', `/cashiers/${moved}`, { tills: [] })).json, { name: 'Siti', tills: [] });
  t.equal((await send(world, 'DELETE', `/cashiers/${gone}`)).status, 200);
  t.same(await standing(), [401, 401, 401]);
  t.equal(codeOf(await logIn(world, changed, siti.pin)), 'bad_credentials', 'the old PIN');
  t.equal(codeOf(await logIn(world, changed, '80413')), '200');
  t.equal(codeOf(await logIn(world, moved, siti.pin)), 'bad_credentials');
  t.equal(codeOf(await logIn(world, gone, siti.pin)), 'bad_credentials');
  t.equal(codeOf(await send(world, 'DELETE', `/cashiers/${gone}`)), 'not_found');
});

t.test('a stranger sees and changes nobody, and no cashier stands at a foreign till', async (t) => {
  const world = await openWorld(t);
  const { chain, campus } = world;
  const entries = cashierRoutes(chain, campus.cashiers);
  const { cashierId } = (await send(world, 'POST', '/cashiers', siti)).json as Cashier;
  const stranger = manager(formatAddress(KEYS.farm.address));
  t.match(await callAs(entries, 'patchCashier', stranger, { params: { cashierId }, body: { pin: '80413' } }), { status: 404 });
  t.match(await callAs(entries, 'deleteCashier', stranger, { params: { cashierId } }), { status: 404 });
  t.match(await callAs(entries, 'listCashiers', stranger), { body: { data: [] } });
  t.match(await callAs(entries, 'postCashier', stranger, { body: siti }), { status: 422, body: { code: 'unknown_till' } });
  t.equal(codeOf(await send(world, 'PATCH', `/cashiers/${cashierId}`, { tills: [1, 9] })), 'unknown_till');
  t.equal(codeOf(await logIn(world, cashierId, siti.pin)), '200', 'nothing has changed');
});

t.test('PINs that people try first, and forms that are none, are refused', async (t) => {
  const world = await openWorld(t);
  for (const pin of ['0000', '99999999', '1234', '012345', '9876', '43210']) t.ok(isWeakPin(pin), pin);
  for (const pin of ['0001', '1235', '4927', '1357', '90123']) t.notOk(isWeakPin(pin), pin);
  t.equal(codeOf(await send(world, 'POST', '/cashiers', { ...siti, pin: '1111' })), 'weak_pin');
  for (const over of [{ pin: '123' }, { pin: '123456789' }, { pin: '12a4' }, { pin: '١٢٣٥' }, { pin: 1235 }, { name: '' }, { tills: [0] }, { tills: [1, 1] }, { tills: ['1'] }, { extra: 1 }]) t.equal(codeOf(await send(world, 'POST', '/cashiers', { ...siti, ...over })), 'malformed_request', JSON.stringify(over));
  t.equal(codeOf(await send(world, 'PATCH', '/cashiers/csh_00000000000000000000000000', {})), 'malformed_request', 'nothing to change');
});

t.test('a merchant has a limited number of cashiers', async (t) => {
  const world = await openWorld(t);
  const merchant = formatAddress(KEYS.cafeteria.address);
  for (let i = 0; i < CASHIERS_MAX; i++) await world.store.batch([{ type: 'put', key: `cm/${merchant}/csh_${String(i).padStart(26, '0')}`, value: new TextEncoder().encode('1') }, { type: 'put', key: `ca/csh_${String(i).padStart(26, '0')}`, value: new TextEncoder().encode(JSON.stringify({ merchantId: merchant, name: 'x', pinHash: '', tills: [], createdAtMs: 0 })) }], { sync: false });
  t.match(await world.campus.cashiers.add(merchant, siti), { ok: false, code: 'too_many_cashiers' });
});
