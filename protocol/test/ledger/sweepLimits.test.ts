/**
 * Rules look at times and never at whether a dead row is still there: one long history, with the sweep at three limits,
 * gives the same answer to every transaction, the same events, and the same living rows.
 */
import t from 'tap';
import { ROWS, toHex, utf8, type FlatState, type RowType } from '../../src/index.ts';
import { endBlock } from '../../src/ledger/endBlock.ts';
import { BlockDraft } from '../../src/ledger/executeBlock.ts';
import { assertReserveMoved } from '../../src/ledger/invariants.ts';
import { KEYS, keyOf, World, type Key } from '../support/world.ts';
import { randomOf, type Random } from '../support/random.ts';

const { plant, farmA, treasury, cafeteria, regulator, till1, oracles } = KEYS;
const DAY = 86_400_000;
const students: readonly Key[] = [keyOf('student 1'), keyOf('student 2')];
const people: readonly Key[] = [...students, farmA, treasury, cafeteria];

/** Draws transactions from the seed and the times alone, so that every run of a seed offers the same bytes. */
class Script {
  readonly world = new World();
  readonly random: Random;
  readonly #invoices: { bytes: Uint8Array; txId: Uint8Array | undefined }[] = [];
  readonly #lots: { lot: string; from: bigint; date: number; expiresAtMs: number }[] = [];
  readonly #sent: Uint8Array[] = [];
  #meter = 0n;

  constructor(seed: number) {
    this.random = randomOf(seed);
  }

