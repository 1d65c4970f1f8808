/** The process: starts from a config file against a node and a broker, ends cleanly on SIGTERM, and says what is wrong. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { toHex } from '@billcoin/protocol';
import { startBroker, type TestBroker } from './support/broker.ts';
import { ORACLE, startNode } from './support/httpNode.ts';
import { freshFolder, until } from './support/service.ts';
import { seedOf } from './support/world.ts';

/** A process from source takes seconds to start where all cores are busy. */
const PROCESS_TIMEOUT_MS = 90_000;
const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));

interface Process {
  readonly child: ChildProcess;
  output(): string;
}

function start(...args: string[]): Process {
  const child = spawn(process.execPath, ['--import', 'tsx', '--conditions=development', MAIN, ...args]);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => { text += chunk.toString(); });
  return { child, output: () => text };
}

t.test('without a config, or with a wrong one, it says what to do', { timeout: PROCESS_TIMEOUT_MS }, async (t) => {
  const none = start();
  t.same(await once(none.child, 'exit'), [2, null]);
  t.match(none.output(), /^Usage: /);
  const folder = await freshFolder(t);
  await writeFile(join(folder, 'oracle.json'), '{"nodeUrl":"http://x","broker":{"url":"mqtt://x"},"keyFile":"none","dataDir":"x","pollMs":1}');
  const wrong = start('--config', join(folder, 'oracle.json'));
  t.same(await once(wrong.child, 'exit'), [2, null]);
  t.match(wrong.output(), /config\.pollMs must be an integer from 50/);
});

t.test('--help prints usage, an unknown option one line with the remedy', { timeout: PROCESS_TIMEOUT_MS }, async (t) => {
  const help = start('--help');
  t.same(await once(help.child, 'close'), [0, null]);
  t.match(help.output(), /^Usage: .*\n[^]*--config <file>/);
  for (const [args, said] of [
    [['--colour', 'red'], "Unknown option '--colour'. See node dist/main.js --help.\n"],
    [['now'], "Unexpected argument 'now'. See node dist/main.js --help.\n"],
    [['--config'], "Option '--config <value>' argument missing. See node dist/main.js --help.\n"],
    [['--config', '--help'], "Option '--config' argument is ambiguous. See node dist/main.js --help.\n"],
  ] as const) {
    const { child, output } = start(...args);
    t.same(await once(child, 'close'), [2, null], args.join(' '));
    t.equal(output(), said);
  }
});

/** Connected with a node and a broker of its own, as its log says. */
async function startConnected(t: Test): Promise<Process & { readonly broker: TestBroker; readonly statusUrl: string }> {
  const node = await startNode(t);
  const broker = await startBroker();
  t.teardown(() => broker.close());
  const folder = await freshFolder(t);
  await writeFile(join(folder, 'key.json'), JSON.stringify({ format: 'billcoin-key/1', publicKey: toHex(ORACLE.publicKey), seed: toHex(seedOf('oracle')) }), { mode: 0o600 });
  const config = { nodeUrl: node.url, broker: { url: broker.url }, keyFile: join(folder, 'key.json'), dataDir: join(folder, 'data'), status: { port: 0 } };
  await writeFile(join(folder, 'oracle.json'), JSON.stringify(config));
  const { child, output } = start('--config', join(folder, 'oracle.json'));
  t.teardown(() => child.kill('SIGKILL'));
  await until('connected', () => output().includes('connected to the broker') && output().includes('oracle started'), PROCESS_TIMEOUT_MS);
  return { child, output, broker, statusUrl: /"statusUrl":"([^"]+)"/.exec(output())?.[1] ?? '' };
}

t.test('it starts, connects and stops on SIGTERM', { timeout: PROCESS_TIMEOUT_MS }, async (t) => {
  const { child, output } = await startConnected(t);
  child.kill('SIGTERM');
  t.same(await once(child, 'exit'), [0, null]);
  t.notMatch(output(), /"log.level":"error"/, 'nothing an operator must look at');
});

t.test('it goes on when nobody reads its log any more', { timeout: PROCESS_TIMEOUT_MS }, async (t) => {
  const { child, broker, statusUrl } = await startConnected(t);
  const isConnected = async (): Promise<boolean> => ((await (await fetch(`${statusUrl}/status`)).json()) as { brokerConnected: boolean }).brokerConnected;
  t.ok(await isConnected());
  child.stdout?.destroy();
  await broker.close(); // of which it has a line to write
  await until('the broker is missed', async () => !(await isConnected()), PROCESS_TIMEOUT_MS);
  child.kill('SIGTERM');
  t.same(await once(child, 'exit'), [0, null]);
});
