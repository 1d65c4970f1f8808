/** Rows that are put count at once and reach the disk together, in order. */
import fc from 'fast-check';
import t from 'tap';
import { commitTogether } from '../../src/storage/commitTogether.ts';
import { openKeyValueMemory } from '../../src/storage/keyValueMemory.ts';
import type { KeyValueOperation, KeyValueStore } from '../../src/ports.ts';

const text = (value: Uint8Array | undefined): string | undefined => (value === undefined ? undefined : new TextDecoder().decode(value));
const put = (key: string, value: string): KeyValueOperation => ({ type: 'put', key, value: new TextEncoder().encode(value) });

interface Disk {
  readonly store: KeyValueStore;
  readonly writes: { readonly operations: readonly KeyValueOperation[]; readonly sync: boolean }[];
  /** Lets the write under way reach the disk, or fail. */
  finish(error?: Error): Promise<void>;
}

/** A store in memory whose writes take until they are told to end. */
function slowDisk(): Disk {
  const memory = openKeyValueMemory();
  const writes: Disk['writes'] = [];
  const waiting: { readonly end: (error?: Error) => void }[] = [];
  return {
    writes,
    store: {
      ...memory,
      async batch(operations, options) {
        writes.push({ operations, ...options });
        await new Promise<void>((resolve, reject) => {
          waiting.push({ end: (error) => (error === undefined ? resolve() : reject(error)) });
        });
        await memory.batch(operations, options);
      },
    },
    async finish(error) {
      waiting.shift()?.end(error);
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    },
  };
}

void t.test('rows are read from the call on, and those that come during a write share the next one', async (t) => {
  const disk = slowDisk();
  const store = commitTogether(disk.store);
  const ended: string[] = [];
  const note = (name: string) => (): void => void ended.push(name);
  const all = [
    store.batch([put('a', '1')], { sync: true }).then(note('first')),
    store.batch([put('b', '1'), put('a', '2')], { sync: false }).then(note('second')),
    store.batch([{ type: 'del', key: 'b' }, put('c', '3')], { sync: true }).then(note('third')),
  ];
  t.equal(text(await store.get('a')), '2', 'the last one counts');
  t.equal(await store.get('b'), undefined);
  t.same((await store.list({ gte: 'a', lt: 'z', limit: 9 })).map(({ key, value }) => key + String(text(value))), ['a2', 'c3']);
  t.equal(disk.writes.length, 1, 'one write is under way');
  t.same(ended, ['second'], 'who needs no disk does not wait for it');
  t.equal(store.staged(), 3, 'rows, however often they were put');
  await disk.finish();
  t.same(ended, ['second', 'first'], 'on disk');
  t.equal(store.staged(), 3, 'a newer one of each is on its way');
  t.equal(disk.writes.length, 2, 'the others go together');
  t.equal(disk.writes[1]?.sync, true, 'to the disk, because one of them needs it');
  t.same(disk.writes[1]?.operations.map(({ key }) => key), ['b', 'a', 'b', 'c'], 'in the order they came');
  await disk.finish();
  await Promise.all(all);
  t.equal(text(await store.get('a')), '2', 'and from the disk it is the same');
  t.equal(store.staged(), 0);
  t.same((await store.list({ gte: 'a', lt: 'z', limit: 9 })).map(({ key }) => key), ['a', 'c']);
});

void t.test('a write that fails is told to everybody of its group who waits', async (t) => {
  const disk = slowDisk();
  const store = commitTogether(disk.store);
  const first = store.batch([put('a', '1')], { sync: true });
  const both = [store.batch([put('b', '1')], { sync: true }), store.batch([put('c', '1')], { sync: true })];
  await store.batch([put('d', '1')], { sync: false });
  await disk.finish();
  await first;
  const refusals = both.map((one) => t.rejects(one, { message: 'no room' }));
  await disk.finish(new Error('no room'));
  await Promise.all(refusals);
});

void t.test('who puts more than may wait waits for the disk', async (t) => {
  const disk = slowDisk();
  const store = commitTogether(disk.store, 2);
  let done = false;
  const many = store.batch([put('a', '1'), put('b', '1'), put('c', '1')], { sync: false }).then(() => (done = true));
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  t.notOk(done);
  await disk.finish();
  await many;
  t.ok(done);
});

void t.test('closing and compacting wait for what was put', async (t) => {
  const disk = slowDisk();
  const store = commitTogether(disk.store);
  await store.batch([put('a', '1')], { sync: false });
  const compacted = store.compact({ gte: 'a', lt: 'b' });
  await disk.finish();
  await compacted;
  await store.batch([put('b', '1')], { sync: false });
  const closed = store.close();
  const refused = t.rejects(store.batch([put('c', '1')], { sync: false }), { message: 'the store is closed' });
  await disk.finish();
  await closed;
  await disk.finish();
  await refused;
});

type Step =
  | { readonly kind: 'batch'; readonly operations: readonly KeyValueOperation[]; readonly sync: boolean }
  | { readonly kind: 'finish' }
  | { readonly kind: 'list'; readonly gte: string; readonly lt: string; readonly limit: number; readonly reverse: boolean };

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
const operation: fc.Arbitrary<KeyValueOperation> = fc.oneof(fc.tuple(key, fc.constantFrom('1', '2', '3')).map(([one, value]) => put(one, value)), key.map((one) => ({ type: 'del' as const, key: one })));
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('batch' as const), operations: fc.array(operation, { maxLength: 4 }), sync: fc.boolean() }),
  fc.constant({ kind: 'finish' as const }),
  fc.record({ kind: fc.constant('list' as const), gte: key, lt: key, limit: fc.integer({ min: 1, max: 6 }), reverse: fc.boolean() }),
);

void t.test('reads never tell the difference to a store that writes at once', async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
    const disk = slowDisk();
    const store = commitTogether(disk.store);
    const model = openKeyValueMemory();
    const waiting: Promise<void>[] = [];
    const rows = (found: Awaited<ReturnType<KeyValueStore['list']>>): string => JSON.stringify(found.map((row) => [row.key, text(row.value)]));
    for (const one of steps) {
      if (one.kind === 'finish') await disk.finish();
      if (one.kind === 'batch') {
        waiting.push(store.batch(one.operations, one));
        await model.batch(one.operations, one);
      }
      if (one.kind === 'list' && rows(await store.list(one)) !== rows(await model.list(one))) return false;
    }
    for (let write = 0; write <= waiting.length; write++) await disk.finish(); // at most one each
    await Promise.all(waiting);
    const all = { gte: 'a', lt: 'z', limit: 99 };
    return rows(await disk.store.list(all)) === rows(await model.list(all));
  }), { seed: 20_260_411, numRuns: 500 });
});
