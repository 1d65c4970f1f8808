/**
 * KeyValueStore on LevelDB: the campus rows of one node in one folder. Keys are ASCII text, so byte order is text order.
 */
import { Level } from 'level';
import type { KeyValueOperation } from '../ports.ts';
import { REMEDY, StorageFailure } from '../storageFailure.ts';
import { commitTogether, type StagedStore } from './commitTogether.ts';
import { WRITE_BUFFER } from './writeBuffer.ts';

/** What LevelDB in a file has and the types of `level` leave out, because a browser's has not. */
interface Compacts {
  compactRange(start: string, end: string): Promise<void>;
}

/**
 * Opens (and makes) the store in `folder`. Rejects with an Error whose cause is LevelDB's where the folder is locked by
 * another process or damaged; nothing is repaired silently. `onFailure` hears of every failure before the caller does.
 */
export async function openKeyValueLevel(folder: string, onFailure: (failure: StorageFailure) => void): Promise<StagedStore> {
  const level = new Level<string, Uint8Array>(folder, { keyEncoding: 'utf8', valueEncoding: 'view', ...WRITE_BUFFER });
  try {
    await level.open();
  } catch (error) {
    throw new Error(`the campus store ${folder} cannot be opened; is another node using it?`, { cause: error });
  }

  async function attempt<T>(what: string, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (cause) {
      const failure = new StorageFailure('io_failed', `The campus store ${folder} failed to ${what}.`, REMEDY.disk, { cause });
      onFailure(failure);
      throw failure;
    }
  }

  return commitTogether({
    isExclusive: true, // LevelDB locks the folder
    // PERF: some 5 µs out of memory or the cache of the system; by a thread it is 60 µs, and waits behind writes that wait for the disk.
    get: (key) => attempt('read', async () => level.getSync(key) as Uint8Array | undefined),
    list: ({ gte, lt, limit, reverse = false }) => attempt('read', async () => {
      const rows = await level.iterator({ gte, lt, limit, reverse }).all();
      return rows.map(([key, value]) => ({ key, value }));
    }),
    batch: (operations: readonly KeyValueOperation[], { sync }) => attempt('write', async () => {
      const batch = level.batch(); // chained: a fifth of the time of an array (levelStore.ts)
      for (const operation of operations) {
        if (operation.type === 'put') batch.put(operation.key, operation.value);
        else batch.del(operation.key);
      }
      await batch.write({ sync });
    }),
    compact: ({ gte, lt }) => attempt('write', async () => {
      const { compactRange } = level as unknown as Compacts;
      await compactRange.call(level, gte, lt);
      // What was in memory is in a file now, dead values and all, and perhaps on the lowest level, which is rewritten only
      // when something above it covers the range: two more deletions do.
      await level.batch().del(gte).del(lt).write({ sync: true });
      await compactRange.call(level, gte, lt);
    }),
    close: async () => { await level.close(); },
  });
}
