/** US-004 to the letter: every row of the decision table of the API page, §2.3, and what comes in as an amount. */
import t from 'tap';
import { encodeTransaction } from '@billcoin/sdk';
import { FINALITY_AGE_MAX_MS } from '../../src/api/routes/health.ts';
import { openWorld, sdkKey, wallet, type Answer, type World } from '../support/campusWorld.ts';
import { KEYS, keyOf } from '../support/testNetwork.ts';
import { transferBack } from '../sales/support.ts';

/** Asked by the treasury's people: they may ask for any merchant. */
const validate = async (world: World, body: Readonly<Record<string, unknown>>): Promise<Answer> => await world.post('/payments/validate', body, await world.as('service'));
const NOBODY = 'f'.repeat(64);

/** Exactly the three keys of the seed. */
async function row(world: World, body: Readonly<Record<string, unknown>>): Promise<readonly unknown[]> {
  const answer = await validate(world, body);
  const json = answer.json as { valid: boolean; confirmedAt: string | null; error: string | null };
  return [answer.status, Object.keys(json).join(), json.valid, json.confirmedAt === null ? null : 'time', json.error];
}
const said = (valid: boolean, confirmed: boolean, error: string | null): readonly unknown[] => [200, 'valid,confirmedAt,error', valid, confirmed ? 'time' : null, error];

t.test('each row of the table, the first that matches decides', async (t) => {
  const world = await openWorld(t);
  const ali = wallet('ali');
  const siti = wallet('siti');
  await world.fund(20_000n, ali, siti);
  await world.transfer(siti, KEYS.cafeteria.address, 1_000n);
  await world.block();
  const order = world.order();
  const { orderId } = (await world.postOrder(order)).json as { orderId: string };
  const txHash = await world.pay(ali, order.invoice);

  t.same(await row(world, { txHash: NOBODY, expectedAmount: '1.80' }), said(false, false, 'tx_not_found'));
  t.same(await row(world, { txHash, expectedAmount: '1.80' }), said(false, false, 'not_final'));
  const rival = world.payDraft(siti, order.invoice);
  world.chain.force(encodeTransaction(rival));
  await world.block();
  t.same(await row(world, { txHash: rival.txHash, expectedAmount: '1.80' }), said(false, false, 'superseded'));

  const late = world.order({ lifeS: 5 });
  const never = world.payDraft(wallet('nothing'), late.invoice);
  world.chain.force(encodeTransaction(never));
  await world.block(6_000);
  t.same(await row(world, { txHash: never.txHash, expectedAmount: '1.80' }), said(false, false, 'expired'));

  t.same(await row(world, { txHash, expectedAmount: '1.80' }), said(true, true, null));
  const final = await validate(world, { txHash, expectedAmount: '1.80' });
  t.equal(final.headers.get('billcoin-block-height'), '5');
  t.match(final.headers.get('billcoin-block-hash'), /^[0-9a-f]{64}$/);
  t.equal(final.headers.get('link'), `</api/v1/proofs/tx/${txHash}>; rel="proof"`);
  t.match((final.json as { confirmedAt: string }).confirmedAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);

  t.same(await row(world, { txHash, expectedAmount: '1.81' }), said(false, true, 'amount_mismatch'));
  t.same(await row(world, { txHash, expectedAmount: '0.300', unit: 'BILL' }), said(true, true, null));
  t.same(await row(world, { txHash, expectedAmount: '0.299', unit: 'BILL' }), said(false, true, 'amount_mismatch'));
  t.same(await row(world, { txHash, expectedAmount: '1.80', merchantId: sdkKey(KEYS.cafeteria).addressText, orderId }), said(true, true, null));
  t.same(await row(world, { txHash, expectedAmount: '9.99', orderId: 'ord_01M7XZRX1G2J0BZCKPKH6GP5SJ', merchantId: ali.addressText }), said(false, true, 'wrong_recipient'), 'before the order and the amount');
  t.same(await row(world, { txHash, expectedAmount: '9.99', orderId: 'ord_01M7XZRX1G2J0BZCKPKH6GP5SJ' }), said(false, true, 'order_mismatch'), 'before the amount');
  t.same(await row(world, { txHash: `0X${txHash.toUpperCase()}`, expectedAmount: '1.8' }), said(true, true, null), '0x and upper case are accepted');

  const other = world.order();
  const otherId = ((await world.postOrder(other)).json as { orderId: string }).orderId;
  t.same(await row(world, { txHash, expectedAmount: '1.80', orderId: otherId }), said(false, true, 'order_mismatch'), 'one transaction for two orders');

  await world.refund(order.ref, 299n);
  await world.block();
  t.same(await row(world, { txHash, expectedAmount: '1.80' }), said(true, true, null), 'part of it is still there');
  await world.refund(order.ref, 1n);
  await world.block();
  t.same(await row(world, { txHash, expectedAmount: '1.80' }), said(false, true, 'refunded'));
  t.same(await row(world, { txHash, expectedAmount: '1.79' }), said(false, true, 'amount_mismatch'), 'the amount decides first');
});

