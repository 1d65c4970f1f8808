/** Evidence in a block (SPEC §17.4): once per key, 5 % of the stake that stood behind the vote, wherever it is now. */
import t from 'tap';
import { applyBlock, Block, Body, buildBlock, encode, Header, merkleRoot, offenceIn, poolsOf, ROWS, stakeEpochOf, stateRows, toHex, unbondingId, unbondingPoolId } from '../../src/index.ts';
import { verdict } from '../support/cases.ts';
import { DAY_MS, delegateTx, doubleVote, endEpoch, idOf, INSTITUTIONS, rowOf, stakeTx, stakeWorld, undelegateTx, unstakeTx, voters } from '../support/staking.ts';
import { KEYS, type Key, type World } from '../support/world.ts';

const [a, b, c, d] = INSTITUTIONS as [Key, Key, Key, Key];
const { STANDING } = stateRows;
const { farmA, farmB } = KEYS;

/** Four validators of 200 L each, farm A with 100 L behind d; a stake epoch has begun with that. */
function staked(): World {
  const world = stakeWorld(4);
  world.block([a, b, c, d].map((key) => stakeTx(world, key, 200_000n)).concat(delegateTx(world, farmA, d, 100_000n)));
  endEpoch(world);
  world.block([]);
  return world;
}

const insurance = (world: World): bigint => poolsOf(world.tip.state).insuranceMl;
const memberStake = (world: World, key: Key): bigint => stakeEpochOf(world.tip.state).members.find(({ validator }) => toHex(validator) === idOf(key))?.stakeMl ?? -1n;

/** The next block with this evidence in its body, whatever a proposer would think of it. */
function refusalWith(world: World, evidence: readonly Uint8Array[]): string {
  const { tip, chain } = world;
  const built = buildBlock(chain, tip, [], tip.timeMs + 1_000, { ...world.turn(), evidence });
  chain.tree.release(built.treeVersion);
  const header = encode(Header, { ...built.header, evidenceRoot: merkleRoot(evidence) });
  const verdictOf = applyBlock(chain, tip, encode(Block, { header, body: encode(Body, { txs: [], evidence, prevCommit: tip.certificateBytes }) }));
  if (verdictOf.ok) chain.tree.release(verdictOf.value.treeVersion);
  return verdictOf.ok ? 'ok' : verdictOf.fault.code === 'invalid_block' ? verdictOf.fault.field : verdictOf.fault.code;
}

t.test('5 % of the stake of the epoch goes to the insurance pool, the key is retired', (t) => {
  const world = staked();
  const evidence = doubleVote(world, d, world.tip.height);
  const before = memberStake(world, d);
  const { evidence: carried } = world.block([], 1_000, { evidence: [evidence] });
  t.equal(carried.length, 1);
  t.equal(insurance(world), before * 500n / 10_000n);
  t.equal(rowOf(world, d).stakeMl, before - before * 500n / 10_000n);
  t.equal(rowOf(world, d).shares, 300_000n, 'own and delegated stake lose alike: the share is worth less');
  t.equal(rowOf(world, d).standing, STANDING.tombstoned);
  t.equal(voters(world).length, 4, 'it votes, and is counted, until the epoch ends');
  endEpoch(world);
  t.equal(voters(world).includes(d), false);
  t.equal(verdict(world, stakeTx(world, d, 100_000n)), 'validator_tombstoned');
  t.equal(verdict(world, world.tx(d, { case: 'rejoin', value: { validator: d.address } })), 'validator_tombstoned');
  world.block([unstakeTx(world, d, 200_000n), undelegateTx(world, farmA, d, 100_000n)]);
  t.equal(rowOf(world, d).shares, 0n, 'what is left can be taken out');
  for (let i = 0; i < 3; i++) endEpoch(world);
  t.equal(voters(world).includes(d), false, 'for good');
  t.end();
});

t.test('one slash per key: other offences of it, the same block or later, are refused', (t) => {
  const world = staked();
  const { height } = world.tip;
  const [one, other, older] = [doubleVote(world, d, height), doubleVote(world, d, height, 7), doubleVote(world, d, height - 1)];
  t.equal(refusalWith(world, [one, other]), 'evidence', 'two offences of one key in a block');
  const { evidence } = world.block([], 1_000, { evidence: [one, other, older] });
  t.equal(evidence.length, 1, 'a proposer takes the first');
  const slashed = insurance(world);
  for (const again of [one, other, older]) {
    t.equal(offenceIn(world.chain, world.tip, again), undefined);
    t.equal(refusalWith(world, [again]), 'evidence');
  }
  world.block([], 1_000, { evidence: [one, other, older] });
  t.equal(insurance(world), slashed);
  t.end();
});

