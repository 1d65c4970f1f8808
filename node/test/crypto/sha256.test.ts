import { createHash } from 'node:crypto';
import t from 'tap';
import { StateTree, hashPairsPortable, sha256 as engine, useSha256 } from '@billcoin/protocol';
import { hashPairsNative, sha256Native } from '../../src/crypto/sha256.ts';

const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

/** n·64 bytes that differ from pair to pair and from seed to seed. */
function somePairs(count: number, seed: number): Uint8Array {
  const out = new Uint8Array(count * 64);
  for (let at = 0; at < out.length; at += 32) out.set(sha256(Buffer.from(`${seed} ${at}`)), at);
  return out;
}

t.test('native pairs equal portable ones and SHA-256 at every lane count', async (t) => {
  for (const count of [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 100, 2048]) {
    const pairs = somePairs(count, count);
    const native = hashPairsNative(pairs);
    t.equal(Buffer.compare(native, hashPairsPortable(pairs)), 0, `${count} pairs`);
    for (let i = 0; i < count; i++) {
      if (sha256(pairs.subarray(i * 64, i * 64 + 64)).compare(native.subarray(i * 32, i * 32 + 32)) !== 0) t.fail(`pair ${i} of ${count}`);
    }
  }
});

t.test('a view into a larger buffer is read at its offset and left as it is', async (t) => {
  const whole = somePairs(5, 99);
  const copy = whole.slice();
  for (const offset of [64, 1, 3]) {
    const view = whole.subarray(offset, offset + 128);
    t.equal(Buffer.compare(hashPairsNative(view), hashPairsPortable(view)), 0, `offset ${offset}`);
  }
  t.equal(Buffer.compare(whole, copy), 0);
});

t.test('input that is not whole pairs is refused', async (t) => {
  for (const length of [1, 32, 63, 65]) t.throws(() => hashPairsNative(new Uint8Array(length)), RangeError);
  t.throws(() => hashPairsPortable(new Uint8Array(63)));
});

t.test('native strings equal portable ones at every length up to past the scratch area', async (t) => {
  const bytes = somePairs(5, 7);
  for (let length = 0; length <= 300; length++) {
    const part = bytes.subarray(1, 1 + length);
    const native = new Uint8Array(34);
    sha256Native(part, native, 1);
    if (sha256(part).compare(native, 1, 33) !== 0 || native[0] !== 0 || native[33] !== 0) t.fail(`${length} bytes`);
  }
  const long = new Uint8Array(32);
  sha256Native(somePairs(1000, 8), long, 0);
  t.equal(Buffer.compare(long, sha256(somePairs(1000, 8))), 0);
});

t.test('the protocol takes the native engine and refuses one that differs', async (t) => {
  const before = Buffer.from(engine(somePairs(3, 1)));
  t.throws(() => useSha256((bytes, out, at) => out.set(sha256(bytes.subarray(0, 4_095)), at)), /SHA-256 of 4096 bytes/);
  useSha256(sha256Native);
  t.equal(before.compare(engine(somePairs(3, 1))), 0);
});

t.test('a tree with native hashers has the root of a portable one', async (t) => {
  const rows = Array.from({ length: 5000 }, (_, i) => ({ key: Buffer.from(`row ${i}`), value: Buffer.from(`value ${i}`) }));
  const roots = [new StateTree(hashPairsNative), new StateTree()].map((tree) => {
    let version = tree.empty();
    for (let from = 0; from < rows.length; from += 700) version = tree.update(version, rows.slice(from, from + 700));
    return tree.root(version);
  });
  t.equal(Buffer.compare(roots[0] as Uint8Array, roots[1] as Uint8Array), 0);
});
