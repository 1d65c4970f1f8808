/** Every number of the model against the rows of the implementation, by name. Rows that have died may be gone or not. */
import { stateRows, toHex, u32be, utf8, ROWS, type FlatState, type RowType } from '../../src/index.ts';
import { priceOfDay } from './naivePrice.ts';
import { litresOf } from './naiveMint.ts';
import { DAY, dayOf, type NaiveState } from './naiveState.ts';

type Differences = string[];
const HISTORY = 400 * DAY;
const till = (no: number): string => toHex(u32be(no));

function show(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? `${inner}` : inner instanceof Uint8Array ? toHex(inner) : inner));
}

function same(found: Differences, what: string, actual: unknown, expected: unknown): void {
  if (show(actual) !== show(expected)) found.push(`${what}: state ${show(actual)}, model ${show(expected)}`);
}

/** Compares one row unless it is dead and deleted. */
function row<V>(found: Differences, state: FlatState, type: RowType<V>, id: string, alive: boolean, wanted: (row: V) => readonly [unknown, unknown]): void {
  const value = state.get(type, id);
  if (value === undefined) {
    if (alive) found.push(`${type.name} ${id} is missing`);
    return;
  }
  const [actual, expected] = wanted(value);
  same(found, `${type.name} ${id}`, actual, expected);
}

function compareMoney(found: Differences, model: NaiveState, state: FlatState): void {
  for (const [account, ml] of model.balances) same(found, `balance of ${account}`, state.get(ROWS.account, account)?.balanceMl ?? 0n, ml);
  for (const [account, policy] of model.policies) same(found, `policy of ${account}`, state.get(ROWS.account, account)?.policy, Uint8Array.from(Buffer.from(policy, 'hex')));
  const pools = state.get(ROWS.pools, '');
  same(found, 'pools', [pools?.feesMl, pools?.insuranceMl], [model.fees, model.insurance]);
  const owed = [...model.plants.values()].reduce((sum, plant) => sum + plant.owed, 0n);
  const supply = state.get(ROWS.supply, '');
  same(found, 'supply and owed', [supply?.supplyMl, supply?.owedMl], [model.supply, owed]);
}

function compareLoyalty(found: Differences, model: NaiveState, state: FlatState, now: number): void {
  const states = { unspent: 1, spent: 2, cancelled: 3 };
  for (const [key, card] of model.cards) {
    const points = now > card.until ? 0 : card.points;
    const value = state.get(ROWS.card, key);
    same(found, `points of card ${key}`, value === undefined || now > value.untilMs ? 0 : value.points, points);
    if (points > 0) same(found, `name of card ${key}`, value?.cardId, Uint8Array.from(Buffer.from(card.id ?? '', 'hex')));
  }
  for (const [id, coupon] of model.coupons) {
    row(found, state, ROWS.coupon, id, now <= coupon.expires, (value) => [
      [toHex(value.owner), toHex(value.merchant), value.couponMl, value.expiresAtMs, value.state, value.movedTo === undefined ? undefined : toHex(value.movedTo)],
      [coupon.owner, coupon.merchant, coupon.ml, coupon.expires, states[coupon.state], coupon.movedTo],
    ]);
  }
  for (const [key, record] of model.records) {
    const [no = '', ref = ''] = key.split('/');
    row(found, state, ROWS.invoice, till(Number(no)) + ref, now <= record.expiresAt + 7 * DAY, (value) => [
      [value.state, toHex(value.txId), toHex(value.payer ?? utf8('')), toHex(value.merchant), value.amountMl, value.ownMl, value.sen, value.refundedMl, value.cardId === undefined ? undefined : toHex(value.cardId), value.expiresAtMs],
      [record.state === 'paid' ? 1 : 2, record.txId, record.payer ?? '', record.merchant, record.amount, record.own, record.sen, record.refunded, record.card, record.expiresAt],
    ]);
  }
}