t.test('a plain Transfer counts at the price of its block; other kinds are no payment; what failed is told', async (t) => {
  const world = await openWorld(t);
  const ali = wallet('ali');
  await world.fund(20_000n, ali);
  const txHash = await world.transfer(ali, KEYS.cafeteria.address, 300n);
  await world.block();
  t.same(await row(world, { txHash, expectedAmount: '1.80' }), said(true, true, null));
  t.same(await row(world, { txHash, expectedAmount: '1.80', merchantId: ali.addressText }), said(false, true, 'wrong_recipient'));
  t.same(await row(world, { txHash, expectedAmount: '1.80', orderId: 'ord_01M7XZRX1G2J0BZCKPKH6GP5SJ' }), said(false, true, 'order_mismatch'), 'a Transfer settles no order');
  const halfUp = await world.transfer(ali, KEYS.cafeteria.address, 301n);
  const opened = await world.mint(1_000n);
  const [batch] = (((await world.get('/batches')).json as { data: { lotText: string }[] }).data).filter(({ lotText }) => lotText === opened);
  t.ok(batch !== undefined);
  t.same(await row(world, { txHash: halfUp, expectedAmount: '1.81' }), said(true, true, null), '1.806 is rounded half-up');
  const minted = (await world.chain.readFinal(world.chain.tip().height))?.txs[0]?.txHash ?? '';
  t.same(await row(world, { txHash: minted, expectedAmount: '1.80' }), said(false, true, 'not_a_payment'));

  const poor = sdkKey(keyOf('wallet with little'));
  await world.transfer(ali, poor.address, 5n);
  await world.block();
  const first = await world.transfer(poor, ali.address, 3n);
  const failing = world.forceTransfer(poor, ali.address, 3n);
  await world.block();
  t.same(await row(world, { txHash: first, expectedAmount: '0.02' }), said(true, true, null));
  t.same(await row(world, { txHash: failing, expectedAmount: '0.02' }), said(false, true, 'execution_failed'));
});

t.test('a plain Transfer that wholly went back is refunded; in part it is not', async (t) => {
  const world = await openWorld(t);
  const [ali, cafeteria] = [wallet('ali'), sdkKey(KEYS.cafeteria)];
  await world.fund(20_000n, ali, cafeteria);
  const txHash = await world.transfer(ali, cafeteria.address, 300n);
  await world.block();
  await transferBack(world, cafeteria, ali.address, 299n, txHash.slice(0, 32));
  await world.block();
  t.same(await row(world, { txHash, expectedAmount: '1.80' }), said(true, true, null), 'part of it is still there');
  await transferBack(world, cafeteria, ali.address, 1n, txHash.slice(0, 32));
  await world.block();
  t.same(await row(world, { txHash, expectedAmount: '1.80' }), said(false, true, 'refunded'));
  t.same(await row(world, { txHash, expectedAmount: '1.79' }), said(false, true, 'amount_mismatch'), 'the amount decides first');
});

t.test('a node that is behind or whose chain stands says 503 of what it has never heard of, and books no failure', async (t) => {
  let isBehind = true;
  const world = await openWorld(t, { sync: () => (isBehind ? { targetHeight: 9, blocksPerMinute: undefined, leftMs: undefined } : undefined) });
  const ali = wallet('ali');
  await world.fund(20_000n, ali);
  const txHash = await world.pay(ali, world.order().invoice);
  await world.block();
  const ask = async (hash: string): Promise<Answer> => await world.post('/payments/validate', { txHash: hash, expectedAmount: '1.80' }, await world.as('partner'));
  t.match((await ask(txHash)).json, { valid: true }, 'what is final stays so');
  for (let i = 0; i < 5; i++) {
    const answer = await ask(NOBODY);
    t.equal(answer.status, 503);
    t.match(answer.json, { code: 'chain_unavailable', retryable: true });
    t.ok(Number(answer.headers.get('retry-after')) > 0);
  }
  isBehind = false;
  t.match((await ask(NOBODY)).json, { error: 'tx_not_found' });
  world.chain.clock.moveTo(world.nowMs + FINALITY_AGE_MAX_MS + 1);
  t.equal((await ask(NOBODY)).status, 503, 'the newest block is half a minute old');
  t.same((await world.campus.abuse.flags.list({ limit: 10 })).flags, []);
});

