/** The reserve equation: a block that breaks it never gets a state root, a state that breaks it never gets a tip. */
import t from 'tap';
import { assertReserveWhole, reserveSums, ROWS, toHex, type RowChange } from '../../src/index.ts';
import { BlockDraft, closeBlock } from '../../src/ledger/executeBlock.ts';
import { KEYS, keyOf, World } from '../support/world.ts';

const alice = toHex(keyOf('alice').address);

function minted(): World {
  const world = new World();
  world.mint(1_000_000n);
  world.block([world.transfer(KEYS.farmA, KEYS.validator.address, 200_000n), world.tx(KEYS.validator, { case: 'stake', value: { validator: KEYS.validator.address, amountMl: 100_000n } })]);
  return world;
}

t.test('what the sums are', (t) => {
  const world = minted();
  t.same(reserveSums(world.tip.state), { supplyMl: 1_000_000n, custodyMl: 1_000_000n, owedMl: 0n, owedRowMl: 0n, heldMl: 1_000_000n });
  t.same(assertReserveWhole(world.tip.state), reserveSums(world.tip.state));
  t.end();
});

t.test('every way to break it crashes, in the block that does it and at boot', (t) => {
  const batchId = toHex(new World().batchKey());
  const plantId = toHex(KEYS.plant.address);
  const validatorId = toHex(KEYS.validator.address);
  const broken: readonly [string, RegExp, (get: (name: keyof typeof ROWS, id: string) => object) => readonly [keyof typeof ROWS, string, object][]][] = [
    ['a balance from nowhere', /supply .*= held/, () => [['account', alice, { balanceMl: 1n }]]],
    ['a balance that vanished', /supply .*= held/, (get) => [['account', plantId, { ...get('account', plantId), balanceMl: 0n }]]],
    ['a fee from nowhere', /supply .*= held/, () => [['pools', '', { feesMl: 1n, insuranceMl: 0n, subsidyMl: 0n }]]],
    ['a bond that vanished', /supply .*= held/, (get) => [['plant', plantId, { ...get('plant', plantId), bondMl: 0n }]]],
    ['supply without litres', /supply .*= custody/, () => [['supply', '', { supplyMl: 1_000_001n, owedMl: 0n }], ['account', alice, { balanceMl: 1n }]]],
    ['litres that left without Redeem', /issued = /, (get) => [['batch', batchId, { ...get('batch', batchId), availableMl: 999_999n }]]],
    ['litres redeemed without burning', /supply .*= custody/, (get) => [['batch', batchId, { ...get('batch', batchId), availableMl: 999_999n, redeemedMl: 1n }]]],
    ['a batch that issued without a mint', /supply .*= custody/, (get) => [['batch', batchId, { ...get('batch', batchId), issuedMl: 1_000_001n, availableMl: 1_000_001n }]]],
    ['a plant that owes, unknown to the supply row', /owed/, (get) => [['plant', plantId, { ...get('plant', plantId), owedMl: 5n }], ['supply', '', { supplyMl: 1_000_005n, owedMl: 0n }], ['account', alice, { balanceMl: 5n }]]],
    ['a stake that vanished', /supply .*= held/, (get) => [['validator', validatorId, { ...get('validator', validatorId), stakeMl: 99_999n }]]],
    ['shares of nobody', /shares of stake/, (get) => [['validator', validatorId, { ...get('validator', validatorId), shares: 100_001n }]]],
    ['a share of somebody that the stake does not know', /shares of stake/, () => [['delegation', validatorId + alice, { shares: 1n }]]],
    ['an unbonding stake from nowhere', /supply .*= held/, () => [['unbondingPool', `${validatorId}00000000`, { amountMl: 1n, shares: 1n }], ['unbonding', `${validatorId}00000000${alice}`, { shares: 1n, releaseAtMs: 1 }]]],
    ['unbonding shares without a pool', /shares of stake/, () => [['unbonding', `${validatorId}00000000${alice}`, { shares: 1n, releaseAtMs: 1 }]]],
    ['a debt of nobody', /owed/, () => [['supply', '', { supplyMl: 1_000_000n, owedMl: 5n }]]],
  ];
  for (const [what, message, changesOf] of broken) {
    const world = minted();
    const changes = changesOf((name, id) => world.tip.state.get<object>(ROWS[name] as never, id) ?? {});
    const block = new BlockDraft(world.chain, world.tip, world.tip.timeMs + 1_000);
    for (const [name, id, value] of changes) block.draft.put(ROWS[name] as never, id, value as never);
    t.throws(() => closeBlock(world.chain, world.tip, block), message, `${what}: in a block`);
    world.tip.state.apply(changes.map(([name, id, value]): RowChange => ({ type: ROWS[name] as never, id, value })));
    t.throws(() => assertReserveWhole(world.tip.state), message, `${what}: at boot`);
  }
  t.end();
});

t.test('moves that keep it pass', (t) => {
  const world = minted();
  const plantId = toHex(KEYS.plant.address);
  const block = new BlockDraft(world.chain, world.tip, world.tip.timeMs + 1_000);
  const plant = world.tip.state.get(ROWS.plant, plantId);
  const balance = world.tip.state.get(ROWS.account, plantId);
  if (plant === undefined || balance === undefined) throw new Error('the mint credited the plant');
  block.draft.put(ROWS.plant, plantId, { ...plant, bondMl: plant.bondMl - 7n });
  block.draft.put(ROWS.account, plantId, { ...balance, balanceMl: balance.balanceMl + 3n });
  block.draft.put(ROWS.account, alice, { balanceMl: 4n });
  block.draft.delete(ROWS.done, 'ff'.repeat(32));
  t.equal(closeBlock(world.chain, world.tip, block).changes.length, 4);
  t.end();
});
