/** One behaviour, two adapters (style.md H25): whatever holds for LevelDB holds for the store in memory. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { openKeyValueLevel } from '../../src/storage/keyValueLevel.ts';
import { openKeyValueMemory } from '../../src/storage/keyValueMemory.ts';
import type { KeyValueStore } from '../../src/ports.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array | undefined): string | undefined => (value === undefined ? undefined : new TextDecoder().decode(value));

function complies(name: string, open: (t: { teardown(close: () => Promise<void>): unknown }) => Promise<KeyValueStore>): void {
  void t.test(`${name} keeps, lists and deletes rows`, async (t) => {
    const store = await open(t);
    t.equal(await store.get('a/1'), undefined, 'a missing row is undefined');
    await store.batch([
      { type: 'put', key: 'a/2', value: bytes('two') },
      { type: 'put', key: 'a/1', value: bytes('one') },
      { type: 'put', key: 'b/1', value: bytes('other') },
      { type: 'put', key: 'a/3', value: new Uint8Array(0) },
    ], { sync: true });
    t.equal(text(await store.get('a/2')), 'two');
    t.equal((await store.get('a/3'))?.length, 0, 'an empty value is a value');

    const keys = async (reverse: boolean, limit: number): Promise<string[]> => (await store.list({ gte: 'a/', lt: 'a0', limit, reverse })).map((row) => row.key);
    t.same(await keys(false, 10), ['a/1', 'a/2', 'a/3'], 'ascending, upper bound exclusive');
    t.same(await keys(true, 2), ['a/3', 'a/2'], 'descending from the end, limited');
    t.same(await keys(false, 2), ['a/1', 'a/2'], 'limited');
    t.same(await store.list({ gte: 'x', lt: 'b', limit: 5 }), [], 'an empty range is empty');

    await store.batch([{ type: 'del', key: 'a/1' }, { type: 'put', key: 'a/2', value: bytes('again') }, { type: 'del', key: 'never' }], { sync: false });
    t.equal(await store.get('a/1'), undefined);
    t.equal(text(await store.get('a/2')), 'again');

    await store.batch([{ type: 'put', key: 'c', value: bytes('first') }, { type: 'put', key: 'c', value: bytes('last') }], { sync: false });
    t.equal(text(await store.get('c')), 'last', 'operations of a batch count in their order');
  });

  void t.test(`${name} keeps its rows when it is compacted`, async (t) => {
    const store = await open(t);
    await store.batch([{ type: 'put', key: 'a/1', value: bytes('one') }, { type: 'put', key: 'a/2', value: bytes('two') }], { sync: true });
    await store.batch([{ type: 'del', key: 'a/1' }], { sync: true });
    await store.compact({ gte: 'a/', lt: 'a/~' });
    t.same((await store.list({ gte: 'a/', lt: 'a0', limit: 9 })).map(({ key }) => key), ['a/2']);
  });

  void t.test(`${name} gives back bytes of its own`, async (t) => {
    const store = await open(t);
    const value = bytes('mine');
    await store.batch([{ type: 'put', key: 'k', value }], { sync: false });
    value[0] = 0;
    const read = await store.get('k');
    t.equal(text(read), 'mine', 'changing what was put changes nothing');
    if (read !== undefined) read[0] = 0;
    t.equal(text(await store.get('k')), 'mine', 'changing what was read changes nothing');
  });

  void t.test(`${name} refuses work after close`, async (t) => {
    const store = await open(t);
    await store.close();
    await t.rejects(store.get('a'));
    await t.rejects(store.batch([{ type: 'del', key: 'a' }], { sync: false }));
  });
}

complies('level', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'billcoin-kv-'));
  const store = await openKeyValueLevel(join(folder, 'campus'), () => undefined);
  t.teardown(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });
  return store;
});
complies('memory', async () => openKeyValueMemory());

void t.test('level keeps its rows over a restart and names a store that is in use', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'billcoin-kv-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const first = await openKeyValueLevel(folder, () => undefined);
  await first.batch([{ type: 'put', key: 'k', value: bytes('v') }], { sync: true });
  await t.rejects(openKeyValueLevel(folder, () => undefined), { message: /is another node using it/ });
  await first.close();
  const second = await openKeyValueLevel(folder, () => undefined);
  t.equal(text(await second.get('k')), 'v');
  await second.close();
});
