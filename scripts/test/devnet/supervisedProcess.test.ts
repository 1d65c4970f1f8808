import t, { type Test } from 'tap';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { LogFile } from '../../src/devnet/logFile.ts';
import { SupervisedProcess } from '../../src/devnet/supervisedProcess.ts';

const ignore = (): void => undefined;

/** Says that it is up; asked to stop, it hangs up, marks that and ends. */
const HANGS_UP = `
import { writeFileSync } from 'node:fs';
process.on('SIGTERM', () => process.disconnect());
process.on('disconnect', () => writeFileSync(process.argv[2], ''));
process.on('message', () => undefined);
process.send('up');
`;

function supervise(t: Test, onExit: (why: string) => void = ignore): { readonly part: SupervisedProcess; readonly log: LogFile; readonly hungUp: string } {
  const folder = t.testdir({ 'part.mjs': HANGS_UP });
  const hungUp = join(folder, 'hung-up');
  const log = new LogFile(join(folder, 'part.log'));
  let up = ignore;
  const isUp = new Promise<void>((resolve) => {
    up = resolve;
  });
  const spec = { name: 'part', entry: join(folder, 'part.mjs'), args: [hungUp], execArgv: [], ready: () => isUp };
  const part = new SupervisedProcess(spec, log, { onMessage: () => up(), onStart: ignore, onExit, onHopeless: ignore });
  return { part, log, hungUp };
}

t.test('a message that meets a part that is ending is lost with a word in its log, and the part is stopped all the same', async (t) => {
  const { part, log, hungUp } = supervise(t);
  await part.start();

  const stopped = part.stop();
  // Nothing of this process may run meanwhile, or it would see that the other side hung up.
  while (!existsSync(hungUp)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
  part.send({ type: 'call' });
  t.equal(await stopped, 'stopped');
  t.equal(part.pid, undefined);
  t.match(log.tail(), /EPIPE/);
});

t.test('a part that the system would not start is tried again like one that crashed', async (t) => {
  const node = process.execPath;
  t.teardown(() => {
    process.execPath = node;
  });
  const told: string[] = [];
  const { part } = supervise(t, (why) => {
    told.push(why);
    process.execPath = node;
  });
  process.execPath = join(t.testdirName, 'no-such-node');
  await part.start();
  t.match(told, [/ENOENT/]);
  t.equal(told.length, 1);
  t.equal(part.restarts, 1);
  t.equal(await part.stop(), 'stopped');
});
