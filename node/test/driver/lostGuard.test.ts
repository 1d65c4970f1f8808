/** Validators without their sign guard (consensus page §1.9 "Lost guard"): they observe, and sign again from h* + 1 on. */
import t from 'tap';
import { DEFAULT_PARAMS, parseVote, toHex, type Tip } from '@billcoin/protocol';
import { Observation } from '../../src/driver/observation.ts';
import { makeLog } from '../../src/log.ts';
import type { PeerMessage } from '../../src/ports.ts';
import { Cluster, type ClusterNode } from '../support/cluster.ts';
import { makeSignedChain } from '../support/signedChain.ts';

const MARGIN_MS = 5_000 + 2 * DEFAULT_PARAMS.precisionMs;

/** What each process signs, and that no key ever signs two things in one place. */
function watch() {
  const heights = new Map<number, number[]>();
  const bodies = new Map<string, string>();
  const doubles: string[] = [];
  function sent(node: ClusterNode, message: PeerMessage): void {
    const vote = message.kind === 'vote' ? parseVote(message.vote) : undefined;
    if (message.kind !== 'vote' || vote?.ok !== true) return;
    const { type, height, round, validatorIndex } = vote.value;
    const [place, body] = [`${validatorIndex} ${type} ${height} ${round}`, toHex(message.vote.body)];
    const known = bodies.get(place);
    if (known !== undefined && known !== body) doubles.push(place);
    if (known === undefined) heights.set(node.index, [...(heights.get(node.index) ?? []), height]);
    bodies.set(place, body);
  }
  return { sent, doubles, heightsOf: (index: number) => heights.get(index) ?? [] };
}

/** Crash points of the old machine in its third height: every one up to its votes. */
const POINTS = 10;

t.test('the machine of a validator dies anywhere; the new one has only the key', async (t) => {
  const died = new Set<string>();
  for (let point = 0; point < POINTS; point++) {
    const wire = watch();
    const cluster = new Cluster({ size: 4, twins: [3], sent: wire.sent });
    cluster.boot([0, 1, 2, 3]);
    t.ok(await cluster.run(() => cluster.isFinal(2, [0, 1, 2, 3])));
    const old = cluster.nodes[3]!;
    t.ok(await cluster.run(() => old.engine?.progress().height === 3 && old.engine.progress().round === 0), 'it is in the round');
    old.fuse = point;
    t.ok(await cluster.run(() => old.life === undefined));
    const at = old.diedAt ?? 'nowhere';
    died.add(at);

    const machine = cluster.nodes[4]!;
    const lost: NonNullable<ClusterNode['lostGuard']> = { isOnlyOne: true };
    machine.lostGuard = lost;
    const bootMs = cluster.nowMs;
    cluster.boot([4]);
    t.ok(await cluster.run(() => wire.heightsOf(4).length > 0, 60_000), `${at}: it signs again`);
    const first = cluster.nodes[0]!.finals.find(({ timeMs }) => timeMs > bootMs + MARGIN_MS);
    t.equal(lost.renewed, first?.height, 'h* is the first block built after its start');
    t.equal(Math.min(...wire.heightsOf(4)), (first?.height ?? 0) + 1, 'and the next one is the first it signs');
    t.ok(await cluster.run(() => cluster.isFinal((first?.height ?? 0) + 3, [0, 1, 2, 4])));
    t.same(wire.doubles, [], 'no place has two votes of one key');
    t.same(machine.halts, []);
  }
  for (const at of ['before guard', 'after guard', 'before send vote']) t.ok(died.has(at), `${at}: among ${[...died].join(', ')}`);
});

t.test('as long as nobody says that it is the only one it follows and signs nothing', async (t) => {
  const wire = watch();
  const cluster = new Cluster({ size: 4, sent: wire.sent });
  cluster.nodes[2]!.lostGuard = { isOnlyOne: false };
  cluster.boot();
  t.ok(await cluster.run(() => cluster.isFinal(5), 90_000), 'all follow');
  t.same(wire.heightsOf(2), []);
});

t.test('with more than a third of the guards lost nothing is decided: it is for the operators to name a height', async (t) => {
  const wire = watch();
  const cluster = new Cluster({ size: 4, sent: wire.sent });
  for (const i of [1, 2]) cluster.nodes[i]!.lostGuard = { isOnlyOne: true };
  cluster.boot();
  t.equal(await cluster.run(() => cluster.isFinal(1, [0]), 60_000), false);
  t.same([...wire.heightsOf(1), ...wire.heightsOf(2)], []);
});

t.test('the wait counts from a start that a wrong clock cannot move', async (t) => {
  const log = makeLog({ level: 'silent', nodeName: 'test' });
  const { tip: first } = makeSignedChain(4);
  const nowMs = first().timeMs;
  /** Height at which the guard is made anew, of blocks told to it as (time of the block, clocks then). */
  async function renewedAt(startClockMs: number, blocks: readonly { readonly timeMs: number; readonly clockMs: number; readonly elapsedMs: number }[]): Promise<number | undefined> {
    const clock = { wall: startClockMs, monotonic: 1_000 };
    let renewed: number | undefined;
    const observation = new Observation({
      log, clock: { nowMs: () => clock.wall, monotonicMs: () => clock.monotonic },
      lost: { isOnlyOne: true, renew: async (height) => void (renewed = height) },
    });
    for (const [i, { timeMs, clockMs, elapsedMs }] of blocks.entries()) {
      Object.assign(clock, { wall: clockMs, monotonic: 1_000 + elapsedMs });
      const tip: Tip = { ...first(), height: i + 1, timeMs };
      await observation.decided(tip);
    }
    return renewed;
  }
  const old = { timeMs: nowMs - 3_600_000, clockMs: nowMs + 1_000, elapsedMs: 1_000 };
  const young = { timeMs: nowMs + MARGIN_MS + 1, clockMs: nowMs + 9_000, elapsedMs: 9_000 };
  t.equal(await renewedAt(nowMs, [old, { ...young, timeMs: nowMs + MARGIN_MS }, young, young]), 3, 'with a right clock, and only once');
  t.equal(await renewedAt(0, [{ ...old, clockMs: 1_000 }, { ...young, clockMs: 9_000 }]), undefined, 'a clock in 1970 for good: every block is ahead of it');
  t.equal(await renewedAt(0, [{ ...old, clockMs: 1_000 }, old, young]), 3, 'set right while it runs: an old block still is one');
  t.equal(await renewedAt(nowMs + 600_000, [{ ...young, clockMs: nowMs + 609_000 }]), undefined, 'a clock ahead waits longer');
});
