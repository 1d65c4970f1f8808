/** When a height starts: at once, or after a block of a crowd a little later. */
import t from 'tap';
import { CROWD_TXS, GATHERED_TXS, GATHER_MS, Gathering, gatherMs } from '../../src/driver/gathering.ts';

t.test('only after a block of a crowd, and only until enough waits, the next height waits', (t) => {
  const crowd = { txs: CROWD_TXS, timeMs: 1_000 };
  t.equal(gatherMs({ txs: CROWD_TXS - 1, timeMs: 1_000 }, 1, 1_000), 0, 'a few payments never wait');
  t.equal(gatherMs(crowd, 1, 1_000), GATHER_MS);
  t.equal(gatherMs(crowd, 1, 1_120), GATHER_MS - 120);
  t.equal(gatherMs(crowd, 1, 1_000 + GATHER_MS), 0);
  t.equal(gatherMs(crowd, 1, 99_000), 0, 'a chain that stood still');
  t.equal(gatherMs(crowd, 1, 700), GATHER_MS, 'a clock that is behind waits no longer than any other');
  t.equal(gatherMs(crowd, GATHERED_TXS - 1, 1_000), GATHER_MS);
  t.equal(gatherMs(crowd, GATHERED_TXS, 1_000), 0, 'a block is full enough');
  t.end();
});

t.test('a start that waits comes once, early where enough is there, never after a decision or a stop', (t) => {
  let [ready, starts, nowMs] = [1, 0, 5_000];
  const running = new Set<() => void>();
  const timers = {
    after(_ms: number, fire: () => void) {
      running.add(fire);
      return () => void running.delete(fire);
    },
  };
  const fire = (): void => { for (const one of [...running]) if (running.delete(one)) one(); };
  const gathering = new Gathering({ clock: { nowMs: () => nowMs, monotonicMs: () => nowMs }, timers, ready: () => ready, start: () => { starts += 1; } });
  gathering.work();
  t.equal(starts, 1, 'nothing was decided yet');
  gathering.decided({ txs: CROWD_TXS, timeMs: nowMs });
  for (let i = 0; i < 3; i++) gathering.work();
  t.same([starts, running.size], [1, 1], 'one wait for all who come');
  fire();
  t.same([starts, running.size], [2, 0]);
  gathering.work();
  ready = GATHERED_TXS;
  gathering.work();
  t.same([starts, running.size], [3, 0], 'early, and the wait is over');
  ready = 1;
  gathering.work();
  gathering.decided({ txs: 1, timeMs: nowMs });
  t.equal(running.size, 0, 'a peer’s proposal decided the height meanwhile');
  gathering.decided({ txs: CROWD_TXS, timeMs: nowMs });
  gathering.work();
  gathering.cancel();
  t.same([starts, running.size], [3, 0]);
  nowMs += GATHER_MS;
  gathering.work();
  t.equal(starts, 4);
  t.end();
});
