/** Attacks with the largest numbers that the wire carries: 2^53 − 1 anywhere neither wraps, nor rounds, nor crashes a node. */
import t from 'tap';
import { AMOUNT_MAX, assertReserveWhole, balanceOf, compareBytes, parseTx, priceInForce, ROWS, spendOf, splitByWeight, supplyOf, toHex, utf8 } from '../../src/index.ts';
import { alice, bob, buy, rich, verdict } from '../support/cases.ts';
import { KEYS, keyOf, METER, PROFILE_HASH, World } from '../support/world.ts';

const MAX = AMOUNT_MAX;
const DAY = 86_400_000;

t.test('the largest amount and fee of every kind that moves money', (t) => {
  const world = rich();
  const ref = world.parse(buy(world, 1, 'max')[0]?.bytes ?? utf8('')).invoice?.ref ?? new Uint8Array(10);
  const batch = world.batchKey();
  const kinds = [
    [alice, { case: 'transfer', value: { to: bob.address, amountMl: MAX } }], [KEYS.cafeteria, { case: 'refund', value: { tillNo: 1, ref, amountMl: MAX } }],
    [KEYS.plant, { case: 'redeem', value: { batch, amountMl: MAX, noteHash: new Uint8Array(32) } }], [KEYS.plant, { case: 'bondDeposit', value: { amountMl: MAX } }], [KEYS.plant, { case: 'bondWithdraw', value: { amountMl: MAX } }],
  ] as const;
  const state = new Map([...world.tip.state.rows(ROWS.account)].map(({ id, value }) => [id, value.balanceMl]));
  for (const [signer, kind] of kinds) {
    const big = world.tx(signer, kind);
    t.same(world.block([big]).codes.map((code) => code > 0), [true], `${kind.case} of 2^53 − 1 is a fault`);
    const greedy = world.tx(signer, kind, { feeMl: MAX });
    t.match(verdict(world, greedy), /insufficient_balance|over_till_cap/);
    const parsed = parseTx(world.chain, greedy);
    if (parsed.ok) t.ok(spendOf(world.tip.state, parsed.value).amountMl >= MAX, 'what the pool sets aside is the true sum');
    t.same(world.block([greedy]).codes, [], `${kind.case} with such a fee stands in no block`);
  }
  for (const { id, value } of world.tip.state.rows(ROWS.account)) t.ok(value.balanceMl <= (state.get(id) ?? 0n), 'nobody is richer');
  assertReserveWhole(world.tip.state);
  t.end();
});

t.test('a lot with the largest meter totals, claim and weights', (t) => {
  const world = rich();
  const farms = [KEYS.farmA, KEYS.farmB].sort((a, b) => compareBytes(a.address, b.address));
  const shares = farms.map((farm) => ({ farm: farm.address, weightMl: MAX }));
  t.same(world.block([world.openBatch({ lot: utf8('MAX'), totalFrom: 1_000_000n, totalTo: MAX, claimMl: MAX - 1_000_000n, shares })]).codes, [0]);
  const batch = world.batchKey('MAX');
  const says = (volumeMl: bigint): readonly Uint8Array[] => KEYS.oracles.map((oracle) => world.attest(oracle, batch, volumeMl));
  t.same(says(MAX).map((tx) => verdict(world, tx)), ['volume_too_large', 'volume_too_large', 'volume_too_large', 'volume_too_large']);
  t.same(world.block(says(MAX - 1_000_000n)).codes, [0, 0], 'at the quorum the ceiling holds: two statements, no mint');
  t.equal(supplyOf(world.tip.state).supplyMl, 1_000_000n);
  t.equal(verdict(world, world.openBatch({ lot: utf8('MORE'), totalFrom: MAX, totalTo: MAX, claimMl: 1n })), 'malformed', 'after it the meter is used up');
  t.equal(verdict(world, world.openBatch({ lot: utf8('MORE'), totalFrom: MAX - 1n, totalTo: MAX, claimMl: 1n })), 'meter_interval_used');
  assertReserveWhole(world.tip.state);
  t.end();
});

