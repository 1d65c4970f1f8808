/** The reference traces of consensus page §7b: whole runs of small networks with exact counts. */
import t from 'tap';
import { NIL, type SendMessage } from './core.ts';
import { makeNet, type NetNode } from './net.ts';

const HOP_MS = 1;
const count = (node: NetNode, wanted: (message: SendMessage) => boolean): number => node.received.filter(wanted).length;
const isVote = (type: string, round: number) => (message: SendMessage): boolean => message.kind === 'vote' && message.vote.type === type && message.vote.round === round;

t.test('TR1: one proposal, four prevotes, four precommits, and no round timer fires', async (t) => {
  const net = makeNet({ powers: [1, 1, 1, 1] });
  const all = [0, 1, 2, 3];
  all.forEach((i) => net.boot(i));
  net.work(net.fixture.p(1));
  t.ok(net.run(() => net.decidedBy(all)), 'everybody decides');
  t.equal(net.elapsedMs(), 3 * HOP_MS, 'in three hops');
  const ids = new Set(net.nodes.map((node) => node.decided[0]!.id));
  t.equal(ids.size, 1, 'the same block');
  net.run(() => false, 50);
  for (const node of net.nodes) {
    const own = node.index === net.fixture.p(1) ? 1 : 0;
    t.equal(count(node, (message) => message.kind === 'proposal') + own, 1, '1 Proposal');
    t.equal(count(node, isVote('prevote', 0)) + 1, 4, '4 prevotes');
    t.equal(count(node, isVote('precommit', 0)) + 1, 4, '4 precommits');
    t.equal(node.received.length, (own === 1 ? 0 : 2) + 6, 'and nothing else');
    t.same(node.timersFired, [], 'no timer');
    t.equal(node.guardWrites, 2, 'two guard writes');
    t.equal(node.hardState.lockedRound, 0, 'locked at round 0');
    t.equal(node.decided[0]!.round, 0);
  }
});

t.test('TR2: a dead proposer costs the propose and precommit timeouts and five hops', async (t) => {
  const net = makeNet({ powers: [1, 1, 1, 1] });
  const [p1, ...rest] = [1, 2, 3, 4].map(net.fixture.p) as [number, number, number, number];
  rest.forEach((i) => net.boot(i));
  rest.forEach((i) => net.work(i));
  t.ok(net.run(() => net.decidedBy(rest)), 'the other three decide');
  t.equal(net.elapsedMs(), 400 + 200 + 5 * HOP_MS, 'timeoutPropose(0) + timeoutPrecommit(0) + 5 hops');
  for (const i of rest) {
    const node = net.nodes[i]!;
    t.equal(node.decided[0]!.round, 1, 'in round 1');
    t.same(node.timersFired.filter(({ timer }) => timer !== 'pace').map(({ timer, round }) => `${timer}@${round}`), ['propose@0', 'precommit@0'], 'T1, then R6 and T3: R5 needs no prevote timer');
    const nil = node.inputs.filter((input) => input.kind === 'voteMsg' && input.vote.round === 0).map((input) => input.kind === 'voteMsg' && input.vote.blockId);
    t.equal(nil.filter((id) => id === NIL).length, nil.length, 'all votes of round 0 are NIL');
  }
  t.equal(net.nodes[p1]!.decided.length, 0);
});

t.test('TR3: after a split the value of a hidden polka is proposed again and decided', async (t) => {
  const net: ReturnType<typeof makeNet> = makeNet({
    powers: [1, 1, 1, 1],
    link: (from, to, message) => {
      const [q1, q2, q3, q4] = [1, 2, 3, 4].map(net.fixture.p);
      // p4 never gets the first body; p2's prevote of round 0 does not reach p3, and p4's does not reach p1 and p2 first
      if (message.kind === 'block' && to === q4 && from === q1) return undefined;
      if (message.kind === 'vote' && message.vote.type === 'prevote' && message.vote.round === 0 && from === q2 && to === q3) return undefined;
      return HOP_MS;
    },
  });
  const [p1, p2, p3, p4] = [1, 2, 3, 4].map(net.fixture.p) as [number, number, number, number];
  const all = [p1, p2, p3, p4];
  all.forEach((i) => net.boot(i));
  all.forEach((i) => net.work(i));
  t.ok(net.run(() => [p1, p2].every((i) => net.nodes[i]!.state.lockedRound === 0)), 'p1 and p2 lock');
  t.ok(net.run(() => all.every((i) => net.nodes[i]!.state.round === 1)), 'round 1 comes');
  t.same([p3, p4].map((i) => net.nodes[i]!.state.lockedRound), [-1, -1], 'p3 and p4 hold no lock');
  t.ok(net.run(() => net.decidedBy(all)), 'all decide');
  const repeated = net.nodes[p1]!.received.find((message) => message.kind === 'proposal' && message.proposal.round === 1);
  t.match(repeated, { proposal: { polRound: 0, blockId: net.nodes[p1]!.decided[0]!.id } }, 'p2 repeated the value with polRound 0');
  t.same(all.map((i) => net.nodes[i]!.decided[0]!.round), [1, 1, 1, 1]);
  t.equal(new Set(all.map((i) => net.nodes[i]!.decided[0]!.id)).size, 1);
});

