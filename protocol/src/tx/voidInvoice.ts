/**
 * VoidInvoice (kind 3; SPEC §6.5): the till takes back an invoice that nobody paid. From then on no Pay can settle it,
 * so a customer who walked away cannot pay later. The merchant pays the fee, within the till's daily limit.
 */
import { addressOf } from '../lib/address.ts';
import { equalBytes } from '../lib/bytes.ts';
import { fault, ok, type Result } from '../lib/fault.ts';
import { invoiceId, ROWS, tillId } from '../state/layout.ts';
import type { View } from '../state/view.ts';
import { TX_MAX_BYTES } from '../wire/tx.ts';
import type { Kind, ParsedTx, TxContext } from './context.ts';
import { checkInvoiceTill, checkUnsettled, INVOICE_VOID, invoiceForm, invoiceOf } from './invoiceRules.ts';
import { chargeTillLimit } from './tillLimit.ts';

function signers(view: View, tx: ParsedTx): Result<readonly Uint8Array[]> {
  const till = view.get(ROWS.till, tillId(invoiceOf(tx).tillNo));
  if (till === undefined) return fault('unknown_till');
  return equalBytes(tx.body.sender, addressOf(till.publicKey)) ? ok([tx.body.sender]) : fault('wrong_signers');
}

function execute(context: TxContext): Result<void> {
  const { draft, params, tx, emit } = context;
  const { tillNo, ref, amountMl, sen } = invoiceOf(tx);
  const rowId = invoiceId(tillNo, ref);
  const refusal = checkUnsettled(context, rowId);
  if (refusal !== undefined) return { ok: false, fault: refusal };
  const seller = checkInvoiceTill(context);
  if (!seller.ok) return seller;
  const limited = chargeTillLimit(context, tillNo, tx.body.feeMl);
  if (!limited.ok) return limited;
  const { till: { merchant } } = seller.value;
  draft.put(ROWS.invoice, rowId, { state: INVOICE_VOID, txId: tx.txId, merchant, amountMl, ownMl: 0n, sen, refundedMl: 0n, expiresAtMs: tx.body.validUntilMs, keptUntilMs: tx.body.validUntilMs + params.refundWindowMs });
  emit({ case: 'invoiceVoided', value: { tillNo, ref, merchant } });
  return ok(undefined);
}

export const voidInvoice: Kind = {
  no: 3,
  name: 'voidInvoice',
  fee: 'merchant',
  feePayer: (view, tx) => view.get(ROWS.till, tillId(invoiceOf(tx).tillNo))?.merchant,
  record: 'invoice',
  mustSucceed: true,
  maxBytes: TX_MAX_BYTES,
  form: invoiceForm,
  signers,
  execute,
};
