/** Litres and ringgit: exact integers in, exact decimals out, nothing else accepted. */
import t from 'tap';
import { AMOUNT_MAX, formatLitres, formatRinggit, mlToSen, mulDiv, parseLitres, parseRinggit, senToMl } from '../../src/index.ts';
import { randomOf } from '../support/random.ts';

t.test('mulDiv rounds as it is told, on the whole quotient', (t) => {
  for (const [a, b, divisor, floor, ceil, halfUp] of [
    [0n, 5n, 3n, 0n, 0n, 0n], [7n, 1n, 7n, 1n, 1n, 1n], [1n, 1n, 3n, 0n, 1n, 0n], [2n, 1n, 3n, 0n, 1n, 1n], [1n, 1n, 2n, 0n, 1n, 1n], [3n, 1n, 2n, 1n, 2n, 2n], [5n, 1n, 2n, 2n, 3n, 3n],
    [AMOUNT_MAX, AMOUNT_MAX, 1n, AMOUNT_MAX ** 2n, AMOUNT_MAX ** 2n, AMOUNT_MAX ** 2n],
  ] as const) t.same([mulDiv(a, b, divisor, 'floor'), mulDiv(a, b, divisor, 'ceil'), mulDiv(a, b, divisor, 'halfUp')], [floor, ceil, halfUp], `${a} · ${b} / ${divisor}`);
  const random = randomOf(31);
  for (let i = 0; i < 2_000; i++) {
    const [a, b, divisor] = [BigInt(random.below(2 ** 31)), BigInt(random.below(2 ** 20)), BigInt(1 + random.below(1_000))];
    const rest = (a * b) % divisor;
    const whole = (a * b - rest) / divisor;
    const up = rest === 0n ? whole : whole + 1n;
    if (mulDiv(a, b, divisor, 'floor') !== whole || mulDiv(a, b, divisor, 'ceil') !== up || mulDiv(a, b, divisor, 'halfUp') !== (2n * rest >= divisor ? whole + 1n : whole)) t.fail(`${a} ${b} ${divisor}`);
  }
  for (const [a, b, divisor] of [[-1n, 1n, 1n], [1n, -1n, 1n], [1n, 1n, 0n], [1n, 1n, -1n]] as const) t.throws(() => mulDiv(a, b, divisor, 'floor'), /non-negative/);
  t.end();
});

t.test('litres and sen at a price', (t) => {
  t.equal(senToMl(180n, 600n), 300n, 'RM 1.80 at RM 6.00 a litre');
  t.equal(senToMl(1n, 600n), 2n, 'rounded up: the merchant is never short');
  t.equal(mlToSen(300n, 600n), 180n);
  t.equal(mlToSen(1n, 500n), 1n, 'half a sen up');
  t.equal(mlToSen(1n, 499n), 0n);
  t.end();
});

t.test('only plain decimals with at most three places are litres', (t) => {
  for (const [text, expected] of [['0', 0n], ['1', 1_000n], ['0.3', 300n], ['0.30', 300n], ['0.300', 300n], ['1.8', 1_800n], ['01.8', 1_800n], ['9007199254740.991', AMOUNT_MAX]] as const) t.equal(parseLitres(text), expected, text);
  for (const text of [
    '', ' ', '.', '.5', '1.', '1.8000', '1e3', '1E3', '1,80', '1.８０', '１.80', '-0', '-1', '+1', ' 1', '1 ', '1\n', '1_000', '0x10', 'NaN', 'Infinity', '1.2.3', '٣', '½', '1.8L', '9007199254740.992', '99999999999999', '1'.repeat(100),
  ]) t.equal(parseLitres(text), undefined, JSON.stringify(text));
  t.end();
});

t.test('only plain decimals with at most two places are ringgit', (t) => {
  for (const [text, expected] of [['0', 0n], ['1.8', 180n], ['1.80', 180n], ['9999999999.99', 999_999_999_999n]] as const) t.equal(parseRinggit(text), expected, text);
  for (const text of ['', '1.800', '1.', '.8', '1,80', '-0', '-1.80', '1e2', 'RM1.80', '1.８０', '12345678901']) t.equal(parseRinggit(text), undefined, JSON.stringify(text));
  t.end();
});

t.test('amounts are shown with all their places, and read back', (t) => {
  t.equal(formatLitres(0n), '0.000');
  t.equal(formatLitres(1n), '0.001');
  t.equal(formatLitres(AMOUNT_MAX), '9007199254740.991');
  t.equal(formatRinggit(180n), '1.80');
  t.equal(formatRinggit(-5n), '-0.05', 'a refund may be shown as negative');
  t.equal(formatLitres(-1_500n), '-1.500');
  const random = randomOf(32);
  for (let i = 0; i < 500; i++) {
    const amountMl = BigInt(random.below(2 ** 32)) * BigInt(random.below(2 ** 20));
    t.equal(parseLitres(formatLitres(amountMl)), amountMl);
    const sen = BigInt(random.below(2 ** 32));
    if (parseRinggit(formatRinggit(sen)) !== sen) t.fail(`${sen}`);
  }
  t.end();
});
