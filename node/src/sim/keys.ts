/**
 * Keys of the simulator. Signatures are keyed hashes: as unforgeable in here as Ed25519 and a hundred times faster.
 * A mode with real signatures runs the same histories.
 */
import { addressOf, concat, ed25519PublicKey, sha256, toHex, utf8, type Verifier } from '@billcoin/protocol';
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
const KEY_BYTES = 32;
/** What is hashed is put together here: an array for each signature would cost as much as its hash. */
const scratch = new Uint8Array(4_096);
scratch.set(SECRET);

/** Half of a signature; the other half is the same. */
function keyedHash(publicKey: Uint8Array, message: Uint8Array): Uint8Array {
  const length = SECRET.length + KEY_BYTES + message.length;
  if (length > scratch.length || publicKey.length !== KEY_BYTES) return sha256(concat(SECRET, publicKey, message));
  scratch.set(publicKey, SECRET.length);
  scratch.set(message, SECRET.length + KEY_BYTES);
  return sha256(scratch.subarray(0, length));
}

function isTwice(half: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== 2 * half.length) return false;
  for (let i = 0; i < half.length; i++) if (signature[i] !== half[i] || signature[half.length + i] !== half[i]) return false;
  return true;
}

export const HASH_SIGNATURES: Signatures = {
  name: 'hash',
  sign({ publicKey }, message) {
    const half = keyedHash(publicKey, message);
    return concat(half, half);
  },
  verify: (publicKey, message, signature) => isTwice(keyedHash(publicKey, message), signature),
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
