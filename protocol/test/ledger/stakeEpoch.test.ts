/** The end of a stake epoch (SPEC §17.2, §17.3, §17.5): who votes next, who is paid, who has left. */
import t from 'tap';
import fc from 'fast-check';
import { balanceOf, compareBytes, poolsOf, ROWS, STAKE_GRACE_MS, stakeEpochOf, stateRows, toHex, u32be, validatorsHash } from '../../src/index.ts';
import { changedMembers, changesMax } from '../../src/ledger/stakeEpoch.ts';
import { DAY_MS, delegateTx, endEpoch, HOUR_MS, INSTITUTIONS, rowOf, stakeTx, stakeWorld, unstakeTx, voters } from '../support/staking.ts';
import { KEYS, type World } from '../support/world.ts';

const [a, b, c, d, e] = INSTITUTIONS as [(typeof INSTITUTIONS)[0], (typeof INSTITUTIONS)[0], (typeof INSTITUTIONS)[0], (typeof INSTITUTIONS)[0], (typeof INSTITUTIONS)[0]];
const { STANDING } = stateRows;
const names = (world: World): string => voters(world).map((key) => 'abcdefgh'[INSTITUTIONS.indexOf(key)] ?? '?').sort().join('');

t.test('who has staked joins at the end of the epoch and votes from the next height on', (t) => {
  const world = stakeWorld(1);
  world.block([stakeTx(world, b, 100_000n)]);
  const before = world.tip.validators;
  const early = world.block([], stakeEpochOf(world.tip.state).endsAtMs - world.timeMs - 1);
  t.same(early.header.nextValidatorsHash, early.header.validatorsHash, 'not a millisecond before');
  const last = world.block([], 1);
  t.same(last.header.validatorsHash, validatorsHash(before));
  t.same(last.header.nextValidatorsHash, validatorsHash(world.tip.validators));
  t.equal(names(world), 'ab');
  t.equal(world.tip.signers, before, 'the block itself was voted on by the old set');
  t.equal(world.tip.validatorsSince, last.header.height + 1);
  const first = world.block([]);
  t.same(first.header.validatorsHash, last.header.nextValidatorsHash, 'its previous commit is by the old set, its own by the new one');
  world.block([]);
  t.equal(world.tip.signers, world.tip.validators);
  t.equal(stakeEpochOf(world.tip.state).setSince, last.header.height + 1);
  endEpoch(world);
  t.equal(world.tip.validatorsSince, last.header.height + 1, 'an epoch without a change changes no schedule');
  t.end();
});

t.test('a third at most leaves and joins in one epoch, and the last one stays', (t) => {
  t.same([1, 2, 3, 4, 5, 6, 7, 8, 10, 13, 20].map(changesMax), [1, 1, 1, 1, 1, 1, 2, 2, 3, 4, 6]);
  const ids = Array.from({ length: 30 }, (_, index) => u32be(index));
  const pick = fc.uniqueArray(fc.nat({ max: 29 }), { minLength: 1, maxLength: 20 }).map((list) => list.map((index) => ids[index]!));
  const has = (list: readonly Uint8Array[], id: Uint8Array): boolean => list.some((one) => compareBytes(one, id) === 0);
  fc.assert(fc.property(pick, fc.uniqueArray(fc.nat({ max: 29 }), { maxLength: 20 }).map((list) => list.map((index) => ids[index]!)), fc.integer({ min: 2, max: 20 }), (start, wish, room) => {
    const wanted = wish.slice(0, room);
    let current: readonly Uint8Array[] = start;
    for (let epoch = 0; epoch < 60; epoch++) {
      const next = changedMembers(current, wanted, room);
      const most = changesMax(current.length);
      const left = current.filter((id) => !has(next, id));
      const joined = next.filter((id) => !has(current, id));
      if (left.length > most || joined.length > most || next.length === 0) return false;
      if (joined.length > 0 && next.length > room) return false;
      if (left.some((id) => has(wanted, id)) || joined.some((id) => !has(wanted, id))) return false;
      current = next;
    }
    const settled = [...current].sort(compareBytes);
    return wanted.length === 0 ? settled.length === 1 : settled.length === wanted.length && wanted.every((id) => has(settled, id));
  }), { numRuns: 300, seed: 17 });
  t.same(changedMembers([u32be(3)], [u32be(5)], 2), [u32be(3), u32be(5)], 'the last one leaves when the other is there');
  t.end();
});

t.test('first validators vote without stake for 30 days, then one an epoch leaves, never the last', (t) => {
  const world = stakeWorld(4);
  world.block([stakeTx(world, c, 100_000n), stakeTx(world, b, 99_999n)]);
  const due = world.genesis.spec.timeMs + STAKE_GRACE_MS;
  world.block([], due - HOUR_MS - world.timeMs);
  t.equal(names(world), 'abcd');
  const sizes: string[] = [];
  world.block([], due - world.timeMs - 1);
  for (let epoch = 0; epoch < 5; epoch++) {
    endEpoch(world);
    sizes.push(names(world));
  }
  t.same(sizes, ['bcd', 'cd', 'c', 'c', 'c'], 'by address, b for one millilitre');
  world.block([unstakeTx(world, c, 1_000n)]);
  endEpoch(world);
  t.equal(names(world), 'c', 'the last one stays, staked or not');
  world.block([stakeTx(world, e, 100_000n)]);
  endEpoch(world);
  t.equal(names(world), 'ce');
  endEpoch(world);
  t.equal(names(world), 'e', 'and leaves once it is not the last');
  t.end();
});

