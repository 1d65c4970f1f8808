/**
 * Pay of a phone without a connection, shown to the till's camera (SPEC §6.8): `MMU3:` and, in upper-case Base32, the
 * invoice (92 bytes), the payer's key (32) and signature (64). 306 characters. All else of such a Pay follows from the
 * invoice, so the till rebuilds it bit by bit, posts it, and waits for its block as for any other.
 */
import { addressOf, concat, decodeInvoiceFor, equalBytes, fault, INVOICE_BYTES, ok, verifyEd25519, type Invoice, type Result } from '@billcoin/protocol';
import { attachSignature, decodeTransaction, encodeTransaction, txSigningBytes, type TxDraft } from '../tx/draft.ts';
import { buildPay } from '../tx/pay.ts';
import { fromBase32, toBase32 } from './base32.ts';

const PREFIX = 'MMU3:';
const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
const PAY_BYTES = INVOICE_BYTES + KEY_BYTES + SIGNATURE_BYTES;

export interface OfflinePay {
  /** Ready to be posted. */
  readonly draft: TxDraft;
  readonly invoice: Invoice;
  /** Address, 20 bytes. */
  readonly payer: Uint8Array;
}

/** Text of a signed Pay; throws RangeError for any other transaction, a coupon, or a payer of several keys: they do not fit. */
export function offlinePayText(draft: TxDraft): string {
  const opened = decodeTransaction(draft.genesisHash, encodeTransaction(draft));
  const [sig, ...others] = draft.sigs;
  const body = opened.ok ? opened.value.body : undefined;
  const isPlain = body?.kind.case === 'pay' && body.kind.value.couponId === undefined && body.policies.length === 0;
  if (!isPlain || sig === undefined || others.length > 0 || !equalBytes(addressOf(sig.publicKey), body.sender)) throw new RangeError('only a Pay without coupon, signed by the one key of its payer, can be shown');
  return PREFIX + toBase32(concat(body.kind.value.invoice, sig.publicKey, sig.signature));
}

/**
 * The Pay of a scanned text; only the one canonical spelling is accepted. Faults: `malformed`, `wrong_network`, `bad_signature`
 * (of the payer). Whether the invoice is the till's own and still in time, the till knows.
 */
export function parseOfflinePay(text: string, genesisHash: Uint8Array): Result<OfflinePay> {
  const bytes = text.startsWith(PREFIX) ? fromBase32(text.slice(PREFIX.length), PAY_BYTES) : undefined;
  if (bytes === undefined) return fault('malformed', { path: 'OfflinePay', why: `is not ${PREFIX} and a Pay in canonical Base32` });
  const invoiceBytes = bytes.slice(0, INVOICE_BYTES);
  const publicKey = bytes.slice(INVOICE_BYTES, INVOICE_BYTES + KEY_BYTES);
  const signature = bytes.slice(INVOICE_BYTES + KEY_BYTES);
  const invoice = decodeInvoiceFor(genesisHash, invoiceBytes);
  if (!invoice.ok) return invoice;
  const payer = addressOf(publicKey);
  const built = buildPay({ genesisHash, invoice: invoiceBytes, payer });
  if (!built.ok) return built;
  if (!verifyEd25519(publicKey, txSigningBytes(built.value), signature)) return fault('bad_signature');
  return ok({ draft: attachSignature(built.value, { publicKey, signature }), invoice: invoice.value, payer });
}
