/** Every refusal of every kind, each reached through a real block or the pool's check. */
import t from 'tap';
import { balanceOf, encodePolicy, policyAddress, ROWS, spendOf, stateRows, tillId, toHex, utf8, type FaultCode, type ParsedTx, type TxBody } from '../../src/index.ts';
import { alice, bob, buy, refundOf, rich, setRow, verdict } from '../support/cases.ts';
import { KEYS, keyOf, World, type Key } from '../support/world.ts';

const { farmA, plant, treasury, cafeteria, till1, till3, oracles } = KEYS;

t.test('envelope: form, network, signers, time and replay', (t) => {
  const world = rich();
  const body = world.body(alice.address, { case: 'transfer', value: { to: bob.address, amountMl: 5n } });
  t.equal(verdict(world, world.sign(body, alice)), 'ok');
  t.equal(verdict(world, new Uint8Array(0)), 'malformed');
  t.equal(verdict(world, new Uint8Array(20_000)), 'malformed');
  t.equal(verdict(world, world.sign({ ...body, chainTag: new Uint8Array(8) }, alice)), 'wrong_network');
  t.equal(verdict(world, world.sign({ ...body, salt: undefined }, alice)), 'malformed', 'no salt');
  t.equal(verdict(world, world.sign(body, bob)), 'wrong_signers');
  t.equal(verdict(world, world.sign(body, alice, bob)), 'wrong_signers', 'one signature too many');
  t.equal(verdict(world, world.sign({ ...body, policies: [encodePolicy(1, [bob.publicKey])] }, alice)), 'malformed', 'a policy nobody needs');
  t.equal(verdict(world, world.sign({ ...body, feeMl: 0n }, alice)), 'fee_too_low');
  t.equal(verdict(world, world.sign({ ...body, validUntilMs: world.timeMs }, alice)), 'expired');
  t.equal(verdict(world, world.sign({ ...body, validUntilMs: world.timeMs + 3_700_000 }, alice)), 'valid_until_too_far');
  const broken = world.sign(body, alice);
  broken[broken.length - 1] = (broken[broken.length - 1] as number) ^ 1;
  t.equal(verdict(world, broken), 'bad_signature');
  const tx = world.sign(body, alice);
  world.block([tx]);
  t.equal(verdict(world, tx), 'already_executed');
  t.equal(world.block([tx]).txs.length, 0, 'a replay is left out of the block');
  const penniless = keyOf('penniless');
  t.equal(verdict(world, world.transfer(penniless, bob.address, 1n)), 'insufficient_balance', 'cannot pay the fee');
  t.equal(verdict(world, world.tx(plant, { case: 'openBatch', value: world.batchValue() }, { feeMl: 1n })), 'malformed', 'fee on a free kind');
  t.end();
});

t.test('signatures must be in ascending order of key and within the size of the kind', (t) => {
  const world = rich();
  const policy = encodePolicy(2, [alice.publicKey, bob.publicKey]);
  const shared = policyAddress(policy);
  world.block([world.transfer(treasury, shared, 1n), world.transfer(alice, shared, 500n)]);
  const body = world.body(shared, { case: 'transfer', value: { to: bob.address, amountMl: 5n } });
  t.equal(verdict(world, world.sign(body, alice, bob)), 'wrong_signers', 'the policy is not known yet');
  const withPolicy: TxBody = { ...body, policies: [policy] };
  t.equal(verdict(world, world.sign(withPolicy, alice)), 'wrong_signers', 'one of two');
  const tx = world.sign(withPolicy, alice, bob);
  t.equal(verdict(world, tx), 'ok');
  t.same(world.block([tx]).codes, [0]);
  t.same(world.tip.state.get(ROWS.account, toHex(shared))?.policy, policy, 'the policy is kept');
  const later = world.body(shared, { case: 'transfer', value: { to: bob.address, amountMl: 5n } });
  t.equal(verdict(world, world.sign(later, alice, bob)), 'ok', 'and need not be shown again');
  t.end();
});

