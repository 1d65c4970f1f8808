/** /products over the API: everybody reads, the manager of the merchant writes. */
import t from 'tap';
import { formatAddress } from '@billcoin/protocol';
import type { Product } from '@billcoin/sdk';
import { productRoutes } from '../../src/api/routes/products.ts';
import { ADMIN, callAs, manager, type Called, type Parts } from '../support/callAs.ts';
import { openWorld } from '../support/campusWorld.ts';
import { departures } from '../support/conforms.ts';
import { KEYS } from '../support/testNetwork.ts';

const CAFETERIA = formatAddress(KEYS.cafeteria.address);
const MANAGER = manager(CAFETERIA);
const milk = { name: { en: 'Fresh milk', ms: 'Susu segar' }, price: { rule: 'rm', rm: '1.8' }, cartonLitres: '0.25', lot: 'LOT-1', received: 24 };
const codeOf = ({ body }: Called): string => (body as { code: string }).code;

t.test('the manager of a merchant writes its products, everybody reads them', async (t) => {
  const world = await openWorld(t);
  const entries = productRoutes(world.campus.products);
  const posted = await callAs(entries, 'postProduct', MANAGER, { body: milk });
  t.match(posted, { status: 201, body: { merchantId: CAFETERIA, price: { rule: 'rm', rm: '1.80' }, cartonLitres: '0.250', stock: 24, reserved: 0, sold: 0, received: 24, oversold: 0 } });
  const { productId } = posted.body as Product;
  t.match(await callAs(entries, 'patchProduct', MANAGER, { params: { productId }, body: { price: { rule: 'litres', litres: '0.3' }, lot: null } }), { status: 200, body: { price: { rule: 'litres', litres: '0.300' }, lot: null, received: 24 } });
  const read = await world.get(`/products?merchantId=${CAFETERIA}`);
  t.same(departures('listProducts', read), []);
  t.match(read.json, { data: [{ productId }], nextCursor: null });
  t.match((await world.get(`/products?merchantId=${formatAddress(KEYS.farm.address)}`)).json, { data: [], nextCursor: null });
  t.equal((await callAs(entries, 'deleteProduct', MANAGER, { params: { productId } })).status, 200);
  t.equal(codeOf(await callAs(entries, 'deleteProduct', MANAGER, { params: { productId } })), 'not_found');
});

t.test('lists of products go page by page, newest first', async (t) => {
  const world = await openWorld(t);
  const entries = productRoutes(world.campus.products);
  const ids: string[] = [];
  for (let i = 0; i < 3; i++) {
    world.chain.clock.moveTo(world.nowMs + 10);
    ids.unshift(((await callAs(entries, 'postProduct', MANAGER, { body: milk })).body as Product).productId);
  }
  type Page = { data: Product[]; nextCursor: string | null };
  const first = (await world.get(`/products?merchantId=${CAFETERIA}&limit=2`)).json as Page;
  t.same(first.data.map(({ productId }) => productId), ids.slice(0, 2));
  const second = (await world.get(`/products?merchantId=${CAFETERIA}&limit=2&cursor=${first.nextCursor ?? ''}`)).json as Page;
  t.same([second.data.map(({ productId }) => productId), second.nextCursor], [ids.slice(2), null]);
  t.equal((await world.get(`/products?merchantId=${CAFETERIA}&cursor=AAAA`)).status, 400);
  t.equal((await world.get('/products')).status, 400, 'of which merchant?');
});

t.test('nobody writes products of another merchant, and no other role writes any', async (t) => {
  const world = await openWorld(t);
  const entries = productRoutes(world.campus.products);
  const { productId } = (await callAs(entries, 'postProduct', MANAGER, { body: milk })).body as Product;
  const stranger = manager(formatAddress(KEYS.farm.address));
  for (const [operation, parts] of [['patchProduct', { params: { productId }, body: { received: 0 } }], ['deleteProduct', { params: { productId } }]] as const) {
    t.match(await callAs(entries, operation, stranger, parts), { status: 404, body: { code: 'not_found' } }, operation);
    for (const caller of [{ role: 'public' } as const, ADMIN, { role: 'till', sub: 'till_1', sid: 's', tillNo: 1, merchantId: CAFETERIA } as const]) t.equal((await callAs(entries, operation, caller, parts)).status, 403, `${operation} as ${caller.role}`);
  }
});

t.test('amounts, names and counts that are none are refused', async (t) => {
  const world = await openWorld(t);
  const entries = productRoutes(world.campus.products);
  const post = async (over: object): Promise<Called> => await callAs(entries, 'postProduct', MANAGER, { body: { ...milk, ...over } } satisfies Parts);
  const decimals = ['1e3', '1,80', '١.٨٠', '1.800', 'NaN', '-0', '-1', '+1', '', '.5', '1.', ' 1', '0x1', '0', '0.00', '167772.16', '99999999999'];
  for (const rm of decimals) t.equal(codeOf(await post({ price: { rule: 'rm', rm } })), 'malformed_request', `RM ${rm}`);
  for (const litres of ['0', '0.0001', '1e1', '4294967.296']) t.equal(codeOf(await post({ price: { rule: 'litres', litres } })), 'malformed_request', `${litres} l`);
  for (const over of [{ price: { rule: 'rm', litres: '1' } }, { price: { rule: 'free' } }, { received: -1 }, { received: 1.5 }, { received: '3' }, { lot: '' }, { lot: 'a b' }, { name: { en: 'x', ms: '' } }, { cartonLitres: '0' }, { extra: 1 }]) {
    t.equal(codeOf(await post(over)), 'malformed_request', JSON.stringify(over));
  }
  t.equal(codeOf(await post({ name: { en: 'é'.repeat(33), ms: 'x' } })), 'malformed_request', '66 bytes do not fit a line of an order');
  t.equal((await post({ name: { en: 'é'.repeat(32), ms: 'x' } })).status, 201);
});
