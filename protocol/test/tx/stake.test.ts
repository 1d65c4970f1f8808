/** Stake, Unstake, Delegate, Undelegate, EditValidator, Rejoin (SPEC §17.1): shares, rounding, and that nothing is out before its time. */
import t from 'tap';
import { balanceOf, poolsOf, ROWS, stakeEpochOf, stateRows, toHex, unbondingId, type Executed } from '../../src/index.ts';
import { setRow, verdict } from '../support/cases.ts';
import { DAY_MS, delegateTx, endEpoch, HOUR_MS, idOf, INSTITUTIONS, rowOf, stakeTx, stakeWorld, undelegateTx, unstakeTx } from '../support/staking.ts';
import { KEYS, type Key, type World } from '../support/world.ts';

const [a, b] = INSTITUTIONS as [Key, Key];
const { farmA, plant } = KEYS;
const UNBONDING_MS = 21 * DAY_MS;

const sharesOf = (world: World, validator: Key, account: Key): bigint => world.tip.state.get(ROWS.delegation, idOf(validator) + toHex(account.address))?.shares ?? 0n;
const unbondingOf = (world: World, validator: Key, account: Key, no: number): stateRows.UnbondingRow | undefined => world.tip.state.get(ROWS.unbonding, unbondingId(idOf(validator), no, account.address));
const eventsOf = ({ events }: Executed): readonly unknown[] => events.flat();

t.test('the first shares are one a millilitre; later ones cost what a share is worth, rounded down', (t) => {
  const world = stakeWorld(1);
  const first = world.block([stakeTx(world, a, 100_000n)]);
  t.match(eventsOf(first), [{ case: 'staked', value: { account: a.address, amountMl: 100_000n, shares: 100_000n } }]);
  setRow(world, ROWS.validator, idOf(a), { stakeMl: 150_000n });
  setRow(world, ROWS.pools, '', { feesMl: poolsOf(world.tip.state).feesMl, insuranceMl: 0n, subsidyMl: 0n });
  const second = world.refusalsOf([delegateTx(world, farmA, a, 1_000n)]);
  t.same(second, [undefined]);
  world.block([delegateTx(world, farmA, a, 1_000n)]);
  t.equal(sharesOf(world, a, farmA), 666n, 'floor(1000 · 100,000 / 150,000)');
  const out = world.block([undelegateTx(world, farmA, a, 666n)]);
  t.match(eventsOf(out), [{ case: 'unstaked', value: { account: farmA.address, shares: 666n, amountMl: 999n } }], 'and down again on the way out: the others keep the millilitre');
  t.equal(rowOf(world, a).stakeMl, 150_001n);
  t.equal(world.tip.state.get(ROWS.delegation, idOf(a) + toHex(farmA.address)), undefined, 'no row without a share');
  t.end();
});

t.test('no inflation of a share: dust behind a validator never makes the next one pay for it', (t) => {
  const world = stakeWorld(1);
  world.block([stakeTx(world, a, 1_000n)]);
  world.block([unstakeTx(world, a, 999n)]);
  for (let i = 0; i < 3; i++) {
    world.block(Array.from({ length: 50 }, (_, index) => world.transfer(farmA, plant.address, BigInt(index + 1))));
    endEpoch(world);
  }
  t.equal(rowOf(world, a).stakeMl, 1n, 'a stake below the minimum earns no fee that would make its one share dear');
  world.block([delegateTx(world, farmA, a, 5_000n)]);
  t.equal(sharesOf(world, a, farmA), 5_000n);
  t.end();
});

t.test('faults cost the fee and change nothing else', (t) => {
  const world = stakeWorld(1);
  world.block([stakeTx(world, a, 100_000n)]);
  const before = balanceOf(world.tip.state, a.address);
  const { codes } = world.block([stakeTx(world, a, 999n), stakeTx(world, a, 9_000_000n), unstakeTx(world, a, 100_001n)]);
  t.same(codes.map((code) => code > 0), [true, true, true]);
  t.equal(balanceOf(world.tip.state, a.address), before - 3n);
  t.equal(rowOf(world, a).stakeMl, 100_000n);
  t.end();
});

t.test('peer bug 35, Elderflower: only the account stakes for its validator, only others delegate to it', (t) => {
  const world = stakeWorld(2);
  const kinds = (validator: Key) => [
    { case: 'stake', value: { validator: validator.address, amountMl: 1_000n } }, { case: 'unstake', value: { validator: validator.address, shares: 1n } },
    { case: 'editValidator', value: { validator: validator.address, name: 'Mine', commissionBps: 10_000 } }, { case: 'rejoin', value: { validator: validator.address } },
  ] as const;
  for (const kind of kinds(b)) t.equal(verdict(world, world.tx(a, kind)), 'wrong_signers', kind.case);
  t.equal(verdict(world, delegateTx(world, a, a, 1_000n)), 'wrong_signers');
  t.equal(verdict(world, undelegateTx(world, a, a, 1n)), 'wrong_signers');
  t.equal(verdict(world, delegateTx(world, a, b, 1_000n)), 'ok', 'one institution may trust another');
  t.equal(verdict(world, undelegateTx(world, farmA, b, 1n)), 'exceeds_shares', 'nobody takes out what others put in');
  t.end();
});

