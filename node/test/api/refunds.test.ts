/** Refunds from the till and through the manager (api page §2.6, §3.3; threats 8, 20, 24). */
import { randomBytes } from 'node:crypto';
import t from 'tap';
import { COUPON, fromHex, ROWS, toHex } from '@billcoin/protocol';
import { addSignature, buildRefund, type Key, type Refund, type RefundOptions, type TillOrder } from '@billcoin/sdk';
import { refundRoutes } from '../../src/api/routes/refunds.ts';
import type { ApiRequest } from '../../src/api/entry.ts';
import type { Caller } from '../../src/api/caller.ts';
import { openKeyValueMemory } from '../../src/storage/keyValueMemory.ts';
import { carton, makeKeyFolder, openWorld, sdkKey, wallet, type Answer, type Teardown, type World } from '../support/campusWorld.ts';
import { makeRandom } from '../support/random.ts';
import { KEYS } from '../support/testNetwork.ts';

const ali = wallet('ali');
const till = sdkKey(KEYS.till);
const cafeteria = sdkKey(KEYS.cafeteria);
const DAY_MS = 86_400_000;

/** A shop with money of its own and a student with 20 litres. */
async function openShop(t: Teardown): Promise<World> {
  const world = await openWorld(t);
  await world.fund(20_000n, ali, wallet('siti'));
  await world.transfer(wallet('siti'), KEYS.cafeteria.address, 5_000n);
  await world.block();
  return world;
}

interface Sold {
  readonly order: TillOrder;
  readonly orderId: string;
}

async function sell(world: World, order: TillOrder = world.order(), couponId?: string): Promise<Sold> {
  const { orderId } = (await world.postOrder(order)).json as { orderId: string };
  await world.pay(ali, order.invoice, couponId === undefined ? undefined : fromHex(couponId));
  await world.block();
  return { order, orderId };
}

function refundText(world: World, { order: { ref } }: Sold, amountMl: bigint, signer: Key = till, validUntilMs = world.nowMs + 60_000): string {
  return world.textOf(addSignature(buildRefund({ genesisHash: world.chain.genesisHash, validUntilMs, sender: signer.address, tillNo: 1, ref, amountMl }), signer));
}

const ask = async (world: World, { orderId }: Sold, body: object, key = toHex(randomBytes(8))): Promise<Answer> => await world.post(`/orders/${orderId}/refunds`, { reason: 'sour', ...body }, { 'idempotency-key': key, ...await world.as('manager') });
const get = async (world: World, path: string): Promise<Answer> => await world.get(path, await world.as('manager'));
const approve = async (world: World, refundId: string, tx: string): Promise<Answer> => await world.post(`/refunds/${refundId}/approve`, { tx }, await world.as('manager'));
const reject = async (world: World, refundId: string): Promise<Answer> => await world.call('POST', `/refunds/${refundId}/reject`, { headers: await world.as('manager') });
const options = async (world: World, { orderId }: Sold): Promise<RefundOptions> => (await get(world, `/orders/${orderId}/refund-options`)).json;
const refundOf = async (world: World, answer: Answer): Promise<Refund> => (await get(world, `/refunds/${(answer.json as Refund).refundId}`)).json;
const codeOf = (answer: Answer): string => (answer.json as { code: string }).code;

t.test('a cashier gives a carton back with the till’s own key; it is final with its block', async (t) => {
  const world = await openShop(t);
  const sold = await sell(world);
  t.match(await options(world, sold), { refundableLitres: '0.300', refundableRm: '1.80', pointTaken: true, couponEffect: 'none', tillCapLeft: '19.999' });
  const asked = await ask(world, sold, { tx: refundText(world, sold, 300n) });
  t.equal(asked.status, 202);
  t.match(asked.json, { status: 'PENDING', label: { en: 'Refund on its way' }, litres: '0.300', rm: '1.80', reason: 'sour', failure: null, refundedAt: null });
  t.match(await options(world, sold), { refundableLitres: '0.000', refundableRm: '0.00' }, 'what is on its way is not offered again');
  await world.block();
  t.match(await refundOf(world, asked), { status: 'FINAL', label: { en: 'Refunded', ms: 'Dipulangkan' }, blockHeight: world.chain.tip().height, rm: '1.80' });
  t.match((await get(world, `/orders/${sold.orderId}`)).json, { status: 'REFUNDED', refunds: [{ litres: '0.300', rm: '1.80' }] });
  t.equal(codeOf(await ask(world, sold, { litres: '0.001' })), 'already_refunded');
});

