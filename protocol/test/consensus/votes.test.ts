/** The vote keeper (consensus page §1.8): first votes, double votes, certificates as units, bounds on what is held. */
import t from 'tap';
import { BLOCKS_HELD_MAX, ROUNDS_HELD_MAX } from '../../src/consensus/rounds.ts';
import { decode, encode, Evidence, NIL, step, VoteBody } from './core.ts';
import { GENESIS_HASH, START_MS } from './fixture.ts';
import { brief, makeSolo } from './solo.ts';

const [A, B] = ['aa'.repeat(32), 'bb'.repeat(32)];

t.test('the first vote counts, the same again is dropped, a different one is evidence once', async (t) => {
  const solo = makeSolo(t);
  const offender = solo.fixture.p(1);
  solo.enter();
  solo.vote('prevote', 0, offender, B);
  t.same(solo.vote('prevote', 0, offender, B), []);
  const [effect, ...rest] = solo.vote('prevote', 0, offender, A);
  t.same(rest, []);
  t.match(effect, { kind: 'reportEvidence', offender, own: false });
  if (effect?.kind !== 'reportEvidence') return;
  const read = decode(Evidence, encode(Evidence, effect.evidence));
  t.ok(read.ok && read.value.evidence.case === 'duplicateVote');
  if (!read.ok || read.value.evidence.case !== 'duplicateVote') return;
  const bodies = [read.value.evidence.value.a, read.value.evidence.value.b].map((vote) => decode(VoteBody, vote.body));
  t.same(bodies.map((body) => body.ok && body.value.blockId?.[0]), [0xaa, 0xbb], 'the lower body bytes first');
  t.same(solo.vote('prevote', 0, offender, NIL), [], 'a third vote says nothing new');
  t.equal(solo.state().rounds[0]!.prevote.tallies.find((tally) => tally.blockId === B)?.power, 1);
  t.equal(solo.state().rounds[0]!.prevote.power, 1, 'only the first is counted');
  t.match(solo.vote('precommit', 0, offender, A), []);
  t.match(solo.vote('precommit', 0, offender, NIL), [{ kind: 'reportEvidence' }], 'another type is another offence');
});

t.test('NIL and a block are two different votes', async (t) => {
  const solo = makeSolo(t);
  solo.enter();
  solo.vote('prevote', 0, solo.fixture.p(1), NIL);
  t.match(solo.vote('prevote', 0, solo.fixture.p(1), A), [{ kind: 'reportEvidence' }]);
});

t.test('a polka certificate counts as a unit although its equivocator voted NIL here', async (t) => {
  const solo = makeSolo(t);
  const { p, block, certificate } = solo.fixture;
  const value = block('v');
  solo.propose(0, value);
  solo.sign(solo.verdict(value.id));
  solo.vote('prevote', 0, p(3), NIL);
  solo.vote('prevote', 0, p(1), value.id);
  const effects = solo.give({ kind: 'certMsg', certificate: certificate('prevote', 0, value.id, [p(1), p(3), solo.me]) });
  t.same(brief(effects), ['reportEvidence', `precommit@0 ${value.id.slice(0, 6)}`]);
  t.equal(solo.state().lockedId, value.id);
  t.same(solo.state().validPolka, certificate('prevote', 0, value.id, [p(1), p(3), solo.me]), 'and it is what a repeated proposal will carry');
  t.same(solo.give({ kind: 'certMsg', certificate: certificate('prevote', 0, value.id, [p(1), p(3), solo.me]) }), [], 'again: nothing new');
});

t.test('a second vote of the own key mutes the node for good', async (t) => {
  const solo = makeSolo(t);
  solo.enter();
  solo.sign(solo.timer('propose', 0));
  t.match(solo.vote('prevote', 0, solo.me, A), [{ kind: 'reportEvidence', own: true, offender: solo.me }]);
  t.same(solo.timer('prevote', 0), [], 'the step goes on, nothing is signed');
  t.equal(solo.state().step, 'precommit');
  solo.startHeight(2);
  t.equal(solo.state().ownIndex, undefined, 'nor in later heights');
});

t.test('two proposals of a round are evidence, a third is dropped', async (t) => {
  const solo = makeSolo(t);
  const { block, p } = solo.fixture;
  t.equal(brief(solo.propose(0, block('a'))).includes('reportEvidence'), false);
  t.same(brief(solo.propose(0, block('a'))), []);
  const [report] = solo.propose(0, block('b'));
  t.match(report, { kind: 'reportEvidence', offender: p(1), own: false });
  t.same(solo.propose(0, block('c')), []);
  t.equal(solo.state().rounds[0]!.proposals.length, 2);
  if (report?.kind === 'reportEvidence') t.ok(decode(Evidence, encode(Evidence, report.evidence)).ok);
});

t.test('the second of two proposals can still win its polka', async (t) => {
  const solo = makeSolo(t);
  const { block, p } = solo.fixture;
  const [a, b] = [block('a'), block('b')];
  solo.propose(0, a);
  solo.sign(solo.verdict(a.id));
  solo.propose(0, b);
  solo.verdict(b.id);
  const effects = [1, 2, 3].map((i) => brief(solo.vote('prevote', 0, p(i), b.id)));
  t.same(effects.at(-1), [`precommit@0 ${b.id.slice(0, 6)}`]);
});