t.test('the most stake is elected, counted up to the cap, ties by address', (t) => {
  const world = stakeWorld(1, { params: { maxValidators: 2 } });
  world.block([stakeTx(world, a, 100_000n), stakeTx(world, b, 100_000n), stakeTx(world, c, 100_000n), stakeTx(world, d, 99_999n)]);
  endEpoch(world);
  t.equal(names(world), 'ab', 'the tie goes to the lower addresses; 99.999 L are not enough');
  world.block([delegateTx(world, KEYS.farmA, d, 5_000_000n), stakeTx(world, c, 1_000_000n)]);
  const order: string[] = [];
  for (let epoch = 0; epoch < 3; epoch++) {
    endEpoch(world);
    order.push(names(world));
  }
  t.same(order, ['bc', 'cd', 'cd'], 'more than the cap counts as the cap, so the lower address joins first');
  t.end();
});

t.test('fees: equal parts, commission to the institution, the rest to the stake; what nobody takes stays in the pool', (t) => {
  const world = stakeWorld(3);
  world.block([stakeTx(world, a, 100_000n), stakeTx(world, b, 300_000n), stakeTx(world, c, 99_999n), delegateTx(world, KEYS.farmA, a, 100_000n)]);
  world.block([world.tx(a, { case: 'editValidator', value: { validator: a.address, name: 'A', commissionBps: 2_500 } })]);
  t.equal(rowOf(world, a).name, 'A');
  endEpoch(world);
  const [one, two] = [poolsOf(world.tip.state).feesMl, rowOf(world, a).stakeMl];
  t.equal(two % 100_000n > 0n, true, 'the first end pays out already, without the new commission');
  const paying = Array.from({ length: 40 }, (_, index) => world.transfer(KEYS.farmA, a.address, BigInt(index + 1)));
  world.block(paying);
  const [balance, shares] = [balanceOf(world.tip.state, a.address), rowOf(world, a).shares];
  const pool = poolsOf(world.tip.state).feesMl;
  t.equal(pool, one + 40n);
  const part = pool / 3n;
  const commission = part * 2_500n / 10_000n;
  endEpoch(world);
  t.equal(balanceOf(world.tip.state, a.address), balance + commission);
  t.equal(rowOf(world, a).stakeMl, two + part - commission);
  t.equal(rowOf(world, a).shares, shares, 'nobody got new shares: each is worth more');
  t.equal(rowOf(world, b).shares, 300_000n);
  t.equal(rowOf(world, c).stakeMl, 99_999n, 'stake below the minimum earns nothing');
  t.equal(poolsOf(world.tip.state).feesMl, pool - 2n * part, 'its part and the remainder stay');
  t.end();
});

t.test('absence: 24 h and 1,000 heights in no commit, then it leaves unpunished and may rejoin', (t) => {
  const world = stakeWorld(4, { params: { downtimeBlocks: 30 } });
  world.block(INSTITUTIONS.slice(0, 4).map((key) => stakeTx(world, key, 100_000n)));
  const away = { absent: [d] };
  for (let hour = 0; hour < 26; hour++) endEpoch(world, [], away);
  t.equal(names(world), 'abcd', '26 h, but only some 26 blocks');
  for (let i = 0; i < 10; i++) world.block([], 1_000, away);
  t.equal(rowOf(world, d).standing, STANDING.good, 'it leaves at the end of an epoch only');
  endEpoch(world, [], away);
  t.equal(rowOf(world, d).standing, STANDING.absent);
  t.equal(names(world), 'abc');
  t.equal(rowOf(world, d).stakeMl >= 100_000n, true, 'nothing is taken from it');
  endEpoch(world);
  t.equal(names(world), 'abc', 'stake alone does not bring it back');
  world.block([world.tx(d, { case: 'rejoin', value: { validator: d.address } })]);
  endEpoch(world);
  t.equal(names(world), 'abcd');
  for (let hour = 0; hour < 23; hour++) endEpoch(world, [], away);
  t.equal(names(world), 'abcd', 'its time runs from where it joined');
  t.end();
});

t.test('one commit in an epoch is enough, also the commit of the block that ended the one before', (t) => {
  const world = stakeWorld(4, { params: { downtimeBlocks: 1, downtimeMs: HOUR_MS } });
  world.block(INSTITUTIONS.slice(0, 4).map((key) => stakeTx(world, key, 100_000n)));
  endEpoch(world);
  endEpoch(world, [], { absent: [d] });
  t.equal(rowOf(world, d).standing, STANDING.good, 'it signed the block before');
  world.block([], 1_000, { absent: [d] });
  endEpoch(world, [], { absent: [d] });
  t.equal(rowOf(world, d).standing, STANDING.absent);
  t.ok(world.tip.state.get(ROWS.seen, '') === undefined, 'an epoch begins with nobody seen');
  t.end();
});

t.test('epochs and sets that nobody can be punished by are forgotten', (t) => {
  const world = stakeWorld(1);
  world.block([stakeTx(world, b, 100_000n)]);
  const first = toHex(validatorsHash(world.tip.validators));
  endEpoch(world);
  t.ok(world.tip.state.get(ROWS.stakeEpoch, '00000000') !== undefined);
  for (let day = 0; day < 22; day++) world.block([], DAY_MS);
  t.equal(world.tip.state.get(ROWS.stakeEpoch, '00000000'), undefined);
  t.ok(world.tip.state.get(ROWS.validatorSet, first) !== undefined, 'a set is kept for the headers that name it');
  for (let day = 0; day < 40; day++) world.block([], 10 * DAY_MS);
  t.equal(world.tip.state.get(ROWS.validatorSet, first), undefined);
  t.equal([...world.tip.state.rows(ROWS.stakeEpoch)].length <= 3, true);
  t.end();
});