t.test('without a signed transaction the refund waits for the manager, who signs with the merchant key or rejects it', async (t) => {
  const world = await openShop(t);
  const sold = await sell(world);
  const asked = await ask(world, sold, { litres: '0.2' });
  t.match(asked.json, { status: 'NEEDS_MANAGER', litres: '0.200', rm: '1.20', txHash: null });
  const { refundId } = asked.json as Refund;
  t.equal(codeOf(await approve(world, refundId, refundText(world, sold, 200n))), 'wrong_signers', 'the till cannot approve for the manager');
  t.equal(codeOf(await approve(world, refundId, refundText(world, sold, 201n, cafeteria))), 'other_order', 'no other amount than was asked for');
  const signed = refundText(world, sold, 200n, cafeteria);
  const approved = await approve(world, refundId, signed);
  t.match([approved.status, (approved.json as Refund).status], [200, 'PENDING']);
  t.equal((await approve(world, refundId, signed)).status, 200, 'the same again is no error');
  await world.block();
  t.match(await refundOf(world, asked), { status: 'FINAL', decidedBy: /^usr_/ });
  t.match((await get(world, `/orders/${sold.orderId}`)).json, { status: 'PART_REFUNDED' });
  t.equal(codeOf(await reject(world, refundId)), 'refund_decided');

  const rest = await ask(world, sold, { litres: '0.100' });
  const rejected = await reject(world, (rest.json as Refund).refundId);
  t.match(rejected.json, { status: 'REJECTED' });
  t.equal(codeOf(await approve(world, (rest.json as Refund).refundId, refundText(world, sold, 100n, cafeteria))), 'refund_decided');
  t.equal((await options(world, sold)).refundableLitres, '0.100', 'a rejected one is free again');
});

t.test('ringgit of part refunds are cumulative half-up shares: together they are the invoice', async (t) => {
  const world = await openShop(t);
  const sold = await sell(world, world.order({ items: [{ ...carton, senLine: 100n }] })); // 167 mL for RM 1.00
  const rms: string[] = [];
  for (const amountMl of [50n, 50n, 50n, 17n]) {
    const asked = await ask(world, sold, { tx: refundText(world, sold, amountMl) });
    await world.block();
    rms.push((await refundOf(world, asked)).rm);
  }
  t.same(rms, ['0.30', '0.30', '0.30', '0.10']);
});

t.test('pieces of an order are refunded by their share, never more than the whole', async (t) => {
  const world = await openShop(t);
  const sold = await sell(world, world.order({ items: [{ ...carton, quantity: 3, senLine: 540n }, { ...carton, product: 'bun', senLine: 101n }] }));
  const amountMl = 1_069n; // ceil(641 · 1000 / 600)
  const one = await ask(world, sold, { items: [{ line: 0, quantity: 1 }] });
  t.match(one.json, { litres: '0.300' }, 'floor of 1069 · 180 / 641');
  await reject(world, (one.json as Refund).refundId);
  const all = await ask(world, sold, { items: [{ line: 0, quantity: 3 }, { line: 1, quantity: 1 }], tx: refundText(world, sold, amountMl) });
  t.equal(all.status, 202, 'all pieces are the whole invoice');
  for (const items of [[{ line: 0, quantity: 4 }], [{ line: 2, quantity: 1 }], [{ line: 0, quantity: 1 }, { line: 0, quantity: 1 }]]) t.equal((await ask(world, sold, { items })).status, 400, JSON.stringify(items));
});

