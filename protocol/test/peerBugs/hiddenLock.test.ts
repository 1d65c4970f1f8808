/**
 * Peer bug 15 (consensus page §4, Malachite #956 #309 #1018): locks hidden again and again. While nothing but votes and
 * proposals gets through, p4 shows each proposer of a repeated value the third prevote and nobody else: p1 locks v0 in its
 * turns, p2 locks v1 in its own, each at a higher round than the other, for as long as the network stays like that. Once
 * polkas are relayed again, the next lock is no secret, and everybody decides.
 */
import t from 'tap';
import { NIL, type BlockIdHex } from '../consensus/core.ts';
import { makeNet, type NetNode } from '../consensus/net.ts';

const HIDDEN_ROUNDS = 52;

function schedule() {
  let isHealed = false;
  const net: ReturnType<typeof makeNet> = makeNet({
    powers: [1, 1, 1, 1],
    link: (from, to, message) => {
      if (isHealed) return 1;
      const [p1, p2, p3] = [1, 2, 3].map(net.fixture.p);
      if (message.kind === 'certificate') return undefined; // the relay of R4
      // R4 sends the proposal on together with its polka; only the proposer's own copy gets through.
      if (message.kind === 'proposal' && from !== net.fixture.p((message.proposal.round % 4) + 1)) return undefined;
      const isFirst = message.kind === 'proposal' ? message.proposal.round === 0 : message.kind === 'block' && from === p1 && net.elapsedMs() < 5;
      if (isFirst && to === p3) return undefined; // p1 shows v0 to p1 and p2 only
      return from === p2 || from === p1 || from === p3 ? 1 : undefined;
    },
  });
  const { p, vote } = net.fixture;
  const [p1, p2, p3, p4] = [1, 2, 3, 4].map(p) as [number, number, number, number];
  const honest = [p1, p2, p3];
  honest.forEach((i) => net.boot(i));
  honest.forEach((i) => net.work(i));
  const helped = new Set<number>();

  const proposed = (i: number, round: number): BlockIdHex | undefined =>
    net.nodes[i]!.effects.flatMap((effect) => (effect.kind === 'signAndSend' ? effect.bodies : [])).find((body) => body.kind === 'proposal' && body.round === round)?.blockId;
  /** p4 prevotes for what p1 or p2 proposes, to the proposer alone. */
  function lie(): void {
    for (const proposer of [p1, p2]) {
      const { round } = net.nodes[proposer]!.state;
      const id = helped.has(round) || p((round % 4) + 1) !== proposer ? undefined : proposed(proposer, round);
      if (id === undefined) continue;
      helped.add(round);
      for (const to of honest) net.give(net.nodes[to]!, { kind: 'voteMsg', vote: vote('prevote', round, p4, to === proposer ? id : NIL) });
    }
  }
  const run = (done: () => boolean): boolean => net.run(() => {
    lie();
    return done();
  }, 3_600_000);
  return {
    net, honest, run, offender: p4,
    nodes: honest.map((i) => net.nodes[i]!) as [NetNode, NetNode, NetNode],
    heal() {
      isHealed = true;
    },
  };
}

t.test(`peer bug 15, Malachite #956 #309 #1018: locks hidden for ${HIDDEN_ROUNDS} rounds cost time, and the first polka that is seen decides`, async (t) => {
  const { net, honest, run, nodes: [p1, p2, p3], heal, offender } = schedule();
  const rounds = (): readonly number[] => [p1, p2, p3].map(({ state }) => state.round);
  let changes = 0;
  let last = '';
  const lockedAt = (): string => `${p1.state.lockedRound} ${p2.state.lockedRound}`;
  t.ok(run(() => {
    if (lockedAt() !== last) changes += 1;
    last = lockedAt();
    return rounds().every((round) => round >= HIDDEN_ROUNDS) || net.decidedBy(honest);
  }), `round ${HIDDEN_ROUNDS} comes`);
  t.same(honest.map((i) => net.nodes[i]!.decided.length), [0, 0, 0], 'nobody has decided');
  t.ok(changes > HIDDEN_ROUNDS / 4, `the locks have moved ${changes} times`);
  t.ok(p1.state.lockedRound >= HIDDEN_ROUNDS - 4 && p2.state.lockedRound >= HIDDEN_ROUNDS - 4, `locked at rounds ${lockedAt()}`);
  t.not(p1.state.lockedId, p2.state.lockedId, 'on different blocks');
  t.equal(p3.state.lockedRound, -1, 'the third has seen no polka of a round it was in');

  heal();
  const healedAt = Math.max(...rounds());
  t.ok(run(() => net.decidedBy(honest)), 'the three decide');
  const decided = honest.map((i) => net.nodes[i]!.decided[0]!);
  t.equal(new Set(decided.map(({ id }) => id)).size, 1, 'the same block');
  t.ok(decided.every(({ round }) => round <= healedAt + 5), `in round ${decided[0]!.round}, healed in ${healedAt}`);
  t.ok(decided.every(({ round }) => round >= HIDDEN_ROUNDS));
  const reports = honest.flatMap((i) => net.nodes[i]!.effects).filter((effect) => effect.kind === 'reportEvidence');
  t.ok(reports.length > 0 && reports.every((report) => report.offender === offender && !report.own), 'only the equivocator is reported');
});
