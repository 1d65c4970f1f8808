/** Deletes dead rows of a table, page by page, so that nobody waits behind it. */
import type { KeyValueStore } from '../ports.ts';
import { deleteRow, getRow, pagesOf, type Table } from './store.ts';

const PAGE = 500;

/** For rows that are written once: what is dead stays dead. */
export async function sweepTable<V>(store: KeyValueStore, type: Table<V>, isDead: (id: string, value: V) => boolean): Promise<void> {
  await eachDead(store, type, isDead, async (ids) => await store.batch(ids.map((id) => deleteRow(type as Table<unknown>, id)), { sync: false }));
}

/** For rows that come back to life: each is looked at again in its turn. */
export async function sweepInTurn<V>(store: KeyValueStore, type: Table<V>, isDead: (id: string, value: V) => boolean, inTurn: (id: string, work: () => Promise<void>) => Promise<void>): Promise<void> {
  await eachDead(store, type, isDead, async (ids) => {
    for (const id of ids) {
      await inTurn(id, async () => {
        const value = await getRow(store, type, id);
        if (value !== undefined && isDead(id, value)) await store.batch([deleteRow(type as Table<unknown>, id)], { sync: false });
      });
    }
  });
}

async function eachDead<V>(store: KeyValueStore, type: Table<V>, isDead: (id: string, value: V) => boolean, remove: (ids: readonly string[]) => Promise<void>): Promise<void> {
  for await (const page of pagesOf(store, type, {}, PAGE)) {
    const dead = page.filter(({ id, value }) => isDead(id, value)).map(({ id }) => id);
    if (dead.length > 0) await remove(dead);
  }
}