t.test('transfer: faults are included, charged and recorded', (t) => {
  const world = rich();
  const before = balanceOf(world.tip.state, bob.address);
  const tooMuch = world.transfer(bob, alice.address, 10_000n);
  t.equal(verdict(world, tooMuch), 'insufficient_balance');
  t.equal(verdict(world, world.transfer(bob, bob.address, 1n)), 'self_payment');
  const block = world.block([tooMuch]);
  t.same(block.codes, [9]);
  t.equal(balanceOf(world.tip.state, bob.address), before - 1n, 'only the fee is gone');
  t.equal(world.tip.state.get(ROWS.done, toHex(world.txId(tooMuch)))?.code, 9);
  t.end();
});

t.test('pay: every refusal, none of them charged', (t) => {
  const world = rich();
  const ask = (over: { ml?: bigint; sen?: bigint; label?: string; life?: number; till?: Key; tillNo?: number } = {}): Uint8Array =>
    world.invoice(over.till ?? till1, over.tillNo ?? 1, over.ml ?? 300n, over.sen ?? 180n, over.label ?? 'x', over.life);
  t.equal(verdict(world, world.pay(alice, ask())), 'ok');
  t.equal(verdict(world, world.pay(alice, ask({ till: till3 }))), 'bad_signature', 'another till signed');
  t.equal(verdict(world, world.pay(alice, ask({ tillNo: 99 }))), 'unknown_till');
  t.equal(verdict(world, world.pay(alice, ask({ life: -10 }))), 'invoice_expired');
  t.equal(verdict(world, world.pay(alice, ask({ life: 90_000 }))), 'invoice_too_far');
  t.equal(verdict(world, world.pay(alice, ask({ ml: 1n, sen: 1n }))), 'amount_too_small');
  t.equal(verdict(world, world.pay(alice, ask({ ml: 300n, sen: 0n }))), 'amount_too_small');
  t.equal(verdict(world, world.pay(alice, ask({ ml: 100_001n, sen: 60_000n }))), 'amount_too_large');
  for (const [ml, expected] of [[297n, 'price_out_of_band'], [298n, 'ok'], [304n, 'ok'], [305n, 'price_out_of_band']] as const) {
    t.equal(verdict(world, world.pay(alice, ask({ ml, label: `band ${ml}` }))), expected, `${ml} mL for RM 1.80 at 600 sen`);
  }
  t.equal(verdict(world, world.pay(cafeteria, ask())), 'self_payment');
  t.equal(verdict(world, world.pay(keyOf('nobody'), ask())), 'insufficient_balance');
  t.equal(verdict(world, world.pay(alice, ask(), new Uint8Array(32).fill(3))), 'unknown_coupon');
  const otherHint = ask();
  otherHint[1] = (otherHint[1] as number) ^ 0xff;
  t.equal(verdict(world, world.pay(alice, otherHint)), 'wrong_network');
  const late = world.tx(alice, { case: 'pay', value: { invoice: ask() } }, { salt: undefined, validUntilMs: world.timeMs + 1_000 });
  t.equal(verdict(world, late), 'malformed', 'the expiry is the invoice’s');
  const salted = world.tx(alice, { case: 'pay', value: { invoice: ask() } }, { validUntilMs: (Math.floor(world.timeMs / 1_000) + 120) * 1_000 });
  t.equal(verdict(world, salted), 'malformed', 'a Pay has no salt');

  const paid = world.pay(alice, ask({ label: 'paid' }));
  world.block([paid]);
  t.equal(verdict(world, paid), 'already_executed');
  const same = world.invoice(till1, 1, 300n, 180n, 'paid');
  t.equal(verdict(world, world.pay(bob, same)), 'invoice_already_paid');
  setRow(world, ROWS.till, tillId(1), { status: stateRows.SUSPENDED });
  t.equal(verdict(world, world.pay(alice, ask({ label: 'y' }))), 'till_not_active');
  setRow(world, ROWS.till, tillId(1), { status: stateRows.ACTIVE });
  setRow(world, ROWS.merchant, toHex(cafeteria.address), { status: stateRows.REVOKED });
  t.equal(verdict(world, world.pay(alice, ask({ label: 'y' }))), 'merchant_not_active');
  setRow(world, ROWS.till, tillId(3), { merchant: bob.address });
  t.equal(verdict(world, world.pay(alice, ask({ label: 'z', till: till3, tillNo: 3 }))), 'unknown_merchant');
  t.end();
});

