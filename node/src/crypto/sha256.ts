/**
 * Native SHA-256: pairs of the state tree by @chainsafe/hashtree (many lanes at once, 20 million a second and core where
 * @noble/hashes makes half a million), single strings by sodium or OpenSSL. All equal the protocol's portable hashers.
 */
import { hash as hashOnce } from 'node:crypto';
import { createRequire } from 'node:module';
import { hash } from '@chainsafe/hashtree';

// sodium-native ships no types; only what is used here is declared.
const sodium = createRequire(import.meta.url)('sodium-native') as {
  crypto_hash_sha256(out: Uint8Array, input: Uint8Array): void;
};

const HASH_BYTES = 32;
const PAIR_BYTES = 64;

/**
 * The HashPairs port of the protocol: SHA-256 of each 64-byte pair, n·64 bytes in, n·32 bytes out; the input is not
 * kept. Throws a RangeError where the input is not whole pairs.
 */
export function hashPairsNative(pairs: Uint8Array): Uint8Array {
  if (pairs.length % PAIR_BYTES !== 0) throw new RangeError(`${pairs.length} bytes are not whole pairs of 64`);
  return hash(pairs);
}

/** Longest string that goes through the scratch area: keys, rows, leaves and inner nodes of lists. */
const SCRATCH_BYTES = 192;
const scratchOut = Buffer.allocUnsafeSlow(HASH_BYTES);
const scratchIn = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
const scratchViews = Array.from({ length: SCRATCH_BYTES + 1 }, (_, length) => scratchIn.subarray(0, length));

/**
 * The Sha256 engine of the protocol: 32 bytes to `out` from `at` on. Short strings are copied into a fixed area first: handing
 * a small array of the JavaScript heap to sodium costs more than its hash. Longer ones go to OpenSSL, which has the
 * faster core and the dearer call (65 B: 0.5 against 0.7 µs; 400 B: 1.5 against 0.9).
 */
export function sha256Native(bytes: Uint8Array, out: Uint8Array, at: number): void {
  const view = scratchViews[bytes.length];
  let digest = scratchOut;
  if (view === undefined) {
    digest = hashOnce('sha256', bytes, 'buffer');
  } else {
    scratchIn.set(bytes);
    sodium.crypto_hash_sha256(scratchOut, view);
  }
  // A loop: for 32 bytes it is faster than set, and makes no view.
  for (let i = 0; i < HASH_BYTES; i++) out[at + i] = digest[i] as number;
}