t.test('64 farms of the largest weight share to the millilitre', (t) => {
  const shares = Array.from({ length: 64 }, (_, index) => ({ farm: keyOf(`farm ${index}`).address, weightMl: MAX - BigInt(index % 2) })).sort((a, b) => compareBytes(a.farm, b.farm));
  for (const totalMl of [1n, 63n, 64n, MAX]) {
    const parts = splitByWeight(totalMl, shares);
    t.equal(parts.reduce((sum, part) => sum + part.weightMl, 0n), totalMl);
    t.ok(parts.every((part) => part.weightMl <= totalMl / 64n + 1n && part.weightMl >= 0n));
  }
  t.end();
});

t.test('the supply cap is a cap on the sum, whatever the parts', (t) => {
  const world = new World({ params: { supplyCapMl: 1_000_000n } });
  world.mint(400_000n, 'A');
  world.mint(400_000n, 'B', 400_000n);
  const batch = world.batchKey('C');
  t.same(world.block([world.openBatch({ lot: utf8('C'), totalFrom: 800_000n, totalTo: MAX, claimMl: MAX - 800_000n })]).codes, [0]);
  const says = (volumeMl: bigint): readonly Uint8Array[] => KEYS.oracles.slice(0, 3).map((oracle) => world.attest(oracle, batch, volumeMl));
  t.same(world.block(says(200_001n)).codes, [0, 0], 'a millilitre too many: the third statement must wait');
  t.equal(supplyOf(world.tip.state).supplyMl, 800_000n);
  // What is delivered makes room; the same statement is taken then.
  t.same(world.block([world.tx(KEYS.plant, { case: 'redeem', value: { batch: world.batchKey('A'), amountMl: 1n, noteHash: new Uint8Array(32) } })]).codes, [0]);
  t.same(world.block(says(200_001n).slice(2)).codes, [0]);
  t.equal(supplyOf(world.tip.state).supplyMl, 1_000_000n);
  t.end();
});

t.test('a price of 2^53 − 1 sen moves the price by one step', (t) => {
  const world = rich();
  const report = (senPerBill: bigint): readonly Uint8Array[] => KEYS.reporters.map((key) => world.tx(key, { case: 'reportPrice', value: { senPerBill } }));
  t.equal(world.block(report(MAX)).codes.length, 4);
  world.block([], DAY);
  t.equal(priceInForce(world.tip.state, { timeMs: world.timeMs, prevTimeMs: world.timeMs }), 630n);
  t.equal(world.block(report(1n)).codes.length, 4);
  world.block([], DAY);
  t.equal(priceInForce(world.tip.state, { timeMs: world.timeMs, prevTimeMs: world.timeMs }), 599n, 'five per cent down, rounded towards the old price');
  t.end();
});

t.test('an invoice of the largest numbers of its 92 bytes', (t) => {
  const world = rich();
  t.equal(verdict(world, world.pay(alice, world.invoice(KEYS.till1, 1, 0xffff_ffffn, 0xff_ffffn, 'max'))), 'amount_too_large');
  t.match(verdict(world, world.pay(alice, world.invoice(KEYS.till1, 0xffff_ffff, 300n, 180n, 'till'))), 'unknown_till');
  t.match(verdict(world, world.pay(alice, world.invoice(KEYS.till1, 1, 100_000n, 0xff_ffffn, 'sen'))), 'price_out_of_band');
  t.end();
});

t.test('a plant, meter and device with the largest terms', (t) => {
  const world = rich();
  const plant = { account: KEYS.plant.address, name: 'Plant', status: 1, ceilingMl: MAX, tollBps: 10_000, bondBps: 10_000, profileHash: PROFILE_HASH };
  t.same(world.block([world.tx(KEYS.regulator, { case: 'registerPlant', value: plant })]).codes, [0]);
  world.mint(10_000n, 'TOLL', 1_000_000n);
  t.equal(balanceOf(world.tip.state, KEYS.farmB.address), 0n, 'a toll of all leaves the farms nothing');
  t.same(world.block([world.tx(KEYS.regulator, { case: 'registerMeter', value: { meter: METER, plant: KEYS.plant.address, total: MAX } })]).codes, [0]);
  t.equal(world.tip.state.get(ROWS.meter, toHex(METER))?.opened, MAX);
  t.equal(verdict(world, world.openBatch({ lot: utf8('END'), totalFrom: MAX - 1n, totalTo: MAX, claimMl: 1n })), 'meter_interval_used');
  assertReserveWhole(world.tip.state);
  t.end();
});
