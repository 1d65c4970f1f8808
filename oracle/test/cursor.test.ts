/** The gap tracking behind receipts, against a naive set. */
import t from 'tap';
import { addSeq, bitmapOf, EMPTY_CURSOR, isStored, WINDOW_SEQS, type Cursor } from '../src/store/cursor.ts';
import { seededBytes } from './support/world.ts';

/** What a receipt must say, from the whole set of stored seqs. */
function naive(stored: ReadonlySet<number>): { nextSeq: number; bits: number[] } {
  let nextSeq = 0;
  while (stored.has(nextSeq)) nextSeq += 1;
  const bits = [...stored].filter((seq) => seq > nextSeq && seq <= nextSeq + WINDOW_SEQS).sort((a, b) => a - b);
  return { nextSeq, bits };
}

function bitsOf(cursor: Cursor): number[] {
  const bitmap = bitmapOf(cursor);
  return Array.from({ length: bitmap.length * 8 }, (_, bit) => bit).filter((bit) => (((bitmap[bit >> 3] ?? 0) >> (bit & 7)) & 1) === 1).map((bit) => cursor.nextSeq + 1 + bit);
}

t.test('in order, nothing is ahead', async (t) => {
  let cursor = EMPTY_CURSOR;
  for (let seq = 0; seq < 5; seq++) cursor = addSeq(cursor, seq, seq * 10, () => false);
  t.same(cursor, { nextSeq: 5, ahead: [], maxSeq: 4, last: { seq: 4, totalMl: 40 } });
  t.equal(bitmapOf(cursor).length, 0);
});

t.test('any order gives what the set of stored seqs says', async (t) => {
  const random = seededBytes(42);
  for (let run = 0; run < 20; run++) {
    const stored = new Set<number>();
    let cursor = EMPTY_CURSOR;
    for (let step = 0; step < 300; step++) {
      const [low = 0, high = 0] = random(2);
      const seq = run % 2 === 0 ? low : (low + high * 256) % 1_500;
      const asked = isStored(cursor, seq) ?? stored.has(seq);
      if (asked !== stored.has(seq)) t.fail(`run ${run}: isStored(${seq}) is wrong`);
      stored.add(seq);
      cursor = addSeq(cursor, seq, undefined, (at) => stored.has(at));
      const expected = naive(stored);
      if (cursor.nextSeq !== expected.nextSeq || bitsOf(cursor).join() !== expected.bits.join()) t.fail(`run ${run} step ${step}`);
    }
    t.equal(cursor.nextSeq, naive(stored).nextSeq);
  }
});

t.test('a far jump is stored, shown once the window reaches it, and found when the hole is filled', async (t) => {
  const stored = new Set([1_000]);
  let cursor = addSeq(EMPTY_CURSOR, 1_000, undefined, () => false);
  t.same([cursor.nextSeq, bitsOf(cursor), isStored(cursor, 1_000)], [0, [], undefined]);
  for (let seq = 0; seq < 1_000; seq++) {
    stored.add(seq);
    cursor = addSeq(cursor, seq, undefined, (at) => stored.has(at));
  }
  t.equal(cursor.nextSeq, 1_001);
});

t.test('the last seq of all does not overflow', async (t) => {
  const cursor = addSeq({ nextSeq: 0xffff_fffe, ahead: [], maxSeq: 0xffff_fffd }, 0xffff_fffe, undefined, () => false);
  t.equal(cursor.nextSeq, 0xffff_ffff);
  t.equal(addSeq(cursor, 0xffff_ffff, undefined, () => false).nextSeq, 0xffff_ffff);
});
