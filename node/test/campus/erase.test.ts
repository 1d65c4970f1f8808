/** Erasing a student, and what a stolen database shows (api page §4; threats 13 and 35). */
import { createHash } from 'node:crypto';
import { cp, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { formatAddress, toBase64Url, toHex } from '@billcoin/protocol';
import { eraseStudent, linkWallet } from '@billcoin/sdk';
import { openCampus } from '../../src/campus/campus.ts';
import { blindIndex, hashCode, SealBroken, unseal, unwrapStudentKey } from '../../src/campus/crypto.ts';
import { makeCampusKeys } from '../../src/campus/keyFile.ts';
import { getRow, listRows, TABLES, type Table } from '../../src/campus/store.ts';
import { makeLog } from '../../src/log.ts';
import { openKeyValueLevel } from '../../src/storage/keyValueLevel.ts';
import { EXPORT_SIGNER, makeKeyFolder, openWorld, wallet, type Teardown, type World } from '../support/campusWorld.ts';

const STUDENT_ID = '1221100123';
const ali = wallet('ali');
const silent = makeLog({ level: 'silent', nodeName: 'test' });

/** A student with a linked wallet that has paid, a login and a new code, on a real disk. */
async function openStudent(t: Teardown): Promise<{ readonly world: World; readonly folder: string; readonly studentRef: string; readonly linkCode: string }> {
  const keyFolder = await makeKeyFolder(t);
  const folder = join(keyFolder, '..', 'campus');
  const store = await openKeyValueLevel(folder, () => undefined);
  t.teardown(() => store.close());
  const world = await openWorld(t, { store, keyFolder });
  const imported = await world.campus.students.importRoster(`studentId\n${STUDENT_ID}\n1221100124\n`);
  const [code] = imported.ok ? imported.codes : [];
  await linkWallet(world.client, { linkCode: code?.linkCode ?? '', key: ali, genesisHash: world.chain.genesisHash });
  const second = await world.campus.students.secondLinkCode(code?.studentRef ?? '');
  await world.fund(10_000n, ali);
  const order = world.order();
  await world.postOrder(order);
  await world.pay(ali, order.invoice);
  await world.block();
  await world.loginWallet(ali);
  return { world, folder, studentRef: code?.studentRef ?? '', linkCode: second?.linkCode ?? '' };
}

async function bytesOf(folder: string): Promise<string> {
  let all = '';
  for (const file of await readdir(folder)) all += (await readFile(join(folder, file))).toString('latin1');
  return all;
}

const PIECE = 16;

/** Whether a piece of a random text stands in the files: LevelDB compresses, and may have cut the whole. */
function hasPieceOf(files: string, text: string): boolean {
  for (let at = 0; at + PIECE <= text.length; at++) if (files.includes(text.slice(at, at + PIECE))) return true;
  return false;
}

async function monthOf(world: World): Promise<string> {
  const answer = await world.get(`/exports/milk-sales?month=${new Date(world.nowMs).toISOString().slice(0, 7)}&tz=UTC`, await world.as('finance'));
  return answer.text;
}

t.test('an erased student is nobody: no row, no key, no byte leads to him, and what was exported stays', async (t) => {
  const { world, folder, studentRef, linkCode } = await openStudent(t);
  const { store, campus } = world;
  const row = await getRow(store, TABLES.student, studentRef);
  const wallets = await listRows(store, TABLES.wallet, { limit: 10 });
  const exported = await monthOf(world);
  t.match(exported, /[0-9a-f]{32}/, 'the payment has a pseudonym');
  const before = await world.get('/wallets', await world.as(ali));
  t.equal(before.status, 200);
  const admin = await world.clientAs('admin');

  t.same(await eraseStudent(admin, { studentRef }), { studentRef, wallets: 1 });
  await t.rejects(eraseStudent(admin, { studentRef }), { code: 'not_found' });
  t.equal(await campus.wallets.studentOf(ali.address), undefined, 'the remembered pseudonym is forgotten');
  t.equal((await world.get('/wallets', await world.as(ali))).status, 401, 'his logins have ended');
  for (const table of [TABLES.wallet, TABLES.walletByAddress, TABLES.code] as readonly Table<unknown>[]) t.notOk((await listRows(store, table, { limit: 10 })).some(({ value }) => JSON.stringify(value).includes(studentRef)), table.arrow);
  t.equal(await getRow(store, TABLES.student, studentRef), undefined);
  t.equal((await listRows(store, TABLES.student, { limit: 10 })).length, 1, 'the other student is there');
  await t.rejects(linkWallet(world.client, { linkCode, key: wallet('new'), genesisHash: world.chain.genesisHash }), { code: 'cannot_link' });

  const files = await bytesOf(folder);
  t.ok(files.includes('READY'), 'these are the files of the store'); // PAID_ may be taken from a text before it
  const gone = [row?.wrappedKey, row?.sealedId, wallets[0]?.value.sealedAddress].map((field) => field ?? '');
  t.ok(gone.every((field) => field.length > PIECE), 'there was something to erase');
  for (const field of gone) t.notOk(hasPieceOf(files, field), 'the bytes left the disk');
  t.equal(await monthOf(world), exported, 'lines that were written keep their bytes');

  await world.pay(ali, world.order().invoice);
  await world.block();
  const [, ...lines] = (await monthOf(world)).trim().split('\r\n');
  t.equal(lines.at(-1)?.split(',')[2], '', 'what he pays now is nobody’s');
  const again = await campus.students.importRoster(`studentId\n${STUDENT_ID}\n`);
  t.match(again, { ok: true, added: 1 }, 'on a later roster he is somebody new');
});

t.test('a dump without the keys withstands a dictionary of all ids near the real one (threat 13)', async (t) => {
  const { folder, world } = await openStudent(t);
  await world.campus.caughtUp();
  const dump = await bytesOf(folder);
  const stranger = makeCampusKeys();
  let tried = 0;
  for (let id = 1_221_100_000; id < 1_221_100_250; id++) {
    const text = String(id);
    const guesses = ['md5', 'sha1', 'sha256', 'sha512'].flatMap((name) => [text, `student\0${text}`, `student:${text}`].map((value) => createHash(name).update(value).digest()));
    const forms = guesses.flatMap((digest) => [digest.toString('hex').slice(0, 32), digest.toString('base64url').slice(0, 22), digest.subarray(0, 16).toString('latin1')]);
    const keyed = [blindIndex(stranger, 'student', text), hashCode(stranger, text)];
    for (const form of [text, ...forms, ...keyed]) {
      tried++;
      if (dump.includes(form)) t.fail(`${text} is found as ${form}`);
    }
  }
  t.ok(tried > 9_000);
});

t.test('a backup without the key file shows nothing and opens with no other keys (threat 35)', async (t) => {
  const { folder, world, studentRef } = await openStudent(t);
  const backup = join(folder, '..', 'backup');
  await cp(folder, backup, { recursive: true });
  await t.rejects(openKeyValueLevel(folder, () => undefined), { message: /cannot be opened/ }, 'the original is in use');
  const store = await openKeyValueLevel(backup, () => undefined);
  t.teardown(() => store.close());
  const { chain } = world;
  await t.rejects(openCampus({ chain, store, exportSigner: EXPORT_SIGNER, clock: chain.clock, log: silent, keyFolder: await makeKeyFolder(t) }), { message: /written with other keys/ });
  const student = await getRow(store, TABLES.student, studentRef);
  const bytes = (field: string): Uint8Array => new Uint8Array(Buffer.from(field, 'base64url'));
  t.throws(() => unwrapStudentKey(makeCampusKeys(), studentRef, bytes(student?.wrappedKey ?? '')), SealBroken);
  t.throws(() => unseal(new Uint8Array(32), `student/${studentRef}/id`, bytes(student?.sealedId ?? '')), SealBroken);
  const files = await bytesOf(backup);
  for (const secret of [STUDENT_ID, formatAddress(ali.address), toHex(ali.address), toBase64Url(ali.address), Buffer.from(ali.address).toString('latin1')]) t.notOk(files.includes(secret));
});
