import { mkdtemp, open, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { HardState } from '@billcoin/protocol';
import { GUARD_FILE, createSignGuard, openSignGuard, type GuardIdentity, type SignGuard } from '../../src/crypto/signGuard.ts';
import { StorageFailure } from '../../src/storageFailure.ts';

const IDENTITY: GuardIdentity = { publicKey: new Uint8Array(32).fill(1), genesisHash: new Uint8Array(32).fill(2) };
const COPY = 16_384;
const SLOT = 2 * COPY;

async function makeFolder(test: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'billcoin-guard-'));
  test.teardown(() => rm(folder, { recursive: true, force: true }));
  await createSignGuard(folder, IDENTITY);
  return folder;
}

function openGuard(folder: string, identity: GuardIdentity = IDENTITY): Promise<SignGuard> {
  return openSignGuard(folder, identity, () => undefined);
}

/** A precommit at this height, with everything that varies in length. */
function recordAt(guard: SignGuard, height: number): HardState {
  const signed = { body: new Uint8Array(50).fill(height), signature: new Uint8Array(64).fill(height) };
  return { ...guard.current(), seq: guard.current().seq + 1, height, round: 0, step: 3, lockedRound: 0, lockedId: new Uint8Array(32).fill(height), lastProposal: signed, lastPrevote: signed, lastPrecommit: signed };
}

async function writeHeights(folder: string, heights: readonly number[]): Promise<void> {
  const guard = await openGuard(folder);
  for (const height of heights) await guard.write(recordAt(guard, height));
  await guard.close();
}

async function heightAfterReopen(folder: string): Promise<number> {
  const guard = await openGuard(folder);
  const { height } = guard.current();
  await guard.close();
  return height;
}

async function overwrite(folder: string, from: number, bytes: Uint8Array): Promise<void> {
  const file = await open(join(folder, GUARD_FILE), 'r+');
  await file.write(bytes, 0, bytes.length, from);
  await file.close();
}

/** Slot (0 or 1) that holds the newest record after n writes: the first write goes to slot 1. */
const slotAfter = (writes: number): number => writes % 2;

async function codeOf(action: Promise<unknown>): Promise<string> {
  try {
    await action;
    return 'nothing thrown';
  } catch (error) {
    return error instanceof StorageFailure ? error.code : String(error);
  }
}

void t.test('the newest record is there after reopening, whatever the number of writes', async (test) => {
  for (const writes of [0, 1, 2, 3, 4, 5]) {
    const folder = await makeFolder(test);
    await writeHeights(folder, Array.from({ length: writes }, (_, i) => i + 1));
    test.equal(await heightAfterReopen(folder), writes);
    const { size, mode } = await stat(join(folder, GUARD_FILE));
    test.equal(size, 2 * SLOT, 'the file never grows or shrinks');
    test.equal(mode & 0o777, 0o600);
  }
});

void t.test('a record read back has every field it was written with', async (test) => {
  const folder = await makeFolder(test);
  const guard = await openGuard(folder);
  const written = recordAt(guard, 7);
  await guard.write(written);
  await guard.close();
  const again = await openGuard(folder);
  test.same(again.current(), written);
  await again.close();
});

void t.test('one damaged sector never rolls the guard back: the other copy of the slot holds', async (test) => {
  for (const copy of [0, 1]) {
    for (const at of [0, 33, 40, 200]) {
      const folder = await makeFolder(test);
      await writeHeights(folder, [1, 2, 3]);
      await overwrite(folder, slotAfter(3) * SLOT + copy * COPY + at, new Uint8Array(512).fill(0xee));
      test.equal(await heightAfterReopen(folder), 3, `copy ${copy} damaged at ${at}`);
    }
  }
});

void t.test('a torn write of the next record leaves the newest durable one, at every length of the tear', async (test) => {
  const folder = await makeFolder(test);
  await writeHeights(folder, [1, 2]);
  const donor = await makeFolder(test);
  await writeHeights(donor, [1, 2, 3]);
  const file = await open(join(donor, GUARD_FILE), 'r');
  const record = Buffer.alloc(600);
  await file.read(record, 0, record.length, slotAfter(3) * SLOT);
  await file.close();
  const length = record.readUInt32BE(32) + 36;
  for (let cut = 0; cut < length; cut += 7) {
    await overwrite(folder, slotAfter(3) * SLOT, record.subarray(0, cut));
    test.equal(await heightAfterReopen(folder), 2, `cut at ${cut}`);
  }
  await overwrite(folder, slotAfter(3) * SLOT, record.subarray(0, length));
  test.equal(await heightAfterReopen(folder), 3, 'one whole copy is enough');
});

void t.test('after a torn write the next record goes over the torn slot', async (test) => {
  const folder = await makeFolder(test);
  await writeHeights(folder, [1, 2]);
  await overwrite(folder, slotAfter(3) * SLOT, new Uint8Array(SLOT).fill(0xee));
  await writeHeights(folder, [3]);
  test.equal(await heightAfterReopen(folder), 3);
  await overwrite(folder, slotAfter(3) * SLOT, new Uint8Array(SLOT));
  test.equal(await heightAfterReopen(folder), 2, 'the other slot still holds the record before');
});

void t.test('a missing, empty or wholly damaged guard is a lost guard', async (test) => {
  const folder = await makeFolder(test);
  await overwrite(folder, 0, new Uint8Array(2 * SLOT).fill(0xee));
  test.equal(await codeOf(openGuard(folder)), 'no_guard');
  const file = await open(join(folder, GUARD_FILE), 'w');
  await file.close();
  test.equal(await codeOf(openGuard(folder)), 'no_guard');
  await rm(join(folder, GUARD_FILE));
  test.equal(await codeOf(openGuard(folder)), 'no_guard');
});

void t.test('a guard of another key or network is refused', async (test) => {
  const folder = await makeFolder(test);
  test.equal(await codeOf(openGuard(folder, { ...IDENTITY, publicKey: new Uint8Array(32).fill(9) })), 'no_guard');
  test.equal(await codeOf(openGuard(folder, { ...IDENTITY, genesisHash: new Uint8Array(32).fill(9) })), 'wrong_network');
});

void t.test('a guard is never overwritten by a new one', async (test) => {
  const folder = await makeFolder(test);
  test.equal(((await createSignGuard(folder, IDENTITY).catch((error: unknown) => error)) as NodeJS.ErrnoException).code, 'EEXIST');
});

void t.test('a gap in the numbering is a bug and throws', async (test) => {
  const folder = await makeFolder(test);
  const guard = await openGuard(folder);
  const gap = { ...recordAt(guard, 1), seq: guard.current().seq + 2 };
  await test.rejects(guard.write(gap), /without a gap/);
  await guard.close();
});

void t.test('a failed write is reported before the caller hears of it', async (test) => {
  const folder = await makeFolder(test);
  const reported: StorageFailure[] = [];
  const guard = await openSignGuard(folder, IDENTITY, (failure) => void reported.push(failure));
  await guard.close();
  test.equal(await codeOf(guard.write(recordAt(guard, 1))), 'io_failed');
  test.equal(reported.length, 1);
});
