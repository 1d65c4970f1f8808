/** Refund in its cases (SPEC §6.4): where the point of a payment is, and what a till may cost its merchant. */
import t from 'tap';
import { balanceOf, DAY_MS, invoiceId, placeOfPoint, refundableMl, ROWS, stateRows, tillId, toHex, type ParsedTx } from '../../src/index.ts';
import { alice, bob, buy, refundOf, rich, setRow, verdict } from '../support/cases.ts';
import { KEYS, type World } from '../support/world.ts';

const { cafeteria, till1, farmA } = KEYS;
const invoiceRow = (world: World, pay: ParsedTx): stateRows.InvoiceRow => world.tip.state.get(ROWS.invoice, invoiceId(1, (pay.invoice as NonNullable<ParsedTx['invoice']>).ref)) as stateRows.InvoiceRow;
const refundable = (world: World, pay: ParsedTx): bigint => refundableMl(world.tip.state, invoiceRow(world, pay));
const card = (world: World): number => world.tip.state.get(ROWS.card, toHex(cafeteria.address) + toHex(alice.address))?.points ?? 0;
const coupons = (world: World, state: number): number => [...world.tip.state.rows(ROWS.coupon)].filter((row) => row.value.state === state).length;
const spend = (world: World, couponId: Uint8Array, label: string): Uint8Array => world.pay(alice, world.invoice(till1, 1, 300n, 180n, label), couponId);

t.test('once the point is gone, a coupon that others made of the card holds nothing back', (t) => {
  const world = rich();
  const pays = buy(world, 5, 'first');
  const [p0] = pays as [ParsedTx];
  const part = world.block([refundOf(world, p0, 101n)]);
  t.equal(invoiceRow(world, p0).cardId, undefined, 'no point stands on this payment any more');
  t.equal(card(world), 4);
  buy(world, 1, 'sixth');
  t.equal(coupons(world, 1), 1, 'four moved points and a new one');
  world.block([spend(world, part.txs[0]?.txId as Uint8Array, 'free')]);
  t.equal(coupons(world, 2), 1);
  t.equal(refundable(world, p0), 199n, 'its own point is not in the coupon that was spent');
  t.same(world.block([refundOf(world, p0, 199n)]).codes, [0]);
  t.equal(refundable(world, pays[1] as ParsedTx), 0n, 'the others are');
  t.end();
});

t.test('refund cycling: merged points are given back once; five payments that stand for every coupon spent', (t) => {
  const world = rich();
  const first = buy(world, 5, 'first');
  const more = buy(world, 4, 'more');
  t.equal(card(world), 4);
  world.block([refundOf(world, first[0] as ParsedTx, 300n)]);
  t.same([coupons(world, 1), card(world)], [1, 3], 'four moved points and four others: a coupon and three points');
  world.block([], DAY_MS);
  const last = buy(world, 2, 'last');
  t.same([coupons(world, 1), card(world)], [2, 0]);
  const lastCard = invoiceRow(world, last[0] as ParsedTx).cardId as Uint8Array;
  world.block([spend(world, lastCard, 'free carton')]);
  const standing = [...first.slice(1), ...more, ...last];
  let given = 0;
  for (const pay of standing) {
    const ml = refundable(world, pay);
    if (ml > 0n) given += world.block([refundOf(world, pay, ml)]).codes[0] === 0 ? 1 : 0;
  }
  t.equal(given, 5, 'of ten payments with points five are given back whole');
  t.equal(card(world), 0);
  t.equal(coupons(world, 1), 0, 'and no coupon is left to spend');
  t.end();
});

t.test('refund cycling: the day\'s ten points are counted when they are earned, not when they are kept', (t) => {
  const world = rich();
  for (let round = 0; round < 10; round++) {
    const [pay] = buy(world, 1, `round ${round}`) as [ParsedTx];
    world.block([refundOf(world, pay, 300n)]);
  }
  t.equal(card(world), 0);
  buy(world, 1, 'eleventh');
  t.equal(card(world), 0, 'no point is left for today');
  t.end();
});

t.test('a refund gives neither card nor coupon a longer life', (t) => {
  const world = rich();
  const [p0] = buy(world, 5, 'old') as [ParsedTx];
  const expiresAtMs = world.tip.state.get(ROWS.coupon, toHex(p0.txId))?.expiresAtMs;
  world.block([], 5 * DAY_MS);
  world.block([refundOf(world, p0, 300n)]);
  t.equal(world.tip.state.get(ROWS.card, toHex(cafeteria.address) + toHex(alice.address))?.untilMs, expiresAtMs);
  t.end();
});

