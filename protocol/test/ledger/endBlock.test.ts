/** What a block does after its transactions: expiries, price, deletions, each bounded, each the same on every node. */
import t from 'tap';
import {
  applyBlock, balanceOf, buildBlock, DELETIONS_MAX, encodeChange, EXPIRIES_MAX, FlatState, HISTORY_MS, makeChain, commitBlock, noteId, ROWS, stateRows, StateTree, supplyOf, toHex, utf8,
  type RowName, type Tip,
} from '../../src/index.ts';
import { alice, buy, refundOf, rich, setRow, verdict } from '../support/cases.ts';
import { KEYS, keyOf, World, type Key } from '../support/world.ts';

const { plant, farmA, regulator, treasury, oracles } = KEYS;
const { BATCH } = stateRows;
const DAY = 86_400_000;
const plantId = toHex(plant.address);

const redeem = (world: World, amountMl: bigint, by: Key = farmA, lot?: string): Uint8Array =>
  world.tx(by, { case: 'redeem', value: { batch: world.batchKey(lot), amountMl, noteHash: new Uint8Array(32) } }, {}, [plant]);
const batchOf = (world: World, lot?: string) => world.tip.state.get(ROWS.batch, toHex(world.batchKey(lot)));
const plantOf = (world: World) => world.tip.state.get(ROWS.plant, plantId) as stateRows.PlantRow;
const count = (world: World, name: RowName): number => [...world.tip.state.rows(ROWS[name] as never)].length;
/** A block at exactly this time. */
const blockAt = (world: World, timeMs: number, txs: readonly Uint8Array[] = []) => world.block(txs, timeMs - world.timeMs);

t.test('redeem at the expiry instant, and after it', (t) => {
  const world = new World();
  world.mint(1_000_000n);
  const expiresAtMs = batchOf(world)?.expiresAtMs as number;
  blockAt(world, expiresAtMs - 2_000);
  t.same(blockAt(world, expiresAtMs, [redeem(world, 100n)]).codes, [0], 'the last instant is still in time');
  t.equal(batchOf(world)?.state, BATCH.minted);
  t.same(blockAt(world, expiresAtMs + 1, [redeem(world, 100n)]).codes, [32], 'a millisecond later it is not, though expiry comes after the transactions');
  t.match(batchOf(world), { state: BATCH.expired, availableMl: 0n, heldMl: 0n, redeemedMl: 100n, owedOutMl: 999_900n });
  t.equal(verdict(world, redeem(world, 100n)), 'batch_expired');
  t.end();
});

t.test('expiry: available and held litres are owed, from bond, then balance; the rest waits for tolls', (t) => {
  const world = new World();
  world.mint(1_000_000n);
  world.block([world.tx(regulator, { case: 'holdBatch', value: { batch: world.batchKey(), held: 1 } })]);
  world.block([world.transfer(plant, treasury.address, 400_000n)]);
  const left = balanceOf(world.tip.state, plant.address);
  blockAt(world, (batchOf(world)?.expiresAtMs as number) + 1);
  t.match(batchOf(world), { state: BATCH.expired, availableMl: 0n, heldMl: 0n, owedOutMl: 1_000_000n });
  t.match(plantOf(world), { availableMl: 0n, heldMl: 0n, bondMl: 0n, owedMl: 1_000_000n - 100_000n - left });
  t.same(supplyOf(world.tip.state), { supplyMl: 900_000n - left, owedMl: 900_000n - left });
  world.mint(1_000_000n, 'LOT-2', 1_000_000n);
  t.equal(plantOf(world).owedMl, 900_000n - left - 533_300n);
  t.end();
});

t.test('expiry of lots that were never minted', (t) => {
  const world = new World();
  world.block([world.openBatch({ expiresAtMs: world.timeMs + DAY })]);
  world.block([world.openBatch({ lot: utf8('R'), totalFrom: 1_000_000n, totalTo: 2_000_000n, expiresAtMs: world.timeMs + DAY })]);
  world.block(oracles.slice(0, 3).map((oracle) => world.attest(oracle, world.batchKey('R'), 0n, { reject: 5 })));
  t.equal(plantOf(world).openBatches, 1);
  world.block([], DAY);
  t.same([batchOf(world)?.state, plantOf(world).openBatches], [BATCH.expired, 0], 'the open one gives its place back');
  t.equal(batchOf(world, 'R')?.state, BATCH.rejected, 'a rejected one has nothing to give');
  for (const lot of ['LOT-1', 'R']) {
    t.equal(verdict(world, world.openBatch({ lot: utf8(lot), attempt: 2, totalFrom: lot === 'R' ? 1_000_000n : 0n, totalTo: lot === 'R' ? 2_000_000n : 1_000_000n })), 'batch_expired', 'expired milk is not opened again');
    t.equal(verdict(world, world.attest(oracles[3], world.batchKey(lot), 1_000_000n)), 'batch_expired');
  }
  t.same(supplyOf(world.tip.state), { supplyMl: 0n, owedMl: 0n });
  t.end();
});

