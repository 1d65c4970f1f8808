/** Milk that leaves custody without a delivery: holds, recalls, write-offs, expiry; who pays for it, and who may say so. */
import t from 'tap';
import { balanceOf, batchKeyOf, encodePolicy, policyAddress, poolsOf, reserveSums, ROWS, stateRows, supplyOf, toHex, utf8, type FaultCode, type TxBody } from '../../src/index.ts';
import { setRow, verdict } from '../support/cases.ts';
import { KEYS, keyOf, PROFILE_HASH, World, type Key } from '../support/world.ts';

const { plant, farmA, cafeteria, regulator, campus, treasury, oracles } = KEYS;
const { BATCH } = stateRows;
const DAY = 86_400_000;
const plantId = toHex(plant.address);

const hold = (world: World, held: 0 | 1, by: Key = regulator, batch = world.batchKey()): Uint8Array => world.tx(by, { case: 'holdBatch', value: { batch, held } });
const recall = (world: World, by: Key = regulator, batch = world.batchKey()): Uint8Array => world.tx(by, { case: 'recallBatch', value: { batch } });
const writeOff = (world: World, by: Key = plant, batch = world.batchKey()): Uint8Array => world.tx(by, { case: 'writeOffBatch', value: { batch } });
const redeem = (world: World, amountMl: bigint, by: Key = cafeteria, batch = world.batchKey()): Uint8Array =>
  world.tx(by, { case: 'redeem', value: { batch, amountMl, noteHash: new Uint8Array(32) } }, {}, by === plant ? [] : [plant]);

const batchOf = (world: World, lot?: string) => world.tip.state.get(ROWS.batch, toHex(world.batchKey(lot)));
const plantOf = (world: World) => world.tip.state.get(ROWS.plant, plantId) as stateRows.PlantRow;
/** Litres of a batch: available, held, redeemed, owed-out. */
const litres = (world: World, lot?: string): readonly (bigint | undefined)[] => {
  const row = batchOf(world, lot);
  return [row?.availableMl, row?.heldMl, row?.redeemedMl, row?.owedOutMl];
};

/** 1,000 L in custody: bond 100,000, balance of the plant 433,300, of farm A 466,700, of which 200,000 go to the cafeteria. */
function minted(...overrides: ConstructorParameters<typeof World>): World {
  const world = new World(...overrides);
  world.mint(1_000_000n);
  world.block([world.transfer(farmA, cafeteria.address, 200_000n)]);
  return world;
}

/** Takes the plant's balance away, so that only its bond is left. */
function emptied(world: World): World {
  world.block([world.transfer(plant, treasury.address, balanceOf(world.tip.state, plant.address) - 1n)]);
  t.equal(balanceOf(world.tip.state, plant.address), 0n);
  return world;
}

t.test('a hold moves all litres aside and back, and stops mint and delivery', (t) => {
  const world = minted();
  t.same(world.block([hold(world, 1)]).events, [[{ case: 'batchHeld', value: { batch: world.batchKey(), held: 1, amountMl: 1_000_000n } }]]);
  t.same(litres(world), [0n, 1_000_000n, 0n, 0n]);
  t.match(plantOf(world), { availableMl: 0n, heldMl: 1_000_000n });
  t.equal(verdict(world, redeem(world, 1n)), 'batch_on_hold');
  t.equal(verdict(world, hold(world, 1)), 'hold_unchanged');
  world.block([hold(world, 0)]);
  t.same(litres(world), [1_000_000n, 0n, 0n, 0n]);
  t.match(plantOf(world), { availableMl: 1_000_000n, heldMl: 0n });
  t.equal(verdict(world, hold(world, 0)), 'hold_unchanged');
  t.equal(verdict(world, redeem(world, 1n)), 'ok');
  t.equal(supplyOf(world.tip.state).supplyMl, 1_000_000n, 'a hold burns nothing');
  t.equal(verdict(world, hold(world, 1, regulator, new Uint8Array(32))), 'unknown_batch');
  const later = minted();
  later.block([], 10 * DAY);
  t.equal(verdict(later, hold(later, 1)), 'batch_expired');
  world.block([recall(world)]);
  t.equal(verdict(world, hold(world, 1)), 'batch_ended');
  t.end();
});