t.test('a node that is behind says 503 of a merchant without milk, and is asked again under the same key', async (t) => {
  let isBehind = true;
  const world = await openWorld(t, { sync: () => (isBehind ? { targetHeight: 9, blocksPerMinute: undefined, leftMs: undefined } : undefined) });
  await world.fund(20_000n, ali, wallet('siti'));
  const sold = await sell(world);
  const again = async (): Promise<Answer> => await world.post(`/orders/${sold.orderId}/refunds`, { litres: '0.300', reason: 'spilled' }, { 'idempotency-key': 'spilled-1', ...await world.as('staff') });
  const behind = await again();
  t.match(behind.json, { status: 503, code: 'chain_unavailable', retryable: true, detail: /merchant_balance_low/ });
  t.ok(Number(behind.headers.get('retry-after')) > 0);
  await world.transfer(wallet('siti'), KEYS.cafeteria.address, 5_000n);
  await world.block();
  isBehind = false;
  t.match((await again()).json, { status: 'NEEDS_MANAGER' }, 'what was said while behind was not kept');
});

t.test('every refusal has its own code', async (t) => {
  const world = await openWorld(t);
  await world.fund(20_000n, ali);
  const sold = await sell(world);
  t.equal(codeOf(await ask(world, sold, { litres: '0.301' })), 'exceeds_refundable');
  t.equal(codeOf(await ask(world, sold, { litres: '0.300' })), 'merchant_balance_low', 'the fee of the sale and of the refund are not there');
  t.equal(codeOf(await ask(world, sold, { tx: refundText(world, sold, 301n) })), 'exceeds_refundable');
  const other = await sell(world);
  t.equal(codeOf(await ask(world, sold, { tx: refundText(world, other, 100n) })), 'other_order');
  t.equal(codeOf(await ask(world, sold, { tx: refundText(world, sold, 100n, ali) })), 'wrong_signers', 'nobody else signs');
  t.equal(codeOf(await ask(world, sold, { tx: refundText(world, sold, 100n), litres: '0.2' })), 'other_order', 'what is asked for is what is signed');
  for (const body of [{}, { litres: '0' }, { litres: '1e3' }, { tx: 'AAAA' }]) t.ok([400, 422].includes((await ask(world, sold, body)).status), JSON.stringify(body));
  const open = world.order();
  const { orderId } = (await world.postOrder(open)).json as { orderId: string };
  t.equal(codeOf(await ask(world, { order: open, orderId }, { litres: '0.1' })), 'unknown_invoice', 'nothing was paid');
  t.equal((await get(world, `/orders/${orderId}/refund-options`)).status, 404);
  t.equal((await get(world, `/refunds/rfd_${'0'.repeat(26)}`)).status, 404);
  await world.block(8 * DAY_MS);
  t.equal(codeOf(await ask(world, sold, { litres: '0.1' })), 'refund_window_over');
  t.match(await options(world, sold), { refundableLitres: '0.000' });
});

t.test('a cashier’s till gives back 20 litres a day and not a millilitre more; the manager may', async (t) => {
  const world = await openShop(t);
  await world.transfer(wallet('siti'), KEYS.cafeteria.address, 14_000n);
  await world.fund(60_000n, ali);
  const sold = await sell(world, world.order({ items: [{ ...carton, senLine: 18_000n }] })); // 30 litres
  const over = await ask(world, sold, { tx: refundText(world, sold, 20_000n) });
  t.equal(codeOf(over), 'over_till_cap', 'the fee counts as well');
  t.equal((await ask(world, sold, { tx: refundText(world, sold, 19_999n) })).status, 202);
  await world.block();
  t.equal((await options(world, sold)).tillCapLeft, '0.000');
  t.equal(codeOf(await ask(world, sold, { tx: refundText(world, sold, 1n) })), 'over_till_cap');
  t.equal((await ask(world, sold, { tx: refundText(world, sold, 1n, cafeteria) })).status, 202, 'the merchant has no limit');
});

t.test('a refund that no block includes in its time has failed, and what it held is free again', async (t) => {
  const world = await openShop(t);
  const sold = await sell(world);
  const asked = await ask(world, sold, { tx: refundText(world, sold, 300n, till, world.nowMs + 2_000) });
  t.equal(asked.status, 202);
  await world.block(5_000);
  t.match(await refundOf(world, asked), { status: 'FAILED', failure: 'expired', refundedAt: null });
  t.equal((await ask(world, sold, { tx: refundText(world, sold, 300n) })).status, 202);
});

