/** Every rule of consensus page §1.7 alone, on one node: R1–R8, T1–T3, locks, timers. */
import t from 'tap';
import { NIL } from './core.ts';
import { START_MS } from './fixture.ts';
import { brief, makeSolo } from './solo.ts';

t.test('R1, L24: a fresh, valid, timely proposal gets the prevote of a node without a lock', async (t) => {
  const solo = makeSolo(t);
  const value = solo.fixture.block('v');
  t.same(brief(solo.propose(0, value)), ['checkBlock', 'cancel<0', 'paceTimer@h2 100', 'proposeTimer@0 400'], 'the proposal starts the height');
  t.same(brief(solo.verdict(value.id)), ['saveBlock', `prevote@0 ${value.id.slice(0, 6)}`]);
  t.equal(solo.state().step, 'prevote');
});

t.test('R1, L26: prevote NIL for an invalid block', async (t) => {
  const solo = makeSolo(t);
  const value = solo.fixture.block('v');
  solo.propose(0, value);
  t.same(brief(solo.verdict(value.id, false)), ['prevote@0 nil']);
});

t.test('R1, L26: prevote NIL for a block that is not timely, at each end of the window', async (t) => {
  for (const [timeMs, timely] of [[START_MS + 250, true], [START_MS + 251, false], [START_MS - 2_250, true], [START_MS - 2_251, false]] as const) {
    const solo = makeSolo(t);
    const value = solo.fixture.block('v', 0, timeMs);
    solo.propose(0, value, { timeMs });
    t.same(brief(solo.verdict(value.id)).at(-1), `prevote@0 ${timely ? value.id.slice(0, 6) : 'nil'}`, `block time ${timeMs - START_MS} ms after arrival`);
  }
});

t.test('R1: a fresh proposal whose header names another round is judged invalid without waiting for the block', async (t) => {
  const solo = makeSolo(t);
  solo.enter();
  t.same(brief(solo.propose(0, solo.fixture.block('v', 1), { headerRound: 1 })), ['checkBlock', 'prevote@0 nil']);
});

/** A node that has prevoted v at round 0 itself and locks it with the second of the others. */
function lockingSolo(t: Parameters<typeof makeSolo>[0]) {
  const solo = makeSolo(t);
  const { p, block } = solo.fixture;
  const value = block('v');
  solo.propose(0, value);
  solo.sign(solo.verdict(value.id));
  const before = [p(1), p(2)].map((i) => brief(solo.vote('prevote', 0, i, value.id)));
  return { solo, value, before };
}

t.test('R4, L36–L43: the polka locks, precommits and becomes the valid value', async (t) => {
  const { solo, value, before } = lockingSolo(t);
  t.same(before, [[], [`precommit@0 ${value.id.slice(0, 6)}`]]);
  const { step, lockedRound, lockedId, validRound, validId, validPolka } = solo.state();
  t.same({ step, lockedRound, lockedId, validRound, validId }, { step: 'precommit', lockedRound: 0, lockedId: value.id, validRound: 0, validId: value.id });
  t.same(validPolka, solo.fixture.certificate('prevote', 0, value.id, [solo.me, solo.fixture.p(1), solo.fixture.p(2)]), 'with its certificate');
  t.same(brief(solo.vote('prevote', 0, solo.fixture.p(3), value.id)), [], 'only the first time');
});

t.test('R4: prevote and precommit go into one guard record when the polka is here before the block, and the body comes strictly first', async (t) => {
  const solo = makeSolo(t);
  const value = solo.fixture.block('v');
  solo.propose(0, value);
  for (const i of [1, 2, 3]) solo.vote('prevote', 0, solo.fixture.p(i), value.id);
  const effects = solo.verdict(value.id);
  t.same(brief(effects), ['saveBlock', `prevote@0 ${value.id.slice(0, 6)}`, `precommit@0 ${value.id.slice(0, 6)}`]);
  const signing = effects.filter((effect) => effect.kind === 'signAndSend');
  t.equal(signing.length, 1, 'one signAndSend');
  t.same(signing[0]!.durableBeforeWrite, [value.id]);
  t.match(signing[0]!.hardState, { height: 1, round: 0, step: 3, lockedRound: 0, validRound: 0 });
});

t.test('R4, L42 without L37: a polka after the own NIL precommit makes a valid value and no lock', async (t) => {
  const solo = makeSolo(t);
  const { p, block } = solo.fixture;
  const value = block('v');
  solo.propose(0, value);
  solo.sign(solo.verdict(value.id));
  solo.vote('prevote', 0, p(1), value.id);
  t.same(brief(solo.vote('prevote', 0, p(3), NIL)), ['prevoteTimer@0 200'], 'R3: a quorum of any mix');
  solo.sign(solo.timer('prevote', 0));
  t.equal(solo.state().step, 'precommit');
  t.same(brief(solo.vote('prevote', 0, p(2), value.id)), []);
  t.same([solo.state().lockedRound, solo.state().validRound, solo.state().validId], [-1, 0, value.id]);
});

