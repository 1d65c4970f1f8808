/** Validator sets, thresholds, the proposer schedule and timeouts (consensus page §1.1, §1.4, §1.5, §1.11). */
import t from 'tap';
import {
  checkValidatorSet, indexOfKey, isQuorum, isThird, isTimely, makeSchedule, makeValidatorSet, msgDelayMs, proposalTime, proposerAt, sha256,
  timeoutProposeMs, timeoutVoteMs, TOTAL_POWER_MAX, toHex, totalPowerOf, utf8, validatorsHash, type ValidatorSet,
} from './core.ts';
import { makeSet, PARAMS } from './fixture.ts';

t.test('a quorum of n equal validators is floor(2n/3) + 1, a third floor(n/3) + 1', async (t) => {
  for (let n = 1; n <= 50; n++) {
    const quorum = ((2 * n - ((2 * n) % 3)) / 3) + 1;
    const third = ((n - (n % 3)) / 3) + 1;
    t.same([isQuorum(quorum, n), isQuorum(quorum - 1, n), isThird(third, n), isThird(third - 1, n)], [true, false, true, false], `n = ${n}`);
  }
  t.equal(isQuorum(2, 3), false, 'exactly two thirds are no quorum');
  t.equal(isThird(1, 3), false, 'exactly a third is no third');
  const total = TOTAL_POWER_MAX;
  t.equal(isQuorum((2 * (total - 1)) / 3, total), false, 'exact at the largest power');
  t.equal(isQuorum((2 * (total - 1)) / 3 + 1, total), true);
});

t.test('a set is ordered by power, then address, whatever the order it was given in', async (t) => {
  const set = makeSet([1, 5, 3, 5, 1]);
  t.same(set.validators.map((validator) => validator.power), [5, 5, 3, 1, 1]);
  t.same(makeValidatorSet([...set.validators].reverse()), set);
  t.equal(toHex(validatorsHash(makeValidatorSet([...set.validators].reverse()))), toHex(validatorsHash(set)));
  t.equal(totalPowerOf(set), 15);
  t.equal(indexOfKey(set, set.validators[2]!.publicKey), 2);
  t.equal(indexOfKey(set, sha256(utf8('stranger'))), undefined);
});

t.test('what is no validator set is refused', async (t) => {
  const { validators } = makeSet([2, 1, 1]);
  const [a, b, c] = validators as [typeof validators[0], typeof validators[0], typeof validators[0]];
  t.equal(checkValidatorSet({ validators: [a!, b!, c!] }).ok, true);
  const bad: readonly [string, ValidatorSet][] = [
    ['an empty set', { validators: [] }],
    ['a wrong order of power', { validators: [b!, a!, c!] }],
    ['a wrong order of address', { validators: [a!, c!, b!] }],
    ['a repetition', { validators: [a!, b!, b!] }],
    ['a key twice with different power', { validators: [a!, { ...a!, power: 1 }] }],
    ['no power', { validators: [a!, { ...b!, power: 0 }] }],
    ['too much power', { validators: [{ ...a!, power: TOTAL_POWER_MAX }, b!] }],
    ['51 validators', { validators: makeSet(Array.from({ length: 50 }, () => 1)).validators.concat({ ...a!, power: 1 }) }],
  ];
  for (const [what, set] of bad) t.equal(checkValidatorSet(set).ok, false, what);
});

t.test('over any W consecutive slots validator i proposes exactly w[i] times', async (t) => {
  for (const [powers, weights] of [[[1], [1]], [[1, 1, 1, 1], [1, 1, 1, 1]], [[7, 7, 7], [1, 1, 1]], [[4, 2, 2, 2], [2, 1, 1, 1]], [[3, 1], [3, 1]], [[1_000_000, 1], [999, 1]]] as const) {
    const set = makeSet(powers);
    const schedule = makeSchedule(set, 5);
    const length = weights.reduce<number>((sum, weight) => sum + weight, 0);
    t.equal(schedule.slots.length, length, `W of ${powers.join()}`);
    for (let from = 0; from < Math.min(length, 12); from++) {
      const counts = weights.map(() => 0);
      for (let slot = 0; slot < length; slot++) counts[proposerAt(schedule, 5 + from, slot)]! += 1;
      t.same(counts, weights, `from height ${5 + from}`);
    }
  }
});

t.test('equal validators propose in turn, and a round moves the turn like a height', async (t) => {
  const schedule = makeSchedule(makeSet([1, 1, 1, 1, 1]), 1);
  for (let height = 1; height < 30; height++) {
    t.equal(proposerAt(schedule, height + 1, 0), (proposerAt(schedule, height, 0) + 1) % 5);
    t.equal(proposerAt(schedule, height, 3), proposerAt(schedule, height + 3, 0));
  }
  const starts = new Set(Array.from({ length: 40 }, (_, i) => makeSchedule(makeSet([1, 1, 1, 1, 1]), i + 1).offset));
  t.ok(starts.size > 1, 'where the turn starts depends on the first height');
  t.throws(() => proposerAt(makeSchedule(makeSet([1]), 7), 6, 0), { name: 'AssertionError' });
});

t.test('smooth: a heavy validator is spread over the schedule', async (t) => {
  t.same(makeSchedule(makeSet([4, 2, 2]), 1).slots.length, 4);
  t.same(makeSchedule(makeSet([6, 2, 2]), 1).slots, [0, 1, 0, 2, 0], 'worked by hand for the weights 3, 1, 1');
});

t.test('timeouts grow by round up to 15 s', async (t) => {
  t.same([0, 1, 2, 58, 59, 4_000_000_000].map((round) => timeoutProposeMs(PARAMS, round)), [400, 650, 900, 14_900, 15_000, 15_000]);
  t.same([0, 1, 2, 98, 99, 4_000_000_000].map((round) => timeoutVoteMs(PARAMS, round)), [200, 350, 500, 14_900, 15_000, 15_000]);
});

t.test('the allowed delay grows by a tenth per round up to ten minutes, from any start', async (t) => {
  t.same([0, 1, 2, 3].map((round) => msgDelayMs(PARAMS, round)), [2_000, 2_200, 2_420, 2_662]);
  t.equal(msgDelayMs(PARAMS, 4_000_000_000), 600_000);
  t.equal(msgDelayMs({ ...PARAMS, msgDelayMs: 1 }, 3), 4);
  t.equal(msgDelayMs({ ...PARAMS, msgDelayMs: 1 }, 1_000), 600_000);
});

t.test('timely is judged by the clock at arrival, inclusive at both ends', async (t) => {
  const at = 1_000_000;
  t.same([at + 250, at + 251, at - 2_250, at - 2_251].map((timeMs) => isTimely(PARAMS, 0, timeMs, at)), [true, false, true, false]);
  t.equal(isTimely(PARAMS, 1, at - 2_450, at), true, 'later rounds allow more');
});

t.test('block time is the clock, at least one above the block below, or a wait', async (t) => {
  t.same(proposalTime(1_000, 500, 250), { timeMs: 1_000 });
  t.same(proposalTime(1_000, 1_000, 250), { timeMs: 1_001 });
  t.same(proposalTime(1_000, 1_249, 250), { timeMs: 1_250 });
  t.same(proposalTime(1_000, 1_250, 250), { waitMs: 1 });
  t.same(proposalTime(1_000, 5_000, 250), { waitMs: 3_751 });
});
