import t from 'tap';
import { encodeInvoice, decodeInvoice, toBase64Url, toHex, signInvoice, type InvoiceTerms } from '@billcoin/protocol';
import { createOrder } from '@billcoin/sdk';
import { openCampus } from '../../src/campus/campus.ts';
import { totalsMatch } from '../../src/campus/orderCheck.ts';
import { makeLog } from '../../src/log.ts';
import { openKeyValueMemory } from '../../src/storage/keyValueMemory.ts';
import type { World} from '../support/campusWorld.ts';
import { carton, EXPORT_SIGNER, makeKeyFolder, openWorld, PRICE_SEN, sdkKey, wallet, type Answer } from '../support/campusWorld.ts';
import { MemoryChain } from '../support/memoryChain.ts';
import { KEYS, keyOf, makeTestGenesis } from '../support/testNetwork.ts';

/** A node that keeps no old blocks. */
class PrunedChain extends MemoryChain {
  override async readFinal(): Promise<undefined> {
    return undefined;
  }
}

type Order = ReturnType<World['order']>;
const codeOf = (answer: Answer): string => (answer.status < 300 ? 'accepted' : (answer.json as { code: string }).code);
const statusOf = async (world: World, order: Order): Promise<string> => (await world.campus.orders.byRef(1, toHex(order.ref)))?.status ?? 'none';

t.test('an order goes from awaiting payment over seen to paid, without a refresh of the till', async (t) => {
  const world = await openWorld(t);
  const ali = wallet('ali');
  await world.fund(10_000n, ali);
  const order = world.order();
  const posted = await world.postOrder(order);
  t.equal(posted.status, 201);
  t.match(posted.json, { tillNo: 1, ref: toHex(order.ref), matchCode: order.matchCode, rm: '1.80', litres: '0.300', rmPerBill: '6.00', qr: order.qr, status: 'AWAITING_PAYMENT', label: { en: 'Awaiting Payment', ms: 'Menunggu Bayaran' } });
  const { orderId } = posted.json as { orderId: string };
  const txHash = await world.pay(ali, order.invoice);
  await world.block(0);
  const paid = await world.get(`/orders/${orderId}`, await world.as('till'));
  t.match(paid.json, { status: 'PAID_READY', label: { en: 'Paid – Ready', ms: 'Dibayar – Sedia' }, payment: { txHash, status: 'final' }, items: [{ product: 'milk-250', rm: '1.80', litres: null, lot: 'LOT-1' }] });
  t.same((paid.json as { history: { status: string }[] }).history.map(({ status }) => status), ['AWAITING_PAYMENT', 'SUBMITTED', 'PAID_READY']);
  t.match((await world.get(`/orders/by-ref/1/${toHex(order.ref)}`)).json, { order: toBase64Url(order.order), salt: toBase64Url(order.salt), invoice: toBase64Url(order.invoice), status: 'PAID_READY' });
});

t.test('an unpaid order expires with the first final block after its end, not before', async (t) => {
  const world = await openWorld(t);
  const order = world.order({ lifeS: 60 });
  await world.postOrder(order);
  const end = Math.floor(world.nowMs / 1_000 + 60) * 1_000;
  await world.block(end - world.nowMs);
  t.equal(await statusOf(world, order), 'AWAITING_PAYMENT', 'a block at the very end may still hold its payment');
  await world.block(1);
  t.equal(await statusOf(world, order), 'EXPIRED');
  t.equal(world.campus.orders.countOpen(), 0);
});

t.test('an order ends as cancelled with the final VoidInvoice of its till, and is forgotten as open', async (t) => {
  const world = await openWorld(t);
  const ali = wallet('ali');
  await world.fund(10_000n, ali);
  await world.transfer(ali, KEYS.cafeteria.address, 1_000n); // the merchant pays the fee of a void
  await world.block();
  const [order, seen, never] = [world.order(), world.order(), world.order()];
  await world.postOrder(order);
  await world.postOrder(seen);
  const told: string[] = [];
  t.teardown(world.campus.orders.subscribe(({ name, final }) => void told.push(`${name} ${final?.txHash ?? ''}`)));
  const voidHash = await world.voidInvoice(order.invoice);
  t.equal(await statusOf(world, order), 'AWAITING_PAYMENT', 'nothing is settled before the block');
  await world.voidInvoice(never.invoice);
  await world.block();
  t.equal(await statusOf(world, order), 'CANCELLED');
  t.equal(world.campus.orders.countOpen(), 1);
  const { orderId } = (await world.campus.orders.byRef(1, toHex(order.ref)))!;
  t.match((await world.get(`/orders/${orderId}`, await world.as('till'))).json, { status: 'CANCELLED', label: { en: 'Cancelled', ms: 'Dibatalkan' }, payment: null, history: [{ status: 'AWAITING_PAYMENT' }, { status: 'CANCELLED' }] });
  t.equal(codeOf(await world.postOrder(never)), 'invoice_void', 'posted after it was taken back');

  // A Pay that is seen while the void waits; the block takes the void.
  const second = await world.voidInvoice(seen.invoice);
  const payHash = await world.pay(ali, seen.invoice);
  await world.block();
  t.same((await world.campus.orders.byRef(1, toHex(seen.ref)))?.history.map(({ status }) => status), ['AWAITING_PAYMENT', 'SUBMITTED', 'CANCELLED']);
  t.same(await world.chain.txStatus(payHash), { status: 'superseded', by: second });
  t.same(told, [`order.cancelled ${voidHash}`, 'order.submitted ', `order.cancelled ${second}`]);
  await world.block(200_000);
  t.equal(await statusOf(world, order), 'CANCELLED', 'its end comes and changes nothing');
  t.same(told.length, 3);
});

