/** Text of a coupon's QR code (US-005): `MMU2:` and the coupon id in upper-case Base32, 57 characters (SPEC §6.8). */
import { fault, fromHex, ok, toHex, type Result } from '@billcoin/protocol';
import { base32Length, fromBase32, toBase32 } from './base32.ts';

const PREFIX = 'MMU2:';
const ID_BYTES = 32;

/** Text of a coupon id of 64 hex digits; throws for anything else. */
export function couponText(couponId: string): string {
  const bytes = fromHex(couponId);
  if (bytes?.length !== ID_BYTES) throw new RangeError('a coupon id has 64 hex digits');
  return PREFIX + toBase32(bytes);
}

/** The coupon id of a scanned text, lower-case hex; only the one canonical spelling is accepted. Fault: `malformed`. */
export function parseCouponText(text: string): Result<string> {
  const bytes = text.startsWith(PREFIX) ? fromBase32(text.slice(PREFIX.length), ID_BYTES) : undefined;
  return bytes === undefined ? fault('malformed', { path: 'CouponText', why: `is not ${PREFIX} and ${base32Length(ID_BYTES)} digits of canonical Base32` }) : ok(toHex(bytes));
}
