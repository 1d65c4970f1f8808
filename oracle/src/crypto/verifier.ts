/**
 * Native engines under the signature rule of the protocol, as in the node: Ed25519 by sodium, P-256 readings by OpenSSL.
 * Both give the portable verdict on every input. Checking readings is most of the oracle's work.
 */
import { createPublicKey, ECDH, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { createRequire } from 'node:module';
import { strictP256Verifier, strictVerifier } from '@billcoin/protocol';
import type { Verifier } from '@billcoin/protocol';

// sodium-native ships no types; only what is used here is declared.
const sodium = createRequire(import.meta.url)('sodium-native') as {
  crypto_sign_verify_detached(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean;
};

/** P-256 keys kept imported, about 1 KB each: more devices than a site has; an import costs a square root (≈ 50 µs). */
const P256_KEYS_MAX = 4_096;

/** The signature rule of protocol.md §3 on sodium. */
export const verifyEd25519Native: Verifier = strictVerifier((publicKey, message, signature) =>
  sodium.crypto_sign_verify_detached(signature, message, publicKey));

/** Through JWK: OpenSSL reads a DER key about thirteen times slower. */
function importP256(publicKey: Uint8Array): KeyObject | undefined {
  try {
    const point = ECDH.convertKey(publicKey, 'prime256v1', undefined, undefined, 'uncompressed') as Buffer;
    const [x, y] = [point.subarray(1, 33).toString('base64url'), point.subarray(33).toString('base64url')];
    return createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' });
  } catch {
    return undefined; // x belongs to no point of the curve; OpenSSL tells it by throwing
  }
}

/** Device signatures (raw r‖s over SHA-256, low and high s) on OpenSSL, same verdicts as `verifyP256` of the protocol. */
export const verifyP256Native: Verifier = strictP256Verifier({
  importKey: importP256,
  verify: (key, message, signature) => verify('sha256', message, { key, dsaEncoding: 'ieee-p1363' }, signature),
  cachedKeysMax: P256_KEYS_MAX,
});