t.test('hold during attestation: no quorum mints while it lasts, and a reopened lot stays held', (t) => {
  const world = new World();
  const [o1, o2, o3, o4] = oracles;
  const batch = world.batchKey();
  const say = (by: Key, volumeMl: bigint, over: Parameters<World['attest']>[3] = {}): Uint8Array => world.attest(by, batch, volumeMl, over);
  world.block([world.openBatch(), say(o1, 1_000_000n), say(o2, 1_000_000n)]);
  world.block([hold(world, 1)]);
  t.equal(verdict(world, say(o3, 1_000_000n)), 'batch_on_hold');
  t.equal(world.block([say(o3, 1_000_000n)]).txs.length, 0);
  t.same([batchOf(world)?.state, batchOf(world)?.issuedMl], [BATCH.open, 0n]);
  world.block([world.openBatch({ attempt: 2 })]);
  t.equal(batchOf(world)?.onHold, 1, 'the next attempt does not slip out of the hold');
  world.block([hold(world, 0)]);
  world.block([o1, o2, o4].map((oracle) => say(oracle, 0n, { attempt: 2, reject: 14 })));
  t.equal(batchOf(world)?.state, BATCH.rejected);
  world.block([hold(world, 1)]);
  world.block([world.openBatch({ attempt: 3 })]);
  t.equal(verdict(world, say(o3, 1_000_000n, { attempt: 3 })), 'batch_on_hold', 'nor does a rejected one');
  world.block([hold(world, 0)]);
  world.block([o1, o2, o3].map((oracle) => say(oracle, 1_000_000n, { attempt: 3 })));
  t.same([batchOf(world)?.state, plantOf(world).openBatches], [BATCH.minted, 0]);
  t.end();
});

t.test('a recall turns litres in custody into a debt of the plant: bond, then balance', (t) => {
  const world = minted();
  const block = world.block([recall(world)]);
  t.same(block.events, [[{
    case: 'custodyEnded',
    value: { batch: world.batchKey(), plant: plant.address, state: BATCH.recalled, outMl: 1_000_000n, fromBondMl: 100_000n, fromBalanceMl: 433_300n, fromInsuranceMl: 0n, owedMl: 466_700n },
  }]]);
  t.same(litres(world), [0n, 0n, 0n, 1_000_000n]);
  t.match(plantOf(world), { bondMl: 0n, owedMl: 466_700n, availableMl: 0n, heldMl: 0n });
  t.equal(world.tip.state.get(ROWS.account, plantId), undefined, 'an emptied account is no row');
  t.same(supplyOf(world.tip.state), { supplyMl: 466_700n, owedMl: 466_700n });
  t.equal(balanceOf(world.tip.state, farmA.address) + balanceOf(world.tip.state, cafeteria.address) + poolsOf(world.tip.state).feesMl, 466_700n, 'tokens of others are as good as before');
  t.equal(verdict(world, recall(world)), 'batch_ended', 'once');
  for (const [tx, code] of [[redeem(world, 1n), 'batch_not_minted'], [writeOff(world), 'batch_ended'], [world.openBatch({ attempt: 2 }), 'batch_not_reopenable'], [world.attest(oracles[3], world.batchKey(), 1_000_000n), 'attempt_not_open']] as const) {
    t.equal(verdict(world, tx), code);
  }
  t.equal(verdict(world, recall(world, regulator, new Uint8Array(32))), 'unknown_batch');
  t.end();
});

t.test('recall after redemption: what was delivered stays delivered', (t) => {
  const world = minted();
  world.block([redeem(world, 150_000n)]);
  const taken = world.tip.state.get(ROWS.note, toHex(world.batchKey()) + toHex(cafeteria.address));
  const before = balanceOf(world.tip.state, cafeteria.address);
  world.block([recall(world)]);
  t.same(litres(world), [0n, 0n, 150_000n, 850_000n]);
  t.equal(balanceOf(world.tip.state, cafeteria.address), before, 'the merchant gets no tokens and loses none');
  t.same(world.tip.state.get(ROWS.note, toHex(world.batchKey()) + toHex(cafeteria.address)), taken, 'and is known to have taken the milk');

  const sold = minted({ tollBps: 10_000 });
  sold.block([redeem(sold, 899_000n, plant)]);
  setRow(sold, ROWS.batch, toHex(sold.batchKey()), { availableMl: 0n, redeemedMl: 1_000_000n, state: BATCH.closed });
  setRow(sold, ROWS.plant, plantId, { availableMl: 0n });
  const [supply, held] = [supplyOf(sold.tip.state), plantOf(sold)];
  sold.block([recall(sold)]);
  t.same([batchOf(sold)?.state, litres(sold)], [BATCH.recalled, [0n, 0n, 1_000_000n, 0n]], 'a batch that is sold out is recalled as well, and costs nothing here');
  t.same([supplyOf(sold.tip.state), plantOf(sold)], [supply, held]);
  t.end();
});

