/**
 * Simple code of an order, for cameras that cannot read the signed invoice (SPEC §6.8): `MMU0:` and, in upper-case Base32,
 * network hint (2 bytes), till number (4) and reference (10). 31 characters. The wallet asks a node for the invoice and
 * checks it as one that it scanned: the reference commits to the order, and the till's key signs the rest.
 */
import { concat, decodeInvoiceFor, equalBytes, fault, fromBase64Url, invoiceText, networkHint, NETWORK_HINT_BYTES, ok, REF_BYTES, toHex, type Invoice, type Result } from '@billcoin/protocol';
import type { Routes } from '../api/index.ts';
import type { Client } from '../client/client.ts';
import { request, type CallOptions } from '../client/request.ts';
import { fromBase32, toBase32 } from './base32.ts';
import { readInvoice, type CheckedInvoice, type ReadInvoiceContext } from './readInvoice.ts';

const PREFIX = 'MMU0:';
const TILL_NO_BYTES = 4;
const CODE_BYTES = NETWORK_HINT_BYTES + TILL_NO_BYTES + REF_BYTES;

/** Which order of which till. */
export interface SimpleCode {
  readonly tillNo: number;
  /** 10 bytes. */
  readonly ref: Uint8Array;
}

/** Text of the simple code of an invoice. */
export function simpleCodeText({ tillNo, ref }: Pick<Invoice, 'tillNo' | 'ref'>, genesisHash: Uint8Array): string {
  const number = new Uint8Array(TILL_NO_BYTES);
  new DataView(number.buffer).setUint32(0, tillNo);
  return PREFIX + toBase32(concat(networkHint(genesisHash), number, ref));
}

/** What a scanned text names; only the one canonical spelling is accepted. Faults: `malformed`, `wrong_network`. */
export function parseSimpleCode(text: string, genesisHash: Uint8Array): Result<SimpleCode> {
  const bytes = text.startsWith(PREFIX) ? fromBase32(text.slice(PREFIX.length), CODE_BYTES) : undefined;
  const tillNo = bytes === undefined ? 0 : new DataView(bytes.buffer).getUint32(NETWORK_HINT_BYTES);
  if (bytes === undefined || tillNo === 0) return fault('malformed', { path: 'SimpleCode', why: `is not ${PREFIX} and a till's order in canonical Base32` });
  if (!equalBytes(bytes.subarray(0, NETWORK_HINT_BYTES), networkHint(genesisHash))) return fault('wrong_network');
  return ok({ tillNo, ref: bytes.slice(NETWORK_HINT_BYTES + TILL_NO_BYTES) });
}

/**
 * Fetches the signed invoice of a simple code and checks it like a scanned one. Faults: those of `readInvoice`; `malformed`
 * also for an answer about another order.
 * @throws ApiError `not_found` while the till has not posted the order
 */
export async function readSimpleCode(client: Client, text: string, context: ReadInvoiceContext, options?: CallOptions): Promise<Result<CheckedInvoice>> {
  const code = parseSimpleCode(text, context.genesisHash);
  if (!code.ok) return code;
  const { tillNo, ref } = code.value;
  const answer = await request<Routes['getOrderByRef']>(client, 'GET', '/orders/by-ref/{tillNo}/{ref}', { params: { tillNo, ref: toHex(ref) }, idempotent: true }, options);
  const bytes = fromBase64Url(answer.invoice) ?? new Uint8Array();
  const invoice = decodeInvoiceFor(context.genesisHash, bytes);
  if (!invoice.ok) return invoice;
  if (invoice.value.tillNo !== tillNo || !equalBytes(invoice.value.ref, ref)) return fault('malformed', { path: 'invoice', why: 'is of another order than the code' });
  return await readInvoice(invoiceText(bytes), context);
}
