/** A recall (api page §2.10, §3.3): who bought the lot is told and nobody else, tills refuse it, refunds wait for the manager. */
import t, { type Test } from 'tap';
import { formatAddress, fromBase64Url, toHex, utf8, verifyEd25519, verifyReceipt, type OrderItem } from '@billcoin/protocol';
import { streamOrders, streamWallet, type OrderStreamEvent, type Product, type TillOrder, type WalletStreamEvent } from '@billcoin/sdk';
import { listRows, ONLY, TABLES } from '../../src/campus/store.ts';
import type { KeyValueStore } from '../../src/ports.ts';
import { openKeyValueMemory } from '../../src/storage/keyValueMemory.ts';
import { linkAll } from '../abuse/abuseWorld.ts';
import { carton, openWorld, sdkKey, wallet, type World } from '../support/campusWorld.ts';
import { departures } from '../support/conforms.ts';
import { KEYS, TxMaker } from '../support/testNetwork.ts';
import { until } from '../support/until.ts';

const [ali, tablet, siti, mei, cafeteria] = [wallet('ali'), wallet('tablet'), wallet('siti'), wallet('mei'), sdkKey(KEYS.cafeteria)];

const of = (lot: string, over: Partial<OrderItem> = {}): OrderItem => ({ ...carton, lot, ...over });

/** A lot of which the cafeteria took milk, and wallets with money. */
async function openCanteen(t: Test, store: KeyValueStore = openKeyValueMemory()): Promise<{ readonly world: World; readonly lot: string }> {
  const world = await openWorld(t, { store });
  await linkAll(world, '1221100123', ali, tablet);
  const lot = await world.mint(100_000n);
  await world.transfer(sdkKey(KEYS.farm), cafeteria.address, 30_000n);
  for (const { address } of [ali, siti, mei]) await world.transfer(sdkKey(KEYS.farm), address, 10_000n);
  await world.block();
  await world.redeem(cafeteria, lot, 20_000n);
  await world.block();
  return { world, lot };
}

async function post(world: World, ...items: readonly OrderItem[]): Promise<{ readonly order: TillOrder; readonly orderId: string }> {
  const order = world.order({ items });
  const answer = await world.postOrder(order);
  if (answer.status !== 201) throw new Error(answer.text);
  return { order, orderId: (answer.json as { orderId: string }).orderId };
}

async function sell(world: World, payer: typeof ali, ...items: readonly OrderItem[]): Promise<string> {
  const { order, orderId } = await post(world, ...items);
  await world.pay(payer, order.invoice);
  await world.block();
  return orderId;
}

async function recall(world: World, lot: string): Promise<void> {
  const submitted = await world.chain.submit(new TxMaker(world.chain.genesis).tx(KEYS.regulator, { case: 'recallBatch', value: { batch: world.batchKey(lot) } }, { validUntilMs: world.nowMs + 60_000 }));
  if (!submitted.ok) throw new Error(submitted.refusal.code);
  await world.block();
  await world.campus.recalls.idle();
}

async function listen(t: Test, world: World, who: typeof ali): Promise<{ readonly notices: readonly Extract<WalletStreamEvent, { readonly event: 'recall.notice' }>[]; stop(): Promise<void> }> {
  const abort = new AbortController();
  const notices: Extract<WalletStreamEvent, { readonly event: 'recall.notice' }>[] = [];
  let isOpen = false;
  const reading = (async () => {
    for await (const told of streamWallet(await world.clientAs(who), { signal: abort.signal, onConnection: (state) => { isOpen ||= state === 'open'; } })) if (told.event === 'recall.notice') notices.push(told);
  })();
  const stop = async (): Promise<void> => {
    abort.abort();
    await reading;
  };
  t.teardown(stop);
  await until(() => isOpen);
  return { notices, stop };
}

const batchOf = (world: World, lot: string): string => toHex(world.batchKey(lot));

