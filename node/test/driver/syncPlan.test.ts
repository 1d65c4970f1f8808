/** The planner of sync as a pure machine: ranges, several peers, failures, liars, and every lie of a Status (consensus page §1.16, §4 items 28–31). */
import t from 'tap';
import type { DecidedBlock } from '../../src/ports.ts';
import { ANSWER_MS, LIAR_REST_MS, RANGES_MAX, RANGE_MAX, REST_MS, SYNC_START, aheadOf, heldAt, planSync, type SyncInput, type SyncQuestion, type SyncState } from '../../src/driver/syncPlan.ts';
import { makeRandom } from '../support/random.ts';

/** A block whose bytes tell its height and who gave it. */
function blockOf(height: number, giver: number): DecidedBlock {
  return { blockBytes: new Uint8Array([height % 256, height >> 8, giver]), certificate: { type: 2, height, round: 0, blockId: new Uint8Array(32), bitmap: new Uint8Array(1), signatures: [] } };
}

function blocksFrom({ from, count }: { readonly from: number; readonly count: number }, giver = 0): readonly DecidedBlock[] {
  return Array.from({ length: count }, (_, i) => blockOf(from + i, giver));
}

/** Runs inputs one after the other at one time; gives back all questions. */
function run(state: SyncState, inputs: readonly SyncInput[], nowMs = 0): { readonly state: SyncState; readonly ask: readonly SyncQuestion[] } {
  const ask: SyncQuestion[] = [];
  let now = state;
  for (const input of inputs) {
    const step = planSync(now, input, nowMs);
    now = step.state;
    ask.push(...step.ask);
  }
  return { state: now, ask };
}

const claim = (peer: string, height: number): SyncInput => ({ kind: 'claim', peer, height });

void t.test('ranges of 16 are asked of several peers at once', async (test) => {
  const { state, ask } = run(SYNC_START, [{ kind: 'at', height: 11 }, claim('a', 1_000), claim('b', 1_000), claim('c', 1_000)]);
  test.same(ask, [{ peer: 'a', from: 11, count: 16 }, { peer: 'b', from: 27, count: 16 }, { peer: 'c', from: 43, count: 16 }]);
  test.equal(state.ranges.length, RANGES_MAX, 'one more waits for a peer that is free');
  const next = run(state, [{ kind: 'answer', peer: 'b', from: 27, blocks: blocksFrom({ from: 27, count: 16 }) }]);
  test.same(next.ask, [{ peer: 'b', from: 59, count: 16 }]);
  test.equal(aheadOf(next.state), 16);
  test.equal(heldAt(next.state, 11), undefined);
  test.equal(heldAt(next.state, 27)?.peer, 'b');
});

void t.test('a node that is not behind asks nobody, one block behind neither', async (test) => {
  for (const height of [0, 1, 10, 11]) test.same(run(SYNC_START, [{ kind: 'at', height: 10 }, claim('a', height)]).ask, []);
  test.same(run(SYNC_START, [{ kind: 'at', height: 10 }, claim('a', 12)]).ask, [{ peer: 'a', from: 10, count: 2 }]);
});

void t.test('a peer is asked only for what it claims', async (test) => {
  const { ask } = run(SYNC_START, [claim('low', 6), claim('high', 40)]);
  test.same(ask, [{ peer: 'low', from: 1, count: 5 }, { peer: 'high', from: 6, count: 16 }]);
});

void t.test('who does not answer rests, and another is asked for the whole range', async (test) => {
  const { state } = run(SYNC_START, [claim('a', 17)]);
  const { state: later, ask } = run(state, [claim('b', 17)], ANSWER_MS - 1);
  test.same(ask, [], 'it still has time');
  const expired = run(later, [{ kind: 'tick' }], ANSWER_MS);
  test.same(expired.ask, [{ peer: 'b', from: 1, count: 16 }]);
  const late = run(expired.state, [{ kind: 'answer', peer: 'a', from: 1, blocks: blocksFrom({ from: 1, count: 16 }) }], ANSWER_MS + 1);
  test.equal(aheadOf(late.state), 0, 'an answer that comes late is no answer, and no offence');
  test.same(late.ask, []);
  const both = run(late.state, [{ kind: 'tick' }], 2 * ANSWER_MS + REST_MS);
  test.same(both.ask, [{ peer: 'a', from: 1, count: 16 }], 'after its rest it is asked again');
});