t.test('loyalty: five points make a coupon that is spent once, whole, by its owner at its merchant (US-005)', (t) => {
  const world = rich();
  const pays = buy(world, 5, 'five');
  const couponId = (pays[0] as ParsedTx).txId;
  t.equal(world.tip.state.get(ROWS.coupon, toHex(couponId))?.couponMl, 300n);
  const invoice = (label: string): Uint8Array => world.invoice(till1, 1, 500n, 300n, label);
  t.equal(verdict(world, world.pay(bob, invoice('a'), couponId)), 'coupon_not_yours');
  t.equal(verdict(world, world.pay(alice, world.invoice(till3, 3, 500n, 300n, 'k'), couponId)), 'coupon_not_yours', 'of another merchant');
  const first = world.pay(alice, invoice('a'), couponId);
  const second = world.pay(alice, invoice('b'), couponId);
  const before = balanceOf(world.tip.state, alice.address);
  const block = world.block([first, second]);
  t.equal(block.txs.length, 1, 'two parallel spends, one wins');
  t.equal(balanceOf(world.tip.state, alice.address), before - 200n);
  t.equal(verdict(world, second), 'coupon_not_usable');
  t.same(block.events[0]?.map((event) => event.case), ['paid'], 'no point with a coupon');
  t.equal(verdict(world, refundOf(world, pays[1] as ParsedTx, 1n)), 'exceeds_refundable', 'its point is in a spent coupon of 300 mL');

  const wholly = buy(world, 5, 'more');
  const free = world.pay(alice, world.invoice(till1, 1, 300n, 180n, 'free'), (wholly[0] as ParsedTx).txId);
  const part = world.pay(alice, invoice('part'), (wholly[0] as ParsedTx).txId);
  t.same([free, part, world.pay(alice, invoice('none'))].map((bytes) => spendOf(world.tip.state, world.parse(bytes)).amountMl), [0n, 200n, 500n], 'the pool sets aside what the balance will pay');
  const done = world.block([free]);
  t.match(done.events[0]?.[0], { case: 'paid', value: { ownMl: 0n, feeMl: 0n } });
  t.end();
});

t.test('loyalty: at most ten points a day, none under 200 mL', (t) => {
  const world = rich();
  world.block([world.pay(alice, world.invoice(till1, 1, 199n, 119n, 'sip'))]);
  const card = (): number | undefined => world.tip.state.get(ROWS.card, toHex(cafeteria.address) + toHex(alice.address))?.points;
  t.equal(card(), undefined);
  buy(world, 12, 'day');
  t.equal(card(), 0);
  t.equal([...world.tip.state.rows(ROWS.coupon)].length, 2, 'ten points are two coupons; two payments earned nothing');
  world.block([world.pay(alice, world.invoice(till1, 1, 300n, 180n, 'tomorrow', 86_400))], 86_400_000);
  t.equal(card(), 1, 'a new day, a new limit');
  world.block([], 91 * 86_400_000);
  buy(world, 1, 'next term');
  t.equal(card(), 1, 'points die 90 days after the last one');
  t.end();
});

