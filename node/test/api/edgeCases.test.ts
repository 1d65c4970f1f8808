/** Edge cases of a payment (api page §3.3) and a threat to it, as students and tills meet them over HTTP. */
import t from 'tap';
import { ROWS, toHex } from '@billcoin/protocol';
import { getOrder } from '@billcoin/sdk';
import { carton, openWorld, sdkKey, wallet, type World } from '../support/campusWorld.ts';
import { KEYS } from '../support/testNetwork.ts';

const [ali, siti] = [wallet('ali'), wallet('siti')];

const balanceOf = ({ chain }: World, { address }: { readonly address: Uint8Array }): bigint => chain.state().get(ROWS.account, toHex(address))?.balanceMl ?? 0n;
const statusOf = async (world: World, orderId: string): Promise<string> => (await getOrder(await world.clientAs('till'), { orderId })).status;

async function postOrder(world: World, over: Parameters<World['order']>[0] = {}): Promise<{ readonly orderId: string; readonly invoice: Uint8Array }> {
  const order = world.order(over);
  return { orderId: ((await world.postOrder(order)).json as { orderId: string }).orderId, invoice: order.invoice };
}

t.test('two students scan the same code: one pays, the other is told who was first and keeps the money', async (t) => {
  const world = await openWorld(t);
  await world.fund(10_000n, ali, siti);
  const { orderId, invoice } = await postOrder(world);
  const drafts = [world.payDraft(ali, invoice), world.payDraft(siti, invoice)];
  t.same(await Promise.all(drafts.map(async (draft) => (await world.post('/transactions', { tx: world.textOf(draft) })).status)), [202, 202], 'both are seen before a block');
  await world.block();
  const ends = await Promise.all(drafts.map(async ({ txHash }) => (await world.get(`/transactions/${txHash}`)).json as { status: string; by?: string }));
  const winner = drafts[ends.findIndex(({ status }) => status === 'final')];
  t.same(ends.map(({ status }) => status).sort(), ['final', 'superseded']);
  t.equal(ends.find(({ status }) => status === 'superseded')?.by, winner?.txHash, 'by whom');
  t.same(new Set([balanceOf(world, ali), balanceOf(world, siti)]), new Set([9_700n, 10_000n]));
  t.equal(await statusOf(world, orderId), 'PAID_READY');
  const third = await world.post('/transactions', { tx: world.textOf(world.payDraft(wallet('late'), invoice)) });
  t.match(third.json, { status: 409, code: 'invoice_already_paid' });
});

t.test('a Pay in the block of the invoice’s last instant is paid; a millisecond later it is not', async (t) => {
  const world = await openWorld(t);
  await world.fund(10_000n, ali);
  for (const [lateMs, status] of [[0, 'PAID_READY'], [1, 'EXPIRED']] as const) {
    const { orderId, invoice } = await postOrder(world, { lifeS: 5 });
    await world.pay(ali, invoice);
    const expiresAtMs = new DataView(invoice.buffer, invoice.byteOffset).getUint32(24) * 1_000;
    await world.block(expiresAtMs + lateMs - world.nowMs);
    t.equal(await statusOf(world, orderId), status, `${lateMs} ms after its end`);
  }
});

t.test('goods without milk: the same Pay, and no litre is retired by it', async (t) => {
  const world = await openWorld(t);
  await world.fund(10_000n, ali);
  const supplyMl = (): bigint => world.chain.state().get(ROWS.supply, '')?.supplyMl ?? 0n;
  const before = supplyMl();
  const { orderId, invoice } = await postOrder(world, { items: [{ ...carton, product: 'bun', name: 'Bun', lot: '' }] });
  await world.pay(ali, invoice);
  await world.block();
  t.equal(await statusOf(world, orderId), 'PAID_READY');
  t.equal(supplyMl(), before);
  await world.redeem(sdkKey(KEYS.cafeteria), 'LOT-11000', 250n);
  await world.block();
  t.equal(supplyMl(), before - 250n, 'only Redeem does');
});

t.test('threat 6: without a final block nobody is told that an order is paid', async (t) => {
  const world = await openWorld(t);
  await world.fund(10_000n, ali);
  const { orderId, invoice } = await postOrder(world);
  const txHash = await world.pay(ali, invoice);
  await world.campus.caughtUp();
  t.equal(await statusOf(world, orderId), 'SUBMITTED');
  t.match((await world.post('/payments/validate', { txHash, expectedAmount: '1.80', waitMs: 50 }, await world.as('till'))).json, { valid: false, confirmedAt: null, error: 'not_final' });
  t.match((await world.get(`/proofs/tx/${txHash}`)).json, { status: 409, code: 'not_final' });
  t.match((await world.call('POST', `/orders/${orderId}/collect`, { headers: await world.as('till') })).json, { status: 409, code: 'not_collectable' }, 'nothing is handed out');
  await world.block();
  t.equal(await statusOf(world, orderId), 'PAID_READY');
});
