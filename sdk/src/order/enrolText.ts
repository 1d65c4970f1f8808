/**
 * Text of a till's enrolment code (SPEC §6.8): `MMU5:` and, in upper-case Base32, the network hint (2 bytes) and the 50
 * bits of the code (7 bytes, leading zeros). 20 characters. A device that belongs to another network says so before it
 * shows its key to anybody.
 */
import { concat, equalBytes, fault, networkHint, NETWORK_HINT_BYTES, ok, signingBytes, utf8, type Result } from '@billcoin/protocol';
import type { Signer } from '../key.ts';
import { fromBase32, toBase32 } from './base32.ts';

const PREFIX = 'MMU5:';
/** Crockford's digits: the code is also read aloud and typed. */
const DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const CODE = /^[0-9A-HJKMNP-TV-Z]{10}$/;
const CODE_CHARS = 10;
const CODE_BYTES = 7;
/** Bits of the first code byte that no code sets. */
const FIRST_BYTE_MAX = 0x03;

/** Text of a code of 10 characters; throws RangeError for anything else. */
export function enrolText(enrolCode: string, genesisHash: Uint8Array): string {
  if (!CODE.test(enrolCode)) throw new RangeError('an enrolment code has 10 characters of Crockford Base32');
  let bits = 0n;
  for (const digit of enrolCode) bits = (bits << 5n) | BigInt(DIGITS.indexOf(digit));
  const bytes = new Uint8Array(CODE_BYTES);
  for (let i = CODE_BYTES - 1; i >= 0; i--) {
    bytes[i] = Number(bits & 255n);
    bits >>= 8n;
  }
  return PREFIX + toBase32(concat(networkHint(genesisHash), bytes));
}

/** The code of a scanned text; only the one canonical spelling is accepted. Faults: `malformed`, `wrong_network`. */
export function parseEnrolText(text: string, genesisHash: Uint8Array): Result<string> {
  const bytes = text.startsWith(PREFIX) ? fromBase32(text.slice(PREFIX.length), NETWORK_HINT_BYTES + CODE_BYTES) : undefined;
  const [first = 0xff, ...rest] = bytes?.subarray(NETWORK_HINT_BYTES) ?? [];
  if (bytes === undefined || first > FIRST_BYTE_MAX) return fault('malformed', { path: 'EnrolText', why: `is not ${PREFIX} and a code in canonical Base32` });
  if (!equalBytes(bytes.subarray(0, NETWORK_HINT_BYTES), networkHint(genesisHash))) return fault('wrong_network');
  let bits = [first, ...rest].reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  let code = '';
  for (let i = 0; i < CODE_CHARS; i++) {
    code = DIGITS.charAt(Number(bits & 31n)) + code;
    bits >>= 5n;
  }
  return ok(code);
}

/** What a till signs to be enrolled: tag `bill/enrol/1`, genesis hash, the code. It can never be a login or a transaction. */
export function enrolSigningBytes(genesisHash: Uint8Array, enrolCode: string): Uint8Array {
  return signingBytes('bill/enrol/1', genesisHash, utf8(enrolCode));
}

/** The till's 64-byte signature of a code. */
export function signEnrolment(enrolCode: string, genesisHash: Uint8Array, till: Signer): Uint8Array {
  return till.sign(enrolSigningBytes(genesisHash, enrolCode));
}
