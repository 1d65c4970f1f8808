/**
 * The data folder: a file that names format and network, and one database each for blocks, state, index, pool and campus
 * rows. Everything in it can be copied from another node or rebuilt; keys and the sign guard are elsewhere.
 */
import { access, mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toHex } from '@billcoin/protocol';
import type { Store } from '../ports.ts';
import { REMEDY, StorageFailure } from '../storageFailure.ts';
import { lockFolder } from './folderLock.ts';
import { openLevelStore } from './levelStore.ts';

export const FORMAT_FILE = 'FORMAT';
/** Of the campus database, in the data folder. */
export const CAMPUS_FOLDER = 'campus';
/** Raised when a release cannot read what an older one wrote. */
export const DATA_FORMAT = 1;

export interface DataFolder {
  readonly path: string;
  readonly blocks: Store;
  readonly state: Store;
  readonly index: Store;
  readonly mempool: Store;
  /** Folder of the campus database; the campus rooms open it themselves. */
  readonly campusPath: string;
  close(): Promise<void>;
}

function formatText(genesisHash: Uint8Array): string {
  return `${JSON.stringify({ format: DATA_FORMAT, genesisHash: toHex(genesisHash) })}\n`;
}

/** Makes an empty data folder for a network. Throws (Error EEXIST) where there is one already. */
export async function createDataFolder(path: string, genesisHash: Uint8Array): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  await writeFile(join(path, FORMAT_FILE), formatText(genesisHash), { flag: 'wx', mode: 0o600 });
}

/** There is a data folder, of whatever network and format. */
export async function isDataFolder(path: string): Promise<boolean> {
  try {
    await access(join(path, FORMAT_FILE));
    return true;
  } catch {
    return false;
  }
}

/** Names in a folder are on disk when it resolves. */
export async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function readFormat(path: string): Promise<{ format: unknown; genesisHash: unknown }> {
  let text: string;
  try {
    text = await readFile(join(path, FORMAT_FILE), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw new StorageFailure('io_failed', `The file FORMAT in ${path} cannot be read.`, 'Check its owner and rights.', { cause: error });
    throw new StorageFailure('not_initialised', `${path} is not a data folder.`, 'Run `billcoin init` first, or check the path.', { cause: error });
  }
  try {
    const value: unknown = JSON.parse(text);
    const record = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
    return { format: record['format'], genesisHash: record['genesisHash'] };
  } catch {
    return { format: text.trim(), genesisHash: undefined }; // named in the refusal below
  }
}

async function checkFormat(path: string, genesisHash: Uint8Array): Promise<void> {
  const found = await readFormat(path);
  if (found.format !== DATA_FORMAT) {
    throw new StorageFailure('wrong_format', `The data folder ${path} was made by format version ${String(found.format)}, this release reads ${DATA_FORMAT}.`, 'Run the release that made it, or start with a new data folder that replays or syncs the chain.');
  }
  const expected = toHex(genesisHash);
  if (found.genesisHash !== expected) {
    throw new StorageFailure('wrong_network', `The data folder ${path} belongs to genesis ${String(found.genesisHash)}, the genesis file has ${expected}.`, 'Use the genesis file of that network, or another data folder.');
  }
}

/** The campus database of a node that does not run, under the lock of its data folder: the chain's databases stay as they are. Throws as `openDataFolder`. */
export async function lockCampus(path: string, genesisHash: Uint8Array): Promise<{ readonly campusPath: string; readonly release: () => Promise<void> }> {
  await checkFormat(path, genesisHash);
  const { release } = await lockFolder(path);
  return { campusPath: join(path, CAMPUS_FOLDER), release };
}

/** Opens all databases of a data folder under its lock. Throws StorageFailure; a folder of another format or network is refused untouched. */
export async function openDataFolder(path: string, genesisHash: Uint8Array, onFailure: (failure: StorageFailure) => void): Promise<DataFolder> {
  await checkFormat(path, genesisHash);
  const lock = await lockFolder(path);
  const opened: Store[] = [];
  async function closeAll(): Promise<void> {
    for (const store of opened) await store.close();
    await lock.release();
  }
  async function openStore(name: string, remedy?: string): Promise<Store> {
    const store = await openLevelStore({ name, folder: join(path, name), onFailure, remedy });
    opened.push(store);
    return store;
  }
  try {
    return {
      path,
      blocks: await openStore('blocks'),
      state: await openStore('state', REMEDY.rebuild),
      index: await openStore('index', REMEDY.rebuild),
      mempool: await openStore('mempool'),
      campusPath: join(path, CAMPUS_FOLDER),
      close: closeAll,
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}
