/** Values that several resources share: amounts, hashes, addresses, times, pages. */
import { Type, type Static, type TProperties, type TSchema } from 'typebox';

/** An object without any other key: unknown keys are refused, never ignored. */
export function closed<P extends TProperties>(properties: P, description?: string) {
  return Type.Object(properties, description === undefined ? { additionalProperties: false } : { additionalProperties: false, description });
}

export function nullable<S extends TSchema>(schema: S) {
  return Type.Union([schema, Type.Null()]);
}

/** Ringgit of an answer: always two places. */
export const Rm = Type.String({ pattern: '^-?[0-9]{1,16}\\.[0-9]{2}$', description: 'Ringgit, always two places', examples: ['1.80'] });
/** Litres of an answer: always three places; 1 BILL = 1 litre, base unit 1 mL. */
export const Litres = Type.String({ pattern: '^[0-9]{1,13}\\.[0-9]{3}$', description: 'Litres (BILL), always three places', examples: ['0.300'] });
/** The same where what went back counts against what came. */
export const SignedLitres = Type.String({ pattern: '^-?[0-9]{1,16}\\.[0-9]{3}$', description: 'Litres (BILL), always three places, negative where more went back', examples: ['-0.100'] });

export const Hash = Type.String({ pattern: '^[0-9a-f]{64}$', description: '32 bytes, lower-case hex' });
export const TxHash = Type.String({ pattern: '^[0-9a-f]{64}$', description: 'Transaction id: signatures are no part of it' });
export const BatchKey = Type.String({ pattern: '^[0-9a-f]{64}$', description: 'Hash of plant, lot and production date' });
export const CouponId = Type.String({ pattern: '^[0-9a-f]{64}$', description: 'Id of the Pay that gave the first point of the card' });
export const PublicKey = Type.String({ pattern: '^[0-9a-f]{64}$', description: 'Ed25519 public key, hex' });
export const Signature = Type.String({ pattern: '^[0-9a-f]{128}$', description: 'Ed25519 signature, hex' });
export const DeviceId = Type.String({ pattern: '^[0-9a-f]{32}$', description: 'Device or meter, 16 bytes hex' });
/** `bill1` and 38 characters: 20 bytes and the bech32m checksum. */
export const Address = Type.String({ pattern: '^bill1[02-9ac-hj-np-z]{38}$', description: 'Account address, bech32m' });
export const MaskedAddress = Type.String({ pattern: '^bill1[02-9ac-hj-np-z]\\.\\.\\.[02-9ac-hj-np-z]{4}$', description: 'First 6 and last 4 characters of an address' });
export const Ref = Type.String({ pattern: '^[0-9a-f]{20}$', description: 'Order reference: commits to items and printed lots' });
export const TillNo = Type.Integer({ minimum: 1, maximum: 4_294_967_295 });
export const OrderId = Type.String({ pattern: '^ord_[0-9A-HJKMNP-TV-Z]{26}$' });
export const ProductId = Type.String({ pattern: '^prd_[0-9A-HJKMNP-TV-Z]{26}$' });
export const WalletId = Type.String({ pattern: '^wal_[0-9A-HJKMNP-TV-Z]{26}$' });
export const UserId = Type.String({ pattern: '^usr_[0-9A-HJKMNP-TV-Z]{26}$' });
export const ClientId = Type.String({ pattern: '^cli_[0-9A-HJKMNP-TV-Z]{26}$' });
export const CashierId = Type.String({ pattern: '^csh_[0-9A-HJKMNP-TV-Z]{26}$' });
export const StudentRef = Type.String({ pattern: '^stu_[0-9A-HJKMNP-TV-Z]{26}$', description: 'Our name of a roster row; says nothing about the student' });
export const LinkCode = Type.String({ pattern: '^[0-9A-HJKMNP-TV-Z]{10}$', description: '10 characters Crockford Base32, one use, 14 days' });
export const Height = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
export const Time = Type.String({ pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$', description: 'RFC 3339, UTC, whole seconds', examples: ['2026-04-10T08:15:23Z'] });
export const RegistryStatus = Type.Union([Type.Literal('active'), Type.Literal('suspended'), Type.Literal('revoked')]);
export type RegistryStatus = Static<typeof RegistryStatus>;

/** Base64url without padding of at most `maxBytes` bytes. */
export function base64Url(maxBytes: number, description: string) {
  return Type.String({ pattern: '^[A-Za-z0-9_-]+$', minLength: 1, maxLength: Math.ceil((maxBytes * 4) / 3), description });
}

/**
 * One line of text that people read, at most `maxLength` characters of UTF-16, one of them visible: what the law forbids in
 * names (SPEC §2: control characters, bidirectional overrides, what stands for bytes that were no text) is forbidden here, and
 * breaks of lines.
 */
export function line(maxLength: number, description?: string) {
  return Type.String({ minLength: 1, maxLength, pattern: '^(?=.*[^\\s\\u00ad\\u200b-\\u200d\\u2060])[^\\u0000-\\u001f\\u007f-\\u009f\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ufffd]*$', ...(description === undefined ? {} : { description }) });
}

/** Both languages of a text shown to people. */
export const Label = closed({ en: Type.String(), ms: Type.String() });

/** Query keys of every list; newest first. */
export const pageQuery = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 50 })),
  cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 256, pattern: '^[A-Za-z0-9_-]+$' })),
};

/** A page of a list; nextCursor is null at the end. */
export function page<S extends TSchema>(item: S) {
  return closed({ data: Type.Array(item, { maxItems: 100 }), nextCursor: nullable(Type.String()) });
}