t.test('a write-off by the plant or the regulator, once', (t) => {
  for (const by of [plant, regulator]) {
    const world = minted();
    world.block([redeem(world, 100_000n), hold(world, 1)]);
    world.block([writeOff(world, by)]);
    t.same([batchOf(world)?.state, litres(world)], [BATCH.writtenOff, [0n, 0n, 100_000n, 900_000n]], 'held litres too');
    t.match(plantOf(world), { availableMl: 0n, heldMl: 0n, bondMl: 0n });
    const sums = reserveSums(world.tip.state);
    t.equal(verdict(world, writeOff(world, by)), 'batch_ended', 'write-off twice');
    t.equal(world.block([writeOff(world, by), writeOff(world, plant)]).txs.length, 0);
    t.same(reserveSums(world.tip.state), sums);
  }
  const world = minted();
  t.equal(world.block([writeOff(world), recall(world)]).txs.length, 2, 'a recall after it only names the milk');
  t.same([batchOf(world)?.state, batchOf(world)?.owedOutMl], [BATCH.recalled, 1_000_000n]);
  t.equal(verdict(world, writeOff(world, regulator, new Uint8Array(32))), 'unknown_batch');
  t.equal(verdict(world, writeOff(world, plant, new Uint8Array(32))), 'unknown_batch');
  const later = minted();
  later.block([], 10 * DAY);
  t.equal(verdict(later, writeOff(later)), 'batch_expired');
  t.end();
});

t.test('an open batch is recalled or written off: its place is free, its litres are forfeited', (t) => {
  for (const end of [recall, writeOff]) {
    const world = new World();
    world.block([world.openBatch(), world.attest(oracles[0], world.batchKey(), 1_000_000n)]);
    world.block([end(world)]);
    t.same([plantOf(world).openBatches, litres(world)], [0, [0n, 0n, 0n, 0n]]);
    t.equal(verdict(world, world.attest(oracles[1], world.batchKey(), 1_000_000n)), 'attempt_not_open');
    t.equal(verdict(world, world.openBatch({ attempt: 2 })), 'batch_not_reopenable');
    t.equal(verdict(world, world.openBatch({ lot: utf8('L2') })), 'meter_interval_used');
  }
  const world = new World();
  world.block([world.openBatch(), ...oracles.slice(0, 3).map((oracle) => world.attest(oracle, world.batchKey(), 0n, { reject: 5 }))]);
  t.equal(verdict(world, writeOff(world)), 'batch_ended', 'of a rejected lot nothing is in custody');
  t.equal(verdict(world, recall(world)), 'ok', 'but it may be recalled, and then never opens again');
  t.end();
});

t.test('who may hold, recall and write off', (t) => {
  const world = minted();
  const others: readonly Key[] = [campus, treasury, farmA, cafeteria, KEYS.till1, oracles[0], KEYS.validator, keyOf('nobody')];
  for (const by of others) for (const tx of [hold(world, 1, by), recall(world, by), writeOff(world, by)]) t.equal(verdict(world, tx), 'wrong_signers');
  t.equal(verdict(world, hold(world, 1, plant)), 'wrong_signers', 'the plant does not release itself');
  t.equal(verdict(world, recall(world, plant)), 'wrong_signers');
  const kinds: readonly TxBody['kind'][] = [
    { case: 'holdBatch', value: { batch: world.batchKey(), held: 1 } }, { case: 'recallBatch', value: { batch: world.batchKey() } }, { case: 'writeOffBatch', value: { batch: world.batchKey() } },
  ];
  for (const kind of kinds) {
    t.equal(verdict(world, world.sign(world.body(regulator.address, kind), campus)), 'wrong_signers', 'in the name of the regulator');
    t.equal(verdict(world, world.tx(regulator, kind, { feeMl: 1n })), 'malformed', 'free of fees');
  }
  t.end();
});

