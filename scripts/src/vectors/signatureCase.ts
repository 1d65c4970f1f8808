/** The makings of one signature vector: seeded bytes, keys and signatures with chosen torsion, and the reference's verdict. */
import { createHash } from 'node:crypto';
import * as ref from './ed25519Reference.ts';

/** One case: all bytes in lower-case hex; `valid` is the verdict of the naive reference. */
export type Vector = { id: string; publicKey: string; message: string; signature: string; valid: boolean; why: string };
export type Key = { secret: bigint; torsion: number; publicKey: Uint8Array };
export type Draw = { bytes: (length: number) => Uint8Array; below: (limit: number) => number };

export const TORSION = ref.torsionPoints();
export const SMALL_ORDER = TORSION.flatMap(ref.lenientEncodings);

/** Seeded bytes: SHA-512 of a label and a counter. `below` is for small limits: its bias does not matter here. */
export function seededDraw(label: string): Draw {
  let counter = 0;
  const block = (): Buffer => createHash('sha512').update(`bill vectors signature ${label} ${counter++}`).digest();
  const bytes = (length: number): Uint8Array =>
    Uint8Array.from(Buffer.concat(Array.from({ length: Math.ceil(length / 64) }, block)).subarray(0, length));
  return { bytes, below: (limit) => block().readUInt32BE(0) % limit };
}

export function join(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}

export function torsionPoint(i: number): ref.Point {
  return TORSION[i % 8] ?? ref.IDENTITY;
}

export function drawScalar(draw: Draw): bigint {
  return (ref.fromLittleEndian(draw.bytes(64)) % (ref.L - 1n)) + 1n;
}

/** A key A = a·B + T, T the torsion-th point of small order (0: an honest key). */
export function drawKey(draw: Draw, torsion = 0): Key {
  const secret = drawScalar(draw);
  return { secret, torsion, publicKey: ref.encode(ref.add(ref.multiplyBase(secret), torsionPoint(torsion))) };
}

/** R = r·B + T and S = r + k·a: the 8-fold equation always holds, the plain one iff T = −k·(torsion of the key). */
export function signWithTorsion(key: Key, message: Uint8Array, r: bigint, torsion: number): Uint8Array {
  const rBytes = ref.encode(ref.add(ref.multiplyBase(r), torsionPoint(torsion)));
  return closeSignature(key, message, r, rBytes, rBytes, key.publicKey);
}

/** Completes R with S = r + k·a, k taken over the encodings given for the hash. */
export function closeSignature(key: Key, message: Uint8Array, r: bigint, rBytes: Uint8Array, rHashed: Uint8Array, aHashed: Uint8Array): Uint8Array {
  const s = (r + ref.challenge(rHashed, aHashed, message) * key.secret) % ref.L;
  return join(rBytes, ref.toLittleEndian(s));
}

export function vector(id: string, publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array, why: string): Vector {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  const valid = ref.isValidSignature(publicKey, message, signature);
  return { id, publicKey: hex(publicKey), message: hex(message), signature: hex(signature), valid, why };
}

export function withS(signature: Uint8Array, s: bigint): Uint8Array {
  return join(signature.slice(0, 32), ref.toLittleEndian(s));
}

export function sOf(signature: Uint8Array): bigint {
  return ref.fromLittleEndian(signature.slice(32));
}

export function flip(bytes: Uint8Array, bit: number): Uint8Array {
  return bytes.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
}

export function torsionWhy(key: Key, message: Uint8Array, signature: Uint8Array, torsion: number): string {
  const k = ref.challenge(signature.slice(0, 32), key.publicKey, message);
  const holds = (k * BigInt(key.torsion) + BigInt(torsion)) % 8n === 0n;
  return `torsion ${key.torsion} on A and ${torsion} on R: ${holds ? 'the plain equation holds' : 'only the cofactored equation holds'}`;
}

/** A signature with these torsions over the first message drawn for which the plain equation holds. */
export function grindVector(id: string, draw: Draw, keyTorsion: number, rTorsion: number): Vector {
  const key = drawKey(draw, keyTorsion);
  const r = drawScalar(draw);
  const rBytes = ref.encode(ref.add(ref.multiplyBase(r), torsionPoint(rTorsion)));
  for (;;) {
    const message = draw.bytes(32);
    const k = ref.challenge(rBytes, key.publicKey, message);
    if ((k * BigInt(keyTorsion) + BigInt(rTorsion)) % 8n !== 0n) continue;
    const signature = closeSignature(key, message, r, rBytes, rBytes, key.publicKey);
    return vector(id, key.publicKey, message, signature, torsionWhy(key, message, signature, rTorsion));
  }
}

export function firstOnlyCofactored(id: string, draw: Draw, keyTorsion: number, rTorsion: number, why: string): Vector {
  for (;;) {
    const key = drawKey(draw, keyTorsion);
    const message = draw.bytes(32);
    const found = vector(id, key.publicKey, message, signWithTorsion(key, message, drawScalar(draw), rTorsion), why);
    if (!found.valid) return found;
  }
}