t.test('a batch that a transaction ends in the block of its expiry is ended once', (t) => {
  const world = new World();
  world.mint(1_000_000n);
  blockAt(world, batchOf(world)?.expiresAtMs as number);
  world.block([world.tx(regulator, { case: 'recallBatch', value: { batch: world.batchKey() } })]);
  t.match(batchOf(world), { state: BATCH.recalled, owedOutMl: 1_000_000n });
  t.end();
});

t.test('more expiries than a block takes: the rest follows, and cannot be redeemed meanwhile', (t) => {
  const world = new World();
  const lots = EXPIRIES_MAX + 6;
  const expiresAtMs = world.timeMs + 20 * DAY;
  for (let no = 0; no < lots; no++) {
    const from = BigInt(no) * 1_000n;
    const batch = world.batchKey(`N${no}`);
    world.block([
      world.openBatch({ lot: utf8(`N${no}`), claimMl: 1_000n, totalFrom: from, totalTo: from + 1_000n, expiresAtMs: no === 3 ? expiresAtMs - 1 : expiresAtMs }), ...oracles.slice(0, 3).map((oracle) => world.attest(oracle, batch, 1_000n)),
    ]);
  }
  const names = Array.from({ length: lots }, (_, no) => `N${no}`).sort((a, b) => (a === 'N3' ? -1 : b === 'N3' ? 1 : toHex(world.batchKey(a)) < toHex(world.batchKey(b)) ? -1 : 1));
  const late = names.at(-1) as string;
  blockAt(world, expiresAtMs - 1_000);
  t.equal(blockAt(world, expiresAtMs + 1, [redeem(world, 1n, farmA, late)]).codes[0], 32);
  t.same(names.filter((lot) => batchOf(world, lot)?.state === BATCH.expired), names.slice(0, EXPIRIES_MAX), 'oldest first, then by key');
  t.equal(verdict(world, redeem(world, 1n, farmA, late)), 'batch_expired');
  t.equal(plantOf(world).availableMl, 6_000n);
  world.block([]);
  t.equal(batchOf(world, late)?.state, BATCH.expired);
  t.equal(plantOf(world).availableMl, 0n);
  t.end();
});

t.test('every row that dies, dies at its time', (t) => {
  const world = rich();
  const pays = buy(world, 6, 'cartons');
  const [refunded] = pays;
  if (refunded === undefined) throw new Error('six were bought');
  const refund = refundOf(world, refunded, 50n);
  world.block([refund, redeem(world, 1_000n)]);
  const start = { done: count(world, 'done'), invoice: count(world, 'invoice'), coupon: count(world, 'coupon'), card: count(world, 'card'), attestation: count(world, 'attestation'), note: count(world, 'note'), price: count(world, 'price') };
  t.same(start, { done: 9, invoice: 6, coupon: 1, card: 1, attestation: 3, note: 1, price: 1 });

  const at = world.timeMs;
  const { keptUntilMs } = [...world.tip.state.rows(ROWS.invoice)][0]?.value as stateRows.InvoiceRow;
  const doneUntilMs = Math.max(...[...world.tip.state.rows(ROWS.done)].map(({ value }) => value.validUntilMs));
  blockAt(world, doneUntilMs + DAY);
  t.equal(world.tip.state.get(ROWS.done, toHex(world.txId(refund)))?.code, 0, 'a day after the last instant it could be included');
  blockAt(world, doneUntilMs + DAY + 1);
  t.equal(count(world, 'done'), 0);

  blockAt(world, keptUntilMs + 1);
  t.equal(verdict(world, refundOf(world, refunded, 1n)), 'refund_window_over', 'for a day people are told why');
  blockAt(world, keptUntilMs + DAY);
  t.equal(count(world, 'invoice'), 6);
  t.equal(verdict(world, refundOf(world, refunded, 1n)), 'refund_window_over');
  blockAt(world, keptUntilMs + DAY + 1);
  t.equal(count(world, 'invoice'), 0);
  t.equal(verdict(world, refundOf(world, refunded, 1n)), 'unknown_invoice');
  t.equal(verdict(world, pays[0]?.bytes as Uint8Array), 'invoice_expired', 'and it cannot be paid again');

  blockAt(world, at + 92 * DAY);
  t.same([count(world, 'coupon'), count(world, 'card')], [0, 0]);
  const { expiresAtMs } = batchOf(world) as stateRows.BatchRow;
  blockAt(world, expiresAtMs + HISTORY_MS);
  t.same([count(world, 'batch'), count(world, 'attestation'), count(world, 'note')], [1, 3, 1]);
  t.ok(count(world, 'price') > 1, 'prices of 400 days');
  blockAt(world, expiresAtMs + HISTORY_MS + 1);
  t.same([count(world, 'batch'), count(world, 'attestation'), count(world, 'note')], [0, 0, 0]);
  blockAt(world, expiresAtMs + HISTORY_MS + 500 * DAY);
  t.equal(count(world, 'price'), 1, 'the price was carried into its new day before the old ones went');
  t.same([count(world, 'plant'), count(world, 'meter'), count(world, 'till')], [1, 1, 3], 'registries stay');
  t.end();
});