t.test('a k-of-n regulator: k − 1 are not enough', (t) => {
  const members = [1, 2, 3].map((no) => keyOf(`inspector ${no}`)) as [Key, Key, Key];
  const policy = encodePolicy(2, members.map((key) => key.publicKey));
  const world = minted({ roles: { regulator: policyAddress(policy), campusAuthority: campus.address, treasury: treasury.address } });
  const kinds: readonly TxBody['kind'][] = [
    { case: 'holdBatch', value: { batch: world.batchKey(), held: 1 } }, { case: 'recallBatch', value: { batch: world.batchKey() } }, { case: 'writeOffBatch', value: { batch: world.batchKey() } },
  ];
  for (const kind of kinds) {
    const body = world.body(policyAddress(policy), kind, { policies: [policy] });
    t.equal(verdict(world, world.sign(body, members[0])), 'wrong_signers');
    t.equal(verdict(world, world.sign(body, ...members)), 'wrong_signers', 'nor is one more');
    t.equal(verdict(world, world.sign(body, members[0], members[2])), 'ok');
    t.equal(verdict(world, world.sign(world.body(members[0].address, kind), members[0])), 'wrong_signers', 'a member is not the regulator');
  }
  t.end();
});

t.test('insurance pays only for a revoked plant, and only what bond and balance do not', (t) => {
  for (const [status, insuranceMl, fromInsuranceMl] of [[stateRows.ACTIVE, 300_000n, 0n], [stateRows.SUSPENDED, 300_000n, 0n], [stateRows.REVOKED, 300_000n, 300_000n], [stateRows.REVOKED, 950_000n, 800_000n]] as const) {
    // The whole toll goes into the bond: 200,000 for two batches.
    const world = minted({ tollBps: 1_000 });
    // Stands for slashed stake, which arrives with proof of stake: taken from the cafeteria, so that the sums hold.
    world.mint(1_000_000n, 'LOT-2', 1_000_000n);
    world.block([world.transfer(farmA, cafeteria.address, 900_000n)]);
    setRow(world, ROWS.pools, '', { insuranceMl });
    setRow(world, ROWS.account, toHex(cafeteria.address), { balanceMl: balanceOf(world.tip.state, cafeteria.address) - insuranceMl });
    setRow(world, ROWS.plant, plantId, { status });
    const [event] = world.block([recall(world)]).events[0] ?? [];
    t.match(event, { value: { outMl: 1_000_000n, fromBondMl: 200_000n, fromBalanceMl: 0n, fromInsuranceMl, owedMl: 800_000n - fromInsuranceMl } }, `status ${status}, pool ${insuranceMl}`);
    t.equal(poolsOf(world.tip.state).insuranceMl, insuranceMl - fromInsuranceMl);
  }
  t.end();
});

t.test('the toll repays what is owed before anything else; farms are credited in full', (t) => {
  const world = emptied(minted());
  world.block([recall(world)]);
  t.equal(plantOf(world).owedMl, 900_000n, 'all but the bond');
  const farmBefore = balanceOf(world.tip.state, farmA.address);
  const batch = world.batchKey('LOT-2');
  const block = world.block([
    world.openBatch({ lot: utf8('LOT-2'), totalFrom: 1_000_000n, totalTo: 2_000_000n }), ...oracles.slice(0, 3).map((oracle) => world.attest(oracle, batch, 1_000_000n)),
  ]);
  t.match(block.events[3]?.[1], { case: 'minted', value: { tollMl: 533_300n, repaidMl: 533_300n, bondedMl: 0n } });
  t.match(plantOf(world), { owedMl: 366_700n, bondMl: 0n });
  t.equal(balanceOf(world.tip.state, plant.address), 0n);
  t.equal(balanceOf(world.tip.state, farmA.address) - farmBefore, 466_700n);
  t.same(supplyOf(world.tip.state), { supplyMl: 1_366_700n, owedMl: 366_700n });
  world.mint(1_000_000n, 'LOT-3', 2_000_000n);
  t.match(plantOf(world), { owedMl: 0n, bondMl: 166_600n }, 'the rest of the debt, then the bond towards 200,000');
  t.end();
});