t.test('peer bug 35, insta-unbond: nothing is out before 21 days, by whatever way', (t) => {
  const world = stakeWorld(2);
  world.block([stakeTx(world, a, 200_000n), delegateTx(world, farmA, a, 50_000n)]);
  endEpoch(world);
  const epoch = stakeEpochOf(world.tip.state);
  world.block([undelegateTx(world, farmA, a, 10_000n, HOUR_MS - 2_000)], HOUR_MS - 2_000);
  t.equal(unbondingOf(world, a, farmA, epoch.no)?.releaseAtMs, epoch.endsAtMs + UNBONDING_MS, 'counted from the end of the epoch');
  world.block([undelegateTx(world, farmA, a, 10_000n)]);
  t.equal(unbondingOf(world, a, farmA, epoch.no)?.shares, 20_000n, 'one row an epoch and account');

  // The block that ends the epoch after the chain stood still: the end of the epoch lies 40 days back.
  world.block([undelegateTx(world, farmA, a, 10_000n, 40 * DAY_MS)], 40 * DAY_MS);
  const late = unbondingOf(world, a, farmA, epoch.no);
  t.equal(late?.shares, 30_000n, 'what the row held was due, and waits with the rest');
  t.equal(late?.releaseAtMs, world.timeMs + UNBONDING_MS, 'counted from the block, never from an end that is past');

  world.block([], 10_000); // away from the end of an epoch
  // From a validator that is tombstoned, absent or suspended it takes as long.
  const balance = balanceOf(world.tip.state, farmA.address);
  for (const over of [{ standing: stateRows.STANDING.tombstoned }, { standing: stateRows.STANDING.absent }, { status: stateRows.SUSPENDED }]) {
    setRow(world, ROWS.validator, idOf(a), { standing: stateRows.STANDING.good, status: stateRows.ACTIVE, ...over });
    const out = world.block([undelegateTx(world, farmA, a, 1_000n)]);
    t.match(eventsOf(out), [{ case: 'unstaked', value: { releaseAtMs: stakeEpochOf(world.tip.state).endsAtMs + UNBONDING_MS } }]);
  }
  const { no } = stakeEpochOf(world.tip.state);
  const [firstDue, secondDue] = [late?.releaseAtMs ?? 0, unbondingOf(world, a, farmA, no)?.releaseAtMs ?? 0];
  world.block([], firstDue - world.timeMs);
  t.equal(balanceOf(world.tip.state, farmA.address), balance - 3n, 'at the last instant nothing has moved but fees');
  world.block([], 1);
  t.equal(balanceOf(world.tip.state, farmA.address), balance - 3n + 30_000n);
  world.block([], secondDue - world.timeMs);
  t.ok(unbondingOf(world, a, farmA, no));
  world.block([], 1);
  t.equal(balanceOf(world.tip.state, farmA.address), balance - 3n + 33_000n);
  t.equal([...world.tip.state.rows(ROWS.unbondingPool)].length, 0);
  t.end();
});

t.test('releases are bounded: what is too much for one block follows in the next', (t) => {
  const world = stakeWorld(1);
  const accounts = Array.from({ length: 300 }, (_, index) => `${'0'.repeat(32)}${index.toString(16).padStart(8, '0')}`);
  world.block([stakeTx(world, a, 1_000_000n)]);
  const out = world.block([unstakeTx(world, a, 300_000n)]);
  const { no, endsAtMs } = stakeEpochOf(world.tip.state);
  const pool = idOf(a) + no.toString(16).padStart(8, '0');
  world.tip.state.apply([{ type: ROWS.unbonding as never, id: pool + idOf(a), value: undefined }, ...accounts.map((account) => ({ type: ROWS.unbonding as never, id: pool + account, value: { shares: 1_000n, releaseAtMs: endsAtMs + UNBONDING_MS } }))]);
  t.equal(out.codes[0], 0);
  world.block([], 22 * DAY_MS);
  const left = (): number => [...world.tip.state.rows(ROWS.unbonding)].length;
  t.equal(left(), 300 - 256);
  world.block([]);
  t.equal(left(), 0);
  t.equal(world.tip.state.get(ROWS.account, accounts[299] as string)?.balanceMl, 1_000n);
  t.end();
});