t.test('a reference signed twice: only the payment of exactly its amounts settles an order', async (t) => {
  const world = await openWorld(t);
  const ali = wallet('ali');
  await world.fund(10_000n, ali);
  const order = world.order();
  await world.postOrder(order);
  const { genesisHash } = world.chain;
  const expiresAtS = new DataView(order.invoice.buffer, order.invoice.byteOffset).getUint32(24);
  const cheaper = signInvoice({ tillNo: 1, amountMl: 30n, sen: 18n, ref: order.ref, expiresAtS }, genesisHash, KEYS.till.seed);
  await world.pay(ali, cheaper);
  await world.block();
  t.not(await statusOf(world, order), 'PAID_READY', 'RM 0.18 do not pay a carton of RM 1.80');
});

t.test('refunds show on the order in part and in full', async (t) => {
  const world = await openWorld(t);
  const ali = wallet('ali');
  await world.fund(10_000n, ali);
  // The merchant needs something for the fee of a refund.
  await world.transfer(ali, KEYS.cafeteria.address, 1_000n);
  const order = world.order();
  await world.postOrder(order);
  await world.pay(ali, order.invoice);
  await world.block();
  await world.refund(order.ref, 100n);
  await world.block();
  t.equal(await statusOf(world, order), 'PART_REFUNDED');
  await world.refund(order.ref, 200n);
  await world.block();
  t.equal(await statusOf(world, order), 'REFUNDED');
  const row = await world.campus.orders.byRef(1, toHex(order.ref));
  const detail = (await world.get(`/orders/${row?.orderId ?? ''}`, await world.as('partner'))).json as { refunds: { litres: string; rm: string }[] };
  t.same(detail.refunds.map(({ litres, rm }) => [litres, rm]), [['0.100', '0.60'], ['0.200', '1.20']]);
});

t.test('an order that does not hold together is refused with its reason', async (t) => {
  const world = await openWorld(t);
  const good = world.order();
  const { genesisHash } = world.chain;
  const expiresAtS = Math.floor(world.nowMs / 1_000) + 120;
  const make = (over: Partial<Parameters<typeof createOrder>[0]>): Order => createOrder({ genesisHash, till: sdkKey(KEYS.till), tillNo: 1, items: [carton], priceSenPerBill: PRICE_SEN, expiresAtS, ...over });
  const terms = (order: Order, change: Partial<InvoiceTerms>): Order => {
    const decoded = decodeInvoice(order.invoice);
    if (!decoded.ok) throw new Error('own invoice');
    return { ...order, invoice: encodeInvoice({ ...decoded.value, ...change }) };
  };
  const cases: readonly (readonly [string, Order, string])[] = [
    ['another salt', { ...good, salt: new Uint8Array(16) }, 'ref_mismatch'],
    ['other items', { ...good, order: make({ items: [{ ...carton, quantity: 2 }] }).order }, 'ref_mismatch'],
    ['a salt of 15 bytes', { ...good, salt: new Uint8Array(15) }, 'malformed'],
    ['order bytes that are none', { ...good, order: new Uint8Array([255, 1]) }, 'malformed'],
    ['an invoice cut off', { ...good, invoice: good.invoice.slice(0, 90) }, 'malformed'],
    ['an amount changed after signing', terms(good, { amountMl: 301n }), 'bad_signature'],
    ['signed by another till', make({ till: sdkKey(keyOf('other till')) }), 'bad_signature'],
    ['another till than the one logged in', make({ tillNo: 9 }), 'not_found'],
    ['made for another network', make({ genesisHash: new Uint8Array(32).fill(1) }), 'wrong_network'],
    ['too cheap for the price in force', make({ priceSenPerBill: 650n }), 'price_out_of_band'],
    ['ended already', make({ expiresAtS: Math.floor(world.nowMs / 1_000) - 1 }), 'invoice_expired'],
    ['more than a day ahead', make({ expiresAtS: Math.floor(world.nowMs / 1_000) + 90_000 }), 'invoice_too_far'],
    ['the same again', good, 'accepted'],
    ['a reference used before', good, 'ref_reused'],
  ];
  for (const [name, order, code] of cases) t.equal(codeOf(await world.postOrder(order)), code, name);
});