t.test('bond: deposit and withdrawal', (t) => {
  const world = minted();
  const deposit = (amountMl: bigint, by: Key = plant): Uint8Array => world.tx(by, { case: 'bondDeposit', value: { amountMl } });
  const withdraw = (amountMl: bigint, by: Key = plant): Uint8Array => world.tx(by, { case: 'bondWithdraw', value: { amountMl } });
  const say = (tx: Uint8Array): FaultCode | 'ok' => verdict(world, tx);
  t.equal(say(withdraw(1n)), 'exceeds_free_bond', 'the bond is exactly a tenth of the litres');
  t.same(world.block([deposit(50_000n)]).events, [[{ case: 'bondDeposited', value: { plant: plant.address, repaidMl: 0n, bondedMl: 50_000n } }]]);
  t.match(plantOf(world), { bondMl: 150_000n });
  t.equal(balanceOf(world.tip.state, plant.address), 433_300n - 50_000n - 1n);
  t.equal(say(withdraw(50_001n)), 'exceeds_free_bond');
  t.equal(say(withdraw(50_000n)), 'ok');
  world.block([hold(world, 1)]);
  t.equal(say(withdraw(50_001n)), 'exceeds_free_bond', 'held litres need the bond as much');
  world.block([hold(world, 0)]);
  t.equal(say(deposit(433_300n)), 'insufficient_balance');
  t.same([say(deposit(1n, cafeteria)), say(withdraw(1n, cafeteria))], ['unknown_plant', 'unknown_plant'], 'nobody but a plant has a bond');
  t.equal(say(world.sign(world.body(plant.address, { case: 'bondWithdraw', value: { amountMl: 1n } }), regulator)), 'wrong_signers', 'not even the regulator takes it out');
  setRow(world, ROWS.plant, plantId, { status: stateRows.SUSPENDED });
  t.equal(say(withdraw(1n)), 'plant_not_active');
  t.equal(say(deposit(1n)), 'ok', 'but it may add to it');
  setRow(world, ROWS.plant, plantId, { status: stateRows.REVOKED });
  t.equal(say(withdraw(1n)), 'plant_not_active', 'litres are still in its custody');
  setRow(world, ROWS.plant, plantId, { status: stateRows.ACTIVE });
  world.block([redeem(world, 100_000n)]);
  t.same(world.block([withdraw(60_000n)]).events, [[{ case: 'bondWithdrawn', value: { plant: plant.address, amountMl: 60_000n } }]], 'a delivery frees its tenth');
  t.match(plantOf(world), { bondMl: 90_000n });
  t.end();
});

/** Another plant, with 1,000 L of its own: somebody's BILL is backed whatever the first plant does. */
function secondPlant(world: World): Key {
  const other = keyOf('other plant');
  const meter = new Uint8Array(16).fill(0x54);
  const terms = { account: other.address, name: 'Other', status: stateRows.ACTIVE, ceilingMl: 10_000_000n, tollBps: 5_000, bondBps: 1_000, profileHash: PROFILE_HASH };
  world.block([world.tx(regulator, { case: 'registerPlant', value: terms })]);
  setRow(world, ROWS.meter, toHex(meter), { meter, plant: other.address, total: 0n, opened: 0n });
  const batch = batchKeyOf(other.address, utf8('LOT-1'), 20_260_528);
  world.block([world.tx(other, { case: 'openBatch', value: world.batchValue({ meter }) }), ...oracles.slice(0, 3).map((oracle) => world.attest(oracle, batch, 1_000_000n))]);
  return other;
}

