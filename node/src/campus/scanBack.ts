/** Filtered lists of rows, newest first, in pages that cost a bounded number of reads however few rows pass. */
import type { KeyValueStore } from '../ports.ts';
import { listRows, type Row, type Table } from './store.ts';

/** Rows looked at for one page; a page may be short, its cursor goes on from there. */
export const SCAN_MAX = 2_000;
const SCAN_PAGE = 200;

export interface Listing<T> {
  readonly table: Table<T>;
  /** Rows are listed under this text, which is no part of the ids. */
  readonly under?: string;
  /** Ids at or after this one. */
  readonly from?: string | undefined;
  /** Ids before this one. */
  readonly before?: string | undefined;
}

export interface Page<V> {
  readonly found: readonly V[];
  /** Id to go on before; undefined where nothing is left to look at. */
  readonly next: string | undefined;
}

/** The newest rows of a listing for which `pick` has a value, at most `limit`. */
export async function scanBack<T, V>(store: KeyValueStore, { table, under = '', from = '', before }: Listing<T>, limit: number, pick: (row: Row<T>) => Promise<V | undefined>): Promise<Page<V>> {
  const found: V[] = [];
  let next = before;
  for (let scanned = 0; scanned < SCAN_MAX; scanned += SCAN_PAGE) {
    const rows = await listRows(store, table, { under, from: under + from, limit: SCAN_PAGE, reverse: true, ...(next === undefined ? {} : { before: under + next }) });
    for (const { id, value } of rows) {
      next = id.slice(under.length);
      const picked = await pick({ id: next, value });
      if (picked === undefined) continue;
      found.push(picked);
      if (found.length === limit) return { found, next };
    }
    if (rows.length < SCAN_PAGE) return { found, next: undefined };
  }
  return { found, next };
}