t.test('R4 from round 1 on sends proposal and polka to all, so that whoever is locked elsewhere can move', async (t) => {
  const solo = makeSolo(t);
  const { p, block } = solo.fixture;
  const value = block('w', 1);
  solo.enter();
  for (const i of [1, 3]) solo.vote('prevote', 1, p(i), value.id);
  solo.propose(1, value);
  const effects = solo.sign(solo.verdict(value.id));
  t.same(brief(effects), [`precommit@1 ${value.id.slice(0, 6)}`, 'send proposal', 'relay']);
});

t.test('a locked node prevotes NIL for another fresh block and for its own block again', async (t) => {
  for (const same of [false, true]) {
    const { solo, value } = lockingSolo(t);
    const { p, block, certificate } = solo.fixture;
    for (const i of [1, 2]) solo.vote('precommit', 1, p(i), NIL);
    t.equal(solo.state().round, 1);
    if (same) {
      const polka = certificate('prevote', 0, value.id, [p(1), p(2), p(3)]);
      t.same(brief(solo.propose(1, value, { polRound: 0, polka })), [`prevote@1 ${value.id.slice(0, 6)}`], 'R2 for the locked block');
    } else {
      const other = block('other', 1);
      solo.propose(1, other);
      t.same(brief(solo.verdict(other.id)), ['saveBlock', 'prevote@1 nil'], 'R1 against the lock');
    }
    t.equal(solo.state().lockedId, value.id, 'the lock stays');
  }
});

t.test('R2, L29: a polka of the lock’s round or later unlocks, an earlier one does not', async (t) => {
  for (const [polRound, free] of [[0, false], [1, true], [2, true]] as const) {
    const { solo } = lockedAtRound1(t);
    const { p, block, certificate } = solo.fixture;
    const other = block('other');
    for (const i of [1, 2]) solo.vote('precommit', 3, p(i), NIL);
    t.equal(solo.state().round, 3);
    const polka = certificate('prevote', polRound, other.id, [p(1), p(2), p(3)]);
    solo.propose(3, other, { polRound, polka });
    const effects = solo.verdict(other.id);
    t.same(brief(effects), ['saveBlock', `prevote@3 ${free ? other.id.slice(0, 6) : 'nil'}`], `polka of round ${polRound}, lock of round 1`);
    const signing = effects.find((effect) => effect.kind === 'signAndSend')!;
    t.same(signing.bodies[0]!.polka, free ? polka : undefined, 'the signer is shown the polka');
    solo.sign(effects);
    t.equal(solo.state().lockedRound, 1, 'a prevote alone changes no lock');
  }
});

function lockedAtRound1(t: Parameters<typeof makeSolo>[0]) {
  const solo = makeSolo(t);
  const { p, block } = solo.fixture;
  const value = block('locked', 1);
  solo.enter();
  for (const i of [1, 3]) solo.vote('prevote', 1, p(i), value.id);
  solo.propose(1, value);
  solo.sign(solo.sign(solo.verdict(value.id)));
  t.same([solo.state().lockedRound, solo.state().lockedId], [1, value.id], 'locked at round 1');
  return { solo, value };
}

t.test('R2: a repeated proposal is not timed, but a header younger than its polka is invalid', async (t) => {
  for (const [headerRound, prevotes] of [[0, true], [1, false]] as const) {
    const solo = makeSolo(t);
    const { p, block, certificate } = solo.fixture;
    const old = block('old', headerRound, START_MS - 86_400_000);
    solo.enter();
    for (const i of [1, 2]) solo.vote('precommit', 1, p(i), NIL);
    const polka = certificate('prevote', 0, old.id, [p(1), p(2), p(3)]);
    const signed = [...solo.propose(1, old, { polRound: 0, headerRound, timeMs: START_MS - 86_400_000, polka }), ...solo.verdict(old.id)];
    t.same(brief(signed).filter((name) => name.startsWith('prevote')), [`prevote@1 ${prevotes ? old.id.slice(0, 6) : 'nil'}`]);
  }
});

t.test('R3, L34: the prevote timer starts once, at the quorum of any mix', async (t) => {
  const solo = makeSolo(t);
  const { p } = solo.fixture;
  solo.enter();
  solo.sign(solo.timer('propose', 0));
  t.same(brief(solo.vote('prevote', 0, p(1), 'aa'.repeat(32))), []);
  t.same(brief(solo.vote('prevote', 0, p(2), 'bb'.repeat(32))), ['prevoteTimer@0 200']);
  t.same(brief(solo.vote('prevote', 0, p(3), 'aa'.repeat(32))), []);
});

t.test('R5, L44: a NIL polka precommits NIL and keeps the lock', async (t) => {
  const { solo, value } = lockingSolo(t);
  const { p } = solo.fixture;
  for (const i of [1, 2]) solo.vote('prevote', 1, p(i), NIL);
  t.equal(solo.state().round, 1);
  t.same(brief(solo.sign(solo.timer('propose', 1))), ['precommit@1 nil'], 'with the own prevote');
  t.equal(solo.state().lockedId, value.id);
  t.equal(solo.state().lockedRound, 0);
});

