/** Resume after a crash (consensus page §1.7, TR6) and Status (§1.13), on one node. */
import t from 'tap';
import { initialState, NIL, statusOf, step, type ConsensusState, type HardState, type PeerStatus } from './core.ts';
import { PARAMS, START_MS } from './fixture.ts';
import { brief, lockedSolo, makeSolo } from './solo.ts';

type Solo = ReturnType<typeof makeSolo>;

/** The same node after a crash: memory gone, guard record and these blocks on disk. */
function reboot(solo: Solo, blocks: readonly { readonly id: string; readonly header: Uint8Array }[], hardState: HardState = solo.hardState()) {
  const { fixture, me } = solo;
  const { state, effects } = step(initialState({ publicKey: fixture.keyOf(me) }), {
    kind: 'startHeight', height: 1, validators: fixture.validators, since: 1, params: PARAMS, prevBlock: { id: NIL, timeMs: 0 }, sign: true, resume: { hardState, blocks, nowMs: START_MS },
  });
  const [cancel, idle, ...resumed] = effects;
  if (cancel?.kind !== 'cancelTimers' || idle?.kind !== 'startTimer') throw new Error('a height begins with its timers');
  return { state, effects: resumed };
}

t.test('a node that prevoted comes back at step prevote and sends the same vote again', async (t) => {
  const solo = makeSolo(t);
  const value = solo.fixture.block('v');
  solo.propose(0, value);
  solo.sign(solo.verdict(value.id));
  const { state, effects } = reboot(solo, [value]);
  t.same(brief(effects), ['cancel<0', 'send vote']);
  t.same([state.step, state.round, state.rounds[0]!.prevote.power], ['prevote', 0, 1]);
  const sent = effects.find((effect) => effect.kind === 'send');
  t.same(sent?.message, { kind: 'vote', vote: solo.fixture.vote('prevote', 0, solo.me, value.id) }, 'identical');
});

t.test('a node that locked comes back with lock, valid value and polka, and decides on two more precommits', async (t) => {
  const solo = makeSolo(t);
  const { p, block, vote } = solo.fixture;
  const value = block('v');
  solo.propose(0, value);
  for (const i of [1, 2, 3]) solo.vote('prevote', 0, p(i), value.id);
  solo.sign(solo.verdict(value.id));
  let { state }: { state: ConsensusState } = reboot(solo, [value]);
  t.same([state.step, state.lockedRound, state.lockedId, state.validRound, state.validId], ['precommit', 0, value.id, 0, value.id]);
  t.same(state.validPolka, solo.state().validPolka);
  for (const i of [1, 2]) state = step(state, { kind: 'voteMsg', vote: vote('precommit', 0, p(i), value.id) }).state;
  t.equal(state.decision, value.id);
});

t.test('a proposer that recorded proposal and prevote sends both again, or only the prevote if the body is gone', async (t) => {
  const solo = makeSolo(t, { me: 1 });
  const value = solo.fixture.block('mine');
  solo.work();
  solo.sign(solo.give({ kind: 'valueBuilt', height: 1, round: 0, block: value }));
  t.same(brief(reboot(solo, [value]).effects), ['cancel<0', 'send proposal', 'send block', 'send vote']);
  const lost = reboot(solo, []);
  t.same(brief(lost.effects), ['cancel<0', 'send vote'], 'its slot stays used: nothing is built');
  t.equal(lost.state.step, 'prevote');
});

/** p2 with a valid value of round 0 that proposes it again in round 1. */
function repeating(t: Parameters<typeof makeSolo>[0]) {
  const solo = makeSolo(t, { me: 2 });
  const { p, block } = solo.fixture;
  const value = block('v');
  solo.propose(0, value);
  for (const i of [1, 3, 4]) solo.vote('prevote', 0, p(i), value.id);
  solo.sign(solo.verdict(value.id));
  const effects = [solo.vote('precommit', 0, p(1), NIL), solo.vote('precommit', 0, p(3), NIL), solo.timer('precommit', 0)].flat();
  return { solo, value, effects };
}

t.test('the proposer of a later round repeats its valid value with the polka', async (t) => {
  const { solo, value, effects } = repeating(t);
  const signing = effects.find((effect) => effect.kind === 'signAndSend')!;
  t.match(signing.bodies, [{ kind: 'proposal', round: 1, polRound: 0, blockId: value.id }]);
  t.same(signing.bodies[0]!.polka, solo.state().validPolka);
  t.same(signing.hardState.step, 1, 'at step propose');
  t.same(brief(solo.sign(effects)), [`prevote@1 ${value.id.slice(0, 6)}`], 'R2 when it comes back');
});

t.test('crashed between the repeated proposal and its prevote: the proposal goes out again and the prevote follows', async (t) => {
  const { solo, value, effects } = repeating(t);
  solo.sign(effects.filter((effect) => effect.kind === 'signAndSend'));
  const again = reboot(solo, [value]);
  t.same(brief(again.effects), ['cancel<1', 'send roundCert', 'send proposal', 'send block', 'proposeTimer@1 650', `prevote@1 ${value.id.slice(0, 6)}`]);
});

