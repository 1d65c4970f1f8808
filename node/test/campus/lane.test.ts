/** Work in a lane goes one after the other; the disk is waited for by its caller alone. */
import t from 'tap';
import { openLane } from '../../src/campus/lane.ts';
import { CampusBusy } from '../../src/campusPorts.ts';

interface Gate {
  readonly passed: Promise<void>;
  readonly open: () => void;
}

function gate(): Gate {
  let open: () => void = () => undefined;
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open };
}

void t.test('the next piece of work begins when rows are put, the caller hears when they are on disk', async (t) => {
  const lane = openLane();
  const [disk, decision] = [gate(), gate()];
  const heard: string[] = [];
  const first = lane.commit(async () => {
    await decision.passed;
    heard.push('decided');
    return { value: 'first', written: disk.passed };
  }).then((value) => heard.push(value));
  const second = lane.run(async () => heard.push('second'));
  let isIdle = false;
  const idle = lane.idle().then(() => (isIdle = true));
  await new Promise(setImmediate);
  t.same(heard, [], 'nobody overtakes what is not decided');
  decision.open();
  await second;
  t.same(heard, ['decided', 'second']);
  t.equal(lane.waiting(), 1, 'the disk is waited for');
  t.notOk(isIdle);
  disk.open();
  await first;
  await idle;
  t.same(heard, ['decided', 'second', 'first']);
  t.equal(lane.waiting(), 0);
});

void t.test('work of two lanes counts in both until it is on disk', async (t) => {
  const [outer, inner] = [openLane(), openLane()];
  const disk = gate();
  const both = outer.commit(() => inner.put(async () => ({ value: 'both', written: disk.passed })));
  t.equal(await outer.run(() => inner.run(async () => 'next')), 'next', 'neither lane waits for the disk');
  t.same([outer.waiting(), inner.waiting()], [1, 1]);
  let isIdle = false;
  const idle = inner.idle().then(() => (isIdle = true));
  await new Promise(setImmediate);
  t.notOk(isIdle);
  disk.open();
  t.equal(await both, 'both');
  await idle;
  t.same([outer.waiting(), inner.waiting()], [0, 0]);
  const unwritten = inner.put(async () => ({ value: 1, written: Promise.reject(new Error('no room')) }));
  await t.rejects((await unwritten).written, { message: 'no room' });
  t.equal(inner.waiting(), 0);
});

void t.test('what fails is told to its caller, and the lane goes on', async (t) => {
  const lane = openLane();
  const [bad, unwritten, good] = [lane.run(() => Promise.reject(new Error('bad row'))), lane.commit(async () => ({ value: 1, written: Promise.reject(new Error('no room')) })), lane.run(async () => 'good')];
  await t.rejects(bad, { message: 'bad row' });
  await t.rejects(unwritten, { message: 'no room' });
  t.equal(await good, 'good');
  await lane.idle();
  t.equal(lane.waiting(), 0);
});

void t.test('too much work is refused, except of who cannot drop it', async (t) => {
  const lane = openLane(2);
  const disk = gate();
  const seen: number[] = [];
  const first = lane.commit(async () => ({ value: 1, written: disk.passed }));
  const second = lane.run(async () => { seen.push(2); });
  await t.rejects(lane.run(async () => undefined), CampusBusy);
  const follower = lane.run(async () => { seen.push(3); }, { always: true });
  disk.open();
  await Promise.all([first, second, follower]);
  t.same(seen, [2, 3], 'what must not be dropped waits in a full lane too');
});
