/**
 * Native SHA-256: pairs of the state tree by @chainsafe/hashtree (many lanes at once, 20 million a second and core where
 * @noble/hashes makes half a million), single strings by OpenSSL. Both equal the protocol's portable hashers.
 */
import { hash as hashOnce } from 'node:crypto';
import { hashInto } from '@chainsafe/hashtree';

const HASH_BYTES = 32;
const PAIR_BYTES = 64;

/**
 * The HashPairs port of the protocol: SHA-256 of each 64-byte pair, n·64 bytes in, n·32 bytes out; the input is not
 * kept. Throws a RangeError where the input is not whole pairs.
 * PERF: blocks change a few pairs of each level. An array made here costs a third of one that the library makes.
 */
export function hashPairsNative(pairs: Uint8Array): Uint8Array {
  if (pairs.length % PAIR_BYTES !== 0) throw new RangeError(`${pairs.length} bytes are not whole pairs of 64`);
  const out = new Uint8Array(pairs.length / 2);
  if (out.length > 0) hashInto(pairs, out);
  return out;
}

/**
 * The Sha256 engine of the protocol: 32 bytes to `out` from `at` on.
 * PERF: as a text of 32 characters the digest comes without memory outside the engine's heap, at a third of the price of
 * a Buffer (65 B: 0.3 against 0.8 µs; sodium, which has the slower core, 0.6).
 */
export function sha256Native(bytes: Uint8Array, out: Uint8Array, at: number): void {
  const digest = hashOnce('sha256', bytes, 'binary');
  for (let i = 0; i < HASH_BYTES; i++) out[at + i] = digest.charCodeAt(i);
}
