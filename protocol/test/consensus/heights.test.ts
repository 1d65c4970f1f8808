/** Starting a height, pace, early and late messages, building a value (consensus page §1.7, §1.8), on one node. */
import t from 'tap';
import { NIL } from './core.ts';
import { START_MS } from './fixture.ts';
import { brief, makeSolo } from './solo.ts';

t.test('the idle timer starts a height without work; work starts it at once', async (t) => {
  const idle = makeSolo(t);
  t.same(brief(idle.enter()), ['cancel<0', 'paceTimer@h2 100', 'proposeTimer@0 400']);
  const busy = makeSolo(t);
  t.same(brief(busy.work()), ['cancel<0', 'paceTimer@h2 100', 'proposeTimer@0 400']);
  t.same(brief(busy.work()), [], 'later work waits for the next height');
});

t.test('work while the pace is closed is remembered, and the pace timer opens the height at once', async (t) => {
  const { solo } = decidedSolo(t);
  solo.startHeight(2);
  t.equal(solo.state().paceOpen, false);
  t.same(brief(solo.work()), [], 'the pace is closed');
  t.same(brief(solo.timer('pace', 0, 1)), [], 'a pace timer of another height opens nothing');
  t.equal(brief(solo.timer('pace', 0, 2)).includes('proposeTimer@0 400'), true);
  t.equal(solo.state().step, 'propose');
});

t.test('a pace timer that fires before its height begins leaves the pace open', async (t) => {
  const { solo } = decidedSolo(t);
  solo.timer('pace', 0, 2);
  solo.startHeight(2);
  t.equal(solo.state().step, 'newHeight');
  t.equal(brief(solo.work()).includes('proposeTimer@0 400'), true);
});

t.test('when sync has moved the tip the pace is open again', async (t) => {
  const { solo } = decidedSolo(t);
  solo.startHeight(9);
  t.equal(brief(solo.work()).includes('proposeTimer@0 400'), true);
});

function decidedSolo(t: Parameters<typeof makeSolo>[0] & { equal(a: unknown, b: unknown): unknown }) {
  const solo = makeSolo(t);
  const { p, block } = solo.fixture;
  const value = block('v');
  solo.propose(0, value);
  solo.sign(solo.verdict(value.id));
  for (const i of [1, 2, 3]) solo.vote('precommit', 0, p(i), value.id);
  t.equal(solo.state().step, 'decided');
  return { solo, value };
}

t.test('a late precommit widens the certificate of the block below, until it is proposed upon', async (t) => {
  const { solo, value } = decidedSolo(t);
  t.equal(solo.state().rounds[0]!.precommit.power, 3);
  solo.startHeight(2);
  solo.vote('precommit', 0, solo.me, value.id, 1);
  t.equal(solo.state().prevCommit?.table.power, 4);
  solo.vote('precommit', 0, solo.me, value.id, 1);
  solo.vote('prevote', 0, solo.me, value.id, 1);
  t.equal(solo.state().prevCommit?.table.power, 4, 'each once, and no prevote');
});

t.test('what came early for the next height is used when it starts', async (t) => {
  const { solo } = decidedSolo(t);
  const early = solo.fixture.block('early');
  const message = { ...solo.fixture.proposal(0, early, { atHeight: 2 }) };
  solo.give({ kind: 'proposalMsg', proposal: message, receivedAtMs: START_MS });
  solo.give({ kind: 'proposalMsg', proposal: message, receivedAtMs: START_MS });
  solo.vote('prevote', 0, 0, early.id, 2);
  solo.vote('prevote', 0, 0, early.id, 2);
  solo.vote('prevote', 2, 1, early.id, 2);
  solo.vote('prevote', 0, 1, early.id, 3);
  t.equal(solo.state().nextHeight.length, 2, 'rounds 0 and 1 only, each once, nothing beyond the next height');
  const effects = brief(solo.startHeight(2));
  t.ok(effects.includes('checkBlock') && effects.includes('proposeTimer@0 400'), 'the proposal starts the height at once');
  t.equal(solo.state().rounds[0]!.prevote.power, 1);
});

t.test('what came early is dropped when the validator set has changed', async (t) => {
  const { solo } = decidedSolo(t);
  solo.vote('prevote', 0, 0, NIL, 2);
  solo.startHeight(2, { since: 2 });
  t.same(solo.state().rounds, []);
});

t.test('a proposer with work builds; the built value and the prevote are one guard write', async (t) => {
  const solo = makeSolo(t, { me: 1 });
  t.same(brief(solo.work()), ['cancel<0', 'paceTimer@h2 100', 'proposeTimer@0 400', 'buildValue']);
  const value = solo.fixture.block('mine');
  const effects = solo.give({ kind: 'valueBuilt', height: 1, round: 0, block: value });
  t.same(brief(effects), ['saveBlock', `proposal@0 ${value.id.slice(0, 6)}`, `prevote@0 ${value.id.slice(0, 6)}`]);
  const signing = effects.filter((effect) => effect.kind === 'signAndSend');
  t.equal(signing.length, 1);
  t.same([signing[0]!.durableBeforeWrite, signing[0]!.durableBeforeSend], [[], [value.id]], 'body and guard in parallel, both before the send');
  t.equal(solo.state().rounds.length, 0, 'own messages count only when they come back signed');
  t.same(solo.give({ kind: 'valueBuilt', height: 1, round: 0, block: solo.fixture.block('twice') }), [], 'a second value is not offered');
  solo.sign(effects);
  t.equal(solo.state().rounds[0]!.prevote.power, 1);
});

t.test('a value built too late is not offered: the propose timer has prevoted NIL', async (t) => {
  const solo = makeSolo(t, { me: 1 });
  solo.work();
  solo.sign(solo.timer('propose', 0));
  t.same(solo.give({ kind: 'valueBuilt', height: 1, round: 0, block: solo.fixture.block('late') }), []);
});

t.test('a node without a key, or told not to sign, follows without signing', async (t) => {
  for (const options of [{ watch: true }, { start: { sign: false } }]) {
    const solo = makeSolo(t, options);
    const { p, block } = solo.fixture;
    const value = block('v');
    solo.propose(0, value);
    t.same(brief(solo.verdict(value.id)), ['saveBlock']);
    for (const i of [1, 2]) solo.vote('precommit', 0, p(i), value.id);
    t.same(brief(solo.vote('precommit', 0, p(3), value.id)), ['decide']);
  }
});
