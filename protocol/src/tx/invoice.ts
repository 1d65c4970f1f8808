/**
 * The invoice (SPEC §6): 92 bytes, big-endian, the same bytes in the QR code, the order API and Pay. The one signed form
 * that is no protobuf, because it must fit a QR code of version 6-M as text.
 *
 *     0 version = 1 (1) | 1 network hint (2) | 3 tillNo (4) | 7 amountMl (4) | 11 sen (3) | 14 ref (10) | 24 expiresAtS (4)
 *     28 signature of the till's key over bill/invoice/1 ‖ 0x00 ‖ genesisHash ‖ bytes 0–27 (64)
 */
import { base32nopad } from '@scure/base';
import type { Millilitres, Sen } from '../lib/amount.ts';
import { assert } from '../lib/assert.ts';
import { concat, equalBytes } from '../lib/bytes.ts';
import { fault, ok, type Result } from '../lib/fault.ts';
import { signingBytes, taggedHash } from '../lib/hash.ts';
import { signEd25519, type Verifier } from '../lib/signature.ts';
import { INVOICE_BYTES, TIME_MAX_MS, TIME_MIN_MS } from '../wire/tx.ts';

const VERSION = 1;
const AT = { hint: 1, tillNo: 3, amountMl: 7, sen: 11, ref: 14, expiresAtS: 24, signature: 28 } as const;
/** The till signs the bytes before its signature. */
export const INVOICE_SIGNED_BYTES = AT.signature;
export const NETWORK_HINT_BYTES = 2;
export const REF_BYTES = 10;
export const ORDER_SALT_BYTES = 16;
const U32_MAX = 0xffff_ffff;
/** Three bytes of sen: RM 167,772.15, far above any carton. */
export const INVOICE_SEN_MAX = 0xff_ffffn;
/** Four bytes of mL: 4,294,967 litres; the parameter invoiceMaxMl is far below. */
export const INVOICE_AMOUNT_MAX_ML = 0xffff_ffffn;
const EXPIRES_MIN_S = TIME_MIN_MS / 1_000;
const EXPIRES_MAX_S = TIME_MAX_MS / 1_000;

/** What the till states and signs. */
export interface InvoiceTerms {
  /** 1 … 2^32 − 1. */
  readonly tillNo: number;
  /** 0 … 2^32 − 1; the law refuses what is too small to carry a fee. */
  readonly amountMl: Millilitres;
  /** Shelf price, 0 … 2^24 − 1; the law refuses 0. */
  readonly sen: Sen;
  /** 10 bytes: commits to the order (`orderRef`). */
  readonly ref: Uint8Array;
  /** Unix time in whole seconds; no block after it may hold the Pay. */
  readonly expiresAtS: number;
}

export interface Invoice extends InvoiceTerms {
  /** First 2 bytes of the genesis hash: a clear error before any key is known; the signature holds the whole hash. */
  readonly networkHint: Uint8Array;
  readonly signature: Uint8Array;
}

/** First 2 bytes of the genesis hash. */
export function networkHint(genesisHash: Uint8Array): Uint8Array {
  return genesisHash.slice(0, NETWORK_HINT_BYTES);
}

/** The name and reason of the first field outside its bounds. */
function termsProblem(terms: InvoiceTerms): { readonly path: string; readonly why: string } | undefined {
  const { tillNo, amountMl, sen, ref, expiresAtS } = terms;
  if (!Number.isInteger(tillNo) || tillNo < 1 || tillNo > U32_MAX) return { path: 'Invoice.tillNo', why: 'is not 1 … 2^32 − 1' };
  if (amountMl < 0n || amountMl > INVOICE_AMOUNT_MAX_ML) return { path: 'Invoice.amountMl', why: 'is not 0 … 2^32 − 1' };
  if (sen < 0n || sen > INVOICE_SEN_MAX) return { path: 'Invoice.sen', why: 'is not 0 … 2^24 − 1' };
  if (ref.length !== REF_BYTES) return { path: 'Invoice.ref', why: `has ${ref.length} bytes, not ${REF_BYTES}` };
  if (!Number.isInteger(expiresAtS) || expiresAtS < EXPIRES_MIN_S || expiresAtS > EXPIRES_MAX_S) return { path: 'Invoice.expiresAtS', why: 'is not between 2020 and 2100' };
  return undefined;
}

/** The 28 bytes the till signs; terms outside their bounds are a bug of the caller and crash. */
function encodeTerms(hint: Uint8Array, terms: InvoiceTerms): Uint8Array {
  const problem = termsProblem(terms);
  assert(problem === undefined, `${problem?.path ?? ''} ${problem?.why ?? ''}`);
  assert(hint.length === NETWORK_HINT_BYTES, 'a network hint has 2 bytes');
  const out = new Uint8Array(AT.signature);
  const view = new DataView(out.buffer);
  out[0] = VERSION;
  out.set(hint, AT.hint);
  view.setUint32(AT.tillNo, terms.tillNo);
  view.setUint32(AT.amountMl, Number(terms.amountMl));
  view.setUint8(AT.sen, Number(terms.sen >> 16n));
  view.setUint16(AT.sen + 1, Number(terms.sen & 0xffffn));
  out.set(terms.ref, AT.ref);
  view.setUint32(AT.expiresAtS, terms.expiresAtS);
  return out;
}