t.test('beyond the next round one vote per validator and type is held, of the highest round', async (t) => {
  const solo = makeSolo(t);
  const [from] = [solo.fixture.p(1)];
  solo.enter();
  for (const round of [5, 9, 7, 9]) solo.vote('prevote', round, from, round === 9 ? A : B);
  solo.vote('precommit', 6, from, A);
  t.equal(solo.state().future[from]?.prevote?.round, 9);
  t.equal(solo.state().future[from]?.precommit?.round, 6);
  t.equal(solo.state().rounds.length, 0);
});

t.test('a proposal that came ahead is used when its round is entered', async (t) => {
  const solo = makeSolo(t);
  const { block, p } = solo.fixture;
  const value = block('ahead', 5);
  solo.enter();
  solo.propose(5, value);
  solo.propose(5, block('other', 5));
  t.same(solo.state().blocks, []);
  solo.vote('prevote', 5, p(1), value.id);
  t.ok(brief(solo.vote('prevote', 5, p(3), value.id)).includes('checkBlock'));
  t.equal(solo.state().rounds.find((held) => held.round === 5)?.proposals[0]?.proposal.blockId, value.id);
  t.ok(solo.state().future.every((slot) => slot.proposal === undefined && slot.prevote === undefined));
});

t.test('messages of other heights, verdicts nobody asked for and everything before the first height are ignored', async (t) => {
  const solo = makeSolo(t);
  const before = solo.state();
  solo.vote('prevote', 0, 0, A, 7);
  solo.propose(0, solo.fixture.block('v'), { atHeight: 7 });
  solo.verdict(A);
  solo.give({ kind: 'certMsg', certificate: { ...solo.fixture.certificate('precommit', 0, A, [0, 1, 2]), height: 7 } });
  solo.give({ kind: 'valueBuilt', height: 1, round: 0, block: solo.fixture.block('v') });
  t.same(solo.state(), before);
  const { initialState } = await import('./core.ts');
  const empty = initialState({ publicKey: undefined });
  t.equal(step(empty, { kind: 'workAvailable' }).state, empty);
});

t.test('unverified messages are a bug of the shell', async (t) => {
  const solo = makeSolo(t);
  const { vote, certificate, proposal, block } = solo.fixture;
  const bad = [
    { kind: 'voteMsg', vote: { ...vote('prevote', 0, 0, A), validatorIndex: 4 } },
    { kind: 'voteMsg', vote: { ...vote('prevote', 0, 0, A), validatorIndex: -1 } },
    { kind: 'voteMsg', vote: { ...vote('prevote', 0, 0, A), signature: new Uint8Array(63) } },
    { kind: 'certMsg', certificate: { ...certificate('prevote', 0, A, [0, 1, 2]), bitmap: Uint8Array.of(0xc0) } },
    { kind: 'proposalMsg', receivedAtMs: START_MS, proposal: { ...proposal(1, block('v')), polRound: 0 } },
    { kind: 'proposalMsg', receivedAtMs: START_MS, proposal: { ...proposal(1, block('v')), polRound: 1 } },
  ] as const;
  for (const input of bad) t.throws(() => step(solo.state(), input), { name: 'AssertionError' });
  t.throws(() => solo.startHeight(1), { name: 'AssertionError' }, 'heights only grow');
  t.ok(GENESIS_HASH.length === 32);
});

t.test('what a validator can make a node hold is bounded, and what matters is kept', async (t) => {
  const solo = makeSolo(t);
  const { p, vote, block } = solo.fixture;
  const value = block('v');
  solo.propose(0, value);
  solo.sign(solo.verdict(value.id));
  for (const i of [1, 2]) solo.vote('prevote', 0, p(i), value.id);
  t.equal(solo.state().lockedRound, 0);
  let state = solo.state();
  const far = ROUNDS_HELD_MAX * 3;
  for (const i of [1, 2]) state = step(state, { kind: 'voteMsg', vote: vote('prevote', far, p(i), NIL) }).state;
  for (let round = 1; round < far; round++) state = step(state, { kind: 'voteMsg', vote: vote('precommit', round, p(3), round % 2 === 0 ? NIL : A) }).state;
  t.equal(state.round, far);
  t.ok(state.rounds.length <= ROUNDS_HELD_MAX, `${state.rounds.length} rounds are held`);
  t.equal(state.rounds[0]!.prevote.tallies[0]?.power, 3, 'the votes of the locked round are kept');
  t.ok(state.rounds.some((held) => held.round === far));
  t.same(state.rounds.map((held) => held.round), [...state.rounds.map((held) => held.round)].sort((a, b) => a - b), 'in order');
});

t.test('blocks held are bounded; the locked one stays', async (t) => {
  const { withBlock } = await import('../../src/consensus/rounds.ts');
  const solo = makeSolo(t);
  let state = { ...solo.state(), lockedId: A };
  state = { ...withBlock(state, { id: A, verdict: 'valid', header: undefined, fetching: false }), lockedId: A };
  for (let i = 0; i < BLOCKS_HELD_MAX + 10; i++) state = { ...withBlock(state, { id: i.toString(16).padStart(64, '0'), verdict: 'unknown', header: undefined, fetching: false }), lockedId: A };
  t.equal(state.blocks.length, BLOCKS_HELD_MAX);
  t.equal(state.blocks[0]!.id, A);
});
