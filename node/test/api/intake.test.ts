/** Requests begin a few at a time, so that a crowd of them does not keep a node from hearing its peers. */
import t from 'tap';
import { BEGINS_PER_TURN, openIntake } from '../../src/api/intake.ts';

const nextTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

t.test('a crowd begins in its order, as many in a turn as one may hold', async (t) => {
  const intake = openIntake();
  const begun: number[] = [];
  const all = Array.from({ length: 3 * BEGINS_PER_TURN + 2 }, async (_, i) => {
    await intake.turn();
    begun.push(i);
  });
  await Promise.resolve();
  t.equal(begun.length, BEGINS_PER_TURN);
  t.equal(intake.waiting(), 2 * BEGINS_PER_TURN + 2);
  await nextTurn();
  t.equal(begun.length, 2 * BEGINS_PER_TURN);
  const late = intake.turn().then(() => begun.push(-1));
  await nextTurn();
  t.equal(begun.length, 3 * BEGINS_PER_TURN);
  await Promise.all([...all, late]);
  t.same(begun, [...Array.from(all, (_, i) => i), -1], 'whoever comes later does not overtake');
  t.equal(intake.waiting(), 0);
});

t.test('alone, a request waits for nothing', async (t) => {
  const intake = openIntake();
  for (let i = 0; i < 3 * BEGINS_PER_TURN; i++) {
    let hasBegun = false;
    void intake.turn().then(() => { hasBegun = true; });
    await Promise.resolve();
    t.ok(hasBegun);
    await nextTurn();
  }
});