/** The 92 bytes of a signed invoice; values outside their bounds are a bug of the caller and crash. */
export function encodeInvoice(invoice: Invoice): Uint8Array {
  assert(invoice.signature.length === 64, 'a signature has 64 bytes');
  return concat(encodeTerms(invoice.networkHint, invoice), invoice.signature);
}

/**
 * Strict decode of untrusted bytes. Every 92-byte string that passes encodes back to itself. Faults: `malformed`.
 * Neither network nor signature is looked at: `verifyInvoice` does both.
 */
export function decodeInvoice(bytes: Uint8Array): Result<Invoice> {
  if (bytes.length !== INVOICE_BYTES) return fault('malformed', { path: 'Invoice', why: `has ${bytes.length} bytes, not ${INVOICE_BYTES}` });
  if (bytes[0] !== VERSION) return fault('malformed', { path: 'Invoice.version', why: `is ${String(bytes[0])}, not ${VERSION}` });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const invoice: Invoice = {
    networkHint: bytes.slice(AT.hint, AT.tillNo),
    tillNo: view.getUint32(AT.tillNo),
    amountMl: BigInt(view.getUint32(AT.amountMl)),
    sen: BigInt(view.getUint8(AT.sen)) * 0x1_0000n + BigInt(view.getUint16(AT.sen + 1)),
    ref: bytes.slice(AT.ref, AT.expiresAtS),
    expiresAtS: view.getUint32(AT.expiresAtS),
    signature: bytes.slice(AT.signature),
  };
  const problem = termsProblem(invoice);
  return problem === undefined ? ok(invoice) : fault('malformed', problem);
}

/** What the till's signature covers: tag ‖ 0x00 ‖ genesisHash ‖ bytes 0–27 of the invoice. */
export function invoiceSigningBytes(genesisHash: Uint8Array, invoice: Uint8Array): Uint8Array {
  return signingBytes('bill/invoice/1', genesisHash, invoice.subarray(0, AT.signature));
}

/** The 92 bytes of an invoice, signed with the till's 32-byte seed. */
export function signInvoice(terms: InvoiceTerms, genesisHash: Uint8Array, tillSeed: Uint8Array): Uint8Array {
  const body = encodeTerms(networkHint(genesisHash), terms);
  return concat(body, signEd25519(tillSeed, invoiceSigningBytes(genesisHash, body)));
}

/** Decodes and checks the network hint. Faults: `malformed`, `wrong_network`. */
export function decodeInvoiceFor(genesisHash: Uint8Array, bytes: Uint8Array): Result<Invoice> {
  const decoded = decodeInvoice(bytes);
  if (!decoded.ok) return decoded;
  return equalBytes(decoded.value.networkHint, networkHint(genesisHash)) ? decoded : fault('wrong_network');
}

/** Decodes and checks network and signature against the till's registered key. Faults: `malformed`, `wrong_network`, `bad_signature`. */
export function verifyInvoice(bytes: Uint8Array, genesisHash: Uint8Array, tillKey: Uint8Array, verify: Verifier): Result<Invoice> {
  const decoded = decodeInvoiceFor(genesisHash, bytes);
  if (!decoded.ok) return decoded;
  return verify(tillKey, invoiceSigningBytes(genesisHash, bytes), decoded.value.signature) ? decoded : fault('bad_signature');
}

const TEXT_PREFIX = 'MMU1:';
/** 5 characters of prefix and 148 of Base32: all alphanumeric mode, QR version 6-M holds 154. */
export const INVOICE_TEXT_LENGTH = 153;

/** Text of the QR code: `MMU1:` and upper-case Base32 (RFC 4648) without padding. */
export function invoiceText(invoice: Uint8Array): string {
  assert(invoice.length === INVOICE_BYTES, 'an invoice has 92 bytes');
  return TEXT_PREFIX + base32nopad.encode(invoice);
}

/** The 92 bytes of a scanned text; only the one canonical spelling is accepted. Faults: `malformed`. */
export function parseInvoiceText(text: string): Result<Uint8Array> {
  if (text.length !== INVOICE_TEXT_LENGTH) return fault('malformed', { path: 'InvoiceText', why: `has ${text.length} characters, not ${INVOICE_TEXT_LENGTH}` });
  if (!text.startsWith(TEXT_PREFIX)) return fault('malformed', { path: 'InvoiceText', why: `does not begin with ${TEXT_PREFIX}` });
  try {
    return ok(base32nopad.decode(text.slice(TEXT_PREFIX.length)));
  } catch {
    return fault('malformed', { path: 'InvoiceText', why: 'is not upper-case Base32 without padding' });
  }
}

/** Reference of an order: first 10 bytes of Hash(bill/order/1, 16-byte salt ‖ order bytes). */
export function orderRef(salt: Uint8Array, orderBytes: Uint8Array): Uint8Array {
  assert(salt.length === ORDER_SALT_BYTES, 'an order salt has 16 bytes');
  return taggedHash('bill/order/1', salt, orderBytes).slice(0, REF_BYTES);
}

/** Crockford's Base32 digits: no I, L, O, U, so that a code read aloud is not misheard. */
const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** Four characters that phone and till both show: the first 20 bits of the reference in Crockford Base32. */
export function matchCode(ref: Uint8Array): string {
  assert(ref.length === REF_BYTES, 'a reference has 10 bytes');
  const [a = 0, b = 0, c = 0] = ref;
  const bits = (a << 12) | (b << 4) | (c >> 4);
  return [15, 10, 5, 0].map((shift) => CROCKFORD.charAt((bits >> shift) & 31)).join('');
}