t.test('a point is found through a long chain of cancelled coupons', (t) => {
  const world = rich({ params: { pointsPerDay: 100 } });
  const pays = buy(world, 5, 'base');
  for (let round = 0; round < 70; round++) {
    const [pay] = (round === 0 ? pays.slice(4) : buy(world, 1, `round ${round}`)) as [ParsedTx];
    world.block([refundOf(world, pay, 300n, cafeteria)]);
  }
  t.equal(coupons(world, 3), 70);
  t.equal(placeOfPoint(world.tip.state, cafeteria.address, alice.address, invoiceRow(world, pays[0] as ParsedTx).cardId as Uint8Array).at, 'card');
  world.block([refundOf(world, pays[0] as ParsedTx, 300n)]);
  t.equal(card(world), 3);
  t.end();
});

t.test('what fails under a till\'s signature costs the merchant nothing; under his own it costs the fee', (t) => {
  const world = rich();
  const [pay] = buy(world, 1, 'one') as [ParsedTx];
  const before = balanceOf(world.tip.state, cafeteria.address);
  t.equal(world.block([refundOf(world, pay, 301n, till1)]).txs.length, 0, 'a stolen till cannot burn fees with refunds that fail');
  t.equal(balanceOf(world.tip.state, cafeteria.address), before);
  t.equal(world.block([refundOf(world, pay, 301n, cafeteria)]).codes[0], 26);
  t.equal(balanceOf(world.tip.state, cafeteria.address), before - 1n);
  t.end();
});

t.test('sen: cumulative half-up shares of the invoice, whatever the parts', (t) => {
  const world = rich();
  const pay = world.parse(world.pay(alice, world.invoice(till1, 1, 301n, 180n, 'odd')));
  world.block([pay.bytes]);
  let sum = 0n;
  for (const part of [1n, 99n, 100n, 101n]) {
    const [refunded] = world.block([refundOf(world, pay, part)]).events[0] ?? [];
    if (refunded?.case === 'refunded') sum += refunded.value.sen;
  }
  t.equal(sum, 180n);
  t.end();
});

t.test('a suspended merchant still gives money back; a payment by coupon gives back its own litres only', (t) => {
  const world = rich();
  const pays = buy(world, 5, 'five');
  const mixed = world.parse(world.pay(alice, world.invoice(till1, 1, 500n, 300n, 'mixed'), (pays[0] as ParsedTx).txId));
  world.block([mixed.bytes]);
  setRow(world, ROWS.merchant, toHex(cafeteria.address), { status: stateRows.SUSPENDED });
  t.equal(refundable(world, mixed), 200n);
  t.equal(verdict(world, refundOf(world, mixed, 201n)), 'exceeds_refundable');
  t.match(world.block([refundOf(world, mixed, 200n, till1)]).events[0]?.[0], { case: 'refunded', value: { payer: alice.address, sen: 120n } });
  t.equal(coupons(world, 2), 1, 'the coupon stays spent');
  setRow(world, ROWS.till, tillId(1), { status: stateRows.REVOKED });
  t.equal(verdict(world, refundOf(world, mixed, 1n)), 'exceeds_refundable', 'the merchant signs where the till is revoked');
  t.end();
});

t.test('a merchant without the litres refunds nothing', (t) => {
  const world = rich();
  const [pay] = buy(world, 1, 'one') as [ParsedTx];
  world.block([world.transfer(cafeteria, farmA.address, balanceOf(world.tip.state, cafeteria.address) - 100n)]);
  t.equal(verdict(world, refundOf(world, pay, 300n)), 'insufficient_balance');
  t.equal(verdict(world, refundOf(world, pay, 50n, bob)), 'wrong_signers');
  t.end();
});

t.test('past the window a record refuses in the gate, as one that was deleted does', (t) => {
  const world = rich();
  const [pay] = buy(world, 1, 'one') as [ParsedTx];
  const endMs = invoiceRow(world, pay).expiresAtMs + 7 * DAY_MS;
  world.block([], endMs - world.timeMs - 1_000);
  t.equal(verdict(world, refundOf(world, pay, 1n), 1_000), 'ok', 'in the last millisecond');
  t.equal(verdict(world, refundOf(world, pay, 1n), 1_001), 'refund_window_over');
  t.equal(world.block([refundOf(world, pay, 1n)], 2_000).txs.length, 0, 'no block takes it for its fee');
  t.end();
});
