/**
 * Bytes: the few operations every other room needs. Uint8Array only, so that all of it runs in a browser.
 */
import { base64urlnopad } from '@scure/base';
import { bytesToHex, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js';

export { utf8ToBytes as utf8 };

/** Up to here hex is made in one call: ids, hashes and row keys, which are also looked up by it. */
const SHORT_BYTES = 64;
const HEX_CODES = Uint8Array.from({ length: 512 }, (_, i) => '0123456789abcdef'.charCodeAt(i % 2 === 0 ? i >>> 5 : (i >>> 1) & 15));

/**
 * Lower-case hex.
 * PERF: the rules look rows up by hex many times a payment; this is twice as fast as joining digits one by one.
 */
export function toHex(bytes: Uint8Array): string {
  if (bytes.length > SHORT_BYTES) return bytesToHex(bytes);
  const codes = new Array<number>(2 * bytes.length);
  for (let i = 0; i < bytes.length; i++) {
    const at = 2 * (bytes[i] as number);
    codes[2 * i] = HEX_CODES[at] as number;
    codes[2 * i + 1] = HEX_CODES[at + 1] as number;
  }
  return String.fromCharCode(...codes);
}

/** One array of all parts. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Hex of any case to bytes, or undefined where the text is not whole pairs of hex digits. */
export function fromHex(text: string): Uint8Array | undefined {
  return /^(?:[0-9a-fA-F]{2})*$/.test(text) ? hexToBytes(text) : undefined;
}

/** Base64url without padding (RFC 4648 §5): the form of transactions, invoices and orders in JSON. */
export function toBase64Url(bytes: Uint8Array): string {
  return base64urlnopad.encode(bytes);
}

/** Base64url to bytes, or undefined where the text is not canonical base64url. */
export function fromBase64Url(text: string): Uint8Array | undefined {
  try {
    return base64urlnopad.decode(text);
  } catch {
    return undefined;
  }
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Lexicographic order of bytes; a prefix comes first. Negative, zero or positive like every comparator. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = a.length < b.length ? a.length : b.length;
  for (let i = 0; i < length; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** Big-endian unsigned 32-bit. */
export function u32be(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
}

/** Big-endian unsigned 64-bit of an exact integer below 2^53. */
export function u64be(value: number): Uint8Array {
  const out = new Uint8Array(8);
  new DataView(out.buffer).setBigUint64(0, BigInt(value));
  return out;
}
