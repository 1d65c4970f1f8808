/**
 * Refund (kind 4; SPEC §6.4): back to the payer only, at most what the payment took from the own balance. The till may
 * refund up to a daily limit, the merchant more, suspended or not. A point given for the payment goes with it.
 */
import { mulDiv, type Millilitres, type Sen } from '../lib/amount.ts';
import { addressOf } from '../lib/address.ts';
import { assert } from '../lib/assert.ts';
import { equalBytes } from '../lib/bytes.ts';
import { fault, ok, type Result } from '../lib/fault.ts';
import { invoiceId, ROWS, tillId } from '../state/layout.ts';
import { placeOfPoint, takePoint } from '../state/loyalty.ts';
import { credit, debit } from '../state/money.ts';
import type { View } from '../state/view.ts';
import { ACTIVE, type InvoiceRow } from '../wire/state.ts';
import { TX_MAX_BYTES } from '../wire/tx.ts';
import { valueOf, type BlockEnv, type Kind, type ParsedTx, type TxContext } from './context.ts';
import { INVOICE_VOID } from './invoiceRules.ts';
import { chargeTillLimit } from './tillLimit.ts';

function invoiceRowOf(view: View, tx: ParsedTx): Result<InvoiceRow> {
  const { tillNo, ref } = valueOf(tx, 'refund');
  const row = view.get(ROWS.invoice, invoiceId(tillNo, ref));
  if (row === undefined) return fault('unknown_invoice');
  return row.state === INVOICE_VOID ? fault('invoice_void') : ok(row);
}

/** The merchant of the payment, whose balance gives the refund and its fee. */
function feePayer(view: View, tx: ParsedTx): Uint8Array | undefined {
  const row = invoiceRowOf(view, tx);
  return row.ok ? row.value.merchant : undefined;
}

/** The window stands in the gate: a record past it and one that was deleted alike let no refund into a block. */
function signers(view: View, tx: ParsedTx, env: BlockEnv): Result<readonly Uint8Array[]> {
  const row = invoiceRowOf(view, tx);
  if (!row.ok) return row;
  if (env.timeMs > row.value.keptUntilMs) return fault('refund_window_over');
  const till = view.get(ROWS.till, tillId(valueOf(tx, 'refund').tillNo));
  assert(till !== undefined, 'the till of a payment is registered');
  const { sender } = tx.body;
  if (equalBytes(sender, row.value.merchant)) return ok([sender]);
  if (!equalBytes(sender, addressOf(till.publicKey))) return fault('wrong_signers');
  return till.status === ACTIVE ? ok([sender]) : fault('till_not_active');
}

/**
 * mL still to refund: own balance paid, less what went back, less a coupon's litres once the point was spent in one. So
 * goods for a free carton cannot be had for payments that were all given back.
 */
export function refundableMl(view: View, row: InvoiceRow): Millilitres {
  const place = row.cardId === undefined || row.payer === undefined ? undefined : placeOfPoint(view, row.merchant, row.payer, row.cardId);
  const keptMl = place?.at === 'spent' ? place.couponMl : 0n;
  const left = row.ownMl - keptMl - row.refundedMl;
  return left > 0n ? left : 0n;
}

/** Cumulative half-up share of the invoice's sen (SPEC §6.4): the sum of all refunds never drifts from the invoice. */
export function refundSen(row: InvoiceRow, amountMl: Millilitres): Sen {
  const upTo = (ml: Millilitres): Sen => mulDiv(row.sen, ml, row.amountMl, 'halfUp');
  return upTo(row.refundedMl + amountMl) - upTo(row.refundedMl);
}

function execute(context: TxContext): Result<void> {
  const { draft, params, tx, emit } = context;
  const { tillNo, ref, amountMl } = valueOf(tx, 'refund');
  const found = invoiceRowOf(draft, tx);
  if (!found.ok) return found;
  const row = found.value;
  assert(row.payer !== undefined, 'a paid invoice has a payer');
  const limitMl = refundableMl(draft, row);
  if (amountMl > limitMl) return fault('exceeds_refundable', { refundableMl: limitMl });
  const capped = equalBytes(tx.body.sender, row.merchant) ? ok(undefined) : chargeTillLimit(context, tillNo, amountMl + tx.body.feeMl);
  if (!capped.ok) return capped;
  const given = debit(draft, row.merchant, amountMl);
  if (!given.ok) return given;
  credit(draft, row.payer, amountMl);

  const refundedMl = row.refundedMl + amountMl;
  emit({ case: 'refunded', value: { tillNo, ref, payer: row.payer, merchant: row.merchant, amountMl, sen: refundSen(row, amountMl) } });
  const taken = row.cardId !== undefined && row.ownMl - refundedMl < params.pointMinMl && takePoint(context, row.merchant, row.payer, row.cardId, tx.txId);
  draft.put(ROWS.invoice, invoiceId(tillNo, ref), { ...row, refundedMl, cardId: taken ? undefined : row.cardId });
  return ok(undefined);
}

export const refund: Kind = {
  no: 4,
  name: 'refund',
  fee: 'merchant',
  feePayer,
  record: 'done',
  mustSucceed: false,
  maxBytes: TX_MAX_BYTES,
  form: () => undefined,
  signers,
  execute,
};
