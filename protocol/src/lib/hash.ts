/**
 * Domain-tagged hashing (SPEC §2): Hash = SHA-256(tag ‖ 0x00 ‖ bytes), preimage = tag ‖ 0x00 ‖ genesisHash ‖ bytes.
 * Signed and hashed bytes are the received bytes; nothing is re-encoded on the way.
 */
import { sha256 as sha256Portable } from '@noble/hashes/sha2.js';
import { concat, equalBytes, utf8 } from './bytes.ts';
import { assert } from './assert.ts';

/** Every tag of the protocol, one per use. Append only: a tag is never used for a second thing. */
export const TAGS = [
  'bill/tx/1', 'bill/tx-id/1', 'bill/header/1', 'bill/vote/1', 'bill/proposal/1', 'bill/invoice/1', 'bill/order/1',
  'bill/attest/1', 'bill/batch/1', 'bill/manifest/1', 'bill/profile/1', 'bill/reading/1', 'bill/reading-id/1',
  'bill/reading-batch/1', 'bill/reading-json/1', 'bill/reading-json-id/1', 'bill/handover/1', 'bill/override/1',
  'bill/command/1', 'bill/receipt/1', 'bill/export/1', 'bill/audit/1', 'bill/webhook/1', 'bill/login/1',
  'bill/address/1', 'bill/multi/1', 'bill/genesis/1', 'bill/gentx/1', 'bill/checkpoint/1', 'bill/commit/1',
  'bill/validators/1', 'bill/schedule/1', 'bill/enrol/1',
] as const;
export type Tag = (typeof TAGS)[number];

const prefixes = new Map<Tag, Uint8Array>(TAGS.map((tag) => [tag, concat(utf8(tag), new Uint8Array(1))]));

function prefixOf(tag: Tag): Uint8Array {
  const prefix = prefixes.get(tag);
  assert(prefix !== undefined, `unknown tag ${tag}`);
  return prefix;
}

export const HASH_BYTES = 32;

/** Writes the SHA-256 of a byte string of any length to `out` from `at` on. The input must not be kept. */
export type Sha256 = (bytes: Uint8Array, out: Uint8Array, at: number) => void;

let engine: Sha256 = (bytes, out, at) => out.set(sha256Portable(bytes), at);

/** SHA-256 by the engine in use, a fresh array; every hash of the protocol but the tree's pairs goes through it. */
export function sha256(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(HASH_BYTES);
  engine(bytes, out, 0);
  return out;
}

/**
 * SHA-256 into an array that the caller has: `bytes` may not overlap the 32 bytes it goes to.
 * PERF: lists and trees hash ten times a payment; an array for each costs more garbage than all rules together.
 */
export function sha256Into(bytes: Uint8Array, out: Uint8Array, at: number): void {
  engine(bytes, out, at);
}

/** Lengths around the block and padding borders of SHA-256, and around the sizes that engines treat apart. */
const PROBE_LENGTHS = [0, 1, 55, 56, 63, 64, 65, 127, 128, 129, 256, 257, 4_096];

/**
 * Uses another engine of the same function, a native one in a node: it makes twice the payments a second (BENCHMARKS).
 * The one setting of this library, made once at start: handing the engine through every function that hashes would add
 * a parameter to half of it and change no result. An engine that differs from the portable one is refused.
 */
export function useSha256(fast: Sha256): void {
  for (const length of PROBE_LENGTHS) {
    const probe = new Uint8Array(length).map((_, i) => i % 251);
    const out = new Uint8Array(HASH_BYTES + 1);
    fast(probe, out, 1);
    assert(equalBytes(out.subarray(1), sha256Portable(probe)), `the engine computes SHA-256 of ${length} bytes`);
  }
  engine = fast;
}

/** Room to put the parts of a preimage together: a transaction of the largest kind, its tag and a genesis hash fit. */
const SCRATCH_BYTES = 8_192;
const scratch = new Uint8Array(SCRATCH_BYTES);
/** Views of the scratch by length, made when first asked for. */
const scratchViews: (Uint8Array | undefined)[] = [];

/**
 * The parts put together, to be hashed at once: the next call overwrites it.
 * PERF: an array of its own for each preimage costs as much as its hash.
 */
function joined(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  if (length > SCRATCH_BYTES) return concat(...parts);
  let at = 0;
  for (const part of parts) {
    scratch.set(part, at);
    at += part.length;
  }
  return (scratchViews[length] ??= scratch.subarray(0, length));
}

/** SHA-256(prefix ‖ bytes) into an array that the caller has: the leaves of lists. */
export function prefixedHashInto(prefix: Uint8Array, bytes: Uint8Array, out: Uint8Array, at: number): void {
  engine(joined(prefix, bytes), out, at);
}

/** SHA-256 of the parts put together. */
export function sha256Parts(...parts: readonly Uint8Array[]): Uint8Array {
  return sha256(joined(...parts));
}

/** SHA-256(tag ‖ 0x00 ‖ bytes). */
export function taggedHash(tag: Tag, ...parts: readonly Uint8Array[]): Uint8Array {
  return sha256Parts(prefixOf(tag), ...parts);
}

/** SHA-256(tag ‖ 0x00 ‖ genesisHash ‖ bytes): block and transaction ids, the hashes that must differ per network. */
export function chainHash(tag: 'bill/header/1' | 'bill/tx-id/1', genesisHash: Uint8Array, bytes: Uint8Array): Uint8Array {
  assert(genesisHash.length === 32, 'a genesis hash has 32 bytes');
  return sha256Parts(prefixOf(tag), genesisHash, bytes);
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
