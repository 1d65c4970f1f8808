/** The table of protocol.md §7, row by row: one whole cycle of milk and money. */
import t from 'tap';
import { balanceOf, poolsOf, reserveSums, supplyOf, toHex, ROWS, utf8 } from '../../src/index.ts';
import { KEYS, keyOf, World, type Key } from '../support/world.ts';

const students = Array.from({ length: 50 }, (_, index) => keyOf(`student ${index}`));

function sums(world: World): readonly bigint[] {
  const { state } = world.tip;
  const of = (key: Key): bigint => balanceOf(state, key.address);
  const bond = state.get(ROWS.plant, toHex(KEYS.plant.address))?.bondMl ?? 0n;
  const custody = reserveSums(state).custodyMl;
  t.equal(supplyOf(state).supplyMl, custody, 'supply = custody while nothing is owed');
  const ofStudents = students.reduce((sum, key) => sum + of(key), 0n);
  return [of(KEYS.farmA), of(KEYS.plant) + bond, of(KEYS.treasury), ofStudents, of(KEYS.cafeteria), of(KEYS.vet), poolsOf(state).feesMl, supplyOf(state).supplyMl];
}

t.test('one cycle gives every row of the table', async (t) => {
  // "other fees 0" of the table; carton 250 mL at RM 1.80 = 300 mL at 600 sen a litre.
  const world = new World({ params: { minFeeMl: 0n } });
  const { farmA, plant, treasury, cafeteria, vet, till1 } = KEYS;

  world.mint(1_000_000n);
  t.same(sums(world), [466_700n, 533_300n, 0n, 0n, 0n, 0n, 0n, 1_000_000n], 'mint 1,000 L');

  world.block([
    world.transfer(farmA, vet.address, 20_000n),
    world.transfer(farmA, treasury.address, 446_700n),
    world.transfer(plant, treasury.address, 200_000n),
  ]);
  t.same(sums(world), [0n, 333_300n, 646_700n, 0n, 0n, 20_000n, 0n, 1_000_000n], 'farm pays the vet 20 L; treasury buys from farm and plant');

  world.block([...students.map((student) => world.transfer(treasury, student.address, 7_200n)), world.transfer(treasury, cafeteria.address, 250_000n)]);
  t.same(sums(world), [0n, 333_300n, 36_700n, 360_000n, 250_000n, 20_000n, 0n, 1_000_000n], 'students top up RM 2,160; cafeteria buys RM 1,500');

  const redeem = (): Uint8Array => world.tx(cafeteria, { case: 'redeem', value: { batch: world.batchKey(), amountMl: 250_000n, noteHash: new Uint8Array(32) } }, {}, [plant]);
  world.block([redeem()]);
  t.same(sums(world), [0n, 333_300n, 36_700n, 360_000n, 0n, 20_000n, 0n, 750_000n], 'delivery: Redeem 250 L');

  const firstInvoice = world.invoice(till1, 1, 300n, 180n, 'carton 0-0');
  for (let round = 0; round < 20; round++) {
    // A student earns at most ten points a day; coupons are not used here, as in the table.
    const block = world.block(students.map((student, index) => world.pay(student, round === 0 && index === 0 ? firstInvoice : world.invoice(till1, 1, 300n, 180n, `carton ${round}-${index}`))));
    t.equal(block.txs.length, 50);
  }
  t.same(sums(world), [0n, 333_300n, 36_700n, 60_000n, 299_000n, 20_000n, 1_000n, 750_000n], '1,000 cartons paid');

  world.block([redeem()]);
  t.same(sums(world), [0n, 333_300n, 36_700n, 60_000n, 49_000n, 20_000n, 1_000n, 500_000n], 'restock: Redeem 250 L');

  world.block([
    world.transfer(cafeteria, treasury.address, 48_000n),
    world.transfer(vet, treasury.address, 20_000n),
    world.tx(cafeteria, { case: 'refund', value: { tillNo: 1, ref: firstInvoice.slice(14, 24), amountMl: 300n } }),
  ]);
  t.same(sums(world), [0n, 333_300n, 104_700n, 60_300n, 700n, 0n, 1_000n, 500_000n], 'cafeteria and vet sell to the treasury; one refund');

  t.equal(world.tip.state.get(ROWS.batch, toHex(world.batchKey()))?.redeemedMl, 500_000n);
  t.same(world.tip.state.get(ROWS.meter, '51'.repeat(16))?.opened, 1_000_000n);
  t.equal(utf8('LOT-1').length, 5);
});
