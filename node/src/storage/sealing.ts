/**
 * Checksums of stored values (consensus page §1.10): every value ends in the first 8 bytes of SHA-256(key ‖ payload).
 * LevelDB drops damaged log records without an error and does not check blocks it reads by default.
 */
import { HASH_BYTES, prefixedHashInto } from '@billcoin/protocol';

export const SEAL_BYTES = 8;

/** Written anew by each seal and read at once: ten rows a payment would each leave an array behind. */
const scratch = new Uint8Array(HASH_BYTES);

/** Its first bytes are the seal; good until the next call. */
function sealOf(key: Uint8Array, payload: Uint8Array): Uint8Array {
  prefixedHashInto(key, payload, scratch, 0);
  return scratch;
}

/** Writes the payload with its checksum to `out` from `at` on; the key is part of it, so a value under another key is found out too. */
export function sealInto(key: Uint8Array, payload: Uint8Array, out: Uint8Array, at: number): void {
  const end = at + payload.length;
  out.set(payload, at);
  const sum = sealOf(key, payload);
  for (let i = 0; i < SEAL_BYTES; i++) out[end + i] = sum[i] as number;
}

/** The same in an array of its own. */
export function seal(key: Uint8Array, payload: Uint8Array): Uint8Array {
  const sealed = new Uint8Array(payload.length + SEAL_BYTES);
  sealInto(key, payload, sealed, 0);
  return sealed;
}

/** The payload of a sealed value; undefined where the checksum is wrong. */
export function unseal(key: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
  if (sealed.length < SEAL_BYTES) return undefined;
  const payload = sealed.subarray(0, sealed.length - SEAL_BYTES);
  const expected = sealOf(key, payload);
  for (let i = 0; i < SEAL_BYTES; i++) if (sealed[payload.length + i] !== expected[i]) return undefined;
  return payload;
}