t.test('wallets that bought the lot are told, with a proof and once; others are not; who was away is told when he looks', async (t) => {
  const { world, lot } = await openCanteen(t);
  await sell(world, ali, of(lot));
  await sell(world, ali, of('OTHER'), of(lot));
  await sell(world, siti, of('OTHER'));
  const [atPhone, atTablet, atSiti] = [await listen(t, world, ali), await listen(t, world, tablet), await listen(t, world, siti)];
  await recall(world, lot);
  await until(() => atPhone.notices.length > 0 && atTablet.notices.length > 0);
  t.match(atPhone.notices.map(({ data }) => data), [{ batchKey: batchOf(world, lot), plant: formatAddress(KEYS.plant.address), lot: toHex(utf8(lot)), lotText: lot, blockHeight: world.chain.tip().height }], 'two purchases, one notice');
  const proof = fromBase64Url(atPhone.notices[0]?.data.proof ?? '') ?? new Uint8Array();
  t.ok(verifyReceipt({ genesisHash: world.chain.genesisHash, validators: world.chain.validators, verify: verifyEd25519 }, proof).ok);
  await world.block();
  await atPhone.stop();
  const later = await listen(t, world, ali);
  await until(() => later.notices.length > 0);
  t.match(later.notices, [{ id: undefined, data: { batchKey: batchOf(world, lot) } }], 'told again at a new connection');
  t.same(atSiti.notices, []);
  t.equal(atTablet.notices.length, 1, 'the other wallet of the student hears it once');
  const rows = JSON.stringify([...(await listRows(world.store, TABLES.recallOf, { limit: 10 })), ...(await listRows(world.store, TABLES.orderOfLot, { limit: 10 }))]);
  t.notOk(rows.includes(ali.addressText) || rows.includes(toHex(ali.address)), 'no row names a wallet');
});

t.test('products say that their lot is recalled, to whoever asks and without a login, until the manager names another', async (t) => {
  const { world, lot } = await openCanteen(t);
  const merchantId = formatAddress(cafeteria.address);
  const terms = (of: string | null): object => ({ name: { en: 'Fresh milk', ms: 'Susu segar' }, price: { rule: 'rm', rm: '1.80' }, cartonLitres: '0.250', lot: of, received: 24 });
  const asManager = await world.as('manager');
  for (const one of [lot, 'OTHER', null]) {
    world.chain.clock.moveTo(world.nowMs + 10);
    t.match((await world.post('/products', terms(one), asManager)).json, { lot: one, recalledBatch: null });
  }
  const read = async (): Promise<unknown> => {
    const answer = await world.get(`/products?merchantId=${merchantId}`);
    t.same(departures('listProducts', answer), []);
    return (answer.json as { readonly data: readonly Product[] }).data.map(({ lot: of, recalledBatch }) => [of, recalledBatch]);
  };
  await recall(world, lot);
  t.strictSame(await read(), [[null, null], ['OTHER', null], [lot, batchOf(world, lot)]]);
  const again = (await world.post('/products', terms(lot), asManager)).json as Product;
  t.match(again, { recalledBatch: batchOf(world, lot) });
  t.match((await world.call('PATCH', `/products/${again.productId}`, { body: JSON.stringify({ lot: 'NEXT' }), headers: { 'content-type': 'application/json', ...asManager } })).json, { lot: 'NEXT', recalledBatch: null });
});

t.test('tills may not sell the lot; open orders with it are named to them; refunds of paid ones wait for the manager', async (t) => {
  const { world, lot } = await openCanteen(t);
  const paid = await sell(world, ali, of(lot, { quantity: 2, senLine: 360n }), of('OTHER'));
  const other = await sell(world, siti, of('OTHER'));
  const open = await post(world, of(lot));
  const abort = new AbortController();
  const events: OrderStreamEvent[] = [];
  let isOpen = false;
  const reading = (async () => {
    for await (const event of streamOrders(await world.clientAs('manager'), { signal: abort.signal, onConnection: () => { isOpen = true; } })) events.push(event);
  })();
  t.teardown(async () => { abort.abort(); await reading; });
  await until(() => isOpen);
  await recall(world, lot);

  await until(() => events.some(({ event }) => event === 'recall.notice'));
  t.match(events.filter(({ event }) => event === 'recall.notice'), [{ data: { orderId: open.orderId, status: 'AWAITING_PAYMENT', blockHeight: world.chain.tip().height, proof: String } }], 'the order that waits, and no other');
  const refused = await world.postOrder(world.order({ items: [of('OTHER'), of(lot)] }));
  t.match([refused.status, refused.json], [409, { code: 'lot_recalled', data: { batchKey: batchOf(world, lot) } }]);
  t.equal((await world.postOrder(world.order({ items: [of('OTHER')] }))).status, 201);
  t.match(await world.campus.refunds.list({ limit: 10 }), { refunds: [{ orderId: paid, status: 'NEEDS_MANAGER', amountMl: '600', sen: '360', requestedBy: 'recall', reason: `recall of batch ${batchOf(world, lot)}` }] }, 'of two cartons of three');
  t.equal((await world.campus.refunds.list({ orderId: other, limit: 10 })).refunds.length, 0);

  // Paid all the same before its till took it back.
  await world.pay(mei, open.order.invoice);
  await world.block();
  await world.campus.recalls.idle();
  t.match(await world.campus.refunds.list({ orderId: open.orderId, limit: 10 }), { refunds: [{ status: 'NEEDS_MANAGER', amountMl: '300', sen: '180' }] });
  t.equal((await world.campus.recalls.noticesOf(mei.address)).length, 1);

  // Sold by a till that was offline, and posted long after.
  const late = world.order({ items: [of(lot)] });
  await world.pay(siti, late.invoice);
  await world.block();
  t.equal((await world.postOrder(late)).status, 201, 'what was paid is sold');
  await world.block();
  await world.campus.recalls.idle();
  t.equal((await world.campus.recalls.noticesOf(siti.address)).length, 1);
  t.equal((await world.campus.refunds.list({ limit: 10 })).refunds.length, 3);
});

