/**
 * P-256 signatures of device readings (protocol.md §3, oracle.md §2.1): ECDSA over SHA-256 of the message, raw r‖s of
 * 64 bytes with 1 ≤ r, s < n, both the low and the high s accepted (secure elements emit either), 33-byte compressed keys.
 */
import { p256 } from '@noble/curves/nist.js';
import { bytesToHex } from '@noble/curves/utils.js';
import { SIGNATURE_BYTES, unsharedBytes } from './signature.ts';
import type { Verifier } from './signature.ts';

/** Bytes of a compressed P-256 public key. */
export const P256_PUBLIC_KEY_BYTES = 33;

/** n, the order of the base point, big-endian. */
const ORDER_N = Uint8Array.of(
  0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
  0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
);

function isScalar(bytes: Uint8Array): boolean {
  if (bytes.every((byte) => byte === 0)) return false;
  for (let i = 0; i < ORDER_N.length; i++) {
    const v = bytes[i]!;
    const n = ORDER_N[i]!;
    if (v !== n) return v < n;
  }
  return false;
}

/** Lengths, the compressed form of the key, and 1 ≤ r, s < n: what is checked before any engine is asked. */
export function precheckP256(publicKey: Uint8Array, signature: Uint8Array): boolean {
  return (
    publicKey.length === P256_PUBLIC_KEY_BYTES &&
    (publicKey[0] === 2 || publicKey[0] === 3) &&
    signature.length === SIGNATURE_BYTES &&
    isScalar(signature.subarray(0, 32)) &&
    isScalar(signature.subarray(32))
  );
}

/** What a library must offer to verify P-256 signatures with imported keys. */
export type P256Engine<Key> = {
  /** The library's key of 33 compressed bytes, or undefined if they are on no point of the curve. */
  readonly importKey: (publicKey: Uint8Array) => Key | undefined;
  readonly verify: (key: Key, message: Uint8Array, signature: Uint8Array) => boolean;
  /** Imported keys kept, the least recently used going first; 0 keeps none. */
  readonly cachedKeysMax: number;
};

/** Makes a full P-256 verifier from a library: the pre-check, then its verification with a bounded cache of keys. */
export function strictP256Verifier<Key>(engine: P256Engine<Key>): Verifier {
  const keys = new Map<string, Key>(); // a Map keeps the order of insertion: the first entry is the least recently used
  function keyOf(publicKey: Uint8Array): Key | undefined {
    const name = bytesToHex(publicKey);
    const key = keys.get(name) ?? engine.importKey(publicKey);
    if (key === undefined) return undefined;
    keys.delete(name);
    keys.set(name, key);
    const oldest = keys.size > engine.cachedKeysMax ? keys.keys().next().value : undefined;
    if (oldest !== undefined) keys.delete(oldest);
    return key;
  }
  return (publicKey, message, signature) => {
    const bytes = unsharedBytes(publicKey);
    const sig = unsharedBytes(signature);
    if (!precheckP256(bytes, sig)) return false;
    const key = keyOf(bytes);
    return key !== undefined && engine.verify(key, unsharedBytes(message), sig);
  };
}

/** Whether 33 bytes are the compressed form of a point of the curve. False for anything else; never throws on bytes. */
export function checkP256PublicKey(publicKey: Uint8Array): boolean {
  return publicKey.length === P256_PUBLIC_KEY_BYTES && p256.utils.isValidPublicKey(unsharedBytes(publicKey), true);
}

function importPoint(publicKey: Uint8Array): Uint8Array | undefined {
  return checkP256PublicKey(publicKey) ? publicKey : undefined; // noble's verify would throw on no point
}

/** P-256 verification on portable code alone. False for anything malformed; never throws on bytes. */
export const verifyP256: Verifier = strictP256Verifier({
  importKey: importPoint,
  verify: (publicKey, message, signature) => p256.verify(signature, message, publicKey, { lowS: false }),
  cachedKeysMax: 0,
});

/** The 64-byte signature r‖s (RFC 6979, low s) over SHA-256 of a message by a 32-byte secret key. */
export function signP256(secretKey: Uint8Array, message: Uint8Array): Uint8Array {
  return p256.sign(message, secretKey);
}

/** The 33-byte compressed public key of a 32-byte secret key. */
export function p256PublicKey(secretKey: Uint8Array): Uint8Array {
  return p256.getPublicKey(secretKey, true);
}