t.test('refund: to the payer, within what was paid, window and till cap; the point goes with it', (t) => {
  const world = rich();
  const pays = buy(world, 5, 'r');
  const [p0, p1, p2] = pays as [ParsedTx, ParsedTx, ParsedTx];
  t.equal(verdict(world, refundOf(world, p0, 301n)), 'exceeds_refundable');
  t.equal(verdict(world, refundOf(world, p0, 300n, bob)), 'wrong_signers');
  const unknown = world.tx(cafeteria, { case: 'refund', value: { tillNo: 1, ref: new Uint8Array(10), amountMl: 1n } });
  t.equal(verdict(world, unknown), 'unknown_invoice');
  const before = balanceOf(world.tip.state, alice.address);
  const block = world.block([refundOf(world, p0, 100n, till1)]);
  t.match(block.events[0]?.[0], { case: 'refunded', value: { sen: 60n } });
  t.equal(balanceOf(world.tip.state, alice.address), before + 100n);
  t.equal([...world.tip.state.rows(ROWS.coupon)][0]?.value.state, 1, 'a part refund above 200 mL keeps the point');
  world.block([refundOf(world, p0, 1n, till1)]);
  t.equal([...world.tip.state.rows(ROWS.coupon)][0]?.value.state, 3, 'below 200 mL the unspent coupon is cancelled');
  const card = (): number | undefined => world.tip.state.get(ROWS.card, toHex(cafeteria.address) + toHex(alice.address))?.points;
  t.equal(card(), 4, 'its other four points come back');
  world.block([refundOf(world, p1, 300n)]);
  t.equal(card(), 3, 'a moved point is found again');
  buy(world, 3, 'again');
  t.equal([...world.tip.state.rows(ROWS.coupon)].length, 2);
  world.block([refundOf(world, p2, 300n)]);
  t.equal(card(), 0, 'one point of the new card and four moved ones are a coupon again');
  const states = [...world.tip.state.rows(ROWS.coupon)].map((row) => row.value.state).sort((a, b) => a - b);
  t.same(states, [1, 3, 3], 'five points for five payments that stand');
  t.end();
});

t.test('refund: limits of time, till and merchant', (t) => {
  const world = rich();
  world.block([world.transfer(alice, bob.address, 1n)]);
  const big = world.parse(world.pay(alice, world.invoice(till1, 1, 30_000n, 18_000n, 'big')));
  world.block([big.bytes]);
  t.equal(verdict(world, refundOf(world, big, 20_000n, till1)), 'over_till_cap', 'the fee counts: a thousand refunds of 1 mL must not cost the merchant twice the limit');
  t.same(world.block([refundOf(world, big, 19_999n, till1)]).codes, [0]);
  t.equal(verdict(world, refundOf(world, big, 1n, till1)), 'over_till_cap');
  t.equal(verdict(world, refundOf(world, big, 1n, till1), 86_400_000 / 2), 'expired');
  t.equal(verdict(world, refundOf(world, big, 10_000n)), 'ok', 'the merchant may give the rest');
  const dear = (by: Key): Uint8Array => world.tx(by, { case: 'refund', value: { tillNo: 1, ref: (big.invoice as NonNullable<ParsedTx['invoice']>).ref, amountMl: 1n } }, { feeMl: 50_000n });
  t.equal(verdict(world, dear(till1)), 'over_till_cap', 'a till cannot burn the balance of its merchant as fees');
  t.equal(world.block([dear(till1)]).txs.length, 0, 'not even with a fault');
  t.equal(verdict(world, dear(cafeteria)), 'ok', 'the merchant may pay what he likes');
  setRow(world, ROWS.till, tillId(1), { status: stateRows.REVOKED });
  t.equal(verdict(world, refundOf(world, big, 1n, till1)), 'till_not_active');
  world.block([], 8 * 86_400_000);
  t.equal(verdict(world, refundOf(world, big, 1n)), 'refund_window_over');
  t.end();
});

t.test('redeem: plant and holder, available litres only', (t) => {
  const world = rich();
  const note = (batch: Uint8Array, amountMl: bigint, cosigners: readonly Key[] = [plant]): Uint8Array =>
    world.tx(cafeteria, { case: 'redeem', value: { batch, amountMl, noteHash: new Uint8Array(32) } }, {}, cosigners);
  const batch = world.batchKey();
  t.equal(verdict(world, note(batch, 1_000n)), 'ok');
  t.equal(verdict(world, note(batch, 1_000n, [])), 'wrong_signers');
  t.equal(verdict(world, note(new Uint8Array(32), 1_000n)), 'unknown_batch');
  t.equal(verdict(world, note(batch, 2_000_000n)), 'exceeds_available');
  t.equal(verdict(world, note(batch, 900_000n)), 'insufficient_balance');
  setRow(world, ROWS.batch, toHex(batch), { onHold: 1 });
  t.equal(verdict(world, note(batch, 1n)), 'batch_on_hold');
  setRow(world, ROWS.batch, toHex(batch), { onHold: 0 });
  world.block([world.openBatch({ lot: utf8('L2'), totalFrom: 1_000_000n, totalTo: 1_000_500n, claimMl: 500n })]);
  t.equal(verdict(world, note(world.batchKey('L2'), 1n)), 'batch_not_minted');
  world.block([], 10 * 86_400_000);
  t.equal(verdict(world, note(batch, 1n)), 'batch_expired');
  t.end();
});

