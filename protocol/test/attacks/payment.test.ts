/** Attacks on payments (SPEC §6): one invoice is settled once, a coupon is spent once, nobody pays with money that is gone. */
import t from 'tap';
import { ROWS, taggedHash, toHex, utf8 } from '../../src/index.ts';
import { alice, bob, buy, refundOf, rich, verdict } from '../support/cases.ts';
import { KEYS, keyOf, type Key, type World } from '../support/world.ts';

const balance = (world: World, key: Key): bigint => world.tip.state.get(ROWS.account, toHex(key.address))?.balanceMl ?? 0n;

t.test('a till that signs one reference twice gets one payment', (t) => {
  const world = rich();
  const cheap = world.invoice(KEYS.till1, 1, 300n, 180n, 'one order');
  const dear = world.invoice(KEYS.till1, 1, 3_000n, 1_800n, 'one order');
  const before = [balance(world, alice), balance(world, bob)];
  t.equal(world.block([world.pay(alice, cheap), world.pay(bob, dear), world.pay(bob, cheap)]).codes.length, 1);
  t.same([balance(world, alice), balance(world, bob)], [(before[0] ?? 0n) - 300n, before[1]]);
  t.equal(verdict(world, world.pay(bob, dear)), 'invoice_already_paid');
  t.equal(verdict(world, world.pay(alice, dear)), 'invoice_already_paid', 'not by the same payer either');
  // The other till has a record of its own: the reference stands under the number.
  t.equal(verdict(world, world.pay(alice, world.invoice(KEYS.till2, 2, 300n, 180n, 'one order'))), 'ok');
  t.end();
});

t.test('two Pays of one invoice in one block: the first is the payment', (t) => {
  const world = rich();
  const invoice = world.invoice(KEYS.till1, 1, 300n, 180n, 'race');
  const [first, second] = [world.pay(bob, invoice), world.pay(alice, invoice)];
  const { txs } = world.block([first, second]);
  t.same(txs.map((tx) => tx.txHash), [toHex(world.txId(first))]);
  t.equal(toHex(world.tip.state.get(ROWS.invoice, `00000001${toHex(taggedHash('bill/order/1', utf8('race')).slice(0, 10))}`)?.payer ?? utf8('')), toHex(bob.address));
  t.end();
});

t.test('two Pays of one coupon in one block: it is spent once', (t) => {
  const world = rich();
  const [couponId] = buy(world, 5, 'coupon').map((pay) => pay.txId);
  const [one, two] = ['a', 'b'].map((label) => world.pay(alice, world.invoice(KEYS.till1, 1, 300n, 180n, label), couponId)) as [Uint8Array, Uint8Array];
  const before = balance(world, alice);
  t.same(world.block([one, two]).codes, [0]);
  t.equal(balance(world, alice), before, 'the free carton cost nothing, the second was not taken');
  t.equal(verdict(world, two), 'coupon_not_usable');
  t.end();
});

t.test('self-payment: neither merchant nor plant turns own sales into points', (t) => {
  const world = rich();
  t.equal(verdict(world, world.pay(KEYS.cafeteria, world.invoice(KEYS.till1, 1, 300n, 180n, 'own'))), 'self_payment');
  t.equal(verdict(world, world.transfer(alice, alice.address, 1n)), 'self_payment');
  const before = balance(world, alice);
  t.same(world.block([world.transfer(alice, alice.address, before - 1n)]).codes.map((code) => code > 0), [true], 'a Transfer to itself is a fault');
  t.equal(balance(world, alice), before - 1n, 'that costs its fee');
  t.end();
});

t.test('a fee payer who is drained inside a block pays for nothing more', (t) => {
  const world = rich();
  const all = balance(world, bob);
  const [empties, faults, free] = [world.transfer(bob, alice.address, all - 1n), world.transfer(bob, alice.address, 1n), world.pay(bob, world.invoice(KEYS.till1, 1, 300n, 180n, 'late'))];
  t.same([empties, faults, free].map((tx) => verdict(world, tx)), ['ok', 'ok', 'ok'], 'alone each would do');
  t.same(world.block([empties, faults, free]).codes, [0], 'not even the fee of a fault is left');
  t.equal(balance(world, bob), 0n);
  t.equal(verdict(world, faults), 'insufficient_balance');
  t.end();
});