void t.test('a shorter answer leaves the rest of its range to be asked for', async (test) => {
  const { state } = run(SYNC_START, [claim('a', 17)]);
  const { ask } = run(state, [{ kind: 'answer', peer: 'a', from: 1, blocks: blocksFrom({ from: 1, count: 3 }) }]);
  test.same(ask, [{ peer: 'a', from: 4, count: 13 }]);
});

void t.test('an empty answer, one too long, one from elsewhere', async (test) => {
  const { state } = run(SYNC_START, [claim('a', 17), claim('b', 17)]);
  test.same(run(state, [{ kind: 'answer', peer: 'a', from: 1, blocks: [] }]).ask, [{ peer: 'b', from: 1, count: 16 }]);
  for (const wrong of [{ peer: 'a', from: 2, blocks: blocksFrom({ from: 2, count: 16 }) }, { peer: 'a', from: 1, blocks: blocksFrom({ from: 1, count: 17 }) }, { peer: 'b', from: 1, blocks: blocksFrom({ from: 1, count: 16 }) }]) {
    test.equal(aheadOf(run(state, [{ kind: 'answer', ...wrong }]).state), 0);
  }
});

void t.test('a block that does not verify costs its giver all it gave; the range comes whole from another', async (test) => {
  const { state } = run(SYNC_START, [claim('liar', 33), { kind: 'answer', peer: 'liar', from: 1, blocks: blocksFrom({ from: 1, count: 16 }) }, { kind: 'answer', peer: 'liar', from: 17, blocks: blocksFrom({ from: 17, count: 16 }) }, claim('good', 33), { kind: 'at', height: 5 }]);
  test.equal(aheadOf(state), 32);
  const bad = run(state, [{ kind: 'bad', peer: 'liar', height: 5 }]);
  test.equal(aheadOf(bad.state), 0);
  test.same(bad.ask, [{ peer: 'good', from: 1, count: 16 }], 'no height of the range is skipped');
  test.same(run(state, [{ kind: 'bad', peer: 'good', height: 5 }]).ask, [], 'only what the blamed one gave is dropped');
  const alone = run(bad.state, [{ kind: 'answer', peer: 'good', from: 1, blocks: [] }], 1);
  test.same(alone.ask, [], 'the liar is not asked again soon');
  test.ok(run(alone.state, [{ kind: 'tick' }], LIAR_REST_MS + REST_MS).ask.length > 0);
});

void t.test('lying Status: the greatest height, a height that falls, a peer that vanishes, all at once', async (test) => {
  const random = makeRandom(28);
  const LIARS = ['l1', 'l2', 'l3'];
  const TOP = 600;
  let state = run(SYNC_START, [{ kind: 'at', height: 1 }]).state;
  let height = 1;
  let asked: SyncQuestion[] = [];
  let steps = 0;
  for (let nowMs = 0; height < TOP; nowMs += 50, steps++) {
    if (steps > 40_000) throw new Error(`stands at ${height}`);
    const inputs: SyncInput[] = [claim('h1', TOP), claim('h2', TOP), { kind: 'tick' }];
    for (const liar of LIARS) if (random() < 0.5) inputs.push(claim(liar, [1, height, Number.MAX_SAFE_INTEGER, height + 3][Math.floor(random() * 4)] ?? 1));
    for (const { peer, from, count } of asked) {
      const isLiar = LIARS.includes(peer);
      const what = isLiar ? random() : 1;
      if (what < 0.3) continue; // says nothing
      const blocks = what < 0.5 ? [] : blocksFrom({ from, count: what < 0.7 ? Math.max(1, count - 2) : count }, isLiar ? 1 : 0);
      inputs.push({ kind: 'answer', peer, from, blocks });
    }
    const round = run(state, inputs, nowMs);
    state = round.state;
    asked = [...round.ask];
    test.ok(round.ask.every(({ from, count }) => from >= height - RANGE_MAX && count >= 1 && count <= RANGE_MAX));
    test.ok(state.ranges.reduce((sum, { count }) => sum + count, 0) <= RANGES_MAX * RANGE_MAX);
    for (let held = heldAt(state, height); held !== undefined; held = heldAt(state, height)) {
      const isGood = held.block.blockBytes[2] === 0;
      test.equal(held.block.certificate.height, height);
      const next = isGood ? run(state, [{ kind: 'at', height: height + 1 }], nowMs) : run(state, [{ kind: 'bad', peer: held.peer, height }], nowMs);
      if (isGood) height += 1;
      state = next.state;
      asked.push(...next.ask);
    }
  }
  test.equal(height, TOP);
});
