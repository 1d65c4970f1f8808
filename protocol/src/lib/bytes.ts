/**
 * Bytes: the few operations every other room needs. Uint8Array only, so that all of it runs in a browser.
 */
import { base64urlnopad } from '@scure/base';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { assert } from './assert.ts';

export { utf8ToBytes as utf8 };

/** Up to here hex is made in one call: ids, hashes and row keys, which are also looked up by it. */
const SHORT_BYTES = 64;
const HEX_CODES = Uint8Array.from({ length: 512 }, (_, i) => '0123456789abcdef'.charCodeAt(i % 2 === 0 ? i >>> 5 : (i >>> 1) & 15));

/** Where the digits are gathered, by number of bytes; used again, because the list would be more garbage than the text. */
const codesByLength: (number[] | undefined)[] = [];

/**
 * Lower-case hex.
 * PERF: the rules look rows up by hex many times a payment; this is twice as fast as joining digits one by one.
 */
export function toHex(bytes: Uint8Array): string {
  if (bytes.length > SHORT_BYTES) return bytesToHex(bytes);
  const codes = (codesByLength[bytes.length] ??= new Array<number>(2 * bytes.length).fill(0));
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
  const out = new Uint8Array(text.length >>> 1);
  return fromHexInto(text, out, 0) ? out : undefined;
}

/** Bytes of hex that this program wrote itself; anything else is a bug. */
export function bytesOfHex(text: string): Uint8Array {
  const bytes = fromHex(text);
  assert(bytes !== undefined, `${text} is hex`);
  return bytes;
}

/**
 * Bytes of an even number of hex digits into an array that the caller has; false where the text is something else.
 * PERF: row keys are made by it, three a payment.
 */
export function fromHexInto(text: string, out: Uint8Array, at: number): boolean {
  if (text.length % 2 !== 0) return false;
  for (let i = 0; i < text.length; i += 2) {
    const high = digitOf(text.charCodeAt(i));
    const low = digitOf(text.charCodeAt(i + 1));
    if ((high | low) < 0) return false;
    out[at + i / 2] = 16 * high + low;
  }
  return true;
}

/** Value of a hex digit of any case, or −1. */
function digitOf(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
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

const u32Bytes = new Uint8Array(4);

/** Hex of `u32be`. */
export function u32Hex(value: number): string {
  u32Bytes[0] = value >>> 24;
  u32Bytes[1] = value >>> 16;
  u32Bytes[2] = value >>> 8;
  u32Bytes[3] = value;
  return toHex(u32Bytes);
}

/** Big-endian unsigned 64-bit of an exact integer below 2^53. */
export function u64be(value: number): Uint8Array {
  assert(Number.isSafeInteger(value) && value >= 0, 'what is written in 64 bits is an exact integer');
  const out = new Uint8Array(8);
  const high = Math.floor(value / 2 ** 32);
  // PERF: byte by byte. A DataView makes the engine move a small array out of its heap, at ten times the price.
  out[0] = high >>> 24;
  out[1] = high >>> 16;
  out[2] = high >>> 8;
  out[3] = high;
  out[4] = value >>> 24;
  out[5] = value >>> 16;
  out[6] = value >>> 8;
  out[7] = value;
  return out;
}
