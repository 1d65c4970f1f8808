/** Key layouts of the node's databases: `<letter>/` ‖ parts, integers big-endian (consensus page §1.10, §5). */
import { utf8 } from '@billcoin/protocol';
import type { StoreRange } from '../ports.ts';

const U32_BYTES = 4;
const U64_BYTES = 8;

/** First key after every key with this prefix. */
function after(prefix: Uint8Array): Uint8Array {
  const end = prefix.slice();
  end[end.length - 1] = (end[end.length - 1] as number) + 1; // prefixes end in '/', so this never carries
  return end;
}

/** All keys under a text prefix such as `b/`. */
export function under(prefix: string): StoreRange {
  const gte = utf8(prefix);
  return { gte, lt: after(gte) };
}

/** Bytes of the prefixes in use: a dozen literals, each encoded once. */
const prefixes = new Map<string, Uint8Array>();

/** `prefix`, then room for `length` bytes. */
function keyUnder(prefix: string, length: number): Uint8Array {
  const known = prefixes.get(prefix);
  const bytes = known ?? utf8(prefix);
  if (known === undefined) prefixes.set(prefix, bytes);
  const key = new Uint8Array(bytes.length + length);
  key.set(bytes);
  return key;
}

// PERF: byte by byte. A DataView over a small array makes the engine move it out of its heap, at ten times the price.
export function writeU32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 24;
  bytes[offset + 1] = value >>> 16;
  bytes[offset + 2] = value >>> 8;
  bytes[offset + 3] = value;
}

function writeU64(bytes: Uint8Array, offset: number, value: number): void {
  writeU32(bytes, offset, Math.floor(value / 2 ** 32));
  writeU32(bytes, offset + 4, value);
}

export function heightKey(prefix: string, height: number): Uint8Array {
  const key = keyUnder(prefix, U64_BYTES);
  writeU64(key, key.length - U64_BYTES, height);
  return key;
}

export function hashKey(prefix: string, hash: Uint8Array): Uint8Array {
  const key = keyUnder(prefix, hash.length);
  key.set(hash, key.length - hash.length);
  return key;
}

export function positionOf(height: number, index: number): Uint8Array {
  const position = new Uint8Array(U64_BYTES + U32_BYTES);
  writeU64(position, 0, height);
  writeU32(position, U64_BYTES, index);
  return position;
}

export function readU64(bytes: Uint8Array, offset: number): number {
  return readU32(bytes, offset) * 2 ** 32 + readU32(bytes, offset + 4);
}

export function readU32(bytes: Uint8Array, offset: number): number {
  if (offset + U32_BYTES > bytes.length) throw new RangeError(`there are no four bytes at ${offset} of ${bytes.length}`);
  return (((bytes[offset] as number) << 24) | ((bytes[offset + 1] as number) << 16) | ((bytes[offset + 2] as number) << 8) | (bytes[offset + 3] as number)) >>> 0;
}
