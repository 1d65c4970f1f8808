import { hexToBytes } from '@noble/hashes/utils.js';
import { bytesToNumberBE, numberToBytesBE } from '@noble/curves/utils.js';
import t from 'tap';
import { p256PublicKey, precheckP256, signP256, strictP256Verifier, verifyP256 } from '../../src/lib/p256.ts';

const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const secret = new Uint8Array(32).fill(5);
const publicKey = p256PublicKey(secret);
const message = Uint8Array.of(1, 2, 3);
const signature = signP256(secret, message);

function withHalf(half: 0 | 32, value: bigint): Uint8Array {
  const changed = Uint8Array.from(signature);
  changed.set(numberToBytesBE(value, 32), half);
  return changed;
}

t.test('the example of RFC 6979 A.2.5 (SHA-256, "sample") verifies, with its high s as published and with the low one', async (t) => {
  const key = hexToBytes('0360fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6');
  const r = 'efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716';
  const s = 0xf7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8n;
  const sample = Uint8Array.from('sample', (c) => c.charCodeAt(0));
  for (const value of [s, ORDER - s]) {
    const both = new Uint8Array(64);
    both.set(hexToBytes(r));
    both.set(numberToBytesBE(value, 32), 32);
    t.equal(verifyP256(key, sample, both), true);
    t.equal(verifyP256(key, message, both), false);
  }
});

t.test('a signature verifies for its key and message only, with low and with high s', async (t) => {
  const s = bytesToNumberBE(signature.subarray(32));
  t.equal(verifyP256(publicKey, message, signature), true);
  t.equal(verifyP256(publicKey, message, withHalf(32, ORDER - s)), true);
  t.equal(verifyP256(publicKey, Uint8Array.of(1), signature), false);
  t.equal(verifyP256(p256PublicKey(new Uint8Array(32).fill(6)), message, signature), false);
});

t.test('r and s outside 1..n-1, wrong lengths and other key forms are refused before the engine', async (t) => {
  for (const half of [0, 32] as const) {
    for (const value of [0n, ORDER, ORDER + 1n, (1n << 256n) - 1n]) t.equal(precheckP256(publicKey, withHalf(half, value)), false);
    t.equal(precheckP256(publicKey, withHalf(half, ORDER - 1n)), true);
  }
  t.equal(verifyP256(publicKey, message, signature.subarray(1)), false);
  t.equal(verifyP256(publicKey.subarray(1), message, signature), false);
  t.equal(verifyP256(Uint8Array.of(4, ...publicKey.subarray(1)), message, signature), false);
  t.equal(verifyP256(Uint8Array.of(2, ...new Uint8Array(32).fill(0xff)), message, signature), false, 'x is no coordinate');
});

t.test('imported keys are kept up to the limit, the least recently used going first', async (t) => {
  const imports: number[] = [];
  const verify = strictP256Verifier({
    importKey: (bytes) => (imports.push(bytes[32]!), bytes[32]),
    verify: () => true,
    cachedKeysMax: 2,
  });
  const keyEnding = (last: number): Uint8Array => Uint8Array.of(2, ...new Uint8Array(31), last);
  for (const last of [1, 2, 1, 3, 1, 2]) verify(keyEnding(last), message, signature);
  t.same(imports, [1, 2, 3, 2]);
});
