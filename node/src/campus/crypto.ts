/**
 * Privacy of the campus store (api page §4): every student has a key of its own, wrapped by a master key that is never in
 * the database. Look-ups go through blind indexes, people outside see pseudonyms. A dump of the database shows nothing.
 */
import { createCipheriv, createDecipheriv, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { CampusKeys, Purpose } from './keyFile.ts';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const SEAL_VERSION = 1;
export const STUDENT_KEY_BYTES = 32;
const PSEUDONYM_BYTES = 16;
const BLIND_BYTES = 16;

/** A sealed value was changed, moved to another row, or belongs to other keys. The store or the key file is wrong. */
export class SealBroken extends Error {
  override readonly name = 'SealBroken';
}

/**
 * AES-256-GCM: version(1) ‖ nonce(12) ‖ ciphertext ‖ tag(16). `place` (row key and field) is authenticated, so that a
 * sealed value opens only where it was written.
 */
export function seal(key: Uint8Array, place: string, plain: Uint8Array): Uint8Array {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(place, 'utf8'));
  const sealed = Buffer.concat([Uint8Array.of(SEAL_VERSION), nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  return new Uint8Array(sealed);
}

/** Opens what `seal` made for the same key and place; throws SealBroken otherwise. */
export function unseal(key: Uint8Array, place: string, sealed: Uint8Array): Uint8Array {
  if (sealed.length < 1 + NONCE_BYTES + TAG_BYTES || sealed[0] !== SEAL_VERSION) throw new SealBroken(`${place} is not a sealed value`);
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(1, 1 + NONCE_BYTES)).setAAD(Buffer.from(place, 'utf8'));
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
  try {
    return new Uint8Array(Buffer.concat([decipher.update(sealed.subarray(1 + NONCE_BYTES, sealed.length - TAG_BYTES)), decipher.final()]));
  } catch (error) {
    throw new SealBroken(`${place} does not open with these keys`, { cause: error });
  }
}

function hmac(key: Uint8Array, ...parts: readonly (Uint8Array | string)[]): Buffer {
  const mac = createHmac('sha256', key);
  for (const part of parts) mac.update(part);
  return mac.digest();
}

export function newStudentKey(): Uint8Array {
  return new Uint8Array(randomBytes(STUDENT_KEY_BYTES));
}

export function wrapStudentKey(keys: CampusKeys, studentRef: string, studentKey: Uint8Array): Uint8Array {
  return seal(keys.master, `studentKey/${studentRef}`, studentKey);
}

export function unwrapStudentKey(keys: CampusKeys, studentRef: string, wrapped: Uint8Array): Uint8Array {
  return unseal(keys.master, `studentKey/${studentRef}`, wrapped);
}

/**
 * Blind index: what the store looks a student id or an address up by. `what` keeps the two uses apart, so that an index
 * of one can never be tried against the other.
 */
export function blindIndex(keys: CampusKeys, what: 'student' | 'address', value: string | Uint8Array): string {
  return hmac(keys.index, `${what}\0`, value).subarray(0, BLIND_BYTES).toString('hex');
}

/** Keyed hash of a one-time code (10 characters have 50 bits: a plain hash could be searched). */
export function hashCode(keys: CampusKeys, code: string): string {
  return hmac(keys.code, 'code\0', code).toString('hex');
}

/** MAC of a login challenge, so that issuing one stores nothing. */
export function challengeMac(keys: CampusKeys, text: string): Uint8Array {
  return new Uint8Array(hmac(keys.code, 'challenge\0', text).subarray(0, 16));
}

/** Keyed hash of what people or programs log in with; `what` keeps the uses apart. The database alone lets nobody try one. */
export function secretMac(keys: CampusKeys, what: 'password' | 'client' | 'family' | 'refresh', secret: string): Uint8Array {
  return new Uint8Array(hmac(keys.code, `${what}\0`, secret));
}

/** Who somebody is for one purpose: HMAC-SHA-256(purposeKey, studentKey ‖ studentId), 16 bytes hex. Shredding the student's key ends it. */
export function pseudonym(keys: CampusKeys, purpose: Purpose, studentKey: Uint8Array, studentId: string): string {
  return hmac(keys.purposes[purpose], studentKey, studentId).subarray(0, PSEUDONYM_BYTES).toString('hex');
}

/** Whom operators see where there is no student (any more): keyed hash, so that an address stands in no flag, alert or log. */
export function opsName(keys: CampusKeys, what: 'wallet' | 'student', value: string): string {
  return hmac(keys.purposes.ops, `${what}\0`, value).subarray(0, PSEUDONYM_BYTES).toString('hex');
}

/** Which key makes the pseudonyms of exports now, for whoever compares months; says nothing about the key. */
export function pseudonymKeyId(keys: CampusKeys): string {
  return hmac(keys.purposes.export, 'key id\0').subarray(0, 8).toString('hex');
}

/** Equality in constant time; lengths are public. */
export function equalSecret(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

function fingerprint(master: Uint8Array, all: readonly Uint8Array[]): string {
  return hmac(master, 'fingerprint\0', ...all.map((key) => hmac(key, 'fingerprint\0'))).subarray(0, 16).toString('hex');
}

/** Tells whether a store was written with these keys, of whatever generation their pseudonyms are; says nothing about them. */
export function keyFingerprint({ master, index, code }: CampusKeys): string {
  return fingerprint(master, [master, index, code]);
}

/** The same as stores hold it that were made before keys rotated. */
export function firstKeyFingerprint({ master, index, code, purposes }: CampusKeys): string {
  return fingerprint(master, [master, index, code, ...Object.values(purposes)]);
}
