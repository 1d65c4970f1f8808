import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { signEd25519, utf8, verifyEd25519 } from '@billcoin/protocol';
import { createKeyFile, keyPairOf, readKeyFile } from '../../src/crypto/keyFiles.ts';
import { nativeSigner } from '../../src/crypto/nativeSigner.ts';
import { makeVerifyCache, type VerifyCache } from '../../src/crypto/verifyCache.ts';

async function makeFolder(test: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'billcoin-keys-'));
  test.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

void t.test('a key file reads back, is private, and is never overwritten', async (test) => {
  const folder = await makeFolder(test);
  const made = await createKeyFile(folder, 'key.json');
  test.same(await readKeyFile(folder, 'key.json'), made);
  test.equal((await stat(join(folder, 'key.json'))).mode & 0o777, 0o600);
  await test.rejects(createKeyFile(folder, 'key.json'), { code: 'EEXIST' });
  test.notSame((await createKeyFile(folder, 'other.json')).seed, made.seed);
  test.equal(await readKeyFile(folder, 'none.json'), undefined);
});

void t.test('a key file that others may read, or that is damaged, is refused with the remedy', async (test) => {
  const folder = await makeFolder(test);
  const path = join(folder, 'key.json');
  await createKeyFile(folder, 'key.json', new Uint8Array(32).fill(3));
  const good = await readFile(path, 'utf8');
  for (const mode of [0o640, 0o604, 0o660]) {
    await chmod(path, mode);
    await test.rejects(readKeyFile(folder, 'key.json'), { code: 'no_key', message: /may be read by others. Run: chmod 600/ });
  }
  await chmod(path, 0o600);
  for (const [content, found] of [
    ['{', /is not JSON/],
    ['7', /is not a JSON object/],
    [good.replace('billcoin-key/1', 'billcoin-key/9'), /is not of format billcoin-key\/1/],
    [good.replace('"seed": "03', '"seed": "04'), /seed that does not belong to its public key/],
    [good.replace(/"seed": ".*"/, '"seed": "03"'), /is not of format/],
  ] as const) {
    await writeFile(path, content);
    await test.rejects(readKeyFile(folder, 'key.json'), { code: 'no_key', message: found });
  }
});

void t.test('the native signer makes the bytes of the portable one', (test) => {
  const pair = keyPairOf(new Uint8Array(32).fill(5));
  const sign = nativeSigner(pair);
  for (const text of ['', 'a', 'x'.repeat(1_000)]) test.same(sign(utf8(text)), signEd25519(pair.seed, utf8(text)));
  test.end();
});

/** With the number of signatures that its engine was asked about. */
function countingCache(generation: number): { readonly cache: VerifyCache; readonly calls: () => number } {
  let calls = 0;
  const cache = makeVerifyCache((...items) => {
    calls += 1;
    return verifyEd25519(...items);
  }, generation);
  return { cache, calls: () => calls };
}

void t.test('a signature is verified once; forgeries are verified each time and never remembered', (test) => {
  const { cache, calls } = countingCache(2);
  const pair = keyPairOf(new Uint8Array(32).fill(5));
  const signed = ['a', 'b', 'c', 'd', 'e'].map((text) => [pair.publicKey, utf8(text), signEd25519(pair.seed, utf8(text))] as const);
  const [first, second, ...later] = signed as [typeof signed[0], typeof signed[0], ...typeof signed];
  test.equal(cache.verify(...first), true);
  test.equal(cache.verify(...first), true);
  test.equal(calls(), 1);
  test.equal(cache.knows(...first), true);
  cache.remember(...second);
  test.equal(cache.verify(...second), true);
  test.equal(calls(), 1, 'verified elsewhere');
  const forged = [pair.publicKey, utf8('z'), first[2]] as const;
  test.equal(cache.verify(...forged), false);
  test.equal(cache.verify(...forged), false);
  test.equal(calls(), 3);
  test.equal(cache.verify(new Uint8Array(3), utf8('z'), first[2]), false, 'wrong lengths go to the engine');
  for (const one of later) cache.verify(...one);
  test.equal(cache.knows(...first), false, 'the oldest generation is forgotten');
  test.end();
});

void t.test('without a generation a signature is known by the array alone that it verified or was remembered in', (test) => {
  const { cache, calls } = countingCache(0);
  const pair = keyPairOf(new Uint8Array(32).fill(5));
  const [key, message, signature] = [pair.publicKey, utf8('a'), signEd25519(pair.seed, utf8('a'))];
  test.equal(cache.verify(key, message, signature), true);
  test.equal(cache.verify(key, message, signature), true);
  test.equal(calls(), 1);
  test.equal(cache.verify(key, utf8('b'), signature), false, 'of another message');
  test.equal(cache.knows(key, message, signature), true, 'and still of its own');
  const elsewhere = signature.slice();
  test.equal(cache.knows(key, message, elsewhere), false, 'of the same content');
  cache.remember(key, message, elsewhere);
  test.equal(cache.verify(key.slice(), message.slice(), elsewhere), true);
  test.equal(calls(), 2, 'verified elsewhere');
  const forged = signature.map((byte) => byte ^ 1);
  test.equal(cache.verify(key, message, forged), false);
  test.equal(cache.verify(key, message, forged), false);
  test.equal(calls(), 4, 'a forgery is verified each time');
  test.end();
});
