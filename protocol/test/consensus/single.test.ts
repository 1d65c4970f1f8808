/** A chain of one validator, and chains that run on: heights, pace, idle blocks, delays, losses. */
import t from 'tap';
import { verifyCertificate } from './core.ts';
import { fakeVerify, GENESIS_HASH } from './fixture.ts';
import { makeNet } from './net.ts';

t.test('one validator decides work at once with two guard writes', async (t) => {
  const net = makeNet({ powers: [1] });
  net.boot(0);
  t.equal(net.run(() => net.decidedBy([0]), 5_000), false, 'without work nothing happens');
  net.work(0);
  t.ok(net.run(() => net.decidedBy([0]), 0), 'in no virtual time at all');
  t.equal(net.nodes[0]!.guardWrites, 2, 'proposal with prevote, then precommit with lock');
  t.same(net.nodes[0]!.timersFired, []);
});

t.test('an idle chain of one makes a block per idle interval', async (t) => {
  const net = makeNet({ powers: [1], heights: 4 });
  net.boot(0);
  t.ok(net.run(() => net.decidedBy([0], 3), 60_000));
  t.same(net.nodes[0]!.decided.map((decision) => decision.height), [1, 2, 3]);
  t.equal(net.elapsedMs(), 30_000);
});

t.test('under load heights start at least minBlockIntervalMs apart', async (t) => {
  for (const powers of [[1], [1, 1, 1, 1]]) {
    const net = makeNet({ powers, heights: 6, busy: true });
    const all = powers.map((_, i) => i);
    all.forEach((i) => net.boot(i));
    t.ok(net.run(() => net.decidedBy(all, 6)), `${powers.length} validators decide six heights`);
    const times = net.nodes[0]!.decided.map((decision) => decision.atMs);
    const gaps = times.slice(1).map((time, i) => time - times[i]!);
    t.ok(gaps.every((gap) => gap >= 100 - 3 && gap <= 105), `blocks ${gaps.join(', ')} ms apart`);
    t.equal(new Set(net.nodes.map((node) => node.decided.map((decision) => decision.id).join())).size, 1, 'the same chain everywhere');
  }
});

t.test('one validator resumes after a crash at each guard write', async (t) => {
  for (const crashAfter of [1, 2]) {
    const net = makeNet({ powers: [1] });
    net.boot(0);
    net.work(0);
    t.ok(net.run(() => net.nodes[0]!.guardWrites === crashAfter));
    net.crash(0);
    net.boot(0);
    t.ok(net.run(() => net.decidedBy([0])), `after guard write ${crashAfter}`);
    t.equal(net.nodes[0]!.decided[0]!.round, 0);
    t.equal(net.nodes[0]!.guardWrites, 2, 'nothing is signed twice');
  }
});

t.test('one validator whose proposal was recorded without its body goes to round 1 and builds anew', async (t) => {
  const net = makeNet({ powers: [1] });
  net.boot(0);
  net.work(0);
  t.ok(net.run(() => net.nodes[0]!.guardWrites === 1));
  net.nodes[0]!.saved.clear();
  net.crash(0);
  net.boot(0);
  t.equal(net.nodes[0]!.effects.some((effect) => effect.kind === 'send' && effect.message.kind === 'proposal'), false, 'the proposal is not sent again');
  t.ok(net.run(() => net.decidedBy([0])));
  t.equal(net.nodes[0]!.decided[0]!.round, 1);
});

t.test('seven validators with two dead and random delays and losses agree on every height', async (t) => {
  let seed = 7;
  const draw = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed >>> 8) % below;
  };
  const net = makeNet({ powers: [1, 1, 1, 1, 1, 1, 1], heights: 5, busy: true, statusEveryMs: 200, link: () => (draw(10) === 0 ? undefined : 1 + draw(150)) });
  const alive = [0, 1, 2, 3, 4];
  alive.forEach((i) => net.boot(i));
  t.ok(net.run(() => net.decidedBy(alive, 4), 300_000), 'all decide four heights');
  for (const height of [1, 2, 3, 4]) {
    const decisions = alive.map((i) => net.nodes[i]!.decided.find((decision) => decision.height === height)!);
    t.equal(new Set(decisions.map((decision) => decision.id)).size, 1, `height ${height}`);
    for (const { certificate } of decisions) t.ok(verifyCertificate(GENESIS_HASH, net.fixture.validators, certificate, fakeVerify).ok);
  }
  t.equal(net.nodes.flatMap((node) => node.effects).filter((effect) => effect.kind === 'reportEvidence').length, 0, 'nobody honest is accused');
});
