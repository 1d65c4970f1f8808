/**
 * The sign guard (consensus page §1.9): what this key signed last, on disk before it is sent. A validator that forgets
 * it can sign twice, so it survives torn writes, damaged sectors and power cuts without renames or truncation.
 *
 *   signguard.dat = 2 slots of 32 KiB; a slot = the same record twice in 16 KiB each
 *   copy = SHA-256(length ‖ record) ‖ length (u32) ‖ record (HardState) ‖ unused bytes
 *
 * A write puts the next record over the older slot, so the newest durable record is never touched.
 */
import { open, type FileHandle } from 'node:fs/promises';
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { HardState, assert, closedHardState, decode, emptyHardState, encode, equalBytes, sha256, u32be } from '@billcoin/protocol';
import { REMEDY, StorageFailure } from '../storageFailure.ts';

export const GUARD_FILE = 'signguard.dat';
const COPY_BYTES = 16_384;
const SLOT_BYTES = 2 * COPY_BYTES;
const FILE_BYTES = 2 * SLOT_BYTES;
/** For the simulated disk, which tears these writes. */
export const GUARD_LAYOUT = { copyBytes: COPY_BYTES, slotBytes: SLOT_BYTES, fileBytes: FILE_BYTES } as const;
const HASH_BYTES = 32;
const HEAD_BYTES = HASH_BYTES + 4;
const LOST_GUARD = 'Read "Lost sign guard" in OPERATING.md; a guard is never restored from a backup.';

export interface GuardIdentity {
  readonly publicKey: Uint8Array;
  readonly genesisHash: Uint8Array;
}

export interface SignGuard {
  /** The newest record on disk. */
  current(): HardState;
  /** Durable when it resolves; `next.seq` must follow the current one. One write at a time. */
  write(next: HardState): Promise<void>;
  close(): Promise<void>;
}

interface Slot {
  readonly index: 0 | 1;
  readonly record: HardState;
}

function digestOf(lengthAndRecord: Uint8Array): Uint8Array {
  return sha256(lengthAndRecord);
}

/** The bytes of one copy; a slot holds two. */
export function encodeGuardCopy(record: HardState): Uint8Array {
  const bytes = encode(HardState, record);
  assert(HEAD_BYTES + bytes.length <= COPY_BYTES, `a hard state of ${bytes.length} bytes does not fit the guard`);
  const copy = new Uint8Array(HEAD_BYTES + bytes.length);
  copy.set(u32be(bytes.length), HASH_BYTES);
  copy.set(bytes, HEAD_BYTES);
  copy.set(digestOf(copy.subarray(HASH_BYTES)));
  return copy;
}

function decodeCopy(bytes: Uint8Array): HardState | undefined {
  if (bytes.length < HEAD_BYTES) return undefined;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(HASH_BYTES);
  if (HEAD_BYTES + length > bytes.length) return undefined;
  if (!equalBytes(bytes.subarray(0, HASH_BYTES), digestOf(bytes.subarray(HASH_BYTES, HEAD_BYTES + length)))) return undefined;
  const record = decode(HardState, bytes.subarray(HEAD_BYTES, HEAD_BYTES + length));
  return record.ok ? record.value : undefined;
}

