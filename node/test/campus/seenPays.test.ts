/** SUBMITTED → AWAITING_PAYMENT (api page §3.1): the Pay that was seen ends without being final while there is time left. */
import t, { type Test } from 'tap';
import { decodeInvoice, formatAddress, signInvoice, toHex, type InvoiceTerms } from '@billcoin/protocol';
import { streamOrders, type TillOrder } from '@billcoin/sdk';
import { productRoutes } from '../../src/api/routes/products.ts';
import { openKeyValueMemory } from '../../src/storage/keyValueMemory.ts';
import { callAs, manager } from '../support/callAs.ts';
import { carton, makeKeyFolder, openWorld, wallet, type World, type WorldOptions } from '../support/campusWorld.ts';
import { MemoryChain } from '../support/memoryChain.ts';
import { KEYS, makeTestGenesis } from '../support/testNetwork.ts';
import { until } from '../support/until.ts';

const CAFETERIA = formatAddress(KEYS.cafeteria.address);
const [ali, ben] = [wallet('ali'), wallet('ben')];

async function openShop(t: Test, options: WorldOptions = {}): Promise<World> {
  const world = await openWorld(t, options);
  await world.fund(10_000n, ali, ben);
  return world;
}

async function post(world: World, order: TillOrder): Promise<string> {
  const posted = await world.postOrder(order);
  if (posted.status !== 201) throw new Error(posted.text);
  return (posted.json as { orderId: string }).orderId;
}

/** The till signs the same reference again: its own doing, and allowed by the chain, which settles it once. */
function signAgain(world: World, { invoice }: TillOrder, change: Partial<InvoiceTerms>): Uint8Array {
  const decoded = decodeInvoice(invoice);
  if (!decoded.ok) throw new Error('own invoice');
  return signInvoice({ ...decoded.value, ...change }, world.chain.genesisHash, KEYS.till.seed);
}

const inSeconds = (world: World, seconds: number): number => Math.floor(world.nowMs / 1_000) + seconds;

interface Detail {
  readonly status: string;
  readonly payment: { readonly txHash: string } | null;
  readonly history: readonly { readonly status: string }[];
}
/** Once what was admitted is written. */
async function read(world: World, orderId: string): Promise<Detail> {
  await world.campus.caughtUp();
  return (await world.get(`/orders/${orderId}`, await world.as('till'))).json as Detail;
}
const states = ({ history }: Detail): readonly string[] => history.map(({ status }) => status);

t.test('a Pay that expires before its order: the order waits again, its units stay set aside, and a second Pay settles it', async (t) => {
  const world = await openShop(t);
  const abort = new AbortController();
  t.teardown(() => abort.abort());
  const told: string[] = [];
  let opened = false;
  const reading = (async () => {
    for await (const event of streamOrders(await world.clientAs('till'), { tillNo: 1, signal: abort.signal, onConnection: () => (opened = true) })) told.push('data' in event ? `${event.event} ${event.data.status}` : event.event);
  })();
  await until(() => opened);
  const product = { name: { en: carton.name, ms: carton.name }, price: { rule: 'rm', rm: '1.80' }, cartonLitres: '0.250', lot: null, received: 4 };
  const { productId } = (await callAs(productRoutes(world.campus.products), 'postProduct', manager(CAFETERIA), { body: product })).body as { productId: string };
  const shelf = async (): Promise<unknown> => ((await world.get(`/products?merchantId=${CAFETERIA}`)).json as { data: unknown[] }).data[0];

  const order = world.order({ items: [{ ...carton, product: productId, lot: '' }] });
  const orderId = await post(world, order);
  const first = await world.pay(ali, signAgain(world, order, { expiresAtS: inSeconds(world, 20) }));
  t.match(await read(world, orderId), { status: 'SUBMITTED', payment: { txHash: first } });
  await world.block(25_000);
  t.same(await world.chain.txStatus(first), { status: 'expired' });
  t.match(await read(world, orderId), { status: 'AWAITING_PAYMENT', payment: null });
  t.match(await shelf(), { stock: 3, reserved: 1, sold: 0 }, 'the units are still for this order');
  t.match((await world.get(`/orders/by-ref/1/${toHex(order.ref)}`)).json, { status: 'AWAITING_PAYMENT' }, 'so a wallet may pay it');

  const second = await world.pay(ben, order.invoice);
  t.match(await read(world, orderId), { status: 'SUBMITTED', payment: { txHash: second } });
  await world.block();
  const paid = await read(world, orderId);
  t.match(paid, { status: 'PAID_READY', payment: { txHash: second } });
  t.same(states(paid), ['AWAITING_PAYMENT', 'SUBMITTED', 'AWAITING_PAYMENT', 'SUBMITTED', 'PAID_READY']);
  t.match(await shelf(), { stock: 3, reserved: 0, sold: 1 });
  await until(() => told.length === 5);
  t.same(told, ['order.created AWAITING_PAYMENT', 'order.submitted SUBMITTED', 'order.reopened AWAITING_PAYMENT', 'order.submitted SUBMITTED', 'order.paid PAID_READY']);
  abort.abort();
  await reading;
});

