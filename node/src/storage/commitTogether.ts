/**
 * Group commit under a KeyValueStore: rows are seen by reads from the call of `batch` on, and reach the disk together with
 * what others put meanwhile. So whoever decides on rows in turn need not wait for the disk between two turns: 5,000 orders at
 * once cost a dozen synced writes, not 5,000. What is read may not be on disk yet; whoever promises something on the
 * strength of it writes himself, and groups reach the disk in the order of the calls.
 */
import sortedBTree, { simpleComparator } from 'sorted-btree';
import type { KeyValueOperation, KeyValueStore } from '../ports.ts';
import { groupCommit } from './groupCommit.ts';

/**
 * Rows that wait for the disk; above it a writer that needs no disk waits for it all the same (some 20 MiB). Nobody is
 * refused here: everybody else waits for his own batch, and how many do at once is bounded before they come (LANE_WAITING_MAX
 * of each lane, the API's connections).
 */
export const STAGED_MAX = 65_536;

interface Staged {
  /** Undefined: deleted. */
  readonly value: Uint8Array | undefined;
  readonly batch: number;
}

type Range = Parameters<KeyValueStore['list']>[0];
type Row = Awaited<ReturnType<KeyValueStore['list']>>[number];

const byKey = (a: Row, b: Row): number => simpleComparator(a.key, b.key);

export interface StagedStore extends KeyValueStore {
  /** Rows that are put and not on disk yet. */
  staged(): number;
}

/** `store` must take its view of the rows when `get` or `list` is called, before anything is awaited. */
export function commitTogether(store: KeyValueStore, stagedMax: number = STAGED_MAX): StagedStore {
  const commits = groupCommit<KeyValueOperation>(store);
  // PERF: every order, login and block lists ranges: with 45,000 rows of 5,000 orders staged a scan of all is 1 ms, this 2 µs.
  const staged = new sortedBTree.default<string, Staged>(undefined, simpleComparator);
  let batches = 0;
  let isClosed = false;

  /** Puts and deletions of the range that the store does not have yet. */
  function stagedIn({ gte, lt }: Range): { readonly puts: readonly Row[]; readonly changed: ReadonlySet<string> } {
    const puts: Row[] = [];
    const changed = new Set<string>();
    staged.forRange(gte, lt, false, (key, { value }) => {
      changed.add(key);
      if (value !== undefined) puts.push({ key, value: value.slice() });
    });
    return { puts, changed };
  }

  async function list(range: Range): Promise<readonly Row[]> {
    const { puts, changed } = stagedIn(range);
    if (changed.size === 0) return await store.list(range);
    const held = await store.list({ ...range, limit: range.limit + changed.size });
    const rows = [...held.filter(({ key }) => !changed.has(key)), ...puts].sort(byKey);
    return (range.reverse === true ? rows.reverse() : rows).slice(0, range.limit);
  }

  function stage(operations: readonly KeyValueOperation[]): { readonly own: readonly KeyValueOperation[]; readonly written: () => void } {
    const batch = ++batches;
    const own = operations.map((operation) => (operation.type === 'put' ? { ...operation, value: operation.value.slice() } : operation));
    for (const operation of own) staged.set(operation.key, { value: operation.type === 'put' ? operation.value : undefined, batch });
    return {
      own,
      written: () => {
        for (const { key } of own) if (staged.get(key)?.batch === batch) staged.delete(key);
      },
    };
  }

  return {
    isExclusive: store.isExclusive,
    staged: () => staged.size,
    async get(key) {
      const row = staged.get(key);
      return row === undefined ? await store.get(key) : row.value?.slice();
    },
    list,
    async batch(operations, { sync }) {
      if (isClosed) return await store.batch(operations, { sync }); // which says so
      const { own, written } = stage(operations);
      const writing = commits.write(own, { sync }).then(written);
      if (sync || staged.size > stagedMax) return await writing;
      writing.catch(() => undefined); // the store has reported it; nobody was promised anything
    },
    async compact(range) {
      await commits.drain();
      await store.compact(range);
    },
    async close() {
      isClosed = true;
      await commits.drain();
      await store.close();
    },
  };
}
