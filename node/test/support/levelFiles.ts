/** Damages the files of LevelDB themselves: what a power cut, a bad sector or a careless hand leaves behind. */
import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const LOG_BLOCK_BYTES = 32_768;
const HEADER_BYTES = 7;
/** A record that begins a batch: whole, or the first of several pieces. */
const FULL = 1;
const FIRST = 2;

/** Offsets at which batches begin in a LevelDB log (32 KiB blocks of records: crc 4, length 2, type 1). */
export function recordStarts(log: Uint8Array): readonly number[] {
  const starts: number[] = [];
  for (let at = 0; at + HEADER_BYTES <= log.length;) {
    const left = LOG_BLOCK_BYTES - (at % LOG_BLOCK_BYTES);
    if (left < HEADER_BYTES) {
      at += left;
      continue;
    }
    const [length, type] = [(log[at + 4] ?? 0) | ((log[at + 5] ?? 0) << 8), log[at + 6] ?? 0];
    if (type === 0) break;
    if (type === FULL || type === FIRST) starts.push(at);
    at += HEADER_BYTES + length;
  }
  return starts;
}

export type FileKind = 'log' | 'table' | 'manifest' | 'current';
const NAMES: Readonly<Record<FileKind, RegExp>> = { log: /\.log$/, table: /\.ldb$/, manifest: /^MANIFEST-/, current: /^CURRENT$/ };

/** Files of a database by kind, newest last. */
export async function levelFiles(folder: string, kind: FileKind): Promise<readonly string[]> {
  return (await readdir(folder)).filter((name) => NAMES[kind].test(name)).sort().map((name) => join(folder, name));
}

export async function cutFile(path: string, keep: number): Promise<void> {
  await writeFile(path, (await readFile(path)).subarray(0, keep));
}

/** The file keeps its length and reads zeros from `from` on: a length that was stored before its bytes were. */
export async function zeroFrom(path: string, from: number): Promise<void> {
  await writeFile(path, (await readFile(path)).fill(0, from));
}

export async function flipByte(path: string, at: number, mask: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[at] = (bytes[at] ?? 0) ^ mask;
  await writeFile(path, bytes);
}

export function removeFile(path: string): Promise<void> {
  return rm(path);
}