t.test('TR4: a lock hidden by an equivocator is found and decided in round 5 at the latest', async (t) => {
  const { runHiddenLock } = await import('./hiddenLock.ts');
  const { net, honest, evidence } = runHiddenLock();
  const [p1, p2, p3] = honest.map((i) => net.nodes[i]!) as [NetNode, NetNode, NetNode];
  t.ok(net.run(() => p1.state.round === 2 && p2.state.round === 2 && p3.state.round === 2));
  t.same([p1, p2, p3].map((node) => node.state.lockedRound), [0, 1, -1], 'p1 is locked at round 0, p2 at round 1 on another block');
  t.not(p1.state.lockedId, p2.state.lockedId);
  t.ok(net.run(() => net.decidedBy(honest)), 'the honest three decide');
  for (const i of honest) t.ok(net.nodes[i]!.decided[0]!.round <= 5, 'in round 5 at the latest');
  t.equal(new Set(honest.map((i) => net.nodes[i]!.decided[0]!.id)).size, 1, 'on one block');
  t.ok(evidence().some((effect) => effect.offender === net.fixture.p(4)), 'the equivocator is reported');
});

t.test('TR6: a node that crashes after every guard write sends identical bytes or nothing, and all decide', async (t) => {
  for (const crashAfter of [1, 2]) {
    const net = makeNet({ powers: [1, 1, 1, 1], statusEveryMs: 200 });
    const all = [0, 1, 2, 3];
    const victim = net.fixture.p(2);
    all.forEach((i) => net.boot(i));
    net.work(net.fixture.p(1));
    t.ok(net.run(() => net.nodes[victim]!.guardWrites === crashAfter));
    const before = net.nodes[victim]!.hardState;
    net.crash(victim);
    net.boot(victim);
    const resent = net.nodes[victim]!.effects.filter((effect) => effect.kind === 'send' && effect.message.kind === 'vote');
    t.equal(resent.length, crashAfter, 'every recorded vote is sent again');
    t.equal(net.nodes[victim]!.hardState, before, 'and nothing new is signed');
    t.ok(net.run(() => net.decidedBy(all)), 'all decide');
  }
});

t.test('TR8: two proposals of one round: no quorum, one offence reported, the next proposer decides', async (t) => {
  const net = makeNet({ powers: [1, 1, 1, 1], statusEveryMs: 100 });
  const [p1, p2, p3, p4] = [1, 2, 3, 4].map(net.fixture.p) as [number, number, number, number];
  const honest = [p2, p3, p4];
  honest.forEach((i) => net.boot(i));
  const [a, b] = [net.fixture.block('a'), net.fixture.block('b')];
  const show = (to: number, value: typeof a): void => {
    net.nodes[to]!.bodies.set(value.id, value.header);
    net.give(net.nodes[to]!, { kind: 'proposalMsg', proposal: net.fixture.proposal(0, value), receivedAtMs: net.fixture.proposal(0, value).headerTimeMs });
  };
  show(p2, a);
  show(p3, b);
  show(p4, b);
  net.run(() => net.elapsedMs() >= 10);
  show(p2, b);
  t.ok(net.run(() => net.decidedBy(honest)), 'the honest three decide');
  t.ok(honest.every((i) => net.nodes[i]!.decided[0]!.round === 1), 'in round 1');
  t.equal(new Set(honest.map((i) => net.nodes[i]!.decided[0]!.id)).size, 1);
  for (const i of honest) {
    const reports = net.nodes[i]!.effects.filter((effect) => effect.kind === 'reportEvidence');
    t.ok(reports.length <= 1 && reports.every((report) => report.offender === p1 && report.evidence.evidence.case === 'duplicateProposal' && !report.own), 'at most one report a node');
  }
  t.ok(net.nodes[p2]!.effects.some((effect) => effect.kind === 'reportEvidence'), 'p2 saw both');
});