t.test('one key, one refund: a repeat gets the stored answer, another subject never does', async (t) => {
  const world = await openShop(t);
  const sold = await sell(world);
  const tx = refundText(world, sold, 100n);
  const first = await ask(world, sold, { tx }, 'key-1');
  const again = await ask(world, sold, { tx }, 'key-1');
  t.equal(again.headers.get('idempotency-replayed'), 'true');
  t.equal((again.json as Refund).refundId, (first.json as Refund).refundId);
  t.equal((await ask(world, sold, { tx, litres: '0.1' }, 'key-1')).status, 422);
  t.equal((await ask(world, sold, { tx }, 'key-2').then((answer) => answer.json as Refund)).refundId, (first.json as Refund).refundId, 'the same signed refund is never two requests');
  const [entry] = refundRoutes({ chain: world.chain, clock: world.chain.clock, sync: () => undefined, orders: world.campus.orders, refunds: world.campus.refunds }).filter(({ declaration }) => declaration.method === 'POST');
  const staff = (sub: string): Caller => ({ role: 'staff', sub, sid: 's', tillNo: 1, merchantId: cafeteria.addressText, cashierId: sub });
  const body = { litres: '0.001', reason: 'x' };
  const call = async (sub: string): Promise<string> => {
    const reply = await entry?.handle({ caller: staff(sub), params: { orderId: sold.orderId }, body, bodyText: JSON.stringify(body), idempotencyKey: 'same', id: 'r', language: 'en' } as unknown as ApiRequest);
    return reply !== undefined && 'text' in reply ? (JSON.parse(reply.text) as Refund).requestedBy ?? '' : '';
  };
  t.same([await call('anna'), await call('ben'), await call('anna')], ['anna', 'ben', 'anna']);
});

t.test('refunds are listed for their own till, merchant or finance, also those handed to the chain directly', async (t) => {
  const world = await openShop(t);
  const [first, second] = [await sell(world), await sell(world)];
  await ask(world, first, { tx: refundText(world, first, 100n) });
  await world.refund(second.order.ref, 50n);
  await world.block();
  const all = (await get(world, '/refunds')).json as { data: readonly Refund[] };
  t.same(new Set(all.data.map(({ status, litres, requestedBy, orderId }) => [status, litres, requestedBy === null ? '' : 'asked', orderId].join())), new Set([`FINAL,0.050,,${second.orderId}`, `FINAL,0.100,asked,${first.orderId}`]));
  const page = (await get(world, '/refunds?limit=1')).json as { data: readonly Refund[]; nextCursor: string };
  t.equal(((await get(world, `/refunds?limit=1&cursor=${page.nextCursor}`)).json as { data: readonly Refund[] }).data.length, 1);
  t.equal(((await get(world, `/refunds?orderId=${first.orderId}`)).json as { data: readonly Refund[] }).data.length, 1);
  t.equal(((await get(world, '/refunds?status=PENDING')).json as { data: readonly Refund[] }).data.length, 0);
  const routes = refundRoutes({ chain: world.chain, clock: world.chain.clock, sync: () => undefined, orders: world.campus.orders, refunds: world.campus.refunds });
  const listAs = async (caller: Caller): Promise<number> => {
    const reply = await routes.find(({ declaration }) => declaration.path === '/refunds')?.handle({ caller, query: {} } as unknown as ApiRequest);
    return reply !== undefined && 'body' in reply ? (reply.body as { data: readonly Refund[] }).data.length : -1;
  };
  const login = { sub: 's', sid: 's' };
  t.equal(await listAs({ role: 'manager', ...login, userId: 'u', merchantId: cafeteria.addressText }), 2);
  t.equal(await listAs({ role: 'manager', ...login, userId: 'u', merchantId: ali.addressText }), 0, 'nothing of another merchant');
  t.equal(await listAs({ role: 'staff', ...login, tillNo: 2, merchantId: cafeteria.addressText, cashierId: 'c' }), 0, 'nothing of another till');
  t.equal(await listAs({ role: 'finance', ...login, userId: 'u' }), 2);
});

