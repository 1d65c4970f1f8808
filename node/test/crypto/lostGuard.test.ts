/** A lost guard on disk: made anew where there is none or a damaged one, never over one that can be read. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { isClosed } from '@billcoin/protocol';
import { makeLostGuard } from '../../src/crypto/lostGuard.ts';
import { GUARD_FILE, createSignGuard, openSignGuard, readSignGuard } from '../../src/crypto/signGuard.ts';

const IDENTITY = { publicKey: new Uint8Array(32).fill(1), genesisHash: new Uint8Array(32).fill(2) };

async function makeFolder(test: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'billcoin-lost-'));
  test.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function reopened(folder: string): Promise<readonly [height: number, closed: boolean]> {
  const guard = await openSignGuard(folder, IDENTITY, () => undefined);
  const { height } = guard.current();
  const closed = isClosed(guard.current());
  await guard.close();
  return [height, closed];
}

t.test('there is no record until it is made anew, and then it is on disk', async (t) => {
  const folder = await makeFolder(t);
  const guard = makeLostGuard(folder, IDENTITY, true, () => undefined);
  t.equal(guard.current(), undefined);
  t.equal(guard.lost?.isOnlyOne, true);
  t.throws(() => guard.write({ seq: 2, ...IDENTITY, height: 1, round: 0, step: 2, lockedRound: -1, validRound: -1 }), { name: 'AssertionError' });
  await guard.lost?.renew(41);
  const record = guard.current();
  t.match(record, { seq: 1, height: 41 });
  t.same(await reopened(folder), [41, true]);
  await guard.write({ seq: 2, ...IDENTITY, height: 42, round: 0, step: 2, lockedRound: -1, validRound: -1 });
  await guard.close();
  t.same(await reopened(folder), [42, false]);
});

t.test('a file of which nothing can be read is written over', async (t) => {
  const folder = await makeFolder(t);
  await createSignGuard(folder, IDENTITY);
  const path = join(folder, GUARD_FILE);
  const { length } = await readFile(path);
  for (const damaged of [Buffer.alloc(length, 0xee), Buffer.alloc(0), Buffer.alloc(77)]) {
    await writeFile(path, damaged);
    t.equal(await readSignGuard(folder, IDENTITY), undefined);
    const guard = makeLostGuard(folder, IDENTITY, true, () => undefined);
    await guard.lost?.renew(9);
    await guard.close();
    t.same(await reopened(folder), [9, true]);
    t.equal((await readFile(path)).length, length);
  }
});

t.test('a guard that can be read is never written over', async (t) => {
  const folder = await makeFolder(t);
  await createSignGuard(folder, IDENTITY, 5);
  await t.rejects(makeLostGuard(folder, IDENTITY, true, () => undefined).lost!.renew(6), { code: 'EEXIST' });
  t.same(await reopened(folder), [5, true]);
});
