/**
 * Watches free space (consensus page §1.10). Below the floor the node takes no new transactions and keeps making blocks, so
 * that what was accepted ends; below a quarter of it the node stops, while every database can still write what it has begun.
 */
import { statfs } from 'node:fs/promises';
import type { Log, Timers } from '../ports.ts';
import { StorageFailure } from '../storageFailure.ts';

/** At full load all databases together grow by some 20 MB a second; a question to the system takes 20 µs. */
const CHECK_MS = 1_000;
const HALT_FRACTION = 4;
const MIB = 2 ** 20;

export interface DiskSpaceDeps {
  /** Data folder and key folder; they may lie on different disks. */
  readonly folders: readonly string[];
  readonly floorMib: number;
  readonly timers: Timers;
  readonly log: Log;
  readonly halt: (failure: StorageFailure) => void;
  /** Bytes that this process may still write; for tests. */
  readonly freeBytesOf?: (folder: string) => Promise<number>;
}

export interface DiskSpace {
  /** Of the folder that has least. */
  freeBytes(): number;
  /** Below the floor: no new transactions. */
  isLow(): boolean;
  stop(): void;
}

async function freeBytesOnDisk(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

function tooFull(folder: string, freeBytes: number, haltBytes: number): StorageFailure {
  return new StorageFailure('disk_full', `${folder} has ${Math.floor(freeBytes / MIB)} MiB left; a node needs ${Math.ceil(haltBytes / MIB)} to stop in order.`, 'Free space or move the folder to a larger disk, then start again; nothing that was called final is lost.');
}

/** Looks once, then again and again. Throws StorageFailure `disk_full` where there is too little to start with. */
export async function watchDiskSpace({ folders, floorMib, timers, log, halt, freeBytesOf = freeBytesOnDisk }: DiskSpaceDeps): Promise<DiskSpace> {
  const floorBytes = floorMib * MIB;
  const haltBytes = floorBytes / HALT_FRACTION;
  let freeBytes = 0;
  let isLow = false;
  let isStopped = false;
  let cancel: () => void = () => undefined;

  async function look(): Promise<StorageFailure | undefined> {
    const found = await Promise.all(folders.map(async (folder) => ({ folder, free: await freeBytesOf(folder) })));
    const least = found.reduce((a, b) => (b.free < a.free ? b : a));
    freeBytes = least.free;
    if (freeBytes < haltBytes) return tooFull(least.folder, freeBytes, haltBytes);
    if (freeBytes < floorBytes && !isLow) log.error({ folder: least.folder, freeBytes, floorBytes }, 'The disk is nearly full: no new transactions are taken until there is room');
    if (freeBytes >= floorBytes && isLow) log.info({ freeBytes }, 'There is room on the disk again; transactions are taken');
    isLow = freeBytes < floorBytes;
    return undefined;
  }

  async function lookAgain(): Promise<void> {
    try {
      const failure = await look();
      if (isStopped) return;
      if (failure !== undefined) return halt(failure);
      cancel = timers.after(CHECK_MS, () => void lookAgain());
    } catch (cause) {
      halt(new StorageFailure('io_failed', 'The free space of the disk cannot be asked for.', 'Check the disk, then start again.', { cause }));
    }
  }

  const failure = await look();
  if (failure !== undefined) throw failure;
  cancel = timers.after(CHECK_MS, () => void lookAgain());
  return {
    freeBytes: () => freeBytes,
    isLow: () => isLow,
    stop() {
      isStopped = true;
      cancel();
    },
  };
}
