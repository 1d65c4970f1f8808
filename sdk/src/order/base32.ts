/** RFC 4648 Base32 of QR texts: upper case, no padding, one spelling for each byte string. */
const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** Digits that `bytes` bytes take. */
export const base32Length = (bytes: number): number => Math.ceil((bytes * 8) / 5);

export function toBase32(bytes: Uint8Array): string {
  const length = base32Length(bytes.length);
  let bits = 0n;
  for (const byte of bytes) bits = (bits << 8n) | BigInt(byte);
  bits <<= BigInt(length * 5 - bytes.length * 8); // the last digit is filled up with zeros
  let text = '';
  for (let i = 0; i < length; i++) {
    text = DIGITS.charAt(Number(bits & 31n)) + text;
    bits >>= 5n;
  }
  return text;
}

/** Exactly `bytes` bytes; undefined for another length, another character, or another spelling of the same bytes. */
export function fromBase32(text: string, bytes: number): Uint8Array | undefined {
  if (text.length !== base32Length(bytes) || !/^[A-Z2-7]*$/.test(text)) return undefined;
  let bits = 0n;
  for (const digit of text) bits = (bits << 5n) | BigInt(DIGITS.indexOf(digit));
  const filler = BigInt(text.length * 5 - bytes * 8);
  if ((bits & ((1n << filler) - 1n)) !== 0n) return undefined;
  bits >>= filler;
  const out = new Uint8Array(bytes);
  for (let i = bytes - 1; i >= 0; i--) {
    out[i] = Number(bits & 255n);
    bits >>= 8n;
  }
  return out;
}
