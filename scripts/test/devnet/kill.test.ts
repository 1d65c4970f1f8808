import t from 'tap';
import { readPurchases } from '../../src/devnet/purchaseBook.ts';
import { RunningDevnet } from './support/devnet.ts';

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
});