t.test('crashed before anything of the round was signed: the proposer builds or repeats', async (t) => {
  const { solo, value } = repeating(t);
  const record: HardState = { ...solo.hardState(), round: 1, step: 1, lastPrevote: undefined, lastPrecommit: undefined };
  const repeated = reboot(solo, [value], record);
  t.same(brief(repeated.effects), ['cancel<1', 'proposeTimer@1 650', `proposal@1 ${value.id.slice(0, 6)}`]);
  t.equal(repeated.state.lockedId, value.id);
  const wedged = reboot(solo, [], record);
  t.same(brief(wedged.effects), ['cancel<1', 'fetchBlock', 'proposeTimer@1 650'], 'locked on a lost body: nothing else is offered, the body is asked for');
  t.same([wedged.state.lockedId, wedged.state.validId], [value.id, value.id]);
  const found = step(wedged.state, { kind: 'blockVerdict', id: value.id, valid: true, header: value.header });
  const turn = step(found.state, { kind: 'timerFired', timer: 'propose', height: 1, round: 1 });
  t.match(turn.effects.find((effect) => effect.kind === 'signAndSend'), { bodies: [{ kind: 'prevote', blockId: NIL }], hardState: { lockedRound: 0 }, durableBeforeWrite: [value.id] });
  t.match(step(wedged.state, { kind: 'timerFired', timer: 'propose', height: 1, round: 1 }).effects.find((effect) => effect.kind === 'signAndSend'), { durableBeforeWrite: [] }, 'the guard holds this lock already');
  const free = reboot(solo, [], { ...record, lockedRound: -1, lockedId: undefined, validRound: -1, validId: undefined, validPolka: undefined });
  t.same(brief(free.effects), ['cancel<1', 'proposeTimer@1 650', 'buildValue']);
});

t.test('a proposal repeated with a polka that a newer one has replaced is not sent again', async (t) => {
  const { solo, value, effects } = repeating(t);
  const { p } = solo.fixture;
  solo.sign(solo.sign(effects));
  for (const i of [1, 3]) solo.sign(solo.vote('prevote', 1, p(i), value.id));
  t.equal(solo.state().validRound, 1);
  t.equal(solo.hardState().validRound, 1);
  t.ok(solo.hardState().lastProposal !== undefined);
  const { effects: again, state } = reboot(solo, [value]);
  t.same(brief(again), ['cancel<1', 'send roundCert', 'send vote', 'send vote'], 'why the round was entered, prevote and precommit');
  t.equal(state.step, 'precommit');
});

t.test('resume with a record of another height or key is a bug of the shell', async (t) => {
  const solo = makeSolo(t);
  solo.enter();
  solo.sign(solo.timer('propose', 0));
  const bug = { name: 'AssertionError' };
  t.throws(() => reboot(solo, [], { ...solo.hardState(), height: 2 }), bug);
  t.throws(() => reboot(solo, [], { ...solo.hardState(), publicKey: new Uint8Array(32) }), bug);
  t.throws(() => reboot(solo, [], { ...solo.hardState(), step: 0 }), bug);
});

t.test('a status shows the rounds that matter, and is answered with what the peer lacks', async (t) => {
  const { solo, value } = repeating(t);
  const status = statusOf(solo.state());
  t.same([status.height, status.round, status.step], [1, 1, 'propose']);
  t.same(status.rounds.map(({ round, hasProposal }) => [round, hasProposal]), [[0, true], [1, false]]);
  t.same(status.rounds[0]!.prevotes, Uint8Array.of(0xf0), 'all four prevoted');
  const ask = (peer: PeerStatus): readonly string[] => solo.give({ kind: 'peerStatus', peer: 'q', status: peer }).map((effect) => (effect.kind === 'send' ? `${effect.to} ${effect.message.kind}` : effect.kind));
  const nothing: PeerStatus = { height: 1, round: -1, step: 'newHeight', rounds: [] };
  t.same(count(ask(nothing)), { 'q certificate': 1, 'q proposal': 1, 'q block': 1, 'q vote': 7 });
  t.same(count(ask({ ...status, rounds: status.rounds.map((held) => ({ ...held, prevotes: new Uint8Array(1) })) })), { 'q certificate': 1, 'q vote': 4 });
  t.same(ask({ ...status, height: 2 }), [], 'another height is the business of sync');
  t.same(ask({ ...status, step: 'decided' }), []);
  t.equal(solo.state().validId, value.id);
});

t.test('after the decision a peer still in the height gets certificate and block', async (t) => {
  const solo = makeSolo(t);
  const { p, block, certificate } = solo.fixture;
  const value = block('v');
  solo.propose(0, value);
  solo.sign(solo.verdict(value.id));
  for (const i of [1, 2, 3]) solo.vote('precommit', 0, p(i), value.id);
  const effects = solo.give({ kind: 'peerStatus', peer: 'q', status: { height: 1, round: 0, step: 'prevote', rounds: [{ round: 0, hasProposal: true, prevotes: Uint8Array.of(0xf0), precommits: Uint8Array.of(0xf0) }] } });
  t.same(brief(effects), ['send certificate', 'send block']);
  const [first] = effects;
  t.same(first?.kind === 'send' && first.message, { kind: 'certificate', certificate: certificate('precommit', 0, value.id, [p(1), p(2), p(3)]) });
});

t.test('a peer that has handled the polka of this round is not sent it again', async (t) => {
  const { solo } = lockedSolo(t);
  const status = statusOf(solo.state());
  t.same(solo.give({ kind: 'peerStatus', peer: 'q', status }), []);
  t.same(brief(solo.give({ kind: 'peerStatus', peer: 'q', status: { ...status, step: 'prevote' } })), ['send certificate']);
});

function count(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