t.test('what was asked for is there after a restart, and the chain goes on telling what became of it', async (t) => {
  const store = openKeyValueMemory();
  const keyFolder = await makeKeyFolder(t);
  const first = await openWorld(t, { store, keyFolder });
  await first.fund(20_000n, ali);
  await first.transfer(ali, KEYS.cafeteria.address, 1_000n);
  await first.block();
  const sold = await sell(first);
  const waiting = await ask(first, sold, { litres: '0.100' });
  const pending = await ask(first, sold, { tx: refundText(first, sold, 200n) });
  await first.api.close();
  await first.campus.close();
  first.chain.block(); // while nobody follows
  const second = await openWorld(t, { store, keyFolder, chain: first.chain });
  await second.campus.caughtUp();
  t.match(await refundOf(second, pending), { status: 'FINAL', litres: '0.200' });
  t.match(await refundOf(second, waiting), { status: 'NEEDS_MANAGER' });
  const { refundId } = waiting.json as Refund;
  await approve(second, refundId, refundText(second, sold, 100n, cafeteria));
  await second.block();
  t.match(await refundOf(second, waiting), { status: 'FINAL' });
});

async function usableCoupon(world: World): Promise<{ readonly couponId: string } | undefined> {
  for (const couponId of (await world.campus.loyalty.couponIds(ali.address, 10)).ids) if (world.chain.state().get(ROWS.coupon, couponId)?.state === COUPON.unspent) return { couponId };
  return undefined;
}

t.test('whatever is asked for, no more goes back than was paid, and never a spent coupon and five whole refunds', async (t) => {
  let couponsSpent = 0n;
  for (const seed of [1, 2]) {
    const random = makeRandom(seed);
    const below = (n: number): number => Math.floor(random() * n);
    const world = await openShop(t);
    const sold: Sold[] = [];
    let spent = 0n;
    for (let step = 0; step < 32; step++) {
      const coupon = await usableCoupon(world);
      if (below(3) > 0 && sold.length < 9) {
        const couponId = coupon !== undefined && below(2) === 0 ? coupon.couponId : undefined;
        if (couponId !== undefined) spent++;
        sold.push(await sell(world, world.order(), couponId));
        continue;
      }
      const one = sold[below(sold.length)];
      if (one === undefined) continue;
      const amountMl = [1n, 100n, 150n, 300n, 301n][below(5)] ?? 300n;
      const signer = below(2) === 0 ? till : cafeteria;
      const asked = await ask(world, one, below(3) === 0 ? { litres: `0.${String(amountMl).padStart(3, '0')}` } : { tx: refundText(world, one, amountMl, signer) });
      const { status, refundId } = asked.json as Refund;
      if (asked.status === 202 && String(status) === 'NEEDS_MANAGER') await approve(world, refundId, refundText(world, one, amountMl, cafeteria));
      if (below(2) === 0) await world.block();
    }
    await world.block();
    couponsSpent += spent;
    let [ownMl, backMl] = [0n, 0n];
    for (const { order } of sold) {
      const row = await world.campus.orders.byRef(1, toHex(order.ref));
      const payment = row === undefined ? undefined : await world.campus.orders.paymentOf(row);
      const back = (payment?.refunds ?? []).reduce((sum, refund) => sum + BigInt(refund.amountMl), 0n);
      t.ok(back <= BigInt(payment?.ownMl ?? 0), `seed ${seed}: no payment gives more than it brought`);
      ownMl += BigInt(payment?.ownMl ?? 0);
      backMl += back;
    }
    t.ok(ownMl - backMl >= spent * 300n, `seed ${seed}: ${spent} coupons were spent, ${ownMl} mL paid, ${backMl} given back`);
    const final = ((await get(world, '/refunds?status=FINAL&limit=100')).json as { data: readonly Refund[] }).data.reduce((sum, { litres }) => sum + BigInt(litres.replace('.', '')), 0n);
    t.equal(final, backMl, 'the list says what the chain did');
  }
  t.ok(couponsSpent > 0n, 'coupons were among it');
});
