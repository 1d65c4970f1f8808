/** Peer bugs 9 to 12 and 14 (consensus page §4): rounds, locks, timers, and a proposer that crashes. One test each. */
import t from 'tap';
import { NIL } from '../consensus/core.ts';
import { makeNet, type Net } from '../consensus/net.ts';
import { lockedAtZero, makeSolo } from '../consensus/solo.ts';

const ALL = [0, 1, 2, 3];

t.test('peer bug 9, tendermint #3003: an invalid proposal costs one round, not the height', async (t) => {
  let first: string | undefined;
  const net = makeNet({
    powers: [1, 1, 1, 1],
    judge(_node, id) {
      first ??= id;
      return id !== first;
    },
  });
  ALL.forEach((i) => net.boot(i));
  net.work(net.fixture.p(1));
  const others = ALL.filter((i) => i !== net.fixture.p(1));
  t.ok(net.run(() => net.decidedBy(others), 5_000));
  t.ok(others.every((i) => net.nodes[i]!.decided[0]!.round === 1), 'in round 1');
});

t.test('peer bug 10, tendermint #1171 #6849 #6850: a NIL polka does not unlock', async (t) => {
  const { solo, value } = lockedAtZero(t);
  solo.sign(solo.timer('propose', 1));
  for (const i of [1, 2, 3]) solo.sign(solo.vote('prevote', 1, solo.fixture.p(i), NIL));
  t.equal(solo.state().step, 'precommit', 'R5, L44');
  t.same([solo.state().lockedRound, solo.state().lockedId], [0, value.id]);
  t.same([solo.hardState().lockedRound, solo.hardState().step], [0, 3], 'on disk too');
});

function orders<T>(items: readonly T[]): readonly (readonly T[])[] {
  if (items.length < 2) return [items];
  return items.flatMap((item, i) => orders(items.filter((_, j) => j !== i)).map((rest) => [item, ...rest]));
}

t.test('peer bug 11, tendermint #3092: timers of one instant end in the same place in every order, and sign nothing twice', async (t) => {
  const kinds = ['propose', 'prevote', 'precommit'] as const;
  t.equal(orders(kinds).length, 6);
  for (const order of orders(kinds)) {
    const solo = makeSolo(t);
    const { p, block } = solo.fixture;
    solo.enter();
    // Quorums of any mix of prevotes and precommits: all three timers run.
    for (const i of [1, 2, 3]) solo.vote('prevote', 0, p(i), i === 1 ? NIL : block(`v${i}`).id);
    for (const i of [1, 2, 3]) solo.vote('precommit', 0, p(i), NIL);
    const signed = order.flatMap((kind) => {
      const effects = solo.timer(kind, 0);
      solo.sign(effects);
      return effects.flatMap((effect) => (effect.kind === 'signAndSend' ? effect.bodies.map((body) => `${body.kind}@${body.round}`) : []));
    });
    t.same([solo.state().round, solo.state().step, solo.state().lockedRound], [1, 'propose', -1], order.join());
    t.equal(new Set(signed).size, signed.length, `${order.join()}: ${signed.join()}`);
  }
});

/** p2 repeats in round 1 what p1 and it have a polka for since round 0 (TR3). */
function repeatedProposal(): Net {
  const net: Net = makeNet({
    powers: [1, 1, 1, 1], statusEveryMs: 2_000,
    link(from, to, message) {
      const [q1, q2, q3, q4] = [1, 2, 3, 4].map(net.fixture.p);
      if (net.elapsedMs() > 1_500) return 1;
      if (message.kind === 'block' && to === q4 && from === q1) return undefined;
      if (message.kind === 'vote' && message.vote.type === 'prevote' && message.vote.round === 0 && from === q2 && to === q3) return undefined;
      return 1;
    },
  });
  ALL.forEach((i) => net.boot(i));
  ALL.forEach((i) => net.work(i));
  return net;
}

/** Proposals of a round as they reached anybody: value, round of the polka, and whether it came along. */
function proposalsOf(net: Net, round: number): readonly string[] {
  const seen = net.nodes.flatMap(({ received }) => received).flatMap((message) => (message.kind === 'proposal' && message.proposal.round === round ? [message.proposal] : []));
  return [...new Set(seen.map(({ blockId, polRound, polka }) => `${blockId} ${polRound} ${polka === undefined ? 'no polka' : 'polka'}`))];
}

t.test('peer bug 14, Malachite #850 #864: a proposer that crashes between build and send offers the same value again or none', async (t) => {
  for (const when of ['before its guard record', 'after its guard record'] as const) {
    const net = repeatedProposal();
    const p2 = net.fixture.p(2);
    t.ok(net.run(() => net.nodes[p2]!.state.lockedRound === 0), 'p2 is locked at round 0');
    const { guardWrites } = net.nodes[p2]!;
    const value = net.validIdOf(p2);
    if (when === 'after its guard record') t.ok(net.run(() => net.nodes[p2]!.state.round === 1 && net.nodes[p2]!.guardWrites > guardWrites), 'the repeated proposal is recorded');
    else t.ok(net.run(() => net.nodes[net.fixture.p(1)]!.state.round === 1), 'round 1 has begun elsewhere');
    net.crash(p2);
    net.boot(p2);
    t.ok(net.run(() => net.decidedBy(ALL)), `${when}: all decide`);
    const offered = proposalsOf(net, 1);
    t.ok(offered.length <= 1, `${when}: at most one proposal of round 1: ${offered.join()}`);
    for (const text of offered) t.equal(text, `${value} 0 polka`, 'the locked value, with its polka of round 0');
    t.ok(ALL.every((i) => net.nodes[i]!.decided[0]!.id === value), 'and that value is decided');
  }
});

t.test('peer bug 14, Malachite #864: a fresh proposer that crashes after its record never builds a second value for its slot', async (t) => {
  for (const isBodyLost of [false, true]) {
    // Nothing of the first life gets out: the crash comes between the record and the send.
    let isCut = true;
    const net = makeNet({ powers: [1, 1, 1, 1], statusEveryMs: 200, link: () => (isCut ? undefined : 1) });
    const p1 = net.fixture.p(1);
    ALL.forEach((i) => net.boot(i));
    net.work(p1);
    t.ok(net.run(() => net.nodes[p1]!.guardWrites === 1));
    const recorded = net.nodes[p1]!.hardState.lastProposal!;
    if (isBodyLost) net.nodes[p1]!.saved.clear();
    net.crash(p1);
    isCut = false;
    net.boot(p1);
    ALL.forEach((i) => net.work(i));
    t.ok(net.run(() => net.decidedBy(ALL)), 'all decide');
    const builtAgain = net.nodes[p1]!.inputs.filter((input) => input.kind === 'valueBuilt' && input.round === 0);
    t.equal(builtAgain.length, 1, 'one value was ever built for round 0');
    const sent = net.nodes.filter(({ index }) => index !== p1).flatMap(({ received }) => received).flatMap((message) => (message.kind === 'proposal' && message.proposal.round === 0 ? [message.proposal] : []));
    if (isBodyLost) t.same(sent, [], 'without its body the proposal is not sent');
    else t.ok(sent.length > 0 && sent.every(({ signature }) => Buffer.from(signature).equals(Buffer.from(recorded.signature))), 'the recorded proposal, byte for byte');
    t.equal(net.nodes[p1]!.decided[0]!.round, isBodyLost ? 1 : 0);
  }
});
