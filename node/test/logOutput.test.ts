/** The log and its reader: one that stands still costs lines, one that is gone costs the log, and neither costs the node. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { LogOutput, WAITING_MAX_BYTES } from '../src/logOutput.ts';
import { makeTestFolders } from './support/testNetwork.ts';
import { until } from './support/until.ts';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));

function refusal(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** An output with room for so many bytes, or that refuses with a code. */
function openOutput(): { readonly out: LogOutput; readonly pipe: { room: number | string; text: string }; readonly leftOut: number[]; readonly gone: () => number; readonly tick: () => void } {
  const pipe: { room: number | string; text: string } = { room: Infinity, text: '' };
  const leftOut: number[] = [];
  const fires = new Set<() => void>();
  let gone = 0;
  const out = new LogOutput({
    put(bytes) {
      if (typeof pipe.room === 'string') throw refusal(pipe.room);
      if (pipe.room === 0) throw refusal('EAGAIN');
      const taken = bytes.subarray(0, pipe.room);
      pipe.room -= taken.length;
      pipe.text += Buffer.from(taken).toString();
      return taken.length;
    },
    timers: {
      after(_, fire) {
        fires.add(fire);
        return () => fires.delete(fire);
      },
    },
    onLeftOut: (lines) => void leftOut.push(lines),
    onGone: () => void (gone += 1),
  });
  const tick = (): void => {
    for (const fire of [...fires]) if (fires.delete(fire)) fire();
  };
  return { out, pipe, leftOut, gone: () => gone, tick };
}

void t.test('lines wait for a reader that stands still, and come whole and in order', (test) => {
  const { out, pipe, leftOut, tick } = openOutput();
  pipe.room = 3;
  out.write('one\ntwo\n');
  out.write('three\n');
  test.equal(pipe.text, 'one');
  tick();
  test.equal(pipe.text, 'one', 'there is no room yet');
  pipe.room = 2;
  tick();
  pipe.room = Infinity;
  tick();
  test.equal(pipe.text, 'one\ntwo\nthree\n');
  out.write('four\n');
  test.equal(pipe.text, 'one\ntwo\nthree\nfour\n', 'and nothing waits any more');
  test.same(leftOut, []);
  test.end();
});

void t.test('what waits is bounded, and what was left out is told', (test) => {
  const { out, pipe, leftOut, tick } = openOutput();
  const line = `${'x'.repeat(1_023)}\n`;
  pipe.room = 'ENOSPC';
  for (let i = 0; i < WAITING_MAX_BYTES / 1_024 + 5; i++) out.write(line);
  pipe.room = Infinity;
  tick();
  test.equal(pipe.text.length, WAITING_MAX_BYTES);
  test.same(leftOut, [5]);
  out.write('more\n');
  test.ok(pipe.text.endsWith('more\n'));
  test.same(leftOut, [5], 'once');
  test.end();
});

void t.test('a reader that is gone is told of once, and nothing is tried again', (test) => {
  const { out, pipe, gone, tick } = openOutput();
  pipe.room = 'EPIPE';
  out.write('one\n');
  pipe.room = Infinity;
  out.write('two\n');
  tick();
  test.same([pipe.text, gone()], ['', 1]);
  test.end();
});

interface Started {
  readonly child: ChildProcess;
  readonly url: string;
  readonly stderr: () => string;
}

/** A real process of the only validator whose standard output was read up to where its API is. */
async function start(test: Test): Promise<Started> {
  const { config, remove } = await makeTestFolders();
  test.teardown(remove);
  const args = ['start', '--genesis', config.genesis, '--data-dir', config.dataDir, '--key-dir', config.keyDir, '--http-port', '0', '--verify-threads', '0', '--log-level', 'debug'];
  const child = spawn(process.execPath, ['--import=tsx', '--conditions=development', MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  test.teardown(() => child.kill('SIGKILL'));
  let [said, complained] = ['', ''];
  child.stderr.on('data', (text: Buffer) => void (complained += text.toString()));
  const url = await new Promise<string>((resolve, reject) => {
    child.once('exit', () => reject(new Error(`ended before it listened\n${complained}`)));
    child.stdout.on('data', function listen(text: Buffer) {
      said += text.toString();
      const found = /^BillCoin .*(http:\/\/127\.0\.0\.1:\d+)/m.exec(said)?.[1];
      if (found === undefined) return;
      child.stdout.off('data', listen);
      child.stdout.pause();
      resolve(found);
    });
  });
  return { child, url, stderr: () => complained };
}

/** Each leaves a line in the log. How many were answered. */
async function ask(url: string, times: number): Promise<number> {
  const answers = await Promise.all(Array.from({ length: times }, async () => {
    const response = await fetch(`${url}/api/v1/nothing`, { signal: AbortSignal.timeout(20_000) });
    await response.text();
    return response.status;
  }));
  return answers.filter((status) => status === 404).length;
}

void t.test('a node serves although its log is not read, then goes on without any reader, says so and stops as ever', { timeout: 60_000 }, async (test) => {
  const { child, url, stderr } = await start(test);
  test.equal(await ask(url, 500), 500, 'more lines than the pipe and its reader hold');
  child.stdout?.destroy();
  test.equal(await ask(url, 20), 20);
  await until(() => stderr() !== '');
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  test.same(await exit, [0, null]);
  test.equal(stderr(), 'Nobody reads standard output any more. The node goes on without its log; start it again to have one.\n', 'once');
});
