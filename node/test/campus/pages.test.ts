/** Paging through rows of the campus store, whatever falls on the edge of a page. */
import t from 'tap';
import { SCAN_MAX, scanBack } from '../../src/campus/scanBack.ts';
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

t.test('a filtered list goes back row by row, and a page that looked at many rows is short', async (t) => {
  const store = openKeyValueMemory();
  const rows = SCAN_MAX + 250;
  const idOf = (n: number): string => `row${String(n).padStart(5, '0')}`;
  await store.batch([putRow(TABLES.refundOfMerchant, 'bill0/row99999', 1), putRow(TABLES.refundOfMerchant, 'bill2/row00000', 1), ...Array.from({ length: rows }, (_, n) => putRow(TABLES.refundOfMerchant, `bill1/${idOf(n)}`, 1))], { sync: true });
  const page = async (limit: number, divisor: number, before?: string, from?: string) => await scanBack(store, { table: TABLES.refundOfMerchant, under: 'bill1/', from, before }, limit, async ({ id }) => (Number(id.slice(3)) % divisor === 0 ? id : undefined));
  t.same(await page(2, 100), { found: [idOf(2_200), idOf(2_100)], next: idOf(2_100) }, 'newest first, without what is under another');
  t.same(await page(2, 100, idOf(2_100)), { found: [idOf(2_000), idOf(1_900)], next: idOf(1_900) }, 'and on from there');
  t.same(await page(9, 100, idOf(300), idOf(100)), { found: [idOf(200), idOf(100)], next: undefined });
  t.same(await page(3, rows), { found: [], next: idOf(rows - SCAN_MAX) }, 'short, but not the end');
  t.same(await page(3, rows, idOf(rows - SCAN_MAX)), { found: [idOf(0)], next: undefined });
  t.same(await page(1, rows, idOf(1)), { found: [idOf(0)], next: idOf(0) }, 'a full page asks again');
  t.same(await page(1, rows, idOf(0)), { found: [], next: undefined });
});
