/**
 * What Pay and VoidInvoice share (SPEC §6.2, §6.5): an invoice is settled once, by whichever of the two is included first.
 * Both have no salt, end with the invoice, and leave the invoice's record, which is their replay record.
 */
import { equalBytes, toHex } from '../lib/bytes.ts';
import { assert } from '../lib/assert.ts';
import { fault, ok, type Fault, type Result } from '../lib/fault.ts';
import { ROWS, tillId } from '../state/layout.ts';
import { ACTIVE, type InvoiceRow, type TillRow } from '../wire/state.ts';
import type { NetworkContext, ParsedTx, TxContext } from './context.ts';
import { networkHint, type Invoice } from './invoice.ts';

/** A till may ask at most a day ahead; tills use 120 s. */
export const INVOICE_LIFE_MAX_MS = 86_400_000;
export const INVOICE_PAID = 1;
export const INVOICE_VOID = 2;

/** The decoded invoice; a caller with another kind has a bug. */
export function invoiceOf(tx: ParsedTx): Invoice {
  if (tx.invoice === undefined) assert(false, `transaction ${tx.txHash} has an invoice`);
  return tx.invoice;
}

/** Of this network, and ending when the invoice ends. */
export function invoiceForm(tx: ParsedTx, network: NetworkContext): Fault | undefined {
  const invoice = invoiceOf(tx);
  if (!equalBytes(invoice.networkHint, networkHint(network.genesisHash))) return { code: 'wrong_network' };
  if (tx.body.validUntilMs !== invoice.expiresAtS * 1_000) return { code: 'malformed', path: 'TxBody.validUntilMs', why: 'is not the expiry of the invoice' };
  return undefined;
}

/** Who sells, and the row id of that account. */
export interface Seller {
  readonly till: TillRow;
  readonly merchantId: string;
}

/** Till and merchant in force, and the till's signature over the invoice. */
export function checkInvoiceTill({ draft, network, tx }: TxContext): Result<Seller> {
  const invoice = invoiceOf(tx);
  const till = draft.get(ROWS.till, tillId(invoice.tillNo));
  if (till === undefined) return fault('unknown_till');
  if (till.status !== ACTIVE) return fault('till_not_active');
  const merchantId = toHex(till.merchant);
  const merchant = draft.get(ROWS.merchant, merchantId);
  if (merchant === undefined) return fault('unknown_merchant');
  if (merchant.status !== ACTIVE) return fault('merchant_not_active');
  assert(tx.invoiceMessage !== undefined, 'an invoice has the bytes that its till signed');
  return network.verify(till.publicKey, tx.invoiceMessage, invoice.signature) ? ok({ till, merchantId }) : fault('bad_signature');
}

function settledBy(record: InvoiceRow, tx: ParsedTx): Fault {
  if (equalBytes(record.txId, tx.txId)) return { code: 'already_executed' };
  return record.state === INVOICE_VOID ? { code: 'invoice_void' } : { code: 'invoice_already_paid', txId: toHex(record.txId) };
}

/** Not settled before (@param rowId of the invoice), and block time ≤ expiry ≤ block time + 24 h. */
export function checkUnsettled({ draft, env, tx }: TxContext, rowId: string): Fault | undefined {
  const invoice = invoiceOf(tx);
  const record = draft.get(ROWS.invoice, rowId);
  if (record !== undefined) return settledBy(record, tx);
  const expiresAtMs = invoice.expiresAtS * 1_000;
  if (env.timeMs > expiresAtMs) return { code: 'invoice_expired' };
  return expiresAtMs > env.timeMs + INVOICE_LIFE_MAX_MS ? { code: 'invoice_too_far' } : undefined;
}
