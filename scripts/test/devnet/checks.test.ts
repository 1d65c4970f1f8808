import t from 'tap';
import { parseSales } from '../../src/devnet/audit.ts';
import { checkAudit, checkCoupons, checkExport, checkMinted, checkOnce, checkReserve, checkTills, paidSen } from '../../src/devnet/checks.ts';
import { LoyaltyModel } from '../../src/devnet/loyaltyModel.ts';
import type { Purchase } from '../../src/devnet/messages.ts';
import { percentilesOf, Tally } from '../../src/devnet/tally.ts';

const DAY_MS = 86_400_000;

function purchase(no: number, over: Partial<Purchase> = {}): Purchase {
  return { student: no % 50, txHash: `tx${no}`, ref: `ref${no}`, tillNo: 1, sen: 180, amountMl: 300, coupon: null, height: 10, timeMs: 20_000 * DAY_MS, ...over };
}

const many = Array.from({ length: 300 }, (_, no) => purchase(no));
const ids = many.map(({ txHash }) => txHash);

t.test('the litres minted are those the custody meter recorded', (t) => {
  const lot = { day: 1, lot: 'D1', batchKey: '', cows: 24, dailyG: 1, milkedMl: 1_000, filledMl: 995, mintedMl: 995 };
  t.equal(checkMinted(lot, 995n).ok, true);
  t.equal(checkMinted(lot, 996n).ok, false);
  t.equal(checkMinted({ ...lot, mintedMl: 0 }, 0n).ok, false, 'a day without a litre is no day');
  t.end();
});

t.test('the reserve equation holds to the millilitre', (t) => {
  const sums = { mintedMl: 1_000n, redeemedMl: 250n, supplyMl: 750n, custodyMl: 750n, owedMl: 0n };
  t.equal(checkReserve(sums).ok, true);
  t.match(checkReserve(sums).detail, 'minted 1.000 − redeemed 0.250 = 0.750; supply 0.750, custody 0.750, gap 0.000 L');
  for (const key of ['mintedMl', 'redeemedMl', 'supplyMl', 'custodyMl', 'owedMl'] as const) t.equal(checkReserve({ ...sums, [key]: sums[key] + 1n }).ok, false, key);
  t.end();
});

t.test('every payment stands in the blocks exactly once', (t) => {
  t.equal(checkOnce(many, ids).ok, true);
  t.equal(checkOnce(many, ids.slice(1)).ok, false, 'one is missing');
  t.equal(checkOnce(many, [...ids, 'tx7']).ok, false, 'one is doubled');
  t.equal(checkOnce(many, [...ids, 'stranger']).ok, false, 'one is nobody’s');
  t.equal(checkOnce(many.slice(1), ids.slice(1)).ok, false, 'fewer than 300');
  t.end();
});

t.test('tills have verified every payment', (t) => {
  const refs = new Set(many.map(({ ref }) => ref));
  t.equal(checkTills(many, refs, 0).ok, true);
  t.equal(checkTills(many, refs, 1).ok, false);
  t.equal(checkTills(many, new Set(), 0).ok, false);
  t.end();
});

t.test('points: five make a coupon, a coupon earns none, ten a day', (t) => {
  const model = new LoyaltyModel();
  for (let no = 0; no < 5; no++) model.add(purchase(0));
  t.same(model.of(0), { points: 0, earned: 1, spent: 0 });
  model.add(purchase(0, { coupon: 'c1' }));
  model.add(purchase(0, { amountMl: 199 }));
  t.same(model.of(0), { points: 0, earned: 1, spent: 1 }, 'neither a coupon purchase nor a sip earns a point');
  for (let no = 0; no < 7; no++) model.add(purchase(0));
  t.same(model.of(0), { points: 0, earned: 2, spent: 1 }, 'ten points a day are two coupons');
  model.add(purchase(0, { timeMs: 20_001 * DAY_MS }));
  t.same(model.of(0), { points: 1, earned: 2, spent: 1 }, 'the next day goes on');
  model.add(purchase(1));
  t.same(model.totals(), { earned: 2, spent: 1 });
  t.same(model.of(9), { points: 0, earned: 0, spent: 0 });
  t.end();
});

t.test('coupons are compared student by student', (t) => {
  const cards = [{ points: 1, earned: 2, spent: 1 }, { points: 0, earned: 0, spent: 0 }];
  t.equal(checkCoupons(cards, cards).ok, true);
  t.equal(checkCoupons(cards, [...cards].reverse()).ok, false);
  t.equal(checkCoupons(cards, cards.slice(1)).ok, false);
  t.end();
});

t.test('the export sums to what the wallets paid', (t) => {
  const header = 'Transaction ID,Timestamp (UTC),Student ID (hashed),Amount (RM),Wallet address (masked),Block hash,Settlement status';
  const csv = [header, 'tx1,2026-01-01T00:00:00Z,aa,1.80,bill1x...yyyy,00,Final', 'tx2,2026-01-01T00:00:00Z,bb,0.00,bill1x...yyyy,00,Final', 'other,2026-01-01T00:00:00Z,,-1.80,bill1x...yyyy,00,Refunded', ''].join('\r\n');
  const rows = parseSales(csv);
  t.same(rows.map(({ sen }) => sen), [180, 0, -180]);
  const own = [purchase(1), purchase(2, { coupon: 'c' })];
  t.equal(checkExport(own, rows).ok, true);
  t.match(checkExport(own, rows).detail, '1 rows of others');
  t.equal(checkExport([...own, purchase(3)], rows).ok, false, 'a payment is missing');
  t.equal(checkExport(own, [...rows, ...rows.slice(0, 1)]).ok, false, 'a row stands twice');
  t.equal(checkExport([purchase(1), purchase(2)], rows).ok, false, 'an amount differs');
  t.equal(checkExport(own, rows.map((row) => ({ ...row, student: '' }))).ok, false, 'a student is missing');
  t.equal(paidSen(purchase(1, { amountMl: 400, coupon: 'c', sen: 240 })), 60, 'a coupon pays 300 mL of 400');
  t.end();
});

t.test('the tally joins what wallets sign and tills verify', (t) => {
  const tally = new Tally([purchase(0)]);
  t.equal(tally.times, undefined);
  tally.take({ kind: 'signed', ref: 'a', atMs: 1_000 });
  tally.take({ kind: 'purchase', purchase: purchase(0, { ref: 'a' }) });
  tally.take({ kind: 'paid', ref: 'a', atMs: 1_040 });
  tally.take({ kind: 'paid', ref: 'b', atMs: 1_050 });
  t.same(tally.times, { p50Ms: 40, p95Ms: 40 });
  t.same([...tally.paidRefs], ['a', 'b']);
  t.equal(tally.count, 1);
  t.equal(tally.loyalty.of(0).points, 2, 'earlier purchases count');
  tally.nextDay();
  t.equal(tally.purchases.length, 0);
  t.equal(tally.count, 1);
  t.same(percentilesOf([5, 1, 4, 2, 3]), { p50Ms: 3, p95Ms: 5 });
  t.end();
});

t.test('an export that differs from the blocks fails the audit, and says where first', (t) => {
  t.equal(checkAudit({ rows: 5, differences: [] }).ok, true);
  t.equal(checkAudit({ rows: 0, differences: [] }).ok, false, 'a day without sales proves nothing');
  t.match(checkAudit({ rows: 5, differences: ['Line 3: …', 'Line 4: …'] }), { ok: false, detail: '5 rows made again from the blocks, 2 differences: Line 3: …' });
  t.end();
});
