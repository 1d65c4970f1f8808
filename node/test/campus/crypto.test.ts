import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { blindIndex, equalSecret, keyFingerprint, newStudentKey, pseudonym, seal, SealBroken, unseal, unwrapStudentKey, wrapStudentKey } from '../../src/campus/crypto.ts';
import { CAMPUS_KEY_FILE, makeCampusKeys, openCampusKeys } from '../../src/campus/keyFile.ts';
import { makeKeyFolder } from '../support/campusWorld.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

t.test('a sealed value opens only with its key, at its place and unchanged', async (t) => {
  const key = newStudentKey();
  const sealed = seal(key, 'student/1/id', bytes('A001'));
  t.same(unseal(key, 'student/1/id', sealed), bytes('A001'));
  t.not(Buffer.from(seal(key, 'student/1/id', bytes('A001'))).equals(Buffer.from(sealed)), 'the same value seals differently each time');
  t.throws(() => unseal(newStudentKey(), 'student/1/id', sealed), SealBroken);
  t.throws(() => unseal(key, 'student/2/id', sealed), SealBroken, 'moved to another row');
  for (const at of [0, 1, 12, 13, sealed.length - 1]) {
    const changed = sealed.slice();
    changed[at] = (changed[at] as number) ^ 1;
    t.throws(() => unseal(key, 'student/1/id', changed), SealBroken, `bit flipped at ${at}`);
  }
  t.throws(() => unseal(key, 'student/1/id', sealed.slice(0, 10)), SealBroken);
});

t.test('a wrapped student key opens with the master key of the same file only', async (t) => {
  const keys = makeCampusKeys();
  const studentKey = newStudentKey();
  const wrapped = wrapStudentKey(keys, 'stu_1', studentKey);
  t.same(unwrapStudentKey(keys, 'stu_1', wrapped), studentKey);
  t.throws(() => unwrapStudentKey(makeCampusKeys(), 'stu_1', wrapped), SealBroken);
});

t.test('pseudonyms differ by purpose, student and key; blind indexes by use', async (t) => {
  const keys = makeCampusKeys();
  const studentKey = newStudentKey();
  const all = [
    pseudonym(keys, 'export', studentKey, 'A001'), pseudonym(keys, 'ops', studentKey, 'A001'), pseudonym(keys, 'api', studentKey, 'A001'), pseudonym(keys, 'export', studentKey, 'A002'),
    pseudonym(keys, 'export', newStudentKey(), 'A001'), pseudonym(makeCampusKeys(), 'export', studentKey, 'A001'),
  ];
  t.equal(new Set(all).size, all.length);
  t.ok(all.every((one) => /^[0-9a-f]{32}$/.test(one)), '16 bytes hex');
  t.equal(pseudonym(keys, 'export', studentKey, 'A001'), all[0], 'the same for the same student');
  t.not(blindIndex(keys, 'student', 'x'), blindIndex(keys, 'address', 'x'));
  t.ok(equalSecret(bytes('ab'), bytes('ab')));
  t.notOk(equalSecret(bytes('ab'), bytes('ac')) || equalSecret(bytes('ab'), bytes('abc')));
});

t.test('the key file is made once, readable by its owner alone', async (t) => {
  const folder = await makeKeyFolder(t);
  const first = await openCampusKeys(folder);
  t.ok(first.created);
  t.equal((await stat(first.path)).mode & 0o777, 0o600);
  const second = await openCampusKeys(folder);
  t.notOk(second.created);
  t.same(second.keys, first.keys);
  t.equal(keyFingerprint(second.keys), keyFingerprint(first.keys));
  t.not(keyFingerprint(makeCampusKeys()), keyFingerprint(first.keys));
  const text = await readFile(first.path, 'utf8');
  t.notOk(text.includes(keyFingerprint(first.keys)), 'the fingerprint is no key');
});

t.test('a key file that others may read, or that is damaged, stops the start and is never replaced', async (t) => {
  const folder = await makeKeyFolder(t);
  const { path } = await openCampusKeys(folder);
  const good = await readFile(path, 'utf8');
  await chmod(path, 0o640);
  await t.rejects(openCampusKeys(folder), { message: /can be read by others \(mode 640\); run: chmod 600/ });
  await chmod(path, 0o600);
  for (const [text, message] of [['{', /is not JSON/], ['{}', /is not of format/], [good.replace(/"master": "[0-9a-f]{8}/, '"master": "zz'), /"master" is not a key/], [good.replace('"ops"', '"oops"'), /"purposes\.ops" is not a key/]] as const) {
    await writeFile(path, text);
    await t.rejects(openCampusKeys(folder), { message });
    t.equal(await readFile(path, 'utf8'), text, 'left as it was');
  }
  t.equal(join(folder, CAMPUS_KEY_FILE), path);
});