function compareMilk(found: Differences, model: NaiveState, state: FlatState, now: number): void {
  for (const [key, batch] of model.batches) {
    const lives = ['open', 'minted'].includes(batch.state) || now <= batch.expires + HISTORY;
    row(found, state, ROWS.batch, key, lives, (value) => [
      [value.state, value.attempt, value.onHold, value.issuedMl, value.availableMl, value.heldMl, value.redeemedMl, value.owedOutMl, value.expiresAtMs],
      [stateRows.BATCH[batch.state], batch.attempt, batch.onHold ? 1 : 0, batch.issued, batch.available, batch.held, batch.redeemed, batch.owedOut, batch.expires],
    ]);
  }
  for (const [key, ml] of model.notes) {
    const batch = model.batches.get(key.slice(0, 64));
    row(found, state, ROWS.note, key, now <= (batch?.expires ?? 0) + HISTORY, (value) => [value.amountMl, ml]);
  }
  for (const [key, plant] of model.plants) {
    const open = [...model.batches.values()].filter((batch) => batch.plant === key && batch.state === 'open').length;
    row(found, state, ROWS.plant, key, true, (value) => [
      [value.status, value.ceilingMl, value.bondMl, value.owedMl, value.availableMl, value.heldMl, value.openBatches],
      [plant.status, plant.ceiling, plant.bond, plant.owed, litresOf(model, key, 'available'), litresOf(model, key, 'held'), open],
    ]);
  }
  for (const [key, oracle] of model.oracles) same(found, `oracle ${key}`, state.get(ROWS.oracle, key)?.status, oracle);
}

function compareRegistries(found: Differences, model: NaiveState, state: FlatState): void {
  for (const [key, status] of model.merchants) same(found, `merchant ${key}`, state.get(ROWS.merchant, key)?.status, status);
  for (const [key, status] of model.farms) same(found, `farm ${key}`, state.get(ROWS.farm, key)?.status, status);
  for (const [no, one] of model.tills) {
    row(found, state, ROWS.till, till(no), true, (value) => [[toHex(value.merchant), toHex(value.publicKey), value.status, value.day, value.refundedMl], [one.merchant, one.key, one.status, one.day, one.used]]);
  }
  for (const [key, device] of model.devices) row(found, state, ROWS.device, key, true, (value) => [[value.status, value.untilMs], [device.status, device.until]]);
  for (const [key, meter] of model.meters) row(found, state, ROWS.meter, key, true, (value) => [[toHex(value.plant), value.opened], [meter.plant, meter.opened]]);
}

/** Supply in its two sums, by the model alone: it must not be wrong in the same way as the implementation. */
function checkReserve(found: Differences, model: NaiveState): void {
  const sum = (values: Iterable<bigint>): bigint => [...values].reduce((total, ml) => total + ml, 0n);
  const plants = [...model.plants.values()];
  const money = sum(model.balances.values()) + sum(plants.map((plant) => plant.bond)) + model.fees + model.insurance;
  const litres = sum([...model.batches.values()].map((batch) => batch.available + batch.held)) + sum(plants.map((plant) => plant.owed));
  same(found, 'reserve equation of the model', [money, litres], [model.supply, model.supply]);
  for (const [key, batch] of model.batches) same(found, `litres issued of batch ${key}`, batch.issued, batch.available + batch.held + batch.redeemed + batch.owedOut);
  for (const [account, ml] of model.balances) if (ml < 0n) found.push(`balance of ${account} is ${ml}`);
}

/** All differences between model and state after a block of this time; none is what must be. */
export function differences(model: NaiveState, state: FlatState, now: number): readonly string[] {
  const found: Differences = [];
  compareMoney(found, model, state);
  compareLoyalty(found, model, state, now);
  compareMilk(found, model, state, now);
  compareRegistries(found, model, state);
  same(found, 'price of today', state.get(ROWS.price, till(dayOf(now)))?.senPerBill, priceOfDay(model, dayOf(now)));
  for (const [id, validUntil] of model.done) if (now <= validUntil && state.get(ROWS.done, id) === undefined) found.push(`transaction ${id} has no replay record`);
  checkReserve(found, model);
  return found;
}