t.test('waitMs answers with the block, not after the time', async (t) => {
  const world = await openWorld(t);
  const ali = wallet('ali');
  await world.fund(10_000n, ali);
  const txHash = await world.pay(ali, world.order().invoice);
  const started = performance.now();
  const waiting = validate(world, { txHash, expectedAmount: '1.80', waitMs: 3_000 });
  const impatient = await validate(world, { txHash, expectedAmount: '1.80', waitMs: 30 });
  t.match(impatient.json, { valid: false, error: 'not_final' });
  await world.block();
  t.match((await waiting).json, { valid: true, error: null });
  t.ok(performance.now() - started < 2_500);
  const superseded = world.order();
  const hash = await world.pay(ali, superseded.invoice);
  const pending = validate(world, { txHash: hash, expectedAmount: '1.80', waitMs: 3_000 });
  await world.block();
  t.match((await pending).json, { valid: true });
});

t.test('what is malformed is 400 with the three keys beside the problem', async (t) => {
  const world = await openWorld(t);
  const txHash = NOBODY;
  const good = { txHash, expectedAmount: '1.80' };
  const bad: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
    ...['1e3', '1,80', '１.８０', '1.800', 'NaN', '-0', '-1.80', '+1.80', '', ' 1.80', '1.80 ', '.80', '1.', '0', '0.00', '00', 'Infinity', '0x1', '1_000', '1.8O', '١.٨٠', '99999999999', '1.80\n', '1.80\u0000']
      .map((expectedAmount) => [`amount ${JSON.stringify(expectedAmount)}`, { ...good, expectedAmount }] as const),
    ...[1.8, 0, -1, null, true, ['1.80'], { amount: '1.80' }].map((expectedAmount) => [`amount of another type ${JSON.stringify(expectedAmount)}`, { ...good, expectedAmount }] as const),
    ['four places of BILL', { ...good, unit: 'BILL', expectedAmount: '0.3000' }],
    ['zero BILL', { ...good, unit: 'BILL', expectedAmount: '0.000' }],
    ['another unit', { ...good, unit: 'USD' }],
    ['no hash', { expectedAmount: '1.80' }],
    ['no amount', { txHash }],
    ['short hash', { ...good, txHash: 'abc' }],
    ['no hex', { ...good, txHash: 'g'.repeat(64) }],
    ['unknown key', { ...good, amount: '1.80' }],
    ['waitMs too long', { ...good, waitMs: 3_001 }],
    ['waitMs as text', { ...good, waitMs: '10' }],
    ['waitMs in part', { ...good, waitMs: 1.5 }],
    ['an address with a wrong checksum', { ...good, merchantId: `${wallet('ali').addressText.slice(0, -1)}q`.replace(/qq$/, 'qp') }],
    ['an order id that is none', { ...good, orderId: 'ord_1' }],
  ];
  for (const [name, body] of bad) {
    const answer = await validate(world, body);
    t.equal(answer.status, 400, name);
    t.match(answer.json, { code: 'malformed_request', status: 400, valid: false, confirmedAt: null, error: 'malformed_request' }, name);
  }
  for (const text of ['', '{', '[]', 'null', '"x"', `{"txHash":"${txHash}","txHash":"${txHash}","expectedAmount":"1.80"}`]) {
    const answer = await world.post('/payments/validate', text, await world.as('service'));
    t.match(answer.json, { status: 400, valid: false, confirmedAt: null, error: 'malformed_request' }, text);
    t.equal(answer.headers.get('content-type'), 'application/problem+json; charset=utf-8');
  }
});

t.test('a fault of ours is 500 with the three keys, and says nothing of its inside', async (t) => {
  const world = await openWorld(t);
  world.chain.txStatus = async () => Promise.reject(new Error('disk /dev/sda is on fire'));
  const answer = await validate(world, { txHash: NOBODY, expectedAmount: '1.80' });
  t.equal(answer.status, 500);
  t.match(answer.json, { code: 'internal_error', valid: false, confirmedAt: null, error: 'internal_error', retryable: true });
  t.notMatch(answer.text, /sda/);
  t.match(world.logLines.join(''), /a request failed by our own fault/);
});
