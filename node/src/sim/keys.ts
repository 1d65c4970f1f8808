/**
 * Keys of the simulator. Signatures are keyed hashes: as unforgeable in here as Ed25519 and a hundred times faster.
 * A mode with real signatures runs the same histories.
 */
import { addressOf, concat, ed25519PublicKey, equalBytes, sha256, toHex, utf8, type Verifier } from '@billcoin/protocol';
import { nativeSigner } from '../crypto/nativeSigner.ts';
import { verifyEd25519Native } from '../crypto/verifier.ts';

export interface SimKey {
  readonly seed: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly address: Uint8Array;
}

export interface Signatures {
  readonly name: 'hash' | 'ed25519';
  sign(key: SimKey, message: Uint8Array): Uint8Array;
  readonly verify: Verifier;
}

const byLabel = new Map<string, SimKey>();

/** The same key for the same label in every run. */
export function keyOf(label: string): SimKey {
  const known = byLabel.get(label);
  if (known !== undefined) return known;
  const seed = sha256(utf8(`simulator ${label}`));
  const publicKey = ed25519PublicKey(seed);
  const key = { seed, publicKey, address: addressOf(publicKey) };
  byLabel.set(label, key);
  return key;
}

const SECRET = utf8('the secret of');

function keyedHash(publicKey: Uint8Array, message: Uint8Array): Uint8Array {
  const half = sha256(concat(SECRET, publicKey, message));
  return concat(half, half);
}

export const HASH_SIGNATURES: Signatures = {
  name: 'hash',
  sign: ({ publicKey }, message) => keyedHash(publicKey, message),
  verify: (publicKey, message, signature) => equalBytes(keyedHash(publicKey, message), signature),
};

const signers = new Map<string, (message: Uint8Array) => Uint8Array>();

export const ED25519_SIGNATURES: Signatures = {
  name: 'ed25519',
  sign(key, message) {
    const label = toHex(key.publicKey);
    const signer = signers.get(label) ?? nativeSigner(key);
    signers.set(label, signer);
    return signer(message);
  },
  verify: verifyEd25519Native,
};
