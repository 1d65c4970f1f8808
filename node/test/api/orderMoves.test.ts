/** What a till does after posting an order: take it back, hand it out (US-002, api page §3.3). */
import t from 'tap';
import { addSignature, buildVoidInvoice, type TillOrder } from '@billcoin/sdk';
import { isOwnTill } from '../../src/api/own.ts';
import { openWorld, sdkKey, wallet, type Answer, type Teardown, type World } from '../support/campusWorld.ts';
import { KEYS } from '../support/testNetwork.ts';

const ali = wallet('ali');

async function openShop(t: Teardown): Promise<World> {
  const world = await openWorld(t);
  await world.fund(10_000n, ali);
  await world.transfer(ali, KEYS.cafeteria.address, 1_000n); // the merchant pays the fee of a void
  await world.block();
  return world;
}

async function orderOf(world: World, order: TillOrder = world.order()): Promise<{ readonly order: TillOrder; readonly orderId: string }> {
  return { order, orderId: ((await world.postOrder(order)).json as { orderId: string }).orderId };
}

function voidText(world: World, { invoice }: TillOrder, signer = sdkKey(KEYS.till)): string {
  const draft = buildVoidInvoice({ genesisHash: world.chain.genesisHash, invoice, till: signer.address });
  if (!draft.ok) throw new Error(draft.fault.code);
  return world.textOf(addSignature(draft.value, signer));
}

const cancel = async (world: World, orderId: string, tx: string): Promise<Answer> => await world.post(`/orders/${orderId}/cancel`, { tx, reason: 'customer left' }, await world.as('till'));
const codeOf = (answer: Answer): string => (answer.json as { code: string }).code;

t.test('a till takes an unpaid order back; it is cancelled once its VoidInvoice is final, and the same again is no error', async (t) => {
  const world = await openShop(t);
  const { order, orderId } = await orderOf(world);
  const tx = voidText(world, order);
  const asked = await cancel(world, orderId, tx);
  t.equal(asked.status, 202);
  t.match(asked.json, { orderId, status: 'AWAITING_PAYMENT' }, 'nothing is cancelled before the chain says so');
  await world.block();
  const again = await cancel(world, orderId, tx);
  t.equal(again.status, 200);
  t.match(again.json, { orderId, status: 'CANCELLED', label: { en: 'Cancelled', ms: 'Dibatalkan' }, txHash: (asked.json as { txHash: string }).txHash });
  t.match((await world.campus.orders.get(orderId))?.cancellation, { reason: 'customer left' });
  await t.rejects(world.pay(ali, order.invoice), /invoice_void/, 'nobody can pay it later');
});

t.test('an order that was paid is not cancelled: whichever of Pay and VoidInvoice is final first settles it', async (t) => {
  const world = await openShop(t);
  const { order, orderId } = await orderOf(world);
  await world.pay(ali, order.invoice);
  t.equal((await cancel(world, orderId, voidText(world, order))).status, 202, 'both wait for a block');
  await world.block();
  const late = await cancel(world, orderId, voidText(world, order));
  const { status } = (await world.get(`/orders/${orderId}`, await world.as('till'))).json as { status: string };
  t.equal(status === 'PAID_READY' ? codeOf(late) : 'cancelled first', 'invoice_already_paid');
  const paid = await orderOf(world);
  await world.pay(ali, paid.order.invoice);
  await world.block();
  const refused = await cancel(world, paid.orderId, voidText(world, paid.order));
  t.match([refused.status, codeOf(refused)], [409, 'invoice_already_paid']);
});

t.test('only a VoidInvoice of this very order, signed by its till, is taken', async (t) => {
  const world = await openShop(t);
  const { order, orderId } = await orderOf(world);
  const other = await orderOf(world);
  t.match([codeOf(await cancel(world, orderId, voidText(world, other.order)))], ['other_order']);
  t.match([codeOf(await cancel(world, orderId, voidText(world, order, ali)))], ['wrong_signers']);
  t.match([codeOf(await cancel(world, orderId, world.textOf(world.payDraft(ali, order.invoice))))], ['malformed_request']);
  t.equal((await cancel(world, `ord_${'0'.repeat(26)}`, voidText(world, order))).status, 404);
  t.equal((await world.campus.orders.get(orderId))?.cancellation, undefined);
});

t.test('a merchant without a millilitre for the fee waits for the end of the order', async (t) => {
  const world = await openWorld(t);
  const { order, orderId } = await orderOf(world);
  const refused = await cancel(world, orderId, voidText(world, order));
  t.match([refused.status, codeOf(refused)], [422, 'merchant_balance_low']);
});

t.test('goods are handed out once, and only for a paid order', async (t) => {
  const world = await openShop(t);
  const { order, orderId } = await orderOf(world);
  const collect = async (): Promise<Answer> => await world.call('POST', `/orders/${orderId}/collect`, { headers: await world.as('staff') });
  const early = await collect();
  t.match([early.status, codeOf(early), (early.json as { data: { status: string } }).data.status], [409, 'not_collectable', 'AWAITING_PAYMENT']);
  await world.pay(ali, order.invoice);
  await world.block();
  const both = await Promise.all([collect(), collect()]);
  t.same(new Set(both.map(({ status }) => status)), new Set([200, 409]), 'two cashiers, one carton');
  t.match(both.find(({ status }) => status === 200)?.json, { status: 'COLLECTED', label: { en: 'Collected', ms: 'Telah diambil' } });
  t.equal(codeOf(await collect()), 'already_collected');
  await world.refund(order.ref, 300n);
  await world.block();
  const { history } = (await world.get(`/orders/${orderId}`, await world.as('till'))).json as { history: readonly { status: string }[] };
  t.same(history.map(({ status }) => status), ['AWAITING_PAYMENT', 'SUBMITTED', 'PAID_READY', 'COLLECTED', 'REFUNDED']);
  t.equal(codeOf(await collect()), 'already_collected');
});

t.test('an order is its own till’s and merchant’s and nobody else’s', (t) => {
  const login = { sub: 's', sid: 's' };
  const order = { tillNo: 1, merchant: 'bill1m' };
  const callers = [
    [{ role: 'till', ...login, tillNo: 1, merchantId: 'bill1m' }, true], [{ role: 'till', ...login, tillNo: 2, merchantId: 'bill1m' }, false],
    [{ role: 'staff', ...login, tillNo: 2, merchantId: 'bill1m', cashierId: 'c' }, false], [{ role: 'manager', ...login, userId: 'u', merchantId: 'bill1m' }, true],
    [{ role: 'manager', ...login, userId: 'u', merchantId: 'bill1other' }, false], [{ role: 'partner', ...login, clientId: 'c', merchantId: 'bill1other' }, false],
    [{ role: 'student', ...login, address: new Uint8Array(20), studentRef: undefined }, false], [{ role: 'finance', ...login, userId: 'u' }, true],
  ] as const;
  for (const [caller, own] of callers) t.equal(isOwnTill(caller, order), own, caller.role);
  t.end();
});