t.test('R6, L47: the precommit timer starts once, and T3 enters the next round with the reason', async (t) => {
  const solo = makeSolo(t);
  const { p } = solo.fixture;
  solo.enter();
  t.same([1, 2, 3].map((i) => brief(solo.vote('precommit', 0, p(i), NIL))), [[], [], ['precommitTimer@0 200']]);
  const effects = solo.timer('precommit', 0);
  t.same(brief(effects), ['cancel<1', 'send roundCert', 'proposeTimer@1 650']);
  const sent = effects.find((effect) => effect.kind === 'send');
  t.ok(sent?.message.kind === 'roundCert' && sent.message.votes.length === 3);
});

t.test('R7, TR5: a node in round 2 that gets the missing body and three precommits of round 0 decides at once', async (t) => {
  const solo = makeSolo(t);
  const { p, block } = solo.fixture;
  const value = block('v');
  solo.propose(0, value);
  for (const i of [1, 2]) solo.vote('prevote', 2, p(i), NIL);
  t.equal(solo.state().round, 2);
  t.same([1, 2, 3].map((i) => brief(solo.vote('precommit', 0, p(i), value.id))), [[], [], ['fetchBlock']], 'the body is asked for');
  t.same(brief(solo.verdict(value.id)), ['saveBlock', 'decide']);
  t.same([solo.state().step, solo.state().decision, solo.state().decisionRound], ['decided', value.id, 0]);
  t.same(brief(solo.timer('propose', 2)), [], 'no rule fires after the decision');
});

t.test('R7 needs no Proposal: a commit certificate and the body suffice, even before the height has started', async (t) => {
  const solo = makeSolo(t);
  const { p, block, certificate } = solo.fixture;
  const value = block('v');
  const effects = solo.give({ kind: 'certMsg', certificate: certificate('precommit', 5, value.id, [p(1), p(2), p(3)]) });
  t.same(brief(effects).filter((name) => name === 'fetchBlock'), ['fetchBlock']);
  t.equal(solo.state().round, 5, 'and R8 takes the node to that round');
  t.same(brief(solo.verdict(value.id)), ['saveBlock', 'decide']);
});

t.test('R7: a quorum for a block found invalid stops the node', async (t) => {
  const solo = makeSolo(t);
  const { p, block } = solo.fixture;
  const value = block('v');
  solo.propose(0, value);
  solo.verdict(value.id, false);
  const effects = [1, 2, 3].map((i) => brief(solo.vote('precommit', 0, p(i), value.id)));
  t.same(effects, [[], [], ['halt']]);
  t.same(brief(solo.timer('prevote', 0)), [], 'nothing happens afterwards');
  t.equal(solo.state().halted, true);
});

t.test('R8, TR7: a third in round 3 takes a node of round 0 there, and timers of rounds 0 to 2 are dead', async (t) => {
  const solo = makeSolo(t);
  const { p } = solo.fixture;
  solo.enter();
  t.same(brief(solo.vote('prevote', 3, p(1), NIL)), [], 'one of four is no third');
  const effects = solo.vote('precommit', 3, p(2), NIL);
  t.same(brief(effects).slice(0, 2), ['cancel<3', 'send roundCert']);
  t.equal(solo.state().round, 3);
  t.equal(solo.state().rounds.find((held) => held.round === 3)?.prevote.power, 1, 'the vote that came ahead is counted');
  const before = solo.state();
  for (const round of [0, 1, 2]) for (const timer of ['propose', 'prevote', 'precommit'] as const) t.same(solo.timer(timer, round), []);
  t.same(solo.timer('propose', 3, 2), [], 'nor does a timer of another height fire');
  t.same(solo.state(), before);
});

t.test('R8 takes the highest round in which a third is, and counts nobody twice', async (t) => {
  const solo = makeSolo(t, { powers: [1, 1, 1, 1, 1, 1, 1] });
  solo.enter();
  const others = [0, 1, 2, 3, 4, 5, 6].filter((i) => i !== solo.me);
  solo.vote('prevote', 4, others[0]!, NIL);
  solo.vote('precommit', 4, others[0]!, NIL);
  solo.vote('prevote', 4, others[1]!, NIL);
  t.equal(solo.state().round, 0, 'two of seven are no third');
  solo.vote('prevote', 9, others[2]!, NIL);
  solo.vote('prevote', 9, others[3]!, NIL);
  t.equal(solo.state().round, 0);
  solo.vote('precommit', 9, others[4]!, NIL);
  t.equal(solo.state().round, 9);
});

t.test('T1, T2, T3 act only in their step and round', async (t) => {
  const solo = makeSolo(t);
  t.same(['propose', 'prevote', 'precommit'].map((timer) => brief(solo.timer(timer as 'propose', 0))), [[], [], []], 'not before the height starts');
  solo.enter();
  t.same(brief(solo.timer('prevote', 0)), [], 'no T2 at step propose');
  t.same(brief(solo.timer('propose', 0)), ['prevote@0 nil'], 'T1');
  t.same(brief(solo.timer('propose', 0)), [], 'T1 only once');
  t.same(brief(solo.timer('prevote', 0)), ['precommit@0 nil'], 'T2');
  t.same(brief(solo.timer('precommit', 0)).slice(0, 1), ['cancel<1'], 'T3');
});