t.test('a till that posts an order whose Pay waits already sees it at once', async (t) => {
  const world = await openShop(t);
  const [order, other] = [world.order(), world.order()];
  const txHash = await world.pay(ali, order.invoice);
  const orderId = await post(world, order);
  const otherId = await post(world, other);
  t.match(await read(world, orderId), { status: 'SUBMITTED', payment: { txHash } });
  t.match(await read(world, otherId), { status: 'AWAITING_PAYMENT', payment: null });
  await world.block();
  t.same(states(await read(world, orderId)), ['AWAITING_PAYMENT', 'SUBMITTED', 'PAID_READY']);
});

t.test('a Pay of the order’s own invoice ends with the order: it expires, and is not opened again first', async (t) => {
  const world = await openShop(t);
  const order = world.order({ lifeS: 60 });
  const orderId = await post(world, order);
  await world.pay(ali, order.invoice);
  await world.block(61_000);
  t.same(states(await read(world, orderId)), ['AWAITING_PAYMENT', 'SUBMITTED', 'EXPIRED']);
});

t.test('a Pay that another settlement of the reference supersedes: the order waits, and ends with its time', async (t) => {
  const world = await openShop(t);
  const order = world.order();
  const orderId = await post(world, order);
  const other = await world.pay(ben, signAgain(world, order, { amountMl: 30n, sen: 18n }));
  t.match(await read(world, orderId), { status: 'AWAITING_PAYMENT' }, 'RM 0.18 are no payment of a carton of RM 1.80');
  const own = await world.pay(ali, order.invoice);
  t.match(await read(world, orderId), { status: 'SUBMITTED', payment: { txHash: own } });
  await world.block();
  t.same(await world.chain.txStatus(own), { status: 'superseded', by: other });
  t.match(await read(world, orderId), { status: 'AWAITING_PAYMENT', payment: null });
  await t.rejects(world.pay(ben, order.invoice), { message: /invoice_already_paid/ });
  await world.block(200_000);
  t.same(states(await read(world, orderId)), ['AWAITING_PAYMENT', 'SUBMITTED', 'AWAITING_PAYMENT', 'EXPIRED']);
});

t.test('a restart that loses the Pay of a peer leaves no order as submitted; it comes again and is seen again', async (t) => {
  const chain = new MemoryChain(makeTestGenesis(Date.now()));
  const [store, keyFolder] = [openKeyValueMemory(), await makeKeyFolder(t)];
  const world = await openShop(t, { chain, store, keyFolder });
  const [lost, kept] = [world.order(), world.order()];
  const [lostId, keptId] = [await post(world, lost), await post(world, kept)];
  const [lostPay] = [await world.pay(ali, lost.invoice), await world.pay(ben, kept.invoice)];
  for (const orderId of [lostId, keptId]) t.match(await read(world, orderId), { status: 'SUBMITTED' });
  await world.api.close();
  await world.campus.close();
  chain.forget(lostPay);

  const again = await openWorld(t, { chain, store, keyFolder });
  await until(async () => (await read(again, lostId)).status === 'AWAITING_PAYMENT'); // without any block
  t.match(await read(again, keptId), { status: 'SUBMITTED' }, 'its Pay waits in the pool');
  t.equal(await again.pay(ali, lost.invoice), lostPay);
  t.match(await read(again, lostId), { status: 'SUBMITTED' });
  await again.block();
  for (const orderId of [lostId, keptId]) t.match(await read(again, orderId), { status: 'PAID_READY' });
  t.equal(again.campus.orders.countOpen(), 0);
});
