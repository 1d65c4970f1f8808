import { readFileSync } from 'node:fs';
import { hexToBytes } from '@noble/hashes/utils.js';
import t from 'tap';
import {
  checkPublicKey, ed25519PublicKey, precheckSignature, signEd25519, strictVerifier, verifyEd25519,
} from '../../src/lib/signature.ts';

type Vector = { id: string; publicKey: string; message: string; signature: string; valid: boolean; why: string };

function readVectors(): Vector[] {
  const text = readFileSync(new URL('../../vectors/signature.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { vectors: Vector[] }).vectors;
}

const vectors = readVectors();
const bytesOf = (v: Vector): [Uint8Array, Uint8Array, Uint8Array] =>
  [hexToBytes(v.publicKey), hexToBytes(v.message), hexToBytes(v.signature)];
const seed = new Uint8Array(32).fill(7);
const message = Uint8Array.of(1, 2, 3);

function shared(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}

t.test('peer bug 37, ed25519 divergence: the portable path gives the verdict of the reference on the whole grid', async (t) => {
  const wrong = vectors.filter((v) => verifyEd25519(...bytesOf(v)) !== v.valid);
  t.same(wrong, []);
  t.ok(vectors.length > 1000 && vectors.some((v) => v.valid), 'the grid is there and holds both verdicts');
});

t.test('the pre-check never refuses a valid signature and refuses every small-order pair', async (t) => {
  const passing = vectors.filter((v) => precheckSignature(hexToBytes(v.publicKey), hexToBytes(v.signature)));
  t.same(vectors.filter((v) => v.valid && !passing.includes(v)), []);
  t.same(passing.filter((v) => /^small-|^s-plus-|-length-/.test(v.id)), []);
});

t.test('the fourteen small-order encodings and no honest key are refused as public keys', async (t) => {
  const small = new Set(vectors.filter((v) => /^small-\d+-\d+$/.test(v.id)).map((v) => v.publicKey));
  t.equal(small.size, 14);
  t.same([...small].filter((key) => checkPublicKey(hexToBytes(key))), []);
  const honest = vectors.filter((v) => v.id.startsWith('honest-')).map((v) => v.publicKey);
  t.same(honest.filter((key) => !checkPublicKey(hexToBytes(key))), []);
  t.equal(checkPublicKey(new Uint8Array(31).fill(9)), false, 'a short key');
});

t.test('a neighbour of a small-order encoding in any inner byte passes the pre-check of keys', async (t) => {
  const small = ['26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05', `01${'00'.repeat(31)}`];
  const inner = Array.from({ length: 30 }, (_, i) => i + 1);
  const near = small.flatMap((hex) => inner.map((i) => hexToBytes(hex).map((byte, at) => (at === i ? byte ^ 0x10 : byte))));
  t.same(near.filter((key) => !checkPublicKey(key)), []);
});

t.test('what signEd25519 signs verifies under ed25519PublicKey, and only that', async (t) => {
  const publicKey = ed25519PublicKey(seed);
  const signature = signEd25519(seed, message);
  t.equal(signature.length, 64);
  t.equal(verifyEd25519(publicKey, message, signature), true);
  t.equal(verifyEd25519(publicKey, Uint8Array.of(1, 2, 4), signature), false);
  t.same(signEd25519(seed, message), signature, 'signing is deterministic');
});

t.test('an engine is asked only about signatures that pass rules 1 to 3, in memory nobody shares', async (t) => {
  const asked: boolean[] = [];
  const verify = strictVerifier((...all) => {
    asked.push(all.every((bytes) => bytes.buffer instanceof ArrayBuffer));
    return true;
  });
  const publicKey = ed25519PublicKey(seed);
  const signature = signEd25519(seed, message);
  t.equal(verify(shared(publicKey), shared(message), shared(signature)), true);
  t.equal(verify(publicKey, message, signature.subarray(1)), false);
  t.equal(verify(new Uint8Array(32), message, signature), false);
  t.same(asked, [true]);
  t.equal(verifyEd25519(shared(publicKey), shared(message), shared(signature)), true);
});