t.test('totals: sen of all lines, litres of lines with a fixed volume', async (t) => {
  const litres = { ...carton, senLine: 300n, lineMl: 500n };
  t.ok(totalsMatch({ items: [carton, carton] }, 360n, 600n));
  t.notOk(totalsMatch({ items: [carton, carton] }, 361n, 602n), 'one sen more than the lines');
  t.ok(totalsMatch({ items: [litres] }, 300n, 500n));
  t.notOk(totalsMatch({ items: [litres] }, 300n, 501n), 'litres are exact without shelf prices');
  t.ok(totalsMatch({ items: [litres, carton] }, 480n, 800n));
  t.notOk(totalsMatch({ items: [litres, carton] }, 480n, 500n), 'nothing left for the shelf-priced line');
});

t.test('a till that was offline posts after the payment and finds it paid', async (t) => {
  const world = await openWorld(t);
  const ali = wallet('ali');
  await world.fund(10_000n, ali);
  const order = world.order();
  await world.pay(ali, order.invoice);
  await world.block();
  world.chain.clock.moveTo(world.nowMs + 600_000);
  t.match((await world.postOrder(order)).json, { status: 'PAID_READY' });
});

t.test('lists go page by page, newest first, by till, status and time', async (t) => {
  const world = await openWorld(t);
  const ids: string[] = [];
  for (let i = 0; i < 5; i++) {
    world.chain.clock.moveTo(world.nowMs + 2_000);
    ids.unshift(((await world.postOrder(world.order({ lifeS: i === 0 ? 60 : 200 }))).json as { orderId: string }).orderId);
  }
  type Page = { data: { orderId: string; createdAt: string }[]; nextCursor: string | null };
  const read = async (query: string): Promise<Page> => (await world.get(`/orders?${query}`, await world.as('manager'))).json as Page;
  const first = await read('limit=2');
  t.same(first.data.map(({ orderId }) => orderId), ids.slice(0, 2));
  const second = await read(`limit=3&cursor=${first.nextCursor ?? ''}&tillNo=1`);
  t.same(second.data.map(({ orderId }) => orderId), ids.slice(2));
  t.same((await read('tillNo=2')).data, []);
  await world.block(61_000);
  t.same((await read('status=EXPIRED')).data.map(({ orderId }) => orderId), ids.slice(4));
  t.same((await read('status=AWAITING_PAYMENT')).data.map(({ orderId }) => orderId), ids.slice(0, 4));
  const middle = first.data[1]?.createdAt ?? '';
  t.same((await read(`from=${middle}`)).data.map(({ orderId }) => orderId), ids.slice(0, 2));
  t.same((await read(`to=${middle}`)).data.map(({ orderId }) => orderId), ids.slice(2));
  t.equal((await world.get('/orders?cursor=AAAA', await world.as('finance'))).status, 400);
  t.equal((await world.get('/orders?limit=0', await world.as('finance'))).status, 400);
  t.equal((await world.get('/orders?limit=1e1', await world.as('finance'))).status, 400);
  t.equal((await world.get('/orders?from=2026-13-45T99:99:99Z', await world.as('finance'))).status, 400);
  t.equal((await world.get('/orders?unknown=1', await world.as('finance'))).status, 400);
});

t.test('after a restart the rows catch up with the blocks, each once', async (t) => {
  const chain = new MemoryChain(makeTestGenesis(Date.now()));
  const store = openKeyValueMemory();
  const keyFolder = await makeKeyFolder(t);
  const world = await openWorld(t, { chain, store, keyFolder });
  const ali = wallet('ali');
  await world.fund(10_000n, ali);
  const [before, during] = [world.order(), world.order()];
  await world.postOrder(before);
  await world.postOrder(during);
  await world.pay(ali, before.invoice);
  await world.block();
  await world.campus.close();
  await world.pay(ali, during.invoice);
  chain.block();
  chain.block();

  const log = makeLog({ level: 'silent', nodeName: 'test' });
  const again = await openCampus({ chain, store, exportSigner: EXPORT_SIGNER, clock: chain.clock, log, keyFolder });
  t.teardown(() => again.close());
  await again.caughtUp();
  t.equal(again.status().height, chain.tip().height);
  for (const order of [before, during]) t.equal((await again.orders.byRef(1, toHex(order.ref)))?.status, 'PAID_READY');
  const sales = await store.list({ gte: 'e/', lt: 'e0', limit: 10 });
  t.equal(sales.length, 2, 'one export line each');
});

t.test('a missing block stops the rows, and says so', async (t) => {
  const chain = new PrunedChain(makeTestGenesis(Date.now()));
  chain.block();
  chain.block();
  const log = makeLog({ level: 'silent', nodeName: 'test' });
  const campus = await openCampus({ chain, store: openKeyValueMemory(), exportSigner: EXPORT_SIGNER, clock: chain.clock, log, keyFolder: await makeKeyFolder(t) });
  await t.rejects(campus.caughtUp(), { message: /stopped at block 0: block 1 is not stored here/ });
  t.match(campus.status().failure, /block 1 is not stored here/);
  await campus.close();
});
