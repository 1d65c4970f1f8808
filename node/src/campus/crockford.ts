/** Crockford Base32: ids (ULID) and link codes; no letter that is read as another (no I, L, O, U). */
import { randomBytes } from 'node:crypto';

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const BITS = 5;

/** `length` characters of the low bits of `value`. */
function encode(value: bigint, length: number): string {
  let rest = value;
  let text = '';
  for (let i = 0; i < length; i++) {
    text = ALPHABET.charAt(Number(rest & 31n)) + text;
    rest >>= BigInt(BITS);
  }
  return text;
}

const RANDOM_BYTES = 10;
const TIME_CHARACTERS = 10;
const RANDOM_CHARACTERS = 16;

function randomBits(): bigint {
  return BigInt(`0x${randomBytes(RANDOM_BYTES).toString('hex')}`);
}

/** ULID: 48 bits of time, 80 random bits; sorts by time. */
export function ulid(nowMs: number): string {
  return ulidTime(nowMs) + encode(randomBits(), RANDOM_CHARACTERS);
}

/** The first 10 characters of every ULID made at `timeMs`: the bound of a range by time. */
export function ulidTime(timeMs: number): string {
  return encode(BigInt(timeMs), TIME_CHARACTERS);
}

/** A random code of 10 characters, 50 bits. */
export function randomCode(): string {
  return encode(randomBits(), 10);
}
