/** Paging through rows of the campus store, whatever falls on the edge of a page. */
import t from 'tap';
import { listRows, pagesOf, putRow, TABLES, type RowRange } from '../../src/campus/store.ts';
import { sweepTable } from '../../src/campus/sweep.ts';
import type { KeyValueStore } from '../../src/ports.ts';
import { openKeyValueMemory } from '../../src/storage/keyValueMemory.ts';

/** '!' is the first character an id may have, '}' the last. */
const IDS = ['a', 'a!', 'a!!', 'a}', 'b', 'b/1', 'b/2', 'c'];

async function storeOf(ids: readonly string[]): Promise<KeyValueStore> {
  const store = openKeyValueMemory();
  // Rows of the tables before and after this one in the order of keys.
  await store.batch([putRow(TABLES.studentById, 'x', 'other'), putRow(TABLES.walletByAddress, 'x', 'other'), ...ids.map((id) => putRow(TABLES.tillOfKey, id, 1))], { sync: true });
  return store;
}

async function idsOf(store: KeyValueStore, range: Omit<RowRange, 'limit'>, pageRows: number): Promise<readonly (readonly string[])[]> {
  const pages: string[][] = [];
  for await (const page of pagesOf(store, TABLES.tillOfKey, range, pageRows)) pages.push(page.map(({ id }) => id));
  return pages;
}

t.test('every row once, in order, in pages that are full but for the last', async (t) => {
  const store = await storeOf(IDS);
  for (let pageRows = 1; pageRows <= IDS.length + 1; pageRows++) {
    const pages = await idsOf(store, {}, pageRows);
    t.same(pages.flat(), IDS, `${pageRows} rows to a page`);
    t.ok(pages.slice(0, -1).every(({ length }) => length === pageRows) && pages.every(({ length }) => length > 0));
  }
  t.same(await idsOf(await storeOf([]), {}, 2), []);
});

t.test('the bounds of a range hold on every page', async (t) => {
  const store = await storeOf(IDS);
  for (const range of [{ under: 'b/' }, { from: 'a!!', before: 'b/2' }, { under: 'a', before: 'a}' }, { under: 'd' }]) {
    const all = (await listRows(store, TABLES.tillOfKey, { ...range, limit: 100 })).map(({ id }) => id);
    for (const pageRows of [1, 2, 3]) t.same((await idsOf(store, range, pageRows)).flat(), all, JSON.stringify(range));
  }
});

t.test('a sweep that deletes behind the reader leaves out no row, over several pages', async (t) => {
  const ids = Array.from({ length: 1_500 }, (_, n) => String(n).padStart(4, '0'));
  const store = await storeOf(ids);
  await sweepTable(store, TABLES.tillOfKey, (id) => Number(id) % 3 !== 0);
  t.same((await idsOf(store, {}, 1_000)).flat(), ids.filter((id) => Number(id) % 3 === 0));
});