  #date(): number {
    return Number(new Date(this.world.timeMs).toISOString().slice(0, 10).replaceAll('-', ''));
  }

  /** A lot and the statements that mint it, in one block. */
  #lot(): readonly Uint8Array[] {
    const { world, random } = this;
    const lot = { lot: `L${this.#lots.length}`, from: this.#meter, date: this.#date(), expiresAtMs: world.timeMs + (2 + random.below(20)) * DAY };
    this.#meter += 100_000n;
    this.#lots.push(lot);
    const batch = world.batchKey(lot.lot, lot.date);
    return [this.#open(lot, 1), ...oracles.slice(0, random.pick([1, 3, 3])).map((oracle) => world.attest(oracle, batch, 100_000n))];
  }

  #open({ lot, from, date, expiresAtMs }: { lot: string; from: bigint; date: number; expiresAtMs: number }, attempt: number): Uint8Array {
    return this.world.openBatch({ lot: utf8(lot), productionDate: date, claimMl: 100_000n, totalFrom: from, totalTo: from + 100_000n, expiresAtMs, attempt });
  }

  #onLot(): Uint8Array {
    const { world, random } = this;
    // Old ones as well as new ones: some are dead, some deleted.
    const lot = random.pick(random.below(2) === 0 ? this.#lots : this.#lots.slice(-3));
    const batch = world.batchKey(lot.lot, lot.date);
    switch (random.below(7)) {
      case 0: return this.#open({ ...lot, expiresAtMs: world.timeMs + 5 * DAY }, 1 + random.below(3));
      case 1: return world.attest(random.pick(oracles), batch, 100_000n, { attempt: 1 + random.below(2) });
      case 2: return world.tx(regulator, { case: 'holdBatch', value: { batch, held: random.below(2) } });
      case 3: return random.below(4) === 0 ? world.tx(regulator, { case: 'recallBatch', value: { batch } }) : world.tx(plant, { case: 'writeOffBatch', value: { batch } });
      default: return world.tx(random.pick([farmA, treasury, cafeteria]), { case: 'redeem', value: { batch, amountMl: BigInt(1 + random.below(40_000)), noteHash: new Uint8Array(32) } }, {}, [plant]);
    }
  }

  #pay(): Uint8Array {
    const { world, random } = this;
    const again = this.#invoices.length > 0 && random.below(4) === 0 ? random.pick(this.#invoices) : undefined;
    const entry = again ?? { bytes: world.invoice(till1, 1, 300n, 180n, `order ${this.#invoices.length}`, random.pick([120, 120, 40_000])), txId: undefined };
    if (again === undefined) this.#invoices.push(entry);
    const coupons = this.#invoices.flatMap(({ txId }) => txId ?? []);
    const bytes = world.pay(random.pick(students), entry.bytes, coupons.length > 0 && random.below(3) === 0 ? random.pick(coupons) : undefined);
    entry.txId ??= world.txId(bytes);
    return bytes;
  }

  #refund(): Uint8Array {
    const { world, random } = this;
    const { bytes } = random.pick(random.below(2) === 0 ? this.#invoices : this.#invoices.slice(-5));
    const value = { tillNo: 1, ref: bytes.slice(14, 24), amountMl: BigInt(1 + random.below(300)) };
    return world.tx(random.pick([cafeteria, till1]), { case: 'refund', value });
  }

  next(): readonly Uint8Array[] {
    const { world, random } = this;
    const txs: Uint8Array[] = [];
    if (this.#lots.length === 0 || random.below(3) === 0) txs.push(...this.#lot());
    for (let i = 4 + random.below(12); i > 0; i--) {
      const choice = random.below(10);
      if (choice < 3) txs.push(this.#pay());
      else if (choice < 5) txs.push(this.#onLot());
      else if (choice < 6 && this.#invoices.length > 0) txs.push(this.#refund());
      else if (choice < 7 && this.#sent.length > 0) txs.push(random.pick(this.#sent));
      else if (choice < 8) txs.push(world.tx(plant, { case: random.pick(['bondDeposit', 'bondWithdraw'] as const), value: { amountMl: BigInt(1 + random.below(5_000)) } }));
      else txs.push(world.transfer(random.pick([farmA, treasury, plant]), random.pick(people).address, BigInt(1 + random.below(20_000))));
    }
    this.#sent.push(...txs);
    return txs;
  }
}

interface Run {
  readonly answers: readonly string[];
  readonly living: readonly string[];
  readonly rows: number;
  readonly deleted: number;
}

const text = (value: unknown): string => JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? `${part}n` : part instanceof Uint8Array ? toHex(part) : part));

function livingRows(state: FlatState, timeMs: number): readonly string[] {
  const rows = (Object.values(ROWS) as RowType<unknown>[]).flatMap((type) => [...state.rows(type)].map(({ id, value }) => ({ type, id, value })));
  return rows.filter(({ type, id, value }) => (type.diesAtMs?.(value, id) ?? timeMs) >= timeMs).map(({ type, id, value }) => `${type.name} ${id} ${text(value)}`).sort();
}

/** The history of a seed with a limit of the sweep; the tree is left out, blocks are executed without headers. */
function run(seed: number, deletionsMax: number): Run {
  const script = new Script(seed);
  const { world } = script;
  const answers: string[] = [];
  let deleted = 0;
  for (let step = 0; step < 260; step++) {
    const txs = script.next();
    const afterMs = script.random.pick([1_000, 1_000, 60_000, 3_600_000, DAY, DAY, 5 * DAY, 7.5 * DAY, 33 * DAY, step % 60 === 59 ? 500 * DAY : DAY]);
    const block = new BlockDraft(world.chain, world.tip, world.timeMs + afterMs);
    for (const bytes of txs) {
      const refusal = block.add(world.parse(bytes));
      answers.push(refusal === undefined ? text(block.applied.at(-1)) : text(refusal));
    }
    endBlock(world.tip, block.draft, block.env, deletionsMax);
    const changes = block.draft.changes();
    assertReserveMoved(world.tip.state, changes);
    deleted += changes.filter(({ type, id, value }) => value === undefined && type.diesAtMs !== undefined && world.tip.state.get(type, id) !== undefined).length;
    world.tip.state.apply(changes);
    answers.push(`supply ${text(world.tip.state.get(ROWS.supply, ''))} plant ${text(world.tip.state.get(ROWS.plant, toHex(plant.address)))}`);
    world.tip = { ...world.tip, height: block.env.height, timeMs: block.env.timeMs };
  }
  return { answers, living: livingRows(world.tip.state, world.timeMs), rows: world.tip.state.size, deleted };
}

t.test('limits of 1, 7 and 1,000 deletions a block: the same answers, events and living rows', (t) => {
  const codes = new Set<string>();
  for (const seed of [2, 3]) {
    const [full, seven, one] = [1_000, 7, 1].map((limit) => run(seed, limit)) as [Run, Run, Run];
    t.same(seven.answers, full.answers, `seed ${seed}: 7`);
    t.same(one.answers, full.answers, `seed ${seed}: 1`);
    t.same(seven.living, full.living);
    t.same(one.living, full.living);
    t.ok(full.deleted > 400 && one.rows > full.rows + 200, `the sweep lags behind: ${full.rows}, ${seven.rows}, ${one.rows} rows, ${full.deleted} deleted`);
    for (const answer of full.answers) codes.add(/"code":("\w+"|\d+)/.exec(answer)?.[1] ?? '');
  }
  for (const code of ['0', '"unknown_invoice"', '"refund_window_over"', '"batch_expired"', '"unknown_batch"', '"unknown_coupon"', '"production_date_wrong"', '"already_executed"', '"expired"']) {
    t.ok(codes.has(code), `${code} was answered`);
  }
  t.end();
});
