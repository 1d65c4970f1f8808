/**
 * One process per folder. The lock is LevelDB's own on an empty database: the kernel drops it with the process, so a
 * crash leaves nothing to clean up. Who holds it stands in a file beside it, for the message to the second process.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Level } from 'level';
import { StorageFailure } from '../storageFailure.ts';

const LOCK_FOLDER = 'lock';
const HOLDER_FILE = 'lock-holder';
/** What a lock leaves in its folder. */
export const LOCK_NAMES: readonly string[] = [LOCK_FOLDER, HOLDER_FILE];

export interface FolderLock {
  release(): Promise<void>;
}

async function holderOf(folder: string): Promise<string> {
  try {
    return (await readFile(join(folder, HOLDER_FILE), 'utf8')).trim();
  } catch {
    return 'another process'; // the holder has not written its name yet
  }
}

/** Locks the folder, creating it with mode 0700. Throws StorageFailure `locked` that names the process holding it. */
export async function lockFolder(folder: string): Promise<FolderLock> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const db = new Level(join(folder, LOCK_FOLDER));
  try {
    await db.open();
  } catch (error) {
    throw new StorageFailure('locked', `The folder ${folder} is in use by ${await holderOf(folder)}.`, 'Stop that process first; one key must never run twice.', { cause: error });
  }
  await writeFile(join(folder, HOLDER_FILE), `process ${process.pid}\n`, { mode: 0o600 });
  return { release: () => db.close() };
}
