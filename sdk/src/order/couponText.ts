/** Text of a coupon's QR code (US-005): `MMU2:` and the coupon id in upper-case Base32, 57 characters. */
import { fault, fromHex, ok, toHex, type Result } from '@billcoin/protocol';

const PREFIX = 'MMU2:';
const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const ID_BYTES = 32;
/** 32 bytes in Base32 without padding. */
const ID_CHARS = 52;

/** Text of a coupon id of 64 hex digits; throws for anything else. */
export function couponText(couponId: string): string {
  const bytes = fromHex(couponId);
  if (bytes?.length !== ID_BYTES) throw new RangeError('a coupon id has 64 hex digits');
  let bits = BigInt(`0x${couponId}`) << 4n; // 256 bits and 4 of padding make 52 digits
  let text = '';
  for (let i = 0; i < ID_CHARS; i++) {
    text = DIGITS.charAt(Number(bits & 31n)) + text;
    bits >>= 5n;
  }
  return PREFIX + text;
}

/** The coupon id of a scanned text, lower-case hex. Fault: `malformed`. */
export function parseCouponText(text: string): Result<string> {
  if (!/^MMU2:[A-Z2-7]{52}$/.test(text)) return fault('malformed', { path: 'CouponText', why: `is not ${PREFIX} and ${ID_CHARS} digits of Base32` });
  let bits = 0n;
  for (const digit of text.slice(PREFIX.length)) bits = (bits << 5n) | BigInt(DIGITS.indexOf(digit));
  if ((bits & 15n) !== 0n) return fault('malformed', { path: 'CouponText', why: 'is not canonical' });
  const out = new Uint8Array(ID_BYTES);
  bits >>= 4n;
  for (let i = ID_BYTES - 1; i >= 0; i--) {
    out[i] = Number(bits & 255n);
    bits >>= 8n;
  }
  return ok(toHex(out));
}
