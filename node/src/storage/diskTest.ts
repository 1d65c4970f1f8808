/**
 * Start-up test of the disk under a folder (consensus page §1.10). It warns, it never stops a node: how slow a disk may be
 * is the operator's to judge, and a disk that lies about its writes cannot be told for certain.
 */
import { open, rename, rm, stat, statfs } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import { join } from 'node:path';

const TEST_FILE = '.disk-test';
const FILE_BYTES = 64 * 1_024;
const WRITE_BYTES = 512;
/** Writes timed, and how long that may take in all: a slow card answers in 100 ms, and shows after a few. */
const WRITES = 32;
const BUDGET_MS = 1_000;
/** Three syncs stand on the path to a final payment; slower ones are seen at the till. */
const SLOW_SYNC_MS = 10;
/** No disk and no flash memory stores anything faster; only a cache that is not flushed does. */
const INSTANT_SYNC_MS = 0.02;
const TMPFS = 0x0102_1994;
const NFS = 0x6969;

export interface DiskFindings {
  readonly syncP50Ms: number;
  readonly syncP99Ms: number;
  /** What the operator should know; empty for a good disk. */
  readonly warnings: readonly string[];
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** Overwrites of a preallocated file, each followed by its sync: what the sign guard does. Milliseconds, ascending. */
async function timeSyncs(path: string): Promise<readonly number[]> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.write(new Uint8Array(FILE_BYTES), 0, FILE_BYTES, 0);
    await file.sync();
    const times: number[] = [];
    const endMs = performance.now() + BUDGET_MS;
    for (let i = 0; i < WRITES && performance.now() < endMs; i++) {
      const startMs = performance.now();
      await file.write(new Uint8Array(WRITE_BYTES).fill(i + 1), 0, WRITE_BYTES, (i * WRITE_BYTES) % FILE_BYTES);
      await file.datasync();
      times.push(performance.now() - startMs);
    }
    return times.sort((a, b) => a - b);
  } finally {
    await file.close();
  }
}

/** Renames over an existing file, as snapshots and LevelDB do; false where the other content is found afterwards. */
async function canReplace(path: string): Promise<boolean> {
  const next = `${path}-next`;
  const file = await open(next, 'w', 0o600);
  await file.write(Uint8Array.of(1));
  await file.close();
  await rename(next, path);
  return (await stat(path)).size === 1;
}

/** Judges measured times; apart so that a test need not find a bad disk. */
export function judgeSyncs(folder: string, sortedMs: readonly number[]): DiskFindings {
  const [syncP50Ms, syncP99Ms] = [quantile(sortedMs, 0.5), quantile(sortedMs, 0.99)];
  const warnings: string[] = [];
  if (syncP99Ms > SLOW_SYNC_MS) warnings.push(`${folder}: a synced write takes up to ${syncP99Ms.toFixed(1)} ms (median ${syncP50Ms.toFixed(1)}); payments wait for three of them. Use a disk of below ${SLOW_SYNC_MS} ms`);
  if (syncP50Ms < INSTANT_SYNC_MS) warnings.push(`${folder}: synced writes take no time; this disk answers before it has stored, and a power cut loses what was called final`);
  return { syncP50Ms, syncP99Ms, warnings };
}

/** Tests the disk under a folder with a file that is removed again. Throws what the disk throws. */
export async function testDisk(folder: string): Promise<DiskFindings> {
  const path = join(folder, TEST_FILE);
  try {
    const { type } = await statfs(folder);
    const found = judgeSyncs(folder, await timeSyncs(path));
    const { blocks, size } = await stat(path);
    const warnings = [...found.warnings];
    if (type === TMPFS) warnings.push(`${folder} lies in memory and is gone after a restart of the machine`);
    if (type === NFS) warnings.push(`${folder} lies on a network disk, whose locks and syncs cannot be trusted`);
    if (blocks * 512 < size) warnings.push(`${folder}: the file system does not reserve the space of a written file; a sync may fail for want of room`);
    if (!(await canReplace(path))) warnings.push(`${folder}: a file cannot be replaced by renaming another over it`);
    return { ...found, warnings };
  } finally {
    await rm(path, { force: true });
    await rm(`${path}-next`, { force: true });
  }
}
