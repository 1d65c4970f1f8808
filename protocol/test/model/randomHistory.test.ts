/** A thousand random transactions through applyBlock agree with the independent naive model, one by one and in every sum. */
import t, { type Test } from 'tap';
import { assertReserveWhole, balanceOf, compareBytes, poolsOf, ROWS, stateRows, supplyOf, toHex, txIdOf, utf8 } from '../../src/index.ts';
import { KEYS, keyOf, World, type Key } from '../support/world.ts';
import { randomOf, type Random } from '../support/random.ts';
import { NaiveLedger, type Outcome } from './naiveLedger.ts';

const students = Array.from({ length: 6 }, (_, index) => keyOf(`student ${index}`));
const people: Readonly<Record<string, Key>> = {
  plant: KEYS.plant, farmA: KEYS.farmA, farmB: KEYS.farmB, treasury: KEYS.treasury, cafeteria: KEYS.cafeteria, kiosk: KEYS.kiosk, ...Object.fromEntries(students.map((key, index) => [`s${index}`, key])),
};
const names = Object.keys(people);
const tills = [{ no: 1, key: KEYS.till1, merchant: 'cafeteria' }, { no: 2, key: KEYS.till2, merchant: 'cafeteria' }, { no: 3, key: KEYS.till3, merchant: 'kiosk' }] as const;
const farms = [{ name: 'farmA', key: KEYS.farmA }, { name: 'farmB', key: KEYS.farmB }].sort((a, b) => compareBytes(a.key.address, b.key.address));

interface Step { readonly bytes: Uint8Array; judge(now: number): Outcome }

class History {
  readonly world = new World();
  readonly model = new NaiveLedger();
  readonly random: Random;
  readonly sent: { till: (typeof tills)[number]; invoice: Uint8Array; ref: string; sen: number; ml: number; expiresAtMs: number }[] = [];
  readonly lots: { lot: string; from: number; to: number; claim: number; attempt: number; expires: number }[] = [];
  #meter = 0;
  #count = 0;

  constructor(seed: number) {
    this.random = randomOf(seed);
  }

  key(name: string): Key {
    return people[name] as Key;
  }

  step(): Step {
    const choice = this.random.below(100);
    if (choice < 8) return this.open();
    if (choice < 34) return this.attest();
    if (choice < 54) return this.transfer();
    if (choice < 84) return this.pay();
    if (choice < 92) return this.refund();
    return this.redeem();
  }

  transfer(): Step {
    const { world, model, random } = this;
    const from = random.pick(names);
    const to = random.pick(names);
    const most = model.balance(from);
    const ml = 1 + random.below(Math.max(2, random.below(4) === 0 ? most * 2 : Math.ceil(most / 3)));
    const fee = random.below(10) === 0 ? 0 : 1;
    const bytes = world.tx(this.key(from), { case: 'transfer', value: { to: this.key(to).address, amountMl: BigInt(ml) } }, { feeMl: BigInt(fee) });
    return { bytes, judge: () => model.transfer(from, to, ml, fee) };
  }

  pay(): Step {
    const { world, model, random } = this;
    const payer = random.pick(names.slice(-6).concat('cafeteria'));
    const again = this.sent.length > 0 && random.below(8) === 0;
    const till = random.pick(tills);
    const sen = again ? 0 : random.pick([60, 119, 120, 180, 250, 600, 1_800]);
    const ml = Math.ceil((sen * 1_000) / 600) + random.pick([0, 0, 0, 0, 0, 1, -2, 40, -40]);
    const life = random.pick([120, 120, 120, 120, -5, 100_000]);
    const expiresAtMs = (Math.floor(world.timeMs / 1_000) + life) * 1_000;
    const signer = random.below(15) === 0 ? KEYS.vet : till.key;
    const ref = `order ${this.#count++}`;
    const invoice = again ? undefined : world.invoice(signer, till.no, BigInt(ml), BigInt(sen), ref, life);
    const use = again ? random.pick(this.sent) : { till, invoice: invoice as Uint8Array, ref, sen, ml, expiresAtMs };
    const signatureOk = again || signer === till.key;
    if (signatureOk && !again) this.sent.push(use);
    const unspent = [...model.coupons].filter(([, coupon]) => random.below(3) === 0 || coupon.owner === payer).map(([id]) => id);
    const coupon = unspent.length > 0 && random.below(4) === 0 ? random.pick(unspent) : undefined;
    const bytes = world.pay(this.key(payer), use.invoice, coupon === undefined ? undefined : Uint8Array.from(Buffer.from(coupon, 'hex')));
    const id = toHex(world.txId(bytes));
    const pay = { payer, merchant: use.till.merchant, till: use.till.no, ref: use.ref, amountMl: use.ml, sen: use.sen, expiresAtMs: use.expiresAtMs, signatureOk, ...(coupon === undefined ? {} : { coupon }) };
    return { bytes, judge: (now) => model.pay(id, pay, now) };
  }

