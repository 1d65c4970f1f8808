import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { paidSen } from '../../src/devnet/checks.ts';
import { readPurchases } from '../../src/devnet/purchaseBook.ts';
import { RunningDevnet } from './support/devnet.ts';

const hasPython = spawnSync('python3', ['--version']).error === undefined;
const fromRoot = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));

/** Eleven processes start from source; on a busy machine with two cores that alone takes a minute. */
t.setTimeout(590_000);

t.test('the sums agree after kill -9 of broker, oracle and node in the middle of the day', { timeout: 560_000 }, async (t) => {
  const devnet = new RunningDevnet(['--once']);
  t.teardown(() => devnet.remove());

  await devnet.saw(/wallets +pid \d+/);
  await devnet.saw(/Try \(this machine/);
  devnet.kill('broker'); // readings are on their way
  await devnet.saw(/lot D00001 is opened/);
  devnet.kill('oracle-2'); // statements are being made
  await devnet.saw(/the till opens/);
  await devnet.until('fifty payments', () => readPurchases(devnet.data).length >= 50);
  devnet.kill('node'); // payments are on their way

  t.equal(await devnet.ended(), 0, devnet.output);
  t.match(devnet.output, /Day 1: every sum agrees\./);
  for (const name of ['broker', 'oracle-2', 'node']) t.match(devnet.output, new RegExp(`${name} +pid \\d+ +started again \\(1\\)`), `${name} was killed and came back`);
  t.equal(readPurchases(devnet.data).length, 350, 'every student bought all cartons, each once');

  await t.test('a program that knows the SPEC alone recounts the day', { skip: hasPython ? false : 'python3 is not on this machine' }, async (t) => {
    const file = join(devnet.data, 'chain.jsonl');
    const flags = ['--genesis', join(devnet.data, 'genesis.json'), '--data-dir', join(devnet.data, 'node', 'data'), '--key-dir', join(devnet.data, 'node', 'keys')];
    const exported = spawnSync(process.execPath, [...process.execArgv, fromRoot('node/src/main.ts'), 'export-blocks', ...flags, '--out', file], { encoding: 'utf8' });
    t.equal(exported.status, 0, exported.stdout + exported.stderr);
    const { status, stdout, stderr } = spawnSync('python3', [fromRoot('scripts/audit/recount.py'), file], { encoding: 'utf8' });
    t.equal(status, 0, stderr);
    const [month] = Object.values((JSON.parse(stdout) as { readonly sales: Readonly<Record<string, Readonly<Record<string, { readonly payments: number; readonly ownSen: number }>>>> }).sales);
    const paid = readPurchases(devnet.data).reduce((sum, purchase) => sum + paidSen(purchase), 0);
    t.match(Object.values(month ?? {}), [{ payments: 350, ownSen: paid }], 'the month in sen is what the wallets paid');
  });
});
