/** US-006: the 11th in ANY 60 seconds is refused. The log against a model that keeps everything and counts naively. */
import fc from 'fast-check';
import t from 'tap';
import { RATE_LIMIT_Q_MAX } from '@billcoin/sdk';
import { POLICIES } from '../../src/campus/limits/policies.ts';
import { SlidingLog, TIMES_MAX, type Window } from '../../src/campus/limits/slidingLog.ts';

const PAY: Window = { q: POLICIES.pay.q, windowMs: POLICIES.pay.windowS * 1_000 };

/** Every time that was admitted, for good. */
class Naive {
  readonly admitted: { readonly key: string; readonly atMs: number }[] = [];
  take(key: string, { q, windowMs }: Window, nowMs: number): boolean {
    const ok = this.admitted.filter((one) => one.key === key && one.atMs > nowMs - windowMs && one.atMs <= nowMs).length < q;
    if (ok) this.admitted.push({ key, atMs: nowMs });
    return ok;
  }
  /** The most of one key in any window, wherever it begins. */
  mostInAnyWindow(key: string, windowMs: number): number {
    const own = this.admitted.filter((one) => one.key === key);
    return Math.max(0, ...own.map(({ atMs }) => own.filter((one) => one.atMs >= atMs && one.atMs < atMs + windowMs).length));
  }
}

t.test('ten fit a minute, the eleventh is refused and not counted, and the window slides', async (t) => {
  const log = new SlidingLog();
  for (let i = 0; i < 10; i++) t.equal(log.take('ali', PAY, i * 1_000).ok, true);
  t.same(log.take('ali', PAY, 30_000), { ok: false, left: 0, resetMs: 30_000 });
  t.equal(log.take('siti', PAY, 30_000).ok, true, 'another person has her own window');
  t.equal(log.take('ali', PAY, 59_999).ok, false, 'however often it was refused meanwhile');
  t.same(log.take('ali', PAY, 60_000), { ok: true, left: 0, resetMs: 1_000 }, 'the first one has left');
  t.equal(log.take('ali', PAY, 60_999).ok, false, 'a fixed window would begin anew here');
  t.equal(log.take('ali', PAY, 61_000).ok, true);
});

t.test('any sequence of tries gets what the naive model says, and no window anywhere holds more than q', async (t) => {
  const step = fc.record({ key: fc.constantFrom('a', 'b', 'c'), waitMs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 12_000 }), fc.constantFrom(59_999, 60_000, 60_001)) });
  t.doesNotThrow(() => fc.assert(fc.property(fc.array(step, { maxLength: 120 }), fc.integer({ min: 1, max: 12 }), (steps, q) => {
    const window = { q, windowMs: 60_000 };
    const log = new SlidingLog();
    const naive = new Naive();
    let nowMs = 0;
    for (const { key, waitMs } of steps) {
      nowMs += waitMs;
      const left = log.look(key, window, nowMs).left;
      const room = log.take(key, window, nowMs);
      const expected = naive.take(key, window, nowMs);
      if (room.ok !== expected || (left > 0) !== expected) return false;
    }
    return ['a', 'b', 'c'].every((key) => naive.mostInAnyWindow(key, window.windowMs) <= q);
  }), { numRuns: 500 }));
});

t.test('after resetMs there is room, one millisecond before there is none', async (t) => {
  t.doesNotThrow(() => fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 5_900 }), { minLength: 10, maxLength: 10 }), (waits) => {
    const log = new SlidingLog();
    let nowMs = 0;
    for (const wait of waits) log.take('ali', PAY, nowMs += wait);
    const { ok, resetMs } = log.look('ali', PAY, nowMs);
    return ok || (!log.look('ali', PAY, nowMs + resetMs - 1).ok && log.look('ali', PAY, nowMs + resetMs).ok);
  })));
  const log = new SlidingLog();
  for (let i = 0; i < 10; i++) log.take('ali', PAY, i);
  const lowered = { q: 3, windowMs: 60_000 };
  t.same(log.look('ali', lowered, 100), { ok: false, left: 0, resetMs: 59_907 }, 'a lowered quota waits for the eighth to leave');
  t.equal(log.look('ali', lowered, 60_007).ok, true);
});

t.test('what is given back is free again; what is idle is swept', async (t) => {
  const log = new SlidingLog();
  for (let i = 0; i < 10; i++) log.take('ali', PAY, i);
  log.giveBack('ali');
  log.giveBack('nobody');
  t.equal(log.take('ali', PAY, 20).ok, true);
  t.same([log.keys, log.times], [1, 10]);
  log.sweep(PAY.windowMs, 59_000);
  t.same([log.keys, log.times], [1, 10]);
  log.sweep(PAY.windowMs, 61_000);
  t.same([log.keys, log.times], [0, 0]);
});

t.test('memory is bounded in keys and in times; whoever was asked for longest ago is forgotten', async (t) => {
  const few = new SlidingLog({ keysMax: 100 });
  for (let i = 0; i < 1_000; i++) few.take(`address ${i}`, PAY, i);
  t.same([few.keys, few.times, few.forgotten], [100, 100, 900]);
  t.equal(few.look('address 999', PAY, 1_000).left, 9);
  const short = new SlidingLog({ timesMax: 50 });
  for (let i = 0; i < 1_000; i++) short.take(`address ${i % 20}`, PAY, i);
  t.ok(short.times <= 50);
  t.ok(RATE_LIMIT_Q_MAX < TIMES_MAX / 100, 'no single key can fill it');
});
