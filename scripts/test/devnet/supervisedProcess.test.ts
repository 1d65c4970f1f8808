import t, { type Test } from 'tap';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LogFile } from '../../src/devnet/logFile.ts';
import { SupervisedProcess } from '../../src/devnet/supervisedProcess.ts';

const ignore = (): void => undefined;

/** Asked to stop, it hangs up first and ends a moment later; the marks tell how far it is. */
const HANGS_UP = `
import { writeFileSync } from 'node:fs';
const [up, hungUp] = process.argv.slice(2);
process.on('SIGTERM', () => process.disconnect());
process.on('disconnect', () => {
  writeFileSync(hungUp, '');
  setTimeout(() => process.exit(), 200);
});
process.on('message', () => undefined);
writeFileSync(up, '');
`;

/** A process of this text in a folder of its own, ready when it has written the file that it is given first. */
function supervise(t: Test, text: string, onExit: (why: string) => void = ignore): { readonly part: SupervisedProcess; readonly log: LogFile; readonly hungUp: string } {
  const folder = t.testdir();
  const [entry, up, hungUp] = ['part.mjs', 'up', 'hung-up'].map((name) => join(folder, name)) as [string, string, string];
  writeFileSync(entry, text);
  const log = new LogFile(join(folder, 'part.log'));
  const ready = async (): Promise<void> => {
    while (!existsSync(up)) await new Promise<void>((resolve) => void setTimeout(resolve, 10));
  };
  const part = new SupervisedProcess({ name: 'part', entry, args: [up, hungUp], execArgv: [], ready }, log, { onMessage: ignore, onStart: ignore, onExit, onHopeless: ignore });
  return { part, log, hungUp };
}

t.test('a message that meets a part that is ending is lost with a word in its log, and the part is stopped all the same', async (t) => {
  const { part, log, hungUp } = supervise(t, HANGS_UP);
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
  const { part } = supervise(t, HANGS_UP, (why) => {
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
