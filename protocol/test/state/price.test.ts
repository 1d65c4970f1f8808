/** The price in force and the litres an invoice may ask for at it. */
import t from 'tap';
import { bandAt, DAY_MS, dayId, dayOf, DEFAULT_PARAMS, FlatState, priceBands, priceInForce, ROWS, SINGLE } from '../../src/index.ts';
import { randomOf } from '../support/random.ts';
import { START_MS, World } from '../support/world.ts';

t.test('RM 1.80 at 600 sen a litre is 298 to 304 mL', (t) => {
  t.same(bandAt(180n, 600n, 100), { minMl: 298n, maxMl: 304n });
  t.same(bandAt(180n, 600n, 0), { minMl: 300n, maxMl: 300n }, 'without a band one amount is right');
  t.same(bandAt(1n, 1n, 10_000), { minMl: 500n, maxMl: 1_000n }, 'a price of nothing counts as one sen');
  t.end();
});

t.test('the band is that of the integer rules, and holds the exact litres', (t) => {
  const random = randomOf(34);
  for (let i = 0; i < 2_000; i++) {
    const [sen, price, bps] = [1 + random.below(100_000), 1 + random.below(2_000), random.below(1_001)];
    const pMin = Math.floor((price * (10_000 - bps)) / 10_000);
    const pMax = Math.ceil((price * (10_000 + bps)) / 10_000);
    const { minMl, maxMl } = bandAt(BigInt(sen), BigInt(price), bps);
    const exact = BigInt(Math.ceil((sen * 1_000) / price));
    if (minMl !== BigInt(Math.ceil((sen * 1_000) / pMax)) || maxMl !== BigInt(Math.ceil((sen * 1_000) / Math.max(1, pMin))) || exact < minMl || exact > maxMl) t.fail(`${sen} sen at ${price} ± ${bps}: ${minMl} to ${maxMl}`);
  }
  t.end();
});

t.test('a price holds until there is another; around midnight both days count', (t) => {
  const state = new FlatState();
  const price = (day: number, senPerBill: bigint) => ({ type: ROWS.price, id: dayId(day), value: { senPerBill, reports: [] } });
  state.apply([{ type: ROWS.params, id: SINGLE, value: DEFAULT_PARAMS }, price(10, 600n), price(11, 630n)]);
  const at = (timeMs: number, prevTimeMs: number) => ({ timeMs, prevTimeMs });
  t.equal(priceInForce(state, at(10 * DAY_MS, 10 * DAY_MS - 1)), 600n, 'from the first millisecond of its day');
  t.equal(priceInForce(state, at(11 * DAY_MS - 1, 10 * DAY_MS)), 600n, 'to the last');
  t.equal(priceInForce(state, at(11 * DAY_MS, 11 * DAY_MS - 1)), 630n);
  t.equal(priceInForce(state, at(20 * DAY_MS, 11 * DAY_MS)), 630n, 'the first block after a pause is under the price of the last one');
  t.throws(() => priceInForce(state, at(20 * DAY_MS, 19 * DAY_MS)), /price of the last block/);
  t.same(priceBands(state, at(11 * DAY_MS, 11 * DAY_MS - 1), 180n, 100), [bandAt(180n, 630n, 100), bandAt(180n, 600n, 100)]);
  t.same(priceBands(state, at(10 * DAY_MS, 10 * DAY_MS - 1), 180n, 100), [bandAt(180n, 600n, 100)], 'the day before is not known: the price in force alone');
  t.equal(dayOf(DAY_MS - 1), 0);
  t.equal(dayOf(DAY_MS), 1);
  t.end();
});

t.test('the first block of a day writes its price row', (t) => {
  const world = new World();
  const day = dayOf(START_MS);
  world.block([]);
  t.equal([...world.tip.state.rows(ROWS.price)].length, 1);
  const pricesOf = (block: { readonly changes: readonly { readonly type: { readonly name: string }; readonly id: string }[] }): readonly string[] => block.changes.filter(({ type }) => type.name === 'price').map(({ id }) => id);
  t.same(pricesOf(world.block([], 3 * DAY_MS)), [dayId(day + 3)]);
  t.equal(world.tip.state.get(ROWS.price, dayId(day + 3))?.senPerBill, 600n);
  t.same(pricesOf(world.block([])), [], 'later blocks of the day change nothing');
  t.end();
});