t.test('a plant that owes cannot withdraw; its deposit repays first; a revoked one gets the rest when all is settled', (t) => {
  const world = emptied(minted());
  const other = secondPlant(world);
  const deposit = (amountMl: bigint): Uint8Array => world.tx(plant, { case: 'bondDeposit', value: { amountMl } });
  const withdraw = (amountMl: bigint): Uint8Array => world.tx(plant, { case: 'bondWithdraw', value: { amountMl } });
  world.mint(100_000n, 'LOT-2', 1_000_000n);
  world.block([recall(world)]);
  const { owedMl, bondMl } = plantOf(world);
  t.ok(owedMl > 800_000n && bondMl === 0n, 'the debt of a batch takes the whole bond, also what stands behind another');
  world.block([treasury, farmA, other].map((key) => world.transfer(key, plant.address, 350_000n)));
  t.equal(verdict(world, withdraw(1n)), 'plant_owes');
  t.same(world.block([withdraw(1n)]).codes, [57], 'included with the fault, the fee is paid');
  const before = supplyOf(world.tip.state);
  const [event] = world.block([deposit(300_000n)]).events[0] ?? [];
  t.match(event, { value: { repaidMl: 300_000n, bondedMl: 0n } });
  t.same(supplyOf(world.tip.state), { supplyMl: before.supplyMl - 300_000n, owedMl: before.owedMl - 300_000n }, 'the repaid tokens are burned');
  const left = plantOf(world).owedMl;
  world.block([deposit(left + 20_000n)]);
  t.match(plantOf(world), { owedMl: 0n, bondMl: 20_000n });
  t.equal(verdict(world, withdraw(10_000n)), 'ok', 'a tenth of 100 L stays');
  t.equal(verdict(world, withdraw(10_001n)), 'exceeds_free_bond');
  setRow(world, ROWS.plant, plantId, { status: stateRows.REVOKED });
  t.equal(verdict(world, withdraw(1n)), 'plant_not_active');
  world.block([redeem(world, 100_000n, farmA, world.batchKey('LOT-2'))]);
  t.equal(batchOf(world, 'LOT-2')?.state, BATCH.closed);
  t.same(world.block([withdraw(20_000n)]).codes, [0], 'nothing in custody, nothing owed: all of it');
  t.end();
});

t.test('attack: a second meter for the same milk', (t) => {
  const world = minted();
  const second = new Uint8Array(16).fill(0x52);
  setRow(world, ROWS.meter, toHex(second), { meter: second, plant: plant.address, total: 0n, opened: 0n });
  t.equal(verdict(world, world.openBatch({ meter: second })), 'batch_not_reopenable', 'the physical lot is minted once, whatever counted it');
  world.block([world.openBatch({ lot: utf8('L2'), totalFrom: 1_000_000n, totalTo: 1_500_000n, claimMl: 500_000n })]);
  t.equal(verdict(world, world.openBatch({ lot: utf8('L2'), meter: second, totalFrom: 1_000_000n, totalTo: 1_500_000n, claimMl: 500_000n, attempt: 2 })), 'batch_not_reopenable', 'an attempt keeps its meter');
  const foreign = new Uint8Array(16).fill(0x53);
  setRow(world, ROWS.meter, toHex(foreign), { meter: foreign, plant: farmA.address, total: 0n, opened: 0n });
  t.equal(verdict(world, world.openBatch({ lot: utf8('L3'), meter: foreign })), 'unknown_meter', 'a meter of somebody else');
  t.end();
});

t.test('attack: more than the supply cap', (t) => {
  const world = new World({ params: { supplyCapMl: 1_500_000n } });
  world.mint(1_000_000n);
  const batch = world.batchKey('LOT-2');
  world.block([world.openBatch({ lot: utf8('LOT-2'), totalFrom: 1_000_000n, totalTo: 1_600_000n, claimMl: 600_000n }), ...oracles.slice(0, 2).map((oracle) => world.attest(oracle, batch, 500_001n))]);
  t.equal(verdict(world, world.attest(oracles[2], batch, 500_001n)), 'ceiling_reached');
  world.block([redeem(world, 1n, farmA)]);
  t.equal(verdict(world, world.attest(oracles[2], batch, 500_001n)), 'ok', 'room for a millilitre: the oracle sends it again');
  t.end();
});

t.test('a production date of another year, or of the day after tomorrow, cannot be opened', (t) => {
  const world = new World();
  const open = (productionDate: number): FaultCode | 'ok' => verdict(world, world.openBatch({ productionDate }));
  // The chain begins on 2026-05-28.
  t.same([20_260_529, 20_260_530].map(open), ['ok', 'production_date_wrong'], 'the calendar may be a day ahead of UTC');
  t.same([20_250_528, 20_250_527].map(open), ['ok', 'production_date_wrong'], '365 and 366 days ago at 20:26');
  t.end();
});
