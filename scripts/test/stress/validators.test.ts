/** A devnet of four validators: a whole day, one of them killed in its middle. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readPurchases } from '../../src/devnet/purchaseBook.ts';
import { RunningDevnet } from '../devnet/support/devnet.ts';

/** Fifteen processes start; on a busy machine with two cores that alone takes a while. */
t.setTimeout(590_000);

t.test('the sums agree over four validators, though one is killed and comes back', { timeout: 560_000 }, async (t) => {
  const devnet = RunningDevnet.built('--once', '--validators', '4');
  t.teardown(() => devnet.remove());

  await devnet.until('the till opens', () => /the till opens/.test(devnet.output), 300_000);
  await devnet.until('fifty payments', () => readPurchases(devnet.data).length >= 50);
  devnet.kill('validator-2');

  t.equal(await devnet.ended(), 0, devnet.output);
  t.match(devnet.output, /Day 1: every sum agrees\./);
  t.match(devnet.output, /validator-2 +pid \d+ +started again \(1\)/, 'it was killed and came back');
  const genesis = JSON.parse(readFileSync(join(devnet.data, 'genesis.json'), 'utf8')) as { readonly validators: readonly { readonly name: string }[] };
  t.same(genesis.validators.map(({ name }) => name), ['University', 'Dairy Board', 'Ministry', 'Farmers Union']);
  t.notOk(existsSync(join(devnet.data, 'node', 'keys', 'consensus-key.json')), 'the node of the API has no key');

  const other = devnet.again('--once', '--validators', '5');
  t.equal(await other.ended(), 1);
  t.match(other.output, /has 4 validators, not 5/);
});
