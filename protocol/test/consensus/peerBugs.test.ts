/** Bugs that other projects had in their consensus (consensus page §4), one test each, named after what it guards. */
import t from 'tap';
import { NIL, step } from './core.ts';
import { makeNet } from './net.ts';
import { brief, makeSolo } from './solo.ts';

t.test('item 9 (tendermint #3003): an invalid proposal costs one round, not the height', async (t) => {
  let first: string | undefined;
  const net = makeNet({
    powers: [1, 1, 1, 1],
    judge(_node, id) {
      first ??= id;
      return id !== first;
    },
  });
  const all = [0, 1, 2, 3];
  all.forEach((i) => net.boot(i));
  net.work(net.fixture.p(1));
  const others = all.filter((i) => i !== net.fixture.p(1));
  t.ok(net.run(() => net.decidedBy(others), 5_000));
  t.ok(others.every((i) => net.nodes[i]!.decided[0]!.round === 1), 'in round 1');
});

t.test('item 10 (#1171, #6849, #6850): a NIL polka does not unlock', async (t) => {
  const solo = makeSolo(t);
  const { p, block } = solo.fixture;
  const value = block('v');
  solo.propose(0, value);
  for (const i of [1, 2, 3]) solo.vote('prevote', 0, p(i), value.id);
  solo.sign(solo.verdict(value.id));
  for (const i of [1, 2]) solo.vote('precommit', 0, p(i), NIL);
  solo.sign(solo.timer('precommit', 0));
  solo.sign(solo.timer('propose', 1));
  for (const i of [1, 2, 3]) solo.sign(solo.vote('prevote', 1, p(i), NIL));
  t.same([solo.state().lockedRound, solo.state().lockedId], [0, value.id]);
});

t.test('item 11 (#3092): two timers of one instant in either order end in the same place', async (t) => {
  const ends = [['prevote', 'precommit'], ['precommit', 'prevote']].map((order) => {
    const solo = makeSolo(t);
    const { p } = solo.fixture;
    solo.enter();
    solo.sign(solo.timer('propose', 0));
    for (const i of [1, 2]) solo.vote('prevote', 0, p(i), i === 1 ? NIL : solo.fixture.block('v').id);
    for (const i of [1, 2, 3]) solo.vote('precommit', 0, p(i), NIL);
    for (const kind of order) solo.sign(solo.timer(kind as 'prevote' | 'precommit', 0));
    return [solo.state().round, solo.state().step, solo.state().lockedRound];
  });
  t.same(ends[0], ends[1]);
  t.same(ends[0], [1, 'propose', -1]);
});

t.test('item 13 (Malachite): a quorum of any mix never hides the polka that is in it', async (t) => {
  const solo = makeSolo(t);
  const { p, block } = solo.fixture;
  const value = block('v');
  solo.propose(0, value);
  solo.sign(solo.verdict(value.id));
  solo.vote('prevote', 0, p(1), NIL);
  solo.vote('prevote', 0, p(2), value.id);
  const effects = solo.vote('prevote', 0, p(3), value.id);
  t.ok(brief(effects).includes(`precommit@0 ${value.id.slice(0, 6)}`), 'locked at once, not after the timer');
});

t.test('item 13 (Malachite): timers of a round that was skipped do nothing', async (t) => {
  const solo = makeSolo(t);
  solo.enter();
  for (const i of [1, 2]) solo.vote('prevote', 3, solo.fixture.p(i), NIL);
  t.equal(solo.state().round, 3);
  for (const kind of ['propose', 'prevote', 'precommit'] as const) for (const round of [0, 1, 2]) t.same(solo.timer(kind, round), [], `${kind} of round ${round}`);
});

t.test('item 16a (Mainsail): a verdict that says false is no vote for the block', async (t) => {
  const solo = makeSolo(t);
  const value = solo.fixture.block('v');
  solo.propose(0, value);
  t.same(brief(solo.verdict(value.id, false)).filter((line) => line.startsWith('prevote')), ['prevote@0 nil']);
});

t.test('item 16b–d (Mainsail): the lock of round 0 holds against a fresh value and lets its own value pass', async (t) => {
  const solo = makeSolo(t);
  const { p, block } = solo.fixture;
  const value = block('v');
  solo.propose(0, value);
  for (const i of [1, 2, 3]) solo.vote('prevote', 0, p(i), value.id);
  solo.sign(solo.verdict(value.id));
  for (const i of [1, 2]) solo.vote('precommit', 0, p(i), NIL);
  solo.sign(solo.timer('precommit', 0));
  t.equal(solo.state().lockedRound, 0, 'locked in round 0, which is a lock');
  const fresh = block('w', 1);
  const before = solo.state();
  solo.propose(1, fresh);
  t.same(brief(solo.verdict(fresh.id)).filter((line) => line.startsWith('prevote@1')), ['prevote@1 nil']);
  const again = step(before, { kind: 'proposalMsg', receivedAtMs: 0, proposal: solo.fixture.proposal(1, value, { polRound: 0, polka: before.validPolka!, headerRound: 0 }) });
  t.same(brief(again.effects).filter((line) => line.startsWith('prevote@1')), [`prevote@1 ${value.id.slice(0, 6)}`]);
});