/** The newest valid record of a guard file's bytes; undefined where both slots are invalid. */
export function newestRecord(file: Uint8Array): Slot | undefined {
  let newest: Slot | undefined;
  for (const index of [0, 1] as const) {
    for (const copy of [0, 1]) {
      const from = index * SLOT_BYTES + copy * COPY_BYTES;
      const record = decodeCopy(file.subarray(from, from + COPY_BYTES));
      if (record !== undefined && (newest === undefined || record.seq > newest.record.seq)) newest = { index, record };
    }
  }
  return newest;
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** There is a file, and nothing in it can be read. */
async function isDamaged(folder: string): Promise<boolean> {
  const handle = await openExisting(join(folder, GUARD_FILE));
  if (handle === undefined) return false;
  try {
    return newestRecord(await handle.readFile()) === undefined;
  } finally {
    await handle.close();
  }
}

/**
 * Makes the guard of a key; file and folder are synced. Throws where there is one that can be read: it is never
 * overwritten.
 * @param height nothing at or below it will be signed; 0 for a key that has never signed on this network
 */
export async function createSignGuard(folder: string, { genesisHash, publicKey }: GuardIdentity, height = 0): Promise<void> {
  const file = new Uint8Array(FILE_BYTES);
  const copy = encodeGuardCopy(height === 0 ? emptyHardState(genesisHash, publicKey) : closedHardState(genesisHash, publicKey, height));
  file.set(copy);
  file.set(copy, COPY_BYTES);
  const handle = await open(join(folder, GUARD_FILE), (await isDamaged(folder)) ? 'r+' : 'wx', 0o600);
  try {
    await handle.writeFile(file);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await syncFolder(folder);
}

async function openExisting(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r+');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new StorageFailure('io_failed', `The sign guard ${path} does not open.`, REMEDY.disk, { cause: error });
  }
}

function assertOwn(path: string, record: HardState, identity: GuardIdentity): void {
  if (!equalBytes(record.publicKey, identity.publicKey)) throw new StorageFailure('no_guard', `The sign guard ${path} belongs to another key.`, LOST_GUARD);
  if (!equalBytes(record.genesisHash, identity.genesisHash)) throw new StorageFailure('wrong_network', `The sign guard ${path} belongs to another network.`, 'Use a key folder of its own for each network.');
}

/**
 * Opens the guard of this key and network. Throws StorageFailure `no_guard` where the file is missing or both slots are
 * invalid (lost-guard rule), or where it belongs to another key. A failed write is reported to `onFailure` and never retried.
 */
export async function openSignGuard(folder: string, identity: GuardIdentity, onFailure: (failure: StorageFailure) => void): Promise<SignGuard> {
  const path = join(folder, GUARD_FILE);
  const handle = await openExisting(path);
  if (handle === undefined) throw new StorageFailure('no_guard', `There is no sign guard ${path}.`, LOST_GUARD);
  try {
    const newest = newestRecord(await handle.readFile());
    if (newest === undefined) throw new StorageFailure('no_guard', `Both slots of the sign guard ${path} are damaged.`, LOST_GUARD);
    assertOwn(path, newest.record, identity);
    return makeGuard(path, handle, newest, onFailure);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** The newest record of this key and network, for offline commands; undefined where the guard is lost. */
export async function readSignGuard(folder: string, identity: GuardIdentity): Promise<HardState | undefined> {
  const path = join(folder, GUARD_FILE);
  const handle = await openExisting(path);
  if (handle === undefined) return undefined;
  try {
    const newest = newestRecord(await handle.readFile());
    if (newest !== undefined) assertOwn(path, newest.record, identity);
    return newest?.record;
  } finally {
    await handle.close();
  }
}

function makeGuard(path: string, handle: FileHandle, newest: Slot, onFailure: (failure: StorageFailure) => void): SignGuard {
  let { record, index } = newest;
  let writing = false;

  return {
    current: () => record,
    async write(next) {
      assert(!writing, 'guard records are written one after the other');
      assert(next.seq === record.seq + 1, 'guard records are numbered without a gap');
      writing = true;
      const target = index === 0 ? 1 : 0;
      const copy = encodeGuardCopy(next);
      try {
        // Into the page cache at once (microseconds); only the flush to disk is waited for.
        for (const half of [0, COPY_BYTES]) {
          const written = writeSync(handle.fd, copy, 0, copy.length, target * SLOT_BYTES + half);
          assert(written === copy.length, 'a guard record is written whole');
        }
        await handle.datasync();
      } catch (cause) {
        const failure = new StorageFailure('io_failed', `The sign guard ${path} was not written.`, REMEDY.disk, { cause });
        onFailure(failure);
        throw failure;
      }
      [record, index, writing] = [next, target, false];
    },
    close: () => handle.close(),
  };
}