  refund(): Step {
    const { world, model, random } = this;
    if (this.sent.length === 0) return this.pay();
    const use = random.pick(this.sent);
    const key = `${use.till.no}/${use.ref}`;
    const own = model.payments.get(key)?.own ?? 100;
    const ml = Math.max(1, random.pick([own, own, 1 + random.below(own + 1), own + 50]));
    const byTill = random.below(2) === 0;
    const fee = random.below(10) === 0 ? 0 : 1;
    const value = { tillNo: use.till.no, ref: use.invoice.slice(14, 24), amountMl: BigInt(ml) };
    const bytes = world.tx(byTill ? use.till.key : this.key(use.till.merchant), { case: 'refund', value }, { feeMl: BigInt(fee) });
    const id = toHex(world.txId(bytes));
    return { bytes, judge: (now) => model.refund(id, key, ml, byTill, now, fee) };
  }

  open(): Step {
    const { world, model, random } = this;
    const reopen = this.lots.length > 0 && random.below(3) === 0 ? random.pick(this.lots) : undefined;
    const length = 10_000 + random.below(90_000);
    const from = random.below(8) === 0 ? Math.max(0, this.#meter - 500) : this.#meter;
    const known = model.batches.get(reopen?.lot ?? '');
    const lot = reopen === undefined
      ? { lot: `LOT-${this.lots.length + 1}-${this.#count++}`, from, to: from + length, claim: length + (random.below(8) === 0 ? 1 : -random.below(100)), attempt: 1, expires: world.timeMs + random.pick([4, 9]) * 86_400_000 }
      : { ...reopen, attempt: (known?.attempt ?? 0) + random.pick([1, 1, 2]), expires: world.timeMs + 9 * 86_400_000 };
    if (lot.attempt > 5) return this.transfer();
    if (reopen === undefined) this.lots.push(lot);
    const chosen = random.below(2) === 0 ? farms : farms.slice(0, 1);
    const weights = new Map(chosen.map((farm) => [farm.name, 1 + random.below(1_000)]));
    const shares = chosen.map((farm) => ({ farm: farm.key.address, weightMl: BigInt(weights.get(farm.name) ?? 0) }));
    const bytes = world.openBatch({ lot: utf8(lot.lot), totalFrom: BigInt(lot.from), totalTo: BigInt(lot.to), claimMl: BigInt(lot.claim), attempt: lot.attempt, expiresAtMs: lot.expires, shares });
    return {
      bytes,
      judge: (now) => {
        const outcome = model.open(lot.lot, { ...lot, farms: weights }, now);
        this.#meter = model.meter;
        return outcome;
      },
    };
  }

  attest(): Step {
    const { world, model, random } = this;
    if (this.lots.length === 0) return this.open();
    const lot = random.pick(this.lots.slice(-3));
    const index = random.below(4);
    const attempt = model.batches.get(lot.lot)?.attempt ?? 1;
    const kind = random.below(40);
    const reject = kind >= 34 ? 14 : 0;
    const volume = reject !== 0 ? 0 : kind === 0 ? lot.claim + 1 : kind === 1 ? lot.claim - 7 : lot.claim;
    const bytes = world.attest(KEYS.oracles[index] as Key, world.batchKey(lot.lot), BigInt(volume), { attempt, reject });
    const statement = reject === 0 ? `volume ${volume}` : 'reject 14';
    return { bytes, judge: () => model.attest(lot.lot, `oracle ${index}`, attempt, statement, volume) };
  }

  redeem(): Step {
    const { world, model, random } = this;
    if (this.lots.length === 0) return this.open();
    const lot = random.pick(this.lots);
    const holder = random.pick(['cafeteria', 'kiosk', 'plant', 'treasury']);
    const most = Math.min(model.balance(holder), model.batches.get(lot.lot)?.available ?? 0);
    const ml = random.below(5) === 0 ? most + 10 : 1 + random.below(Math.max(1, most));
    const fee = random.below(10) === 0 ? 0 : 1;
    const plantSigned = holder === 'plant' || random.below(8) !== 0;
    const value = { batch: world.batchKey(lot.lot), amountMl: BigInt(ml), noteHash: new Uint8Array(32) };
    const bytes = world.tx(this.key(holder), { case: 'redeem', value }, { feeMl: BigInt(fee) }, plantSigned && holder !== 'plant' ? [KEYS.plant] : []);
    return { bytes, judge: (now) => model.redeem(lot.lot, holder, ml, now, fee, plantSigned) };
  }
}

function compareAll(t: Test, { world, model }: History): void {
  const { state } = world.tip;
  for (const name of names) t.equal(balanceOf(state, (people[name] as Key).address), BigInt(model.balance(name)), `balance of ${name}`);
  t.equal(poolsOf(state).feesMl, BigInt(model.fees), 'fees');
  t.equal(supplyOf(state).supplyMl, BigInt(model.supply), 'supply');
  t.equal(state.get(ROWS.plant, toHex(KEYS.plant.address))?.bondMl, BigInt(model.bond), 'bond');
  for (const [lot, batch] of model.batches) {
    const row = state.get(ROWS.batch, toHex(world.batchKey(lot)));
    t.same([row?.availableMl, row?.redeemedMl, row?.issuedMl], [BigInt(batch.available), BigInt(batch.redeemed), BigInt(batch.issued)], `litres of ${lot}`);
    t.equal(row?.state, stateRows.BATCH[batch.state as keyof typeof stateRows.BATCH], `state of ${lot}`);
  }
  const states = { unspent: 1, spent: 2, cancelled: 3 };
  for (const [id, coupon] of model.coupons) t.equal(state.get(ROWS.coupon, id)?.state, states[coupon.state], 'coupon');
  for (const [key, card] of model.cards) {
    const [merchant = '', account = ''] = key.split('/').map((name) => toHex((people[name] as Key).address));
    t.equal(state.get(ROWS.card, merchant + account)?.points ?? 0, card.points, `points of ${key}`);
  }
  assertReserveWhole(state);
}


t.test('1,000 random transactions agree with the naive model', (t) => {
  const history = new History(20_261_121);
  const { world } = history;
  const counts = { out: 0, done: 0, fault: 0 };
  const kinds = new Set<string>();
  for (let sent = 0; sent < 1_000; ) {
    const steps: Step[] = [];
    const expected: Outcome[] = [];
    const now = world.timeMs + 1_000;
    for (let i = 0; i < 12; i++, sent++) {
      const one = history.step();
      steps.push(one);
      expected.push(one.judge(now));
    }
    const executed = world.block(steps.map((one) => one.bytes));
    const included = new Map(executed.txs.map((tx, index) => [tx.txHash, executed.codes[index] === 0 ? 'done' : 'fault']));
    for (const [index, one] of steps.entries()) {
      const parsed = world.parse(one.bytes);
      const actual = included.get(toHex(txIdOf(world.genesis.genesisHash, parsed.tx.body))) ?? 'out';
      t.equal(actual, expected[index], `${parsed.body.kind.case} ${sent}`);
      counts[expected[index] as Outcome] += 1;
      kinds.add(`${parsed.body.kind.case} ${actual}`);
    }
  }
  compareAll(t, history);
  t.ok(counts.done > 250 && counts.out > 100 && counts.fault > 20, `the run is varied: ${JSON.stringify(counts)}`);
  for (const kind of ['transfer', 'pay', 'refund', 'redeem', 'openBatch', 'attest']) t.ok(kinds.has(`${kind} done`), `${kind} was done`);
  t.ok(history.model.coupons.size > 0, 'coupons were made');
  t.end();
});
