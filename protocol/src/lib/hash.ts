/**
 * Domain-tagged hashing (SPEC §2): Hash = SHA-256(tag ‖ 0x00 ‖ bytes), preimage = tag ‖ 0x00 ‖ genesisHash ‖ bytes.
 * Signed and hashed bytes are the received bytes; nothing is re-encoded on the way.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { concat, utf8 } from './bytes.ts';
import { assert } from './assert.ts';

/** Every tag of the protocol, one per use. Append only: a tag is never used for a second thing. */
export const TAGS = [
  'bill/tx/1', 'bill/tx-id/1', 'bill/header/1', 'bill/vote/1', 'bill/proposal/1', 'bill/invoice/1', 'bill/order/1',
  'bill/attest/1', 'bill/batch/1', 'bill/manifest/1', 'bill/profile/1', 'bill/reading/1', 'bill/reading-id/1',
  'bill/reading-batch/1', 'bill/reading-json/1', 'bill/reading-json-id/1', 'bill/handover/1', 'bill/override/1',
  'bill/command/1', 'bill/receipt/1', 'bill/export/1', 'bill/audit/1', 'bill/webhook/1', 'bill/login/1',
  'bill/address/1', 'bill/multi/1', 'bill/genesis/1', 'bill/gentx/1', 'bill/checkpoint/1', 'bill/commit/1',
  'bill/validators/1', 'bill/schedule/1',
] as const;
export type Tag = (typeof TAGS)[number];

const prefixes = new Map<Tag, Uint8Array>(TAGS.map((tag) => [tag, concat(utf8(tag), new Uint8Array(1))]));

function prefixOf(tag: Tag): Uint8Array {
  const prefix = prefixes.get(tag);
  assert(prefix !== undefined, `unknown tag ${tag}`);
  return prefix;
}

export { sha256 };

/** SHA-256(tag ‖ 0x00 ‖ bytes). */
export function taggedHash(tag: Tag, ...parts: readonly Uint8Array[]): Uint8Array {
  return sha256(concat(prefixOf(tag), ...parts));
}

/** SHA-256(tag ‖ 0x00 ‖ genesisHash ‖ bytes): block and transaction ids, the hashes that must differ per network. */
export function chainHash(tag: 'bill/header/1' | 'bill/tx-id/1', genesisHash: Uint8Array, bytes: Uint8Array): Uint8Array {
  return sha256(signingBytes(tag, genesisHash, bytes));
}

/** What a signature covers: tag ‖ 0x00 ‖ genesisHash(32) ‖ bytes. Ed25519 signs it as it is, P-256 its SHA-256. */
export function signingBytes(tag: Tag, genesisHash: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  assert(genesisHash.length === 32, 'a genesis hash has 32 bytes');
  return concat(prefixOf(tag), genesisHash, ...parts);
}

/** Length of the chain tag that travels with a transaction to route it and to give a clear error. */
export const CHAIN_TAG_BYTES = 8;

/** First 8 bytes of the genesis hash. */
export function chainTag(genesisHash: Uint8Array): Uint8Array {
  return genesisHash.slice(0, CHAIN_TAG_BYTES);
}