t.test('of the same printed lot, what was sold before the merchant took milk of the batch is of another one', async (t) => {
  const world = await openWorld(t);
  const lot = await world.mint(100_000n);
  for (const { address } of [ali, siti, cafeteria]) await world.transfer(sdkKey(KEYS.farm), address, 20_000n);
  await world.block();
  await sell(world, ali, of(lot));
  await world.redeem(cafeteria, lot, 5_000n);
  await world.block();
  await sell(world, siti, of(lot));
  await recall(world, lot);
  t.same([(await world.campus.recalls.noticesOf(ali.address)).length, (await world.campus.recalls.noticesOf(siti.address)).length], [0, 1]);
});

t.test('a lot that no merchant took milk of is nobody’s; one that went on sale again after 400 days is sold', async (t) => {
  const world = await openWorld(t);
  const lot = await world.mint(100_000n);
  await world.transfer(sdkKey(KEYS.farm), ali.address, 20_000n);
  await world.block();
  await sell(world, ali, of(lot));
  await recall(world, lot);
  t.same(await world.campus.recalls.noticesOf(ali.address), []);
  t.equal((await world.postOrder(world.order({ items: [of(lot)] }))).status, 201);

  const { world: taken, lot: first } = await openCanteen(t);
  await recall(taken, first);
  t.equal((await taken.postOrder(taken.order({ items: [of(first)] }))).status, 409);
  await taken.block(401 * 86_400_000);
  t.equal((await taken.postOrder(taken.order({ items: [of(first)] }))).status, 201);
});

t.test('many orders are looked through page by page; a crash between two pages goes on; old stores list their lots once', { timeout: 120_000 }, async (t) => {
  const inner = openKeyValueMemory();
  let failAt = Infinity;
  let pages = 0;
  const store: KeyValueStore = {
    isExclusive: inner.isExclusive, get: inner.get.bind(inner), list: inner.list.bind(inner), compact: inner.compact.bind(inner), close: inner.close.bind(inner),
    async batch(operations, options) {
      const isPage = operations.some(({ key }) => key.startsWith(`${TABLES.recallJob.prefix}/`)) && !operations.some(({ key }) => key.startsWith(`${TABLES.cursor.prefix}/`));
      if (isPage && ++pages >= failAt) throw new Error('no disk');
      await inner.batch(operations, options);
    },
  };
  const { world, lot } = await openCanteen(t, store);
  const buyers = Array.from({ length: 70 }, (_, i) => wallet(`buyer ${i}`));
  for (const { address } of buyers) await world.transfer(sdkKey(KEYS.farm), address, 400n);
  await world.block();
  for (const buyer of buyers) {
    const { order } = await post(world, of(lot));
    await world.pay(buyer, order.invoice);
  }
  await world.block();
  // As in a store from before lots were listed.
  const listed = await listRows(inner, TABLES.orderOfLot, { limit: 1_000 });
  await inner.batch([...listed.map(({ id }) => ({ type: 'del', key: `${TABLES.orderOfLot.prefix}/${id}` }) as const), { type: 'del', key: `${TABLES.lotsListed.prefix}/${ONLY}` }], { sync: true });
  await world.api.close();
  await world.campus.close();
  const second = await openWorld(t, { chain: world.chain, store, keyFolder: world.keyFolder });
  t.same(await listRows(inner, TABLES.orderOfLot, { limit: 1_000 }), listed);

  failAt = 2;
  await recall(second, lot);
  t.equal((await second.campus.refunds.list({ limit: 100 })).refunds.length, 50, 'one page is done');
  t.ok(second.logLines.some((line) => line.includes('tried again with the next block')));
  failAt = Infinity;
  await second.api.close();
  await second.campus.close();
  const third = await openWorld(t, { chain: world.chain, store, keyFolder: world.keyFolder });
  await third.campus.caughtUp();
  await third.block();
  await third.campus.recalls.idle();
  let told = 0;
  for (const { address } of buyers) told += (await third.campus.recalls.noticesOf(address)).length;
  t.equal(told, 70);
  t.equal((await third.campus.refunds.list({ limit: 100 })).refunds.length, 70, 'one for each order');
  t.same(await listRows(inner, TABLES.recallJob, { limit: 1 }), []);
});
