/**
 * Peer bug 17 (consensus page §4): the real file of the sign guard after everything a disk can leave of it. The record that
 * was durable last is always found; a write under way is there whole or not at all.
 */
import { mkdtemp, open, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Certificate, HardState } from '@billcoin/protocol';
import { GUARD_FILE, createSignGuard, openSignGuard, type GuardIdentity, type SignGuard } from '../../src/crypto/signGuard.ts';
import { makeRandom } from '../support/random.ts';

const IDENTITY: GuardIdentity = { publicKey: new Uint8Array(32).fill(1), genesisHash: new Uint8Array(32).fill(2) };
const FILE_BYTES = 65_536;
const SECTOR = 512;

/** A precommit at this height with a polka of 20 validators, the largest network: the record spans several sectors. */
function recordAt(guard: SignGuard, height: number): HardState {
  const signed = { body: new Uint8Array(50).fill(height), signature: new Uint8Array(64).fill(height) };
  const validPolka: Certificate = { type: 1, height, round: 0, blockId: new Uint8Array(32).fill(height), bitmap: Uint8Array.of(0xff, 0xff, 0xf0), signatures: Array.from({ length: 20 }, () => new Uint8Array(64).fill(height)) };
  return { ...guard.current(), seq: guard.current().seq + 1, height, round: 0, step: 3, lockedRound: 0, lockedId: new Uint8Array(32).fill(height), validRound: 0, validId: new Uint8Array(32).fill(height), validPolka, lastProposal: signed, lastPrevote: signed, lastPrecommit: signed };
}

/** The guard file after 1, 2, … n records, and a folder to put variants of it into. */
async function states(test: Test, records: number): Promise<{ readonly files: readonly Buffer[]; readonly folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'billcoin-guard-file-'));
  test.teardown(() => rm(folder, { recursive: true, force: true }));
  await createSignGuard(folder, IDENTITY);
  const files: Buffer[] = [await readFile(join(folder, GUARD_FILE))];
  const guard = await openSignGuard(folder, IDENTITY, () => undefined);
  for (let height = 1; height <= records; height++) {
    await guard.write(recordAt(guard, height));
    files.push(await readFile(join(folder, GUARD_FILE)));
  }
  await guard.close();
  return { files, folder };
}

async function heightOf(folder: string, file: Uint8Array): Promise<number> {
  await writeFile(join(folder, GUARD_FILE), file);
  const guard = await openSignGuard(folder, IDENTITY, () => undefined);
  const { height } = guard.current();
  await guard.close();
  return height;
}

/** Sectors in which two states of the file differ: what one write puts on the disk, in any order. */
function changed(before: Buffer, after: Buffer): readonly number[] {
  const sectors: number[] = [];
  for (let at = 0; at < FILE_BYTES; at += SECTOR) if (!before.subarray(at, at + SECTOR).equals(after.subarray(at, at + SECTOR))) sectors.push(at);
  return sectors;
}

void t.test('peer bug 17, tendermint #6031 tmkms #1220: a torn write, whichever of its sectors arrived, is the old record or the new one', async (test) => {
  const { files, folder } = await states(test, 3);
  const [before, after] = [files[2]!, files[3]!];
  const sectors = changed(before, after);
  test.ok(sectors.length >= 6, `${sectors.length} sectors in two copies`);
  const seen = new Map<number, number>();
  for (let subset = 0; subset < 2 ** sectors.length; subset++) {
    const torn = Buffer.from(before);
    sectors.forEach((at, i) => {
      if ((subset & (1 << i)) !== 0) after.copy(torn, at, at, at + SECTOR);
    });
    const height = await heightOf(folder, torn);
    seen.set(height, (seen.get(height) ?? 0) + 1);
  }
  test.same(new Set(seen.keys()), new Set([2, 3]), `${[...seen].map(([height, count]) => `height ${height}: ${count}`).join(', ')}`);
  const half = sectors.length / 2;
  test.equal(seen.get(3), 2 ** (half + 1) - 1, 'new where one of its two copies is whole, and only there');
});

void t.test('peer bug 17, tmkms #1220: one damaged sector anywhere, of 512 or 4,096 bytes, never rolls the guard back', async (test) => {
  const { files, folder } = await states(test, 5);
  const places = [SECTOR, 4_096].flatMap((sector) => Array.from({ length: FILE_BYTES / sector }, (_, i) => [i * sector, (i + 1) * sector] as const));
  const wrong: string[] = [];
  for (const records of [4, 5]) {
    for (const [from, to] of places) for (const fill of [0x00, 0xee]) {
      const height = await heightOf(folder, Buffer.from(files[records]!).fill(fill, from, to));
      if (height !== records) wrong.push(`bytes ${from} to ${to} after ${records} records: height ${height}`);
    }
  }
  test.same(wrong, [], `${4 * places.length} damaged files`);
});

void t.test('peer bug 17: a flipped bit anywhere in what was written never rolls the guard back', async (test) => {
  const { files, folder } = await states(test, 4);
  const written = changed(files[2]!, files[4]!);
  const random = makeRandom(17);
  const wrong: number[] = [];
  for (let i = 0; i < 400; i++) {
    const file = Buffer.from(files[4]!);
    const at = written[Math.floor(random() * written.length)]! + Math.floor(random() * SECTOR);
    file[at]! ^= 1 << Math.floor(random() * 8);
    if ((await heightOf(folder, file)) !== 4) wrong.push(at);
  }
  test.same(wrong, [], '400 flipped bits');
});

void t.test('peer bug 17, tendermint #6031: there is no rename that could be lost: one file, never replaced, in a folder that is never written', async (test) => {
  const { folder } = await states(test, 1);
  const guard = await openSignGuard(folder, IDENTITY, () => undefined);
  // What a file system rolls back are entries of the folder; an open descriptor would not notice.
  const seen = await open(join(folder, GUARD_FILE), 'r');
  const [file, entry] = [await seen.stat({ bigint: true }), await stat(folder, { bigint: true })];
  for (let height = 2; height <= 20; height++) await guard.write(recordAt(guard, height));
  const [fileAfter, entryAfter] = [await stat(join(folder, GUARD_FILE), { bigint: true }), await stat(folder, { bigint: true })];
  test.equal(fileAfter.ino, file.ino, 'the same file');
  test.equal(fileAfter.size, file.size);
  test.same([entryAfter.mtimeNs, entryAfter.ino], [entry.mtimeNs, entry.ino], 'the folder has not changed');
  test.same(await readdir(folder), [GUARD_FILE]);
  const bytes = Buffer.alloc(FILE_BYTES);
  await seen.read(bytes, 0, FILE_BYTES, 0);
  await seen.close();
  await guard.close();
  test.equal(await heightOf(folder, bytes), 20, 'what was opened before the writes holds the newest record');
});