t.test('what left the stake since the offence pays its part; what left before does not', (t) => {
  const world = staked();
  world.block([undelegateTx(world, farmA, d, 40_000n)]);
  endEpoch(world);
  const early = unbondingPoolId(idOf(d), stakeEpochOf(world.tip.state).no - 1);
  const { height } = world.block([]).header;
  const epoch = stakeEpochOf(world.tip.state);
  const bonded = memberStake(world, d);
  world.block([undelegateTx(world, farmA, d, 30_000n)]);
  endEpoch(world);
  world.block([unstakeTx(world, d, 100_000n)]);
  const pool = (no: number) => world.tip.state.get(ROWS.unbondingPool, unbondingPoolId(idOf(d), no))?.amountMl ?? -1n;
  const [first, second, left] = [pool(epoch.no), pool(epoch.no + 1), rowOf(world, d).stakeMl];
  const before = world.tip.state.get(ROWS.unbondingPool, early)?.amountMl;
  world.block([], 1_000, { evidence: [doubleVote(world, d, height)] });
  t.equal(insurance(world), bonded / 20n, '5 % of all that stood behind the vote');
  t.equal(pool(epoch.no), first - first / 20n);
  t.equal(pool(epoch.no + 1), second - second / 20n);
  t.equal(rowOf(world, d).stakeMl, left - (bonded / 20n - first / 20n - second / 20n));
  t.equal(world.tip.state.get(ROWS.unbondingPool, early)?.amountMl, before, 'that stake did not stand behind it any more');
  t.end();
});

t.test('nobody escapes: all taken out at once, in the very block of the evidence, or released just before', (t) => {
  const world = staked();
  const { height } = world.tip;
  const bonded = memberStake(world, d);
  world.block([unstakeTx(world, d, 200_000n), undelegateTx(world, farmA, d, 100_000n)]);
  t.equal(rowOf(world, d).stakeMl, 0n);
  const evidence = doubleVote(world, d, height);
  const epoch = stakeEpochOf(world.tip.state);
  const lastMoment = epoch.sinceMs + 20 * DAY_MS;
  world.block([], lastMoment - 10_000 - world.timeMs);
  t.ok(offenceIn(world.chain, world.tip, evidence, lastMoment));
  t.equal(offenceIn(world.chain, world.tip, evidence, lastMoment + 1), undefined, 'a millisecond too old');
  world.block([], lastMoment - world.timeMs, { evidence: [evidence] });
  t.equal(insurance(world), bonded / 20n);
  const row = world.tip.state.get(ROWS.unbonding, unbondingId(idOf(d), epoch.no, farmA.address));
  t.equal(row?.releaseAtMs, epoch.endsAtMs + 21 * DAY_MS);
  world.block([], epoch.endsAtMs + 21 * DAY_MS - world.timeMs);
  t.ok(world.tip.state.get(ROWS.unbonding, unbondingId(idOf(d), epoch.no, farmA.address)), 'not yet');
  const balance = world.tip.state.get(ROWS.account, toHex(d.address))?.balanceMl ?? 0n;
  world.block([], 1);
  t.equal(world.tip.state.get(ROWS.unbonding, unbondingId(idOf(d), epoch.no, farmA.address)), undefined);
  t.equal((world.tip.state.get(ROWS.account, toHex(d.address))?.balanceMl ?? 0n) - balance, (200_000n * (bonded - bonded / 20n)) / 300_000n, 'what is left of it');
  t.end();
});

t.test('peer bug 35, CometBFT #4114: a change of the set and evidence in one block are both handled, once', (t) => {
  const world = staked();
  const { height } = world.tip;
  world.block([stakeTx(world, INSTITUTIONS[4] as Key, 300_000n)]);
  const evidence = doubleVote(world, a, height);
  const stake = memberStake(world, a);
  endEpoch(world, [], { evidence: [evidence] });
  t.equal(insurance(world), stake / 20n);
  t.equal(voters(world).includes(a), false, 'it leaves in the very block');
  t.equal(voters(world).includes(INSTITUTIONS[4] as Key), true);
  t.equal(rowOf(world, a).stakeMl < stake, true, 'and no fee of the epoch goes to it');
  world.block([], 1_000, { evidence: [evidence] });
  t.equal(insurance(world), stake / 20n);
  t.end();
});

t.test('evidence is judged by the set of its height: indices of another set prove nothing, and who left is still punished', (t) => {
  const world = staked();
  world.block([], 31 * DAY_MS); // past the grace, in which nobody leaves for want of stake
  world.block([]);
  const { height } = world.tip;
  const evidence = doubleVote(world, a, height);
  world.block([unstakeTx(world, a, 200_000n)]);
  endEpoch(world);
  t.equal(voters(world).includes(a), false, 'a left; everybody has another index now');
  const next = world.block([]).header.height;
  t.throws(() => doubleVote(world, a, next), /does not vote/);
  const later = doubleVote(world, b, next);
  t.match(offenceIn(world.chain, world.tip, evidence), { offender: 0, publicKey: a.publicKey });
  t.match(offenceIn(world.chain, world.tip, later), { offender: 0, publicKey: b.publicKey });
  world.block([], 1_000, { evidence: [evidence, later] });
  t.equal(rowOf(world, a).standing, STANDING.tombstoned);
  t.equal(rowOf(world, b).standing, STANDING.tombstoned);
  t.end();
});

t.test('a validator in its grace has nothing to lose but its key', (t) => {
  const world = stakeWorld(4);
  world.block([], 1_000, { evidence: [doubleVote(world, d, world.tip.height)] });
  t.equal(insurance(world), 0n);
  t.equal(rowOf(world, d).standing, STANDING.tombstoned);
  world.block([world.transfer(farmA, farmB.address, 1n)]);
  endEpoch(world);
  t.equal(voters(world).length, 3);
  t.end();
});
