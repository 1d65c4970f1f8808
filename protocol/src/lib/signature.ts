/**
 * The one signature rule of the chain, frozen at genesis (protocol.md §3). Ed25519, A the public key, R‖S the signature:
 *
 * 1. lengths 32 and 64;
 * 2. S < L;
 * 3. A and R are canonical encodings and neither is a small-order point;
 * 4. k = SHA-512(R‖A‖M) mod L and encode(S·B − k·A) equals R byte for byte (cofactor-less).
 *
 * Libraries disagree on 1–3 and on the cofactor, and a disagreement is a chain split. So 1–3 are done here, on bytes,
 * for every engine; any cofactor-less engine then decides 4 alike. `ed25519.verify` of noble is cofactored: never use it.
 */
import { ed25519 } from '@noble/curves/ed25519.js';
import { bytesToNumberLE } from '@noble/curves/utils.js';
import { sha512 } from '@noble/hashes/sha2.js';

/** Bytes of an Ed25519 public key. */
export const PUBLIC_KEY_BYTES = 32;
/** Bytes of a signature, R‖S (Ed25519) or r‖s (P-256). */
export const SIGNATURE_BYTES = 64;

/**
 * The port every rule takes to check a signature. False for anything malformed, whatever its length; never throws on bytes.
 */
export type Verifier = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean;

/** L, the order of the base point, little-endian: 2^252 + 27742317777372353535851937790883648493. */
const ORDER_L = Uint8Array.of(
  0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
);

/** The y of the order-8 points with the smaller y; its negative is the other one. Little-endian. */
const Y_ORDER_8_LOW = Uint8Array.of(
  0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
  0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
);
const Y_ORDER_8_HIGH = Uint8Array.of(
  0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
  0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
);

/** A set sign bit says "the other x"; it is no part of y. */
const Y_TOP_MASK = 0x7f;

/** True if bytes from..30 are all `value` and byte 31 without its sign bit is `top`. */
function isFilled(bytes: Uint8Array, offset: number, value: number, top: number): boolean {
  if ((bytes[offset + 31]! & Y_TOP_MASK) !== top) return false;
  for (let i = 30; i >= 1; i--) if (bytes[offset + i] !== value) return false;
  return true;
}

function hasY(bytes: Uint8Array, offset: number, y: Uint8Array): boolean {
  if ((bytes[offset + 31]! & Y_TOP_MASK) !== y[31]) return false;
  for (let i = 30; i >= 0; i--) if (bytes[offset + i] !== y[i]) return false;
  return true;
}

/**
 * Rule 3 for the 32 bytes at `offset`. The first byte alone clears 248 of 256 honest encodings.
 * Of the 14 encodings of the 8 small-order points ten have y < p: y in {0, 1, p−1, two of order 8}, each with both
 * sign bits; the other four are y = p and y = p+1, not canonical. x = 0 happens only at y = 1 and y = p−1, so the
 * forbidden "x = 0 with a sign bit" is among the ten.
 */
function isStrictPoint(bytes: Uint8Array, offset: number): boolean {
  const first = bytes[offset]!;
  if (first >= 0xec) return !isFilled(bytes, offset, 0xff, 0x7f); // y = p−1 (small order) and y ≥ p (not canonical)
  if (first <= 0x01) return !isFilled(bytes, offset, 0x00, 0x00); // y = 0 and y = 1
  if (first === 0x26) return !hasY(bytes, offset, Y_ORDER_8_LOW);
  if (first === 0xc7) return !hasY(bytes, offset, Y_ORDER_8_HIGH);
  return true;
}

/** Rule 2: S, the second half of the signature, is below L. */
function isReducedScalar(signature: Uint8Array): boolean {
  for (let i = 31; i >= 0; i--) {
    const s = signature[32 + i]!;
    const l = ORDER_L[i]!;
    if (s !== l) return s < l;
  }
  return false;
}

/**
 * Says whether a public key may stand in a signature at all: 32 bytes, canonical, not a small-order point. Registration
 * asks this. A key that is on no point passes here and verifies nothing.
 */
export function checkPublicKey(publicKey: Uint8Array): boolean {
  return publicKey.length === PUBLIC_KEY_BYTES && isStrictPoint(publicKey, 0);
}

/** Rules 1–3 of the signature rule as plain byte comparisons; rule 4 is left to the engine. */
export function precheckSignature(publicKey: Uint8Array, signature: Uint8Array): boolean {
  return (
    signature.length === SIGNATURE_BYTES &&
    checkPublicKey(publicKey) &&
    isReducedScalar(signature) &&
    isStrictPoint(signature, 0)
  );
}

/**
 * The bytes in memory no other thread can change: shared memory is copied, so that what rules 1–3 saw is what rule 4
 * sees. It also spares engines that fail on it (sodium-native answers `undefined` for shared memory).
 */
export function unsharedBytes(bytes: Uint8Array): Uint8Array {
  return bytes.buffer instanceof ArrayBuffer ? bytes : new Uint8Array(bytes);
}

/**
 * Makes a full verifier of the signature rule from an engine that decides rule 4, the cofactor-less equation.
 * The engine is called only with a 32-byte key and a 64-byte signature that passed rules 1–3.
 */
export function strictVerifier(engine: Verifier): Verifier {
  return (publicKey, message, signature) => {
    const key = unsharedBytes(publicKey);
    const sig = unsharedBytes(signature);
    return precheckSignature(key, sig) && engine(key, unsharedBytes(message), sig);
  };
}

function decodePoint(bytes: Uint8Array): InstanceType<typeof ed25519.Point> | undefined {
  try {
    return ed25519.Point.fromBytes(bytes);
  } catch {
    return undefined; // y belongs to no point of the curve; noble tells it by throwing
  }
}

/** Rule 4 on noble's point arithmetic; R is compared as bytes, so it is never decoded. */
function holdsEquation(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const a = decodePoint(publicKey);
  if (a === undefined) return false;
  const { BASE, Fn } = ed25519.Point;
  const r = signature.subarray(0, 32);
  const s = bytesToNumberLE(signature.subarray(32));
  const k = Fn.create(bytesToNumberLE(sha512.create().update(r).update(publicKey).update(message).digest()));
  const expected = BASE.multiplyUnsafe(s).add(a.negate().multiplyUnsafe(k)).toBytes();
  return expected.every((byte, i) => byte === r[i]);
}

/** The signature rule on portable code alone: browsers, tests, and the yardstick of every native engine. */
export const verifyEd25519: Verifier = strictVerifier(holdsEquation);

/** The 64-byte Ed25519 signature (RFC 8032, deterministic) of a message by the key of a 32-byte seed. */
export function signEd25519(seed: Uint8Array, message: Uint8Array): Uint8Array {
  return ed25519.sign(message, seed);
}

/** The 32-byte public key of a 32-byte seed. */
export function ed25519PublicKey(seed: Uint8Array): Uint8Array {
  return ed25519.getPublicKey(seed);
}
