/** Where the law knows no order, the state knows none: only the places in the replay records tell in which order a block took them. */
import { deepEqual, equal } from 'node:assert/strict';
import t from 'tap';
import fc from 'fast-check';
import { encodeChange, StateTree, toHex } from '../../src/index.ts';
import { alice, bob, buy, refundOf, rich } from '../support/cases.ts';
import { KEYS, keyOf, World } from '../support/world.ts';

const RUNS = 12;
const SEED = 20_261_121;

/** Rows after a block of these transactions in this order, without the replay records. */
function rowsAfter(world: World, txs: readonly Uint8Array[]): readonly string[] {
  const changes = new Map<string, string>();
  const { codes, changes: written } = world.block(txs);
  equal(codes.length, txs.length, 'all are included');
  for (const change of written) {
    const { key, value } = encodeChange(change);
    if (change.type.name !== 'done') changes.set(toHex(key), value === undefined ? 'deleted' : toHex(value));
  }
  return [...changes].map(([key, value]) => `${key}=${value}`).sort();
}

function holdsInAnyOrder(count: number, make: () => { readonly world: World; readonly txs: readonly Uint8Array[] }): void {
  const order = fc.shuffledSubarray(Array.from({ length: count }, (_, index) => index), { minLength: count });
  const first = make();
  const expected = rowsAfter(first.world, first.txs);
  fc.assert(fc.property(order, (places) => {
    const { world, txs } = make();
    deepEqual(rowsAfter(world, places.map((place) => txs[place] as Uint8Array)), expected);
  }), { seed: SEED, numRuns: RUNS });
}

t.test('payments, transfers, refunds and deliveries of people who do not depend on each other', (t) => {
  holdsInAnyOrder(8, () => {
    const world = rich();
    const [pay] = buy(world, 1, 'before', bob);
    if (pay === undefined) throw new Error('one was bought');
    return {
      world, txs: [
        world.pay(alice, world.invoice(KEYS.till1, 1, 300n, 180n, 'a')), world.pay(bob, world.invoice(KEYS.till2, 2, 300n, 180n, 'b')), world.pay(KEYS.farmA, world.invoice(KEYS.till3, 3, 1_000n, 600n, 'c')),
        world.transfer(KEYS.plant, alice.address, 5n), world.transfer(KEYS.farmA, keyOf('new').address, 7n), refundOf(world, pay, 100n), world.transfer(KEYS.cafeteria, KEYS.kiosk.address, 10_000n),
        world.tx(KEYS.plant, { case: 'redeem', value: { batch: world.batchKey(), amountMl: 11n, noteHash: new Uint8Array(32) } }),
      ],
    };
  });
  t.pass('the same rows in every order');
  t.end();
});

t.test('the statements of four oracles', (t) => {
  holdsInAnyOrder(4, () => {
    const world = new World();
    world.block([world.openBatch({ claimMl: 50_000n })]);
    return { world, txs: KEYS.oracles.map((oracle) => world.attest(oracle, world.batchKey(), 49_000n)) };
  });
  t.pass('the same rows in every order');
  t.end();
});

t.test('the reports of four reporters', (t) => {
  holdsInAnyOrder(4, () => {
    const world = rich();
    return { world, txs: KEYS.reporters.map((key, index) => world.tx(key, { case: 'reportPrice', value: { senPerBill: 610n + BigInt(index) } })) };
  });
  t.pass('the same rows in every order');
  t.end();
});

t.test('the root is of the rows, not of the blocks that wrote them', (t) => {
  const world = rich();
  buy(world, 7, 'root');
  const rows = world.tip.state.all().map(encodeChange);
  const wanted = toHex(world.chain.tree.root(world.tip.treeVersion));
  fc.assert(fc.property(fc.shuffledSubarray(rows, { minLength: rows.length }), fc.integer({ min: 1, max: 9 }), (shuffled, parts) => {
    const tree = new StateTree();
    let version = tree.empty();
    for (let part = 0; part < parts; part++) version = tree.update(version, shuffled.filter((_, index) => index % parts === part));
    return toHex(tree.root(version)) === wanted;
  }), { seed: SEED, numRuns: RUNS });
  t.pass('the same rows in every order');
  t.end();
});