t.test('openBatch: the meter is the nullifier', (t) => {
  const world = new World();
  const open = (over: Parameters<World['openBatch']>[0]): FaultCode | 'ok' => verdict(world, world.openBatch(over));
  t.equal(open({}), 'ok');
  t.equal(open({ lot: utf8('a/b') }), 'malformed');
  t.equal(open({ productionDate: 20_260_231 }), 'malformed');
  t.equal(open({ productionDate: 20_240_229 }), 'production_date_wrong', 'a date, but too long ago');
  t.equal(open({ totalFrom: 10n, totalTo: 10n }), 'malformed');
  const share = (key: Key) => ({ farm: key.address, weightMl: 1n });
  t.equal(open({ shares: [share(farmA), share(farmA)] }), 'shares_not_ascending');
  t.equal(open({ shares: [share(alice)] }), 'unknown_farm');
  t.equal(open({ claimMl: 1_000_001n }), 'claim_exceeds_meter');
  t.equal(open({ expiresAtMs: world.timeMs }), 'batch_expiry_wrong');
  t.equal(open({ expiresAtMs: world.timeMs + 40 * 86_400_000 }), 'batch_expiry_wrong');
  t.equal(open({ meter: new Uint8Array(16) }), 'unknown_meter');
  t.equal(open({ attempt: 2 }), 'batch_not_reopenable');
  t.equal(verdict(world, world.tx(alice, { case: 'openBatch', value: world.batchValue() })), 'unknown_plant');
  world.block([world.openBatch()]);
  t.equal(open({}), 'batch_not_reopenable', 'the same lot again');
  t.equal(open({ attempt: 2 }), 'ok', 'the next attempt of a waiting lot');
  t.equal(open({ attempt: 2, totalTo: 999_999n, claimMl: 1n }), 'batch_not_reopenable', 'with another interval');
  t.equal(open({ lot: utf8('LOT-2') }), 'meter_interval_used', 'the same litres under another lot');
  t.equal(open({ lot: utf8('LOT-2'), totalFrom: 999_999n, totalTo: 1_000_001n, claimMl: 1n }), 'meter_interval_used', 'one millilitre twice');
  for (let i = 0; i < 7; i++) world.block([world.openBatch({ lot: utf8(`N${i}`), totalFrom: 1_000_000n + BigInt(i), totalTo: 1_000_001n + BigInt(i), claimMl: 1n })]);
  t.equal(open({ lot: utf8('N8'), totalFrom: 2_000_000n, totalTo: 2_000_001n, claimMl: 1n }), 'too_many_open_batches');
  setRow(world, ROWS.plant, toHex(plant.address), { status: stateRows.SUSPENDED });
  t.equal(open({ attempt: 2 }), 'plant_not_active');
  t.end();
});

