/**
 * The oracle's database: level, changed only in whole synced batches. A unit of work sees its own writes before they are
 * on disk, so that many messages are judged one after the other and become durable together (group commit).
 */
import { Level } from 'level';
import { FORMAT_KEY, GENESIS_KEY, rangeOf } from './keys.ts';

const FORMAT = 'billcoin-oracle/1';

export class StoreError extends Error {
  override readonly name = 'StoreError';
}

export interface Rows {
  getBytes(key: string): Uint8Array | undefined;
  getJson<T>(key: string): T | undefined;
}

/** Reads and writes of one batch; nothing is on disk before commit. */
export interface Unit extends Rows {
  putBytes(key: string, value: Uint8Array): void;
  putJson(key: string, value: object): void;
  remove(key: string): void;
}

export interface Page {
  readonly prefix: string;
  readonly limit: number;
  readonly reverse?: boolean;
}

export interface Store extends Rows {
  begin(): Unit;
  /** Atomic and on disk when it resolves. Throws StoreError: the process must stop, its memory may be ahead of the disk. */
  commit(unit: Unit): Promise<void>;
  /** Rows under a prefix letter in key order, newest first with reverse. */
  list(page: Page): Promise<readonly { readonly key: string; readonly value: Uint8Array }[]>;
  keys(page: Page): Promise<readonly string[]>;
  /** Deletes all rows with gte ≤ key < lt. */
  removeRange(gte: string, lt: string): Promise<void>;
  close(): Promise<void>;
}

const decoder = new TextDecoder('utf-8', { fatal: true });
const encoder = new TextEncoder();

export function parseJson<T>(bytes: Uint8Array): T {
  return JSON.parse(decoder.decode(bytes)) as T;
}

interface Pending extends Unit {
  readonly writes: ReadonlyMap<string, Uint8Array | null>;
}

function unitOver(rows: Pick<Rows, 'getBytes'>): Pending {
  const writes = new Map<string, Uint8Array | null>();
  function getBytes(key: string): Uint8Array | undefined {
    const written = writes.get(key);
    return written === undefined ? rows.getBytes(key) : (written ?? undefined);
  }
  return {
    writes,
    getBytes,
    getJson<T>(key: string) {
      const bytes = getBytes(key);
      return bytes === undefined ? undefined : parseJson<T>(bytes);
    },
    putBytes: (key, value) => void writes.set(key, value),
    putJson: (key, value) => void writes.set(key, encoder.encode(JSON.stringify(value))),
    remove: (key) => void writes.set(key, null),
  };
}

/**
 * Opens the store of one network in a folder; level's own lock keeps a second process out.
 * @throws StoreError where the folder is in use, of another format or of another network.
 */
export async function openStore(folder: string, genesisHashHex: string): Promise<Store> {
  const db = new Level<string, Uint8Array>(folder, { keyEncoding: 'utf8', valueEncoding: 'view' });
  try {
    await db.open();
  } catch (cause) {
    throw new StoreError(`The data folder ${folder} cannot be opened; another process may use it.`, { cause });
  }
  const store = storeOver(db);
  try {
    await claim(store, folder, genesisHashHex);
  } catch (error) {
    await db.close();
    throw error;
  }
  return store;
}

async function claim(store: Store, folder: string, genesisHashHex: string): Promise<void> {
  const format = store.getJson<{ format: string }>(FORMAT_KEY)?.format;
  const genesis = store.getJson<{ genesisHash: string }>(GENESIS_KEY)?.genesisHash;
  if (format !== undefined && format !== FORMAT) throw new StoreError(`The data folder ${folder} is of format ${format}, this program writes ${FORMAT}. Give it another folder.`);
  if (genesis !== undefined && genesis !== genesisHashHex) throw new StoreError(`The data folder ${folder} belongs to genesis ${genesis}, the node to ${genesisHashHex}. Check the node's URL or give it another folder.`);
  if (format !== undefined && genesis !== undefined) return;
  const unit = store.begin();
  unit.putJson(FORMAT_KEY, { format: FORMAT });
  unit.putJson(GENESIS_KEY, { genesisHash: genesisHashHex });
  await store.commit(unit);
}

function storeOver(db: Level<string, Uint8Array>): Store {
  function getBytes(key: string): Uint8Array | undefined {
    return db.getSync(key);
  }
  return {
    getBytes,
    getJson<T>(key: string) {
      const bytes = getBytes(key);
      return bytes === undefined ? undefined : parseJson<T>(bytes);
    },
    begin: () => unitOver({ getBytes }),
    async commit(unit) {
      const { writes } = unit as Pending;
      if (writes.size === 0) return;
      const operations = [...writes].map(([key, value]) => (value === null ? { type: 'del' as const, key } : { type: 'put' as const, key, value }));
      try {
        await db.batch(operations, { sync: true });
      } catch (cause) {
        throw new StoreError('A batch could not be written to disk.', { cause });
      }
    },
    async list({ prefix, limit, reverse }) {
      const rows = await db.iterator({ ...rangeOf(prefix), limit, reverse: reverse ?? false }).all();
      return rows.map(([key, value]) => ({ key, value }));
    },
    keys: ({ prefix, limit, reverse }) => db.keys({ ...rangeOf(prefix), limit, reverse: reverse ?? false }).all(),
    removeRange: (gte, lt) => db.clear({ gte, lt }),
    close: () => db.close(),
  };
}
