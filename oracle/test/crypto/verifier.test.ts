import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { p256PublicKey, signP256, verifyEd25519, verifyP256 } from '@billcoin/protocol';
import t from 'tap';
import { verifyEd25519Native, verifyP256Native } from '../../src/crypto/verifier.ts';

type Vector = { publicKey: string; message: string; signature: string; valid: boolean };

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));
const path = new URL('../../../protocol/vectors/signature.json', import.meta.url);
const { vectors } = JSON.parse(readFileSync(path, 'utf8')) as { vectors: Vector[] };
const seeded = (label: string): Buffer => createHash('sha256').update(`oracle verifier ${label}`).digest();

t.test('the native path gives the verdict of the reference on the whole grid', async (t) => {
  const wrong = vectors.filter((v) => verifyEd25519Native(bytes(v.publicKey), bytes(v.message), bytes(v.signature)) !== v.valid);
  t.same(wrong, []);
  t.ok(vectors.length > 1000);
});

t.test('native and portable path agree on 500 seeded bit flips of the grid', async (t) => {
  const disagreements = Array.from({ length: 500 }, (_, n) => n).filter((n) => {
    const pick = seeded(`flip ${n}`);
    const v = vectors[pick.readUInt16BE(0) % vectors.length]!;
    const flip = (hex: string): Uint8Array => bytes(hex).map((byte, i) => (i === pick[2]! % 64 ? byte ^ (1 << (pick[3]! % 8)) : byte));
    const [key, signature] = n % 2 === 0 ? [bytes(v.publicKey), flip(v.signature)] : [flip(v.publicKey), bytes(v.signature)];
    return verifyEd25519Native(key, bytes(v.message), signature) !== verifyEd25519(key, bytes(v.message), signature);
  });
  t.same(disagreements, []);
});

t.test('device readings signed with P-256 verify natively as on the portable path', async (t) => {
  const secret = seeded('device');
  const publicKey = p256PublicKey(secret);
  const message = seeded('reading');
  const signature = signP256(secret, message);
  for (const verify of [verifyP256Native, verifyP256]) {
    t.equal(verify(publicKey, message, signature), true);
    t.equal(verify(publicKey, seeded('another reading'), signature), false);
    t.equal(verify(Uint8Array.of(2, ...new Uint8Array(32).fill(0xff)), message, signature), false, 'on no point');
    t.equal(verify(publicKey, message, signature.subarray(1)), false);
  }
});
