import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Level } from 'level';
import t, { type Test } from 'tap';
import { utf8 } from '@billcoin/protocol';
import type { Store, StoreRange } from '../../src/ports.ts';
import { packFrames, unpackFrames } from '../../src/storage/frames.ts';
import { groupCommit } from '../../src/storage/groupCommit.ts';
import { openLevelStore } from '../../src/storage/levelStore.ts';
import { under } from '../../src/storage/rowKeys.ts';
import { seal, unseal } from '../../src/storage/sealing.ts';
import { StorageFailure } from '../../src/storageFailure.ts';

async function makeStore(test: Test): Promise<{ store: Store; folder: string; reported: StorageFailure[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'billcoin-store-'));
  const reported: StorageFailure[] = [];
  const store = await openLevelStore({ name: 'test', folder, onFailure: (failure) => void reported.push(failure) });
  test.teardown(async () => {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  });
  return { store, folder, reported };
}

async function all(store: Store, range: StoreRange): Promise<string[]> {
  const found: string[] = [];
  for await (const [key, value] of store.entries(range)) found.push(`${Buffer.from(key).toString()}=${Buffer.from(value).toString()}`);
  return found;
}

const put = (key: string, value: string) => ({ type: 'put', key: utf8(key), value: utf8(value) }) as const;

void t.test('batches, ranges and deletion', async (test) => {
  const { store } = await makeStore(test);
  await store.batch([put('a/1', 'one'), put('a/2', 'two'), put('b/1', 'three')], { sync: true });
  await store.batch([{ type: 'del', key: utf8('a/1') }, put('a/3', '')], { sync: false });
  test.same(await all(store, under('a/')), ['a/2=two', 'a/3=']);
  test.same(await all(store, { ...under('a/'), reverse: true, limit: 1 }), ['a/3=']);
  const value = await store.get(utf8('b/1'));
  test.same(value, utf8('three'));
  test.equal(value?.constructor, Uint8Array, 'a plain array, whose slice copies');
  test.equal(await store.get(utf8('c')), undefined);
  const keys: string[] = [];
  for await (const key of store.keys(under('b/'))) keys.push(Buffer.from(key).toString());
  test.same(keys, ['b/1']);
  await store.clear(under('a/'));
  test.same(await all(store, under('a/')), []);
});

void t.test('a value with a wrong checksum, or under another key, is reported and thrown', async (test) => {
  const { store, folder, reported } = await makeStore(test);
  await store.batch([put('a/1', 'one'), put('a/2', 'two')], { sync: true });
  await store.close();
  const raw = new Level<Uint8Array, Uint8Array>(folder, { keyEncoding: 'view', valueEncoding: 'view' });
  await raw.put(utf8('a/1'), (await raw.get(utf8('a/2'))) ?? new Uint8Array(0));
  await raw.put(utf8('a/3'), utf8('short'));
  await raw.close();
  const again = await openLevelStore({ name: 'test', folder, onFailure: (failure) => void reported.push(failure) });
  test.teardown(again.close);
  await test.rejects(again.get(utf8('a/1')), { code: 'damaged_value', message: /test database.*612f31.*Restore/ });
  await test.rejects(again.get(utf8('a/3')), { code: 'damaged_value' });
  await test.rejects(all(again, under('a/')), { code: 'damaged_value' });
  test.equal(reported.length, 3);
});

void t.test('a failed read or write is reported before the caller hears of it', async (test) => {
  const { store, reported } = await makeStore(test);
  await store.close();
  await test.rejects(store.get(utf8('a')), { code: 'io_failed' });
  await test.rejects(store.batch([put('a', 'b')], { sync: true }), { code: 'io_failed', message: /failed to write\. Check the disk/ });
  await test.rejects(store.clear(under('a/')), { code: 'io_failed' });
  await test.rejects(all(store, under('a/')), { code: 'io_failed' });
  test.equal(reported.length, 4);
});

void t.test('a locked folder is refused', async (test) => {
  const { folder } = await makeStore(test);
  await test.rejects(openLevelStore({ name: 'test', folder, onFailure: () => undefined }), { code: 'locked' });
});

void t.test('a seal holds for its key and payload alone', (test) => {
  const sealed = seal(utf8('key'), utf8('payload'));
  test.same(unseal(utf8('key'), sealed), utf8('payload'));
  test.equal(unseal(utf8('kex'), sealed), undefined);
  for (let i = 0; i < sealed.length; i++) test.equal(unseal(utf8('key'), sealed.map((byte, at) => (at === i ? byte ^ 1 : byte))), undefined, `bit flipped in byte ${i}`);
  test.equal(unseal(utf8('key'), sealed.subarray(0, 7)), undefined);
  test.end();
});

void t.test('frames come back as they were; a wrong length is found', (test) => {
  const frames = [new Uint8Array(0), utf8('a'), new Uint8Array(300).fill(7)];
  const packed = packFrames(frames);
  test.same(unpackFrames(packed), frames);
  test.same(unpackFrames(new Uint8Array(0)), []);
  test.equal(unpackFrames(packed.subarray(0, packed.length - 1)), undefined);
  test.equal(unpackFrames(packed.subarray(0, 6)), undefined);
  test.end();
});

void t.test('writers that come while a sync is under way share the next one', async (test) => {
  const groups: number[] = [];
  const { store } = await makeStore(test);
  const counting: Store = {
    ...store,
    async batch(operations, options) {
      groups.push(operations.length);
      await store.batch(operations, options);
    },
  };
  const writer = groupCommit(counting);
  await Promise.all(Array.from({ length: 50 }, (_, i) => writer.write([put(`k/${i}`, 'v')])));
  test.same(groups, [1, 49]);
  test.equal((await all(store, under('k/'))).length, 50);
  await writer.drain();
});

void t.test('a failed group fails each of its writers', async (test) => {
  const { store } = await makeStore(test);
  const writer = groupCommit({ ...store, batch: () => Promise.reject(new StorageFailure('io_failed', 'x', 'y')) });
  const results = await Promise.allSettled([writer.write([put('a', '1')]), writer.write([put('b', '2')])]);
  test.same(results.map(({ status }) => status), ['rejected', 'rejected']);
});
