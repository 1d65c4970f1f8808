/** A node that was made from a snapshot: its blocks begin later, so do its lines. */
import t from 'tap';
import { openKeyValueMemory } from '../../src/storage/keyValueMemory.ts';
import type { FinalBlock } from '../../src/ports.ts';
import { openWorld, sdkKey, wallet } from '../support/campusWorld.ts';
import { MemoryChain } from '../support/memoryChain.ts';
import { KEYS, makeTestGenesis } from '../support/testNetwork.ts';
import { buy, rowsOf, utc } from './support.ts';

/** The blocks of another chain from one height on. */
class LateChain extends MemoryChain {
  override readonly firstBlock = 5;
  override async readFinal(height: number): Promise<FinalBlock | undefined> {
    return height < this.firstBlock ? undefined : await super.readFinal(height);
  }
}

t.test('months before its first block are refused; later lines are those of every other node', async (t) => {
  const chain = new LateChain(makeTestGenesis(utc('2026-04-01T10:00:00Z')));
  const world = await openWorld(t, { chain });
  const [ali, cafeteria] = [wallet('ali'), sdkKey(KEYS.cafeteria)];
  for (let height = 1; height < 5; height++) chain.block();
  await world.campus.caughtUp();
  await world.fund(20_000n, ali, cafeteria);
  await world.block(86_400_000);
  await world.transfer(ali, cafeteria.address, 300n);
  await world.block();
  await buy(world, ali);
  for (const month of ['2026-03', '2026-04']) t.match(await world.campus.sales.manifest({ month, tz: 'UTC' }), { ok: false, code: 'pruned' }, month);
  t.match(await world.campus.sales.daily({ date: '2026-04-01', tz: 'UTC' }), { ok: false, code: 'pruned' });
  t.match(await world.campus.sales.daily({ date: '2026-04-02', tz: 'UTC' }), { ok: true, report: { strays: { count: 1, sen: 180n }, sales: { count: 1 } } });
  await world.block(31 * 86_400_000);
  await world.transfer(ali, cafeteria.address, 500n);
  await world.block();
  t.same((await rowsOf(world, '2026-05')).map(([, , , rm, , , status]) => `${status ?? ''} ${rm ?? ''}`), ['Stray 3.00']);

  // A store that is made anew long after begins with the state of today, and has the same lines.
  const again = await openWorld(t, { chain, store: openKeyValueMemory() });
  await again.campus.caughtUp();
  t.same(await rowsOf(again, '2026-05'), await rowsOf(world, '2026-05'));
});