t.test('a merchant who is drained inside a block refunds nothing and is charged nothing for it', (t) => {
  const world = rich();
  const [pay] = buy(world, 1, 'drained');
  if (pay === undefined) return t.fail();
  const refund = refundOf(world, pay, 300n, KEYS.till1);
  t.equal(verdict(world, refund), 'ok');
  const all = balance(world, KEYS.cafeteria);
  t.same(world.block([world.transfer(KEYS.cafeteria, alice.address, all - 1n), refund]).codes, [0]);
  t.equal(balance(world, KEYS.cafeteria), 0n);
  const rest = world.block([world.transfer(alice, KEYS.cafeteria.address, 200n)]);
  t.same(rest.codes, [0]);
  t.same(world.block([refund]).codes, [], 'under the till\'s signature a failure costs its merchant no fee');
  t.equal(balance(world, KEYS.cafeteria), 200n);
  return t.end();
});

t.test('refund cycling: buying and giving back earns no coupon, however often', (t) => {
  const world = rich();
  const before = balance(world, alice);
  for (let round = 0; round < 6; round++) {
    const pays = buy(world, 2, `round ${round}`);
    t.same(world.block(pays.map((pay) => refundOf(world, pay, 300n))).codes, [0, 0]);
  }
  t.equal([...world.tip.state.rows(ROWS.coupon)].length, 0);
  t.equal(balance(world, alice), before);
  const card = world.tip.state.get(ROWS.card, toHex(KEYS.cafeteria.address) + toHex(alice.address));
  t.equal(card?.points, 0, 'never below zero');
  t.end();
});

t.test('refund cycling: a carton for the coupon and the money for all five payments is not to be had', (t) => {
  const world = rich();
  const pays = buy(world, 5, 'five');
  const [{ txId: couponId } = { txId: new Uint8Array(32) }] = pays;
  t.same(world.block([world.pay(alice, world.invoice(KEYS.till1, 1, 300n, 180n, 'free'), couponId)]).codes, [0]);
  for (const pay of pays) t.equal(verdict(world, refundOf(world, pay, 1n)), 'exceeds_refundable', 'the coupon\'s litres stay with the merchant');
  t.end();
});

t.test('coupon farming: no points for coupons, for sips, over the day\'s ten, or split over cards', (t) => {
  const world = rich();
  const points = (): number => [...world.tip.state.rows(ROWS.card)].reduce((sum, { value }) => sum + value.points, 0) + 5 * [...world.tip.state.rows(ROWS.coupon)].filter(({ value }) => value.state === 1).length;
  const sips = Array.from({ length: 8 }, (_, index) => world.pay(alice, world.invoice(KEYS.till1, 1, 199n, 119n, `sip ${index}`)));
  t.equal(world.block(sips).codes.length, 8);
  t.equal(points(), 0);
  const pays = buy(world, 14, 'farm');
  t.equal(points(), 10, 'two coupons a day and no more');
  const [, , , , , sixth] = pays;
  t.same(world.block([world.pay(alice, world.invoice(KEYS.till1, 1, 600n, 360n, 'half'), pays[0]?.txId)]).codes, [0], 'paid in part by a coupon');
  t.equal(points(), 5, 'no point for the part that was own balance');
  t.equal(verdict(world, world.pay(bob, world.invoice(KEYS.till1, 1, 300n, 180n, 'stolen'), sixth?.txId)), 'coupon_not_yours');
  t.equal(verdict(world, world.pay(alice, world.invoice(KEYS.till3, 3, 300n, 180n, 'elsewhere'), sixth?.txId)), 'coupon_not_yours', 'another merchant');
  t.end();
});

t.test('a Pay is the payer\'s alone: the till cannot send it, nor anybody in his name', (t) => {
  const world = rich();
  const invoice = world.invoice(KEYS.till1, 1, 300n, 180n, 'forced');
  const body = world.parse(world.pay(alice, invoice)).body;
  for (const key of [KEYS.till1, KEYS.cafeteria, keyOf('stranger')]) t.equal(verdict(world, world.sign(body, key)), 'wrong_signers');
  t.equal(verdict(world, world.sign(body, alice, KEYS.till1)), 'wrong_signers', 'and no signature more');
  t.equal(verdict(world, world.pay(alice, world.invoice(keyOf('stranger'), 1, 300n, 180n, 'false till'))), 'bad_signature');
  t.equal(verdict(world, world.pay(alice, world.invoice(KEYS.till2, 1, 300n, 180n, 'other till'))), 'bad_signature', 'another till of the same merchant');
  t.end();
});