t.test('attest: one statement each, a mint at the quorum, revocation of a liar', (t) => {
  const world = new World({ ceilingMl: 1_500_000n, params: { supplyCapMl: 1_400_000n } });
  const batch = world.batchKey();
  const [o1, o2, o3, o4] = oracles as unknown as [Key, Key, Key, Key];
  const say = (over: Parameters<World['attest']>[3] = {}, volume = 1_000_000n, by: Key = o1): FaultCode | 'ok' => verdict(world, world.attest(by, batch, volume, over));
  t.equal(say(), 'unknown_batch');
  world.block([world.openBatch()]);
  t.equal(say(), 'ok');
  t.equal(say({ reject: 5 }), 'malformed', 'volume and reject');
  t.equal(say({}, 0n), 'malformed', 'neither');
  t.equal(say({}, 1_000_001n), 'volume_too_large');
  t.equal(say({ attempt: 2 }), 'attempt_not_open');
  t.equal(say({ profileHash: new Uint8Array(32) }), 'profile_mismatch');
  t.equal(say({}, 1_000_000n, alice), 'unknown_oracle');
  setRow(world, ROWS.batch, toHex(batch), { onHold: 1 });
  t.equal(say(), 'batch_on_hold');
  setRow(world, ROWS.batch, toHex(batch), { onHold: 0 });
  t.equal(verdict(world, world.attest(o1, batch, 1n), 500_000), 'ok');
  world.block([world.attest(o1, batch, 1_000_000n), world.attest(o2, batch, 1_000_000n)]);
  t.equal(say(), 'already_attested');
  t.equal(world.tip.state.get(ROWS.supply, '')?.supplyMl, 0n, 'two of four do not mint');
  world.block([world.attest(o3, batch, 1_000_000n)]);
  t.equal(world.tip.state.get(ROWS.supply, '')?.supplyMl, 1_000_000n);
  const late = world.block([world.attest(o4, batch, 1_000_000n)]);
  t.same(late.events[0]?.map((event) => event.case), ['attested'], 'the fourth is only recorded');
  const liar = world.block([world.attest(o4, batch, 999_999n)]);
  t.same(liar.events[0]?.map((event) => event.case), ['oracleRevoked']);
  t.equal(say({}, 1_000_000n, o4), 'unknown_oracle');

  world.block([world.openBatch({ lot: utf8('L2'), totalFrom: 1_000_000n, totalTo: 1_500_000n, claimMl: 500_000n })]);
  const second = world.batchKey('L2');
  world.block([world.attest(o1, second, 500_000n), world.attest(o2, second, 500_000n)]);
  t.equal(world.tip.state.get(ROWS.batch, toHex(second))?.state, 1, 'three oracles need two equal, but the cap holds the second back');
  t.equal(verdict(world, world.attest(o2, second, 500_000n)), 'ceiling_reached');
  t.end();
});

t.test('attest: a quorum of refusals rejects the attempt and the lot may be opened again', (t) => {
  const world = new World();
  const batch = world.batchKey();
  world.block([world.openBatch()]);
  const block = world.block(oracles.slice(0, 3).map((key, index) => world.attest(key, batch, 0n, { reject: 14 + index })));
  t.same(block.events[2]?.[1], { case: 'batchRejected', value: { batch, attempt: 1, rule: 14 } });
  t.equal(world.tip.state.get(ROWS.plant, toHex(plant.address))?.openBatches, 0);
  t.equal(verdict(world, world.attest(oracles[3] as Key, batch, 1n)), 'attempt_not_open');
  t.equal(verdict(world, world.openBatch({ attempt: 2 })), 'ok');
  world.block([world.openBatch({ attempt: 2 })]);
  t.equal(verdict(world, world.attest(oracles[0] as Key, batch, 1_000n, { attempt: 2 })), 'ok', 'each attempt has its own statements');
  t.equal(verdict(world, world.attest(oracles[0] as Key, batch, 1_000n, { attempt: 2 }), 9 * 86_400_000 + 1), 'expired');
  t.end();
});

t.test('what a plant owes is repaid by its next toll before anything else', (t) => {
  const world = rich();
  const row = world.tip.state.get(ROWS.plant, toHex(plant.address));
  const supply = world.tip.state.get(ROWS.supply, '');
  const batch = world.tip.state.get(ROWS.batch, toHex(world.batchKey()));
  if (row === undefined || supply === undefined || batch === undefined) throw new Error('the rich world has minted');
  // As a write-off of step 2 will leave it: 600 L of custody gone, 600 L owed.
  setRow(world, ROWS.batch, toHex(world.batchKey()), { availableMl: batch.availableMl - 600_000n, owedOutMl: 600_000n });
  setRow(world, ROWS.plant, toHex(plant.address), { owedMl: 600_000n, availableMl: row.availableMl - 600_000n });
  setRow(world, ROWS.supply, '', { owedMl: 600_000n });
  world.mint(1_000_000n, 'LOT-2', 1_000_000n);
  const after = world.tip.state.get(ROWS.plant, toHex(plant.address));
  t.equal(after?.owedMl, 600_000n - 533_300n, 'the whole toll went into it');
  t.equal(world.tip.state.get(ROWS.supply, '')?.supplyMl, supply.supplyMl + 1_000_000n - 533_300n);
  t.equal(after?.bondMl, row.bondMl);
  t.end();
});
