/** Ed25519 keys of wallets, tills, merchants, plants, oracles. The seed stays inside; only `exportSeed` shows it. */
import { addressOf, ed25519PublicKey, formatAddress, signEd25519 } from '@billcoin/protocol';

export const SEED_BYTES = 32;

/** What signs: a key in memory, or a device that keeps it. */
export interface Signer {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 20 bytes. */
  readonly address: Uint8Array;
  /** 64-byte Ed25519 signature of exactly these bytes. */
  sign(message: Uint8Array): Uint8Array;
}

export interface Key extends Signer {
  /** `bill1…` */
  readonly addressText: string;
  /** A copy of the 32-byte seed, to be kept encrypted. Whoever has it has the money. */
  exportSeed(): Uint8Array;
}

/**
 * The key of a 32-byte seed.
 * @throws RangeError for another length.
 */
export function keyFromSeed(seed: Uint8Array): Key {
  if (seed.length !== SEED_BYTES) throw new RangeError(`a seed has ${SEED_BYTES} bytes, not ${seed.length}`);
  const own = seed.slice();
  const publicKey = ed25519PublicKey(own);
  const address = addressOf(publicKey);
  return { publicKey, address, addressText: formatAddress(address), sign: (message) => signEd25519(own, message), exportSeed: () => own.slice() };
}

/** A new key from the platform's secure random source. */
export function createKey(): Key {
  return keyFromSeed(randomBytes(SEED_BYTES));
}

/** Bytes of the platform's secure random source (Web Crypto). */
export function randomBytes(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length));
}
