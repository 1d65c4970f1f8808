/** How far behind, how fast, how long still: samples in, figures out. */
import t from 'tap';
import { progressOf, SAMPLES_MAX, targetOf, withSample, type HeightSample } from '../src/progress.ts';

const samples = (...rows: readonly (readonly [atMs: number, height: number, target: number])[]): readonly HeightSample[] =>
  rows.reduce<readonly HeightSample[]>((all, [atMs, height, target]) => withSample(all, { atMs, height, target }), []);

void t.test('the target is what two peers claim, so that one liar moves nothing', async (test) => {
  test.equal(targetOf([]), 0);
  test.equal(targetOf([70]), 70, 'who has one peer has nobody else to ask');
  test.equal(targetOf([70, Number.MAX_SAFE_INTEGER]), 70);
  test.equal(targetOf([3, 70, 68, 69]), 69);
});

void t.test('a node at the height of its peers, or nearly, is not behind', async (test) => {
  test.equal(progressOf([]), undefined);
  test.equal(progressOf(samples([0, 0, 0])), undefined, 'zero is a height');
  test.equal(progressOf(samples([0, 98, 100])), undefined);
  test.match(progressOf(samples([0, 97, 100])), { targetHeight: 100 });
});

void t.test('rate and time left', async (test) => {
  test.same(progressOf(samples([0, 0, 1_000])), { targetHeight: 1_000, blocksPerMinute: undefined, leftMs: undefined }, 'one sample is no rate');
  test.same(progressOf(samples([0, 0, 1_000], [1_000, 100, 1_000])), { targetHeight: 1_000, blocksPerMinute: 6_000, leftMs: 9_000 });
  test.same(progressOf(samples([0, 0, 1_000], [1_000, 100, 1_050])), { targetHeight: 1_050, blocksPerMinute: 6_000, leftMs: 19_000 }, 'the chain goes on meanwhile');
  test.same(progressOf(samples([0, 500, 1_000], [1_000, 500, 1_000])), { targetHeight: 1_000, blocksPerMinute: 0, leftMs: undefined }, 'a stall');
  test.same(progressOf(samples([0, 500, 1_000], [1_000, 510, 1_020])), { targetHeight: 1_020, blocksPerMinute: 600, leftMs: undefined }, 'the chain is faster');
  test.same(progressOf([{ atMs: 5, height: 1, target: 9 }, { atMs: 5, height: 2, target: 9 }]), { targetHeight: 9, blocksPerMinute: undefined, leftMs: undefined }, 'no time between');
});

void t.test('old samples go, and those of another target', async (test) => {
  const stalled = Array.from({ length: SAMPLES_MAX }, (_, i) => [i * 1_000, 5, 500] as const);
  const later = Array.from({ length: SAMPLES_MAX }, (_, i) => [(SAMPLES_MAX + i) * 1_000, 5 + i, 500] as const);
  const kept = samples(...stalled, ...later);
  test.equal(kept.length, SAMPLES_MAX);
  test.match(progressOf(kept), { blocksPerMinute: 60 }, 'the stall is forgotten');
  test.equal(samples([0, 5, 20], [1_000, 10, 5_000]).length, 1, 'a peer that knows more has come');
});