t.test('a batch key is not used twice, nor its litres, however long ago its row was deleted', (t) => {
  const world = new World();
  world.mint(1_000_000n);
  blockAt(world, (batchOf(world)?.expiresAtMs as number) + HISTORY_MS);
  t.equal(verdict(world, world.openBatch()), 'production_date_wrong', 'while the row is there');
  world.block([]);
  t.equal(batchOf(world), undefined);
  t.equal(verdict(world, world.openBatch()), 'production_date_wrong', 'and when it is gone');
  t.equal(verdict(world, world.openBatch({ productionDate: 20_270_601 })), 'meter_interval_used', 'the meter never forgets');
  t.end();
});

t.test('at most a thousand deletions a block', (t) => {
  const world = new World({ params: { minFeeMl: 0n } });
  const sender = keyOf('sender');
  world.block(Array.from({ length: DELETIONS_MAX + 10 }, () => world.transfer(sender, farmA.address, 1n)));
  t.equal(count(world, 'done'), DELETIONS_MAX + 10);
  world.block([], 3 * DAY);
  const left = [...world.tip.state.rows(ROWS.done)].map(({ id }) => id);
  t.equal(left.length, 10);
  t.ok(left.every((id) => id > 'f0'), 'in order of their keys: the last ones are left');
  world.block([]);
  t.equal(count(world, 'done'), 0);
  t.end();
});

t.test('an account with nothing in it is no row; one with a policy stays', (t) => {
  const world = rich();
  const all = balanceOf(world.tip.state, alice.address);
  world.block([world.transfer(alice, farmA.address, all - 1n)]);
  t.equal(world.tip.state.get(ROWS.account, toHex(alice.address)), undefined);
  world.block([world.transfer(farmA, alice.address, 5n)]);
  t.equal(balanceOf(world.tip.state, alice.address), 5n);
  setRow(world, ROWS.account, toHex(alice.address), { policy: new Uint8Array(34) });
  setRow(world, ROWS.account, toHex(farmA.address), { balanceMl: balanceOf(world.tip.state, farmA.address) });
  t.ok(world.tip.state.get(ROWS.account, toHex(alice.address))?.policy);
  t.end();
});

/** Loads the rows of a tip as a node does at boot, in another order than they were written in. */
function rebooted(tip: Tip, tree: StateTree): Tip {
  const state = new FlatState();
  const rows = tip.state.all().map(encodeChange).reverse();
  for (const { key, value } of rows) if (value === undefined || !state.load(key, value)) throw new Error('a row is loaded');
  return { ...tip, state, treeVersion: tree.update(tree.empty(), rows) };
}

t.test('the same blocks give byte-equal states on a node that restarts from its rows after every block', (t) => {
  const world = rich();
  world.mint(500_000n, 'LOT-2', 1_000_000n);
  const other = makeChain(world.genesis, world.chain.verify, new StateTree());
  let restarted = rebooted(world.tip, other.tree);
  const steps: readonly (readonly [number, () => readonly Uint8Array[]])[] = [
    [1_000, () => [redeem(world, 1_000n), world.transfer(farmA, alice.address, 10n)]], [9 * DAY, () => []], [2 * DAY, () => [world.transfer(alice, farmA.address, 10n)]], [30 * DAY, () => []], [400 * DAY, () => []], [DAY, () => []],
  ];
  for (const [afterMs, txs] of steps) {
    const executed = world.block(txs(), afterMs);
    const applied = applyBlock(other, restarted, executed.blockBytes);
    if (!applied.ok) throw new Error(`block ${executed.header.height}: ${JSON.stringify(applied.fault)}`);
    restarted = rebooted(commitBlock(other, restarted, applied.value, world.certificate(executed)), other.tree);
    t.same(other.tree.root(restarted.treeVersion), executed.header.stateRoot);
    const next = [{ chain: world.chain, tip: world.tip }, { chain: other, tip: restarted }].map(({ chain, tip }) => buildBlock(chain, tip, [], tip.timeMs + 600 * DAY, { proposerIndex: 0, round: 0 }));
    t.same(next[0]?.blockBytes, next[1]?.blockBytes, 'what is due next is the same, hence the next block, to the byte');
    t.same(next[0]?.byteChanges, next[1]?.byteChanges);
  }
  t.same([count(world, 'batch'), world.tip.state.get(ROWS.note, noteId(world.batchKey(), farmA.address))], [0, undefined], 'and there was something to expire and to delete');
  t.end();
});
