/**
 * Addresses (SPEC §3): first 20 bytes of Hash(bill/address/1, publicKey), shown as bech32m with prefix `bill`.
 * A k-of-n account hashes its policy instead: k ‖ n ‖ keys ascending.
 */
import { bech32m } from '@scure/base';
import { assert } from './assert.ts';
import { compareBytes, concat } from './bytes.ts';
import { taggedHash } from './hash.ts';

export const ADDRESS_BYTES = 20;
/** Most keys of a k-of-n account: more would not fit a transaction of 4 KiB with its signatures. */
export const POLICY_KEYS_MAX = 16;
const PREFIX = 'bill';

/** Address of a 32-byte Ed25519 account key. */
export function addressOf(publicKey: Uint8Array): Uint8Array {
  assert(publicKey.length === 32, 'an account key has 32 bytes');
  return taggedHash('bill/address/1', publicKey).slice(0, ADDRESS_BYTES);
}

/** First 8 bytes of a key's address hash (keyId of readings; a P-256 key has 33 bytes). */
export function keyIdOf(publicKey: Uint8Array): Uint8Array {
  return taggedHash('bill/address/1', publicKey).slice(0, 8);
}

export interface Policy {
  readonly k: number;
  readonly keys: readonly Uint8Array[];
}

/** Bytes of a k-of-n policy with its keys in ascending order; 1 ≤ k ≤ n ≤ 16. */
export function encodePolicy(k: number, keys: readonly Uint8Array[]): Uint8Array {
  const sorted = [...keys].sort(compareBytes);
  const policy = concat(Uint8Array.of(k, sorted.length), ...sorted);
  assert(decodePolicy(policy) !== undefined, 'a policy needs 1 ≤ k ≤ n ≤ 16 and distinct 32-byte keys');
  return policy;
}

/** The policy in strict form, or undefined: length, 1 ≤ k ≤ n ≤ 16, keys strictly ascending. */
export function decodePolicy(policy: Uint8Array): Policy | undefined {
  const [k = 0, n = 0] = policy;
  if (k < 1 || k > n || n > POLICY_KEYS_MAX || policy.length !== 2 + 32 * n) return undefined;
  const keys: Uint8Array[] = [];
  for (let i = 0; i < n; i++) {
    const key = policy.slice(2 + 32 * i, 34 + 32 * i);
    const previous = keys[i - 1];
    if (previous !== undefined && compareBytes(previous, key) >= 0) return undefined;
    keys.push(key);
  }
  return { k, keys };
}

export function policyAddress(policy: Uint8Array): Uint8Array {
  return taggedHash('bill/multi/1', policy).slice(0, ADDRESS_BYTES);
}

/** "bill1…" of a 20-byte address. */
export function formatAddress(address: Uint8Array): string {
  assert(address.length === ADDRESS_BYTES, 'an address has 20 bytes');
  return bech32m.encode(PREFIX, bech32m.toWords(address));
}

/** 20 bytes of a "bill1…" text; undefined on a wrong prefix, checksum, case mix or length. */
export function parseAddress(text: string): Uint8Array | undefined {
  const decoded = bech32m.decodeUnsafe(text, 90);
  if (decoded?.prefix !== PREFIX) return undefined;
  const bytes = bech32m.fromWordsUnsafe(decoded.words);
  return bytes instanceof Uint8Array && bytes.length === ADDRESS_BYTES ? bytes : undefined;
}

/** Ledger rows are looked up by hex text; "bill1abcdef...wxyz" is what people see of a masked wallet (US-003). */
export function maskAddress(address: Uint8Array): string {
  const text = formatAddress(address);
  return `${text.slice(0, 6)}...${text.slice(-4)}`;
}
