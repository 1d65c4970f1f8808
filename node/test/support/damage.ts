/** Damages databases of a stopped node below the store, as a bad disk would. */
import { join } from 'node:path';
import { Level } from 'level';
import { seal } from '../../src/storage/sealing.ts';

type Bytes = Level<Uint8Array, Uint8Array>;

async function withDatabase(dataDir: string, name: string, action: (db: Bytes) => Promise<void>): Promise<void> {
  const db: Bytes = new Level(join(dataDir, name), { keyEncoding: 'view', valueEncoding: 'view' });
  await db.open();
  try {
    await action(db);
  } finally {
    await db.close();
  }
}

function isUnder(key: Uint8Array, prefix: string): boolean {
  return Buffer.from(key).toString('latin1').startsWith(prefix);
}

function heightOf(key: Uint8Array): number {
  return Number(Buffer.from(key).readBigUInt64BE(2));
}

async function keysUnder(db: Bytes, prefix: string): Promise<Uint8Array[]> {
  return (await db.keys().all()).filter((key) => isUnder(key, prefix));
}

/** Deletes the rows `b/` or `c/` of these heights. */
export function loseHeights(dataDir: string, prefix: 'b/' | 'c/', isLost: (height: number) => boolean): Promise<void> {
  return withDatabase(dataDir, 'blocks', async (db) => {
    for (const key of await keysUnder(db, prefix)) if (isLost(heightOf(key))) await db.del(key);
  });
}

/** Flips one bit of the first value under the prefix. */
export function flipBit(dataDir: string, name: string, prefix: string): Promise<void> {
  return withDatabase(dataDir, name, async (db) => {
    const [key] = await keysUnder(db, prefix);
    if (key === undefined) throw new Error(`no row under ${prefix}`);
    const value = Uint8Array.from((await db.get(key)) ?? []);
    value[value.length >> 1]! ^= 1;
    await db.put(key, value);
  });
}

/** Puts another value under the first key of the prefix, rightly sealed: bytes that are whole but wrong. */
export function replaceValue(dataDir: string, name: string, prefix: string, change: (payload: Uint8Array) => Uint8Array): Promise<void> {
  return withDatabase(dataDir, name, async (db) => {
    const [key] = await keysUnder(db, prefix);
    const sealed = key === undefined ? undefined : await db.get(key);
    if (key === undefined || sealed === undefined) throw new Error(`no row under ${prefix}`);
    await db.put(key, seal(key, change(Uint8Array.from(sealed.subarray(0, sealed.length - 8)))));
  });
}

/** Deletes every row under the prefix. */
export function loseRows(dataDir: string, name: string, prefix: string): Promise<void> {
  return withDatabase(dataDir, name, async (db) => db.batch((await keysUnder(db, prefix)).map((key) => ({ type: 'del', key }))));
}

/** Deletes the first row under the prefix. */
export function loseRow(dataDir: string, name: string, prefix: string): Promise<void> {
  return withDatabase(dataDir, name, async (db) => {
    const [key] = await keysUnder(db, prefix);
    if (key === undefined) throw new Error(`no row under ${prefix}`);
    await db.del(key);
  });
}
