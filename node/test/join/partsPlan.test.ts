/** The planner of parts against peers of every kind, in a world without a network: every seed is one run. */
import t from 'tap';
import { sha256, utf8 } from '@billcoin/protocol';
import { FAILURES_MAX, PACE_MS, PART_MS, partsStart, planParts, REST_MS, type PartsState, type PartsStep } from '../../src/join/partsPlan.ts';
import { makeRandom } from '../support/random.ts';

const PARTS = 40;
const content = (index: number): Uint8Array => utf8(`part ${index}`);
const HASHES = Array.from({ length: PARTS }, (_, index) => sha256(content(index)));

type Manner = 'good' | 'slow' | 'silent' | 'liar' | 'forgetful';

interface Run {
  readonly kept: ReadonlyMap<number, number>;
  readonly blamed: readonly string[];
  readonly outcome: PartsStep['outcome'];
  readonly tookMs: number;
  readonly asks: readonly { readonly peer: string; readonly index: number; readonly atMs: number }[];
}

/** Runs until the planner is done or stuck; ticks come every 50 ms, answers when their peer sends them. */
function run(manners: Readonly<Record<string, Manner>>, seed: number, have: ReadonlySet<number> = new Set()): Run {
  const random = makeRandom(seed);
  const kept = new Map<number, number>();
  const blamed: string[] = [];
  const asks: { peer: string; index: number; atMs: number }[] = [];
  let coming: { readonly atMs: number; readonly peer: string; readonly index: number; readonly bytes: Uint8Array }[] = [];
  let state: PartsState = partsStart(HASHES, Object.keys(manners), have);
  let outcome: PartsStep['outcome'] = 'going on';
  let nowMs = 0;
  const take = (step: PartsStep): void => {
    ({ state, outcome } = step);
    if (step.keep !== undefined) kept.set(step.keep.index, (kept.get(step.keep.index) ?? 0) + 1);
    if (step.blame !== undefined) blamed.push(step.blame);
    for (const { peer, index } of step.ask) {
      asks.push({ peer, index, atMs: nowMs });
      const manner = manners[peer];
      const isForgotten = manner === 'silent' || (manner === 'forgetful' && random() < 0.5);
      const bytes = manner === 'liar' && random() < 0.5 ? utf8('another') : content(index);
      const afterMs = manner === 'slow' ? PART_MS + 500 : 5 + random() * 200;
      if (!isForgotten) coming.push({ atMs: nowMs + afterMs, peer, index, bytes });
    }
  };
  for (; outcome === 'going on' && nowMs < 3_600_000; nowMs += 50) {
    for (const { peer, index, bytes } of coming.filter(({ atMs }) => atMs <= nowMs)) if (outcome === 'going on') take(planParts(state, { kind: 'part', peer, index, content: bytes }, nowMs));
    coming = coming.filter(({ atMs }) => atMs > nowMs);
    if (outcome === 'going on') take(planParts(state, { kind: 'tick' }, nowMs));
  }
  return { kept, blamed, outcome, tookMs: nowMs, asks };
}

void t.test('every part once, from several peers, each at its pace and one at a time', async (test) => {
  const { kept, outcome, asks, blamed } = run({ a: 'good', b: 'good', c: 'good' }, 1);
  test.equal(outcome, 'done');
  test.same([kept.size, ...new Set(kept.values())], [PARTS, 1]);
  test.same(blamed, []);
  test.equal(asks.length, PARTS, 'nothing is asked twice');
  for (const peer of ['a', 'b', 'c']) {
    const times = asks.filter((one) => one.peer === peer).map(({ atMs }) => atMs);
    test.ok(times.length > 5, `${peer} gave ${times.length}`);
    test.ok(times.every((atMs, i) => i === 0 || atMs - (times[i - 1] as number) >= PACE_MS), 'paced');
  }
});

void t.test('parts of an earlier try are not asked for; with all of them there is nothing to do', async (test) => {
  const { asks, outcome } = run({ a: 'good' }, 2, new Set([0, 1, 2, 39]));
  test.equal(outcome, 'done');
  test.same(asks.map(({ index }) => index).sort((x, y) => x - y), Array.from({ length: PARTS - 5 + 1 }, (_, i) => i + 3));
  test.equal(planParts(partsStart(HASHES, ['a'], new Set(HASHES.keys())), { kind: 'tick' }, 0).outcome, 'done');
});

void t.test('a wrong part is never kept, its peer is out at once, another one gives it', async (test) => {
  for (let seed = 1; seed <= 50; seed++) {
    const { kept, blamed, outcome, asks } = run({ liar: 'liar', good: 'good' }, seed);
    if (outcome !== 'done' || kept.size !== PARTS) test.fail(`seed ${seed}: ${outcome}, ${kept.size}`);
    if (blamed.length !== 1 || blamed[0] !== 'liar') test.fail(`seed ${seed}: blamed ${blamed.join()}`);
    const last = asks.findLast(({ peer }) => peer === 'liar')?.index ?? -1;
    if (asks.findLast(({ index }) => index === last)?.peer !== 'good') test.fail(`seed ${seed}: the part of the lie was not asked again`);
  }
  test.pass('50 seeds');
});

void t.test('silent peers cost a wait and are left', async (test) => {
  const { kept, outcome, asks, blamed } = run({ s1: 'silent', s2: 'silent', good: 'good' }, 3);
  test.same([outcome, kept.size, blamed], ['done', PARTS, []], 'silence is no lie');
  test.ok(asks.filter(({ peer }) => peer === 's1').length <= FAILURES_MAX);
  const alone = run({ s1: 'silent', s2: 'silent' }, 4);
  test.equal(alone.outcome, 'stuck');
  test.ok(alone.tookMs <= FAILURES_MAX * (PART_MS + REST_MS) + 1_000, `${alone.tookMs} ms`);
});

void t.test('peers that forget and come late still bring it all; a late part counts', async (test) => {
  for (let seed = 1; seed <= 20; seed++) {
    const { outcome, kept } = run({ f1: 'forgetful', f2: 'forgetful', good: 'good', liar: 'liar' }, seed);
    if (outcome !== 'done' || kept.size !== PARTS) test.fail(`seed ${seed}: ${outcome}`);
  }
  const late = run({ slow: 'slow' }, 1);
  test.ok(late.kept.size >= 1, 'it was taken although the time was over');
});

void t.test('peers that all give something else than the manifest says are all out', async (test) => {
  let state = partsStart(HASHES, ['a', 'b'], new Set());
  ({ state } = planParts(state, { kind: 'tick' }, 0));
  const first = planParts(state, { kind: 'part', peer: 'a', index: 0, content: utf8('x') }, 1);
  test.match(first, { blame: 'a', outcome: 'going on', keep: undefined });
  test.match(planParts(first.state, { kind: 'part', peer: 'b', index: 1, content: utf8('y') }, 2), { blame: 'b', outcome: 'stuck' });
});

void t.test('what nobody asked for changes nothing: unknown indices, parts that are here', async (test) => {
  const state = planParts(partsStart(HASHES, ['a'], new Set([5])), { kind: 'tick' }, 0).state;
  for (const index of [5, PARTS, 2 ** 31]) {
    const step = planParts(state, { kind: 'part', peer: 'a', index, content: utf8('x') }, 1);
    test.match(step, { blame: undefined, keep: undefined });
    test.equal(step.state.missing.length, PARTS - 1);
  }
});
