/** Peer bug 13 (consensus page §4): the seven of Malachite's driver, one test each. The one of its log is here the sign guard's. */
import t from 'tap';
import { checkValidatorSet, decode, HardState, makeSchedule, makeValidatorSet, NIL, step, ValidatorSet } from '../consensus/core.ts';
import { PARAMS } from '../consensus/fixture.ts';
import { brief, makeSolo } from '../consensus/solo.ts';

t.test('peer bug 13.1, Malachite: a quorum of any mix of prevotes does not shadow the polka in it', async (t) => {
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

t.test('peer bug 13.1, Malachite: a quorum of any mix of precommits shadows neither a pending NIL polka nor pending prevotes of any mix', async (t) => {
  for (const isNilPolka of [true, false]) {
    const solo = makeSolo(t);
    const { p, block } = solo.fixture;
    solo.enter();
    for (const i of [1, 2, 3]) solo.vote('precommit', 0, p(i), NIL);
    for (const i of [1, 2]) solo.vote('prevote', 0, p(i), isNilPolka ? NIL : block(`v${i}`).id);
    // Its own prevote makes the quorum of prevotes, while that of precommits waits with it.
    const effects = brief(solo.sign(solo.timer('propose', 0)));
    t.ok(effects.includes(isNilPolka ? 'precommit@0 nil' : 'prevoteTimer@0 200'), effects.join());
    t.equal(solo.state().step, isNilPolka ? 'precommit' : 'prevote');
  }
});

t.test('peer bug 13.2, Malachite: timers of a round that was skipped do nothing', async (t) => {
  const solo = makeSolo(t);
  solo.enter();
  for (const i of [1, 2]) solo.vote('prevote', 3, solo.fixture.p(i), NIL);
  t.equal(solo.state().round, 3);
  for (const kind of ['propose', 'prevote', 'precommit'] as const) for (const round of [0, 1, 2]) t.same(solo.timer(kind, round), [], `${kind} of round ${round}`);
});

t.test('peer bug 13.3, Malachite: a certificate counts for the value it names and for no other', async (t) => {
  const solo = makeSolo(t);
  const { p, block, certificate } = solo.fixture;
  const [mine, other] = [block('mine'), block('other')];
  solo.propose(0, mine);
  solo.sign(solo.verdict(mine.id));
  const polka = solo.give({ kind: 'certMsg', certificate: certificate('prevote', 0, other.id, [p(1), p(2), p(3)]) });
  t.notOk(brief(polka).some((line) => line.startsWith('precommit@0') && !line.endsWith('nil')), 'no precommit for either');
  t.same([solo.state().lockedRound, solo.state().validRound], [-1, -1]);
  const commit = solo.give({ kind: 'certMsg', certificate: certificate('precommit', 0, other.id, [p(1), p(2), p(3)]) });
  t.same(brief(commit).filter((line) => line === 'decide'), [], 'the valid block in hand is not the decided one');
  t.ok(brief(commit).includes('fetchBlock'), 'the one that is named is asked for');
});

t.test('peer bug 13.4, Malachite: an invalid repeated proposal with its polka is answered with NIL at once', async (t) => {
  const solo = makeSolo(t);
  const { p, block, certificate } = solo.fixture;
  const value = block('bad');
  solo.enter();
  for (const i of [1, 2]) solo.vote('precommit', 1, p(i), NIL);
  t.equal(solo.state().round, 1);
  solo.propose(1, value, { polRound: 0, polka: certificate('prevote', 0, value.id, [p(1), p(2), p(3)]) });
  t.same(brief(solo.verdict(value.id, false)).filter((line) => line.startsWith('prevote')), ['prevote@1 nil'], 'R2, not after the timer');
});

t.test('peer bug 13.5, Malachite: a record of another height is never resumed', async (t) => {
  const solo = makeSolo(t);
  solo.enter();
  solo.sign(solo.timer('propose', 0));
  const record = solo.hardState();
  const fresh = makeSolo(t);
  for (const height of [record.height - 1, record.height + 1]) {
    const input = { kind: 'startHeight', height: fresh.state().height + 1, validators: solo.fixture.validators, since: 1, params: PARAMS, prevBlock: { id: NIL, timeMs: 0 }, sign: true, resume: { hardState: { ...record, height }, blocks: [], nowMs: 0 } } as const;
    if (height !== input.height) t.throws(() => step(fresh.state(), input), { name: 'AssertionError' }, `a record of ${height} at height ${input.height}`);
  }
  const without = step(fresh.state(), { kind: 'startHeight', height: 2, validators: solo.fixture.validators, since: 1, params: PARAMS, prevBlock: { id: NIL, timeMs: 0 }, sign: true });
  t.same([without.state.round, without.state.lockedRound], [-1, -1], 'the next height starts clean');
});

t.test('peer bug 13.6, Malachite #1127: a record with a flipped bit is refused or is another record, never taken for the same', async (t) => {
  // On disk every copy carries its SHA-256 (node/test/crypto/signGuard.test.ts flips bytes there); this is the decoder under it.
  const { encode } = await import('../consensus/core.ts');
  const solo = makeSolo(t);
  solo.enter();
  solo.sign(solo.timer('propose', 0));
  const bytes = encode(HardState, solo.hardState());
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = bytes.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    const read = decode(HardState, flipped);
    if (read.ok && Buffer.from(encode(HardState, read.value)).equals(Buffer.from(bytes))) t.fail(`bit ${bit} does not matter`);
  }
  for (let length = 0; length < bytes.length; length++) {
    const read = decode(HardState, bytes.subarray(0, length));
    if (read.ok && encode(HardState, read.value).length >= bytes.length) t.fail(`${length} bytes of ${bytes.length} are read as the whole`);
  }
});

t.test('peer bug 13.7, Malachite #1111: an empty set is a fault where it is read and never reaches the core', async (t) => {
  t.match(checkValidatorSet({ validators: [] }), { ok: false, fault: { code: 'malformed' } });
  t.equal(decode(ValidatorSet, new Uint8Array(0)).ok, false);
  t.throws(() => makeValidatorSet([]), { name: 'AssertionError' });
  t.throws(() => makeSchedule({ validators: [] }, 1), { name: 'AssertionError' });
  const solo = makeSolo(t);
  t.throws(() => step(solo.state(), { kind: 'startHeight', height: 2, validators: { validators: [] }, since: 1, params: PARAMS, prevBlock: { id: NIL, timeMs: 0 }, sign: true }), { name: 'AssertionError' });
});
