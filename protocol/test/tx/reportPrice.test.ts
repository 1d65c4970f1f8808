/** ReportPrice: the median of a day is the price of the next, within ±5 %; and anchors of logs. */
import t from 'tap';
import { DAY_MS, dayId, dayOf, priceAfter, priceInForce, ROWS, stateRows, toHex, utf8 } from '../../src/index.ts';
import { alice, rich, setRow, verdict } from '../support/cases.ts';
import { KEYS, World, type Key } from '../support/world.ts';

const { reporters, till1, regulator, campus, treasury } = KEYS;
const [r1, r2, r3, r4] = reporters as unknown as [Key, Key, Key, Key];
const report = (world: World, by: Key, senPerBill: bigint): Uint8Array => world.tx(by, { case: 'reportPrice', value: { senPerBill } });
const rowOf = (world: World) => world.tip.state.get(ROWS.price, dayId(dayOf(world.timeMs)));
const inForce = (world: World, afterMs = 1_000): bigint => priceInForce(world.tip.state, { timeMs: world.timeMs + afterMs, prevTimeMs: world.timeMs });

t.test('three reports make the price of the next day; the last report of each counts', (t) => {
  const world = new World();
  const block = world.block([report(world, r1, 500n), report(world, r2, 610n)]);
  t.same(block.events[0], [{ case: 'priceReported', value: { reporter: r1.address, senPerBill: 500n } }]);
  t.equal(inForce(world, DAY_MS), 600n, 'two are not enough');
  world.block([report(world, r3, 620n), report(world, r1, 605n)]);
  t.equal(rowOf(world)?.reports.length, 3);
  t.equal(rowOf(world)?.senPerBill, 600n, 'nothing moves today');
  const addresses = rowOf(world)?.reports.map((one) => toHex(one.reporter));
  t.same(addresses, [...(addresses ?? [])].sort(), 'ascending by reporter: the order of arrival leaves no trace');
  t.equal(inForce(world, DAY_MS), 610n);
  world.block([], DAY_MS);
  t.same(rowOf(world), { senPerBill: 610n, reports: [] });
  world.block([], 3 * DAY_MS);
  t.equal(rowOf(world)?.senPerBill, 610n, 'without reports the last price stays');
  t.end();
});

t.test('the first block of a day pays and reports under the new price already', (t) => {
  const world = rich();
  world.block([r1, r2, r3].map((by) => report(world, by, 630n)));
  const ask = (sen: bigint, label: string) => world.invoice(till1, 1, 1_000n, sen, label, 86_400);
  const [old, fresh, dear] = [world.pay(alice, ask(600n, 'old')), world.pay(alice, ask(630n, 'new')), world.pay(alice, ask(640n, 'dear'))];
  t.equal(verdict(world, fresh), 'price_out_of_band');
  world.block([], DAY_MS - 1_000);
  const tomorrow = world.tip.timeMs;
  t.ok(dayOf(tomorrow) > dayOf(world.genesis.spec.timeMs));
  t.equal(inForce(world), 630n);
  t.equal(verdict(world, fresh), 'ok');
  t.equal(verdict(world, old), 'ok', 'the price of the day before holds until the end of the next');
  t.equal(verdict(world, dear), 'price_out_of_band');
  t.end();
});

t.test('a report in the first block of a day stands in the row of that day', (t) => {
  const world = new World();
  world.block([r1, r2, r3].map((by) => report(world, by, 612n)));
  const late = world.tx(r1, { case: 'reportPrice', value: { senPerBill: 700n } }, { validUntilMs: world.timeMs + 3_600_000 });
  const untilMidnight = DAY_MS - (world.timeMs % DAY_MS);
  world.block([], untilMidnight - 1_000);
  const first = world.block([late], 2_000);
  t.equal(first.txs.length, untilMidnight < 3_600_000 ? 1 : 0);
  const fresh = report(world, r1, 700n);
  world.block([], DAY_MS - 1_000);
  t.equal(world.block([fresh], 1_000).txs.length, 0, 'its time ran out');
  world.block([report(world, r1, 700n)]);
  t.same(rowOf(world), { senPerBill: 612n, reports: [{ reporter: r1.address, senPerBill: 700n }] });
  t.end();
});

t.test('lower median, clamped to the step of the parameter', (t) => {
  const row = (price: bigint, ...reports: bigint[]) => ({ senPerBill: price, reports: reports.map((senPerBill, index) => ({ reporter: new Uint8Array(20).fill(index), senPerBill })) });
  t.equal(priceAfter(row(600n, 601n, 602n), 500), 600n, 'two reports');
  t.equal(priceAfter(row(600n, 603n, 601n, 602n), 500), 602n);
  t.equal(priceAfter(row(600n, 604n, 603n, 601n, 602n), 500), 602n, 'the lower one of two in the middle');
  t.equal(priceAfter(row(600n, 9n, 629n, 9_000n), 500), 629n, 'one liar on each side moves nothing');
  t.equal(priceAfter(row(600n, 700n, 700n, 700n), 500), 630n);
  t.equal(priceAfter(row(600n, 1n, 1n, 1n), 500), 570n);
  t.equal(priceAfter(row(601n, 700n, 700n, 700n), 500), 631n, 'the step is rounded down: 30.05 sen');
  t.equal(priceAfter(row(600n, 700n, 700n, 700n), 0), 600n, 'a step of nothing');
  t.equal(priceAfter(row(20n, 700n, 700n, 700n), 500), 21n);
  t.equal(priceAfter(row(19n, 700n, 700n, 700n), 500), 20n, 'a step is a sen at least: low prices move too');
  t.equal(priceAfter(row(19n, 1n, 1n, 1n), 500), 18n);
  t.equal(priceAfter(row(2n, 1n, 1n, 1n), 1), 1n);
  t.equal(priceAfter(row(1n, 1n, 1n, 1n), 1), 1n, 'and never to nothing: no report says less');
  t.equal(priceAfter(row(1n, 700n, 700n, 700n), 0), 1n, 'a step of nothing');
  t.equal(priceAfter(row(1n, 1n, 1n, 9_007_199_254_740_991n, 9_007_199_254_740_991n), 2_000), 1n);
  t.end();
});

t.test('only reporters in force report', (t) => {
  const world = new World();
  t.equal(verdict(world, report(world, r4, 600n)), 'ok');
  for (const by of [alice, regulator, campus, treasury, KEYS.plant, KEYS.oracles[0] as Key]) t.equal(verdict(world, report(world, by, 600n)), 'unknown_reporter');
  setRow(world, ROWS.reporter, toHex(r4.address), { status: stateRows.SUSPENDED });
  t.equal(verdict(world, report(world, r4, 600n)), 'unknown_reporter');
  t.end();
});

t.test('an anchor is an event of a role and leaves no row of its own', (t) => {
  const world = new World();
  const anchor = (by: Key, topic = 'audit'): Uint8Array => world.tx(by, { case: 'anchor', value: { topic, hash: new Uint8Array(32).fill(5) } });
  const block = world.block([regulator, campus, treasury].map((by) => anchor(by)));
  t.same(block.events[1], [{ case: 'anchored', value: { by: campus.address, topic: 'audit', hash: new Uint8Array(32).fill(5) } }]);
  t.same(new Set(block.changes.map((change) => change.type.name)), new Set(['done']), 'only the replay records');
  for (const by of [alice, KEYS.plant, KEYS.cafeteria, r1]) t.equal(verdict(world, anchor(by)), 'wrong_signers');
  t.throws(() => anchor(regulator, ''), 'a topic has a name');
  t.equal(utf8('audit').length, 5);
  t.end();
});
