/**
 * Pay (kind 2; SPEC §6, US-001): settles a till-signed invoice exactly once and in full. Atomic: money, fee, invoice
 * record, coupon and point change together or not at all. Retires nothing; only Redeem does.
 */
import { mulDiv, type Millilitres } from '../lib/amount.ts';
import { equalBytes, toHex } from '../lib/bytes.ts';
import { fault, ok, type Fault, type Result } from '../lib/fault.ts';
import { cardIdOf, invoiceId, ROWS } from '../state/layout.ts';
import { COUPON, earnPoint } from '../state/loyalty.ts';
import { addFee, creditRow, debitRow } from '../state/money.ts';
import { priceBands } from '../state/price.ts';
import type { Draft } from '../state/view.ts';
import { TX_MAX_BYTES } from '../wire/tx.ts';
import { valueOf, type Kind, type TxContext } from './context.ts';
import type { Invoice } from './invoice.ts';
import { checkInvoiceTill, checkUnsettled, INVOICE_PAID, invoiceForm, invoiceOf } from './invoiceRules.ts';

/** Lawful amount at the price in force. */
function checkAmount({ draft, env, params }: TxContext, invoice: Invoice): Fault | undefined {
  if (invoice.amountMl <= 1n || invoice.sen < 1n) return { code: 'amount_too_small' };
  if (invoice.amountMl > params.invoiceMaxMl) return { code: 'amount_too_large', limitMl: params.invoiceMaxMl };
  const bands = priceBands(draft, env, invoice.sen, params.bandBps);
  const [now] = bands;
  if (now !== undefined && !bands.some((band) => invoice.amountMl >= band.minMl && invoice.amountMl <= band.maxMl)) return { code: 'price_out_of_band', ...now };
  return undefined;
}

/** Spends the coupon whole; returns the part of the amount that it pays. */
function spendCoupon(draft: Draft, couponId: Uint8Array, payer: Uint8Array, merchant: Uint8Array, amountMl: Millilitres, timeMs: number): Result<Millilitres> {
  const coupon = draft.get(ROWS.coupon, toHex(couponId));
  if (coupon === undefined) return fault('unknown_coupon');
  if (!equalBytes(coupon.owner, payer) || !equalBytes(coupon.merchant, merchant)) return fault('coupon_not_yours');
  if (coupon.state !== COUPON.unspent || timeMs > coupon.expiresAtMs) return fault('coupon_not_usable');
  draft.put(ROWS.coupon, toHex(couponId), { ...coupon, state: COUPON.spent });
  return ok(coupon.couponMl < amountMl ? coupon.couponMl : amountMl);
}

/** Share of a payment for the validators: min(moved, max(1, ceil(moved · bps / 10,000))). */
export function paymentFee(movedMl: Millilitres, paymentFeeBps: number): Millilitres {
  const share = mulDiv(movedMl, BigInt(paymentFeeBps), 10_000n, 'ceil');
  const atLeastOne = share > 1n ? share : 1n;
  return atLeastOne < movedMl ? atLeastOne : movedMl;
}

function execute(context: TxContext): Result<void> {
  const { draft, env, params, tx, emit } = context;
  const invoice = invoiceOf(tx);
  const payer = tx.body.sender;
  const rowId = invoiceId(invoice.tillNo, invoice.ref);
  const refusal = checkUnsettled(context, rowId) ?? checkAmount(context, invoice);
  if (refusal !== undefined) return { ok: false, fault: refusal };
  const seller = checkInvoiceTill(context);
  if (!seller.ok) return seller;
  const { till: { merchant }, merchantId } = seller.value;
  if (equalBytes(payer, merchant)) return fault('self_payment');

  const { couponId } = valueOf(tx, 'pay');
  const couponPart = couponId === undefined ? ok(0n) : spendCoupon(draft, couponId, payer, merchant, invoice.amountMl, env.timeMs);
  if (!couponPart.ok) return couponPart;
  const movedMl = invoice.amountMl - couponPart.value;
  // PERF: the text of an address is made once; it names three rows.
  const payerId = toHex(payer);
  const paid = debitRow(draft, payerId, movedMl);
  if (!paid.ok) return paid;
  const feeMl = paymentFee(movedMl, params.paymentFeeBps);
  creditRow(draft, merchantId, movedMl - feeMl);
  addFee(draft, feeMl);

  const { tillNo, ref, amountMl, sen } = invoice;
  emit({ case: 'paid', value: { tillNo, ref, payer, merchant, amountMl, ownMl: movedMl, sen, feeMl, couponId } });
  const earns = couponId === undefined && movedMl >= params.pointMinMl;
  const cardId = earns ? earnPoint(context, { merchant, account: payer, key: cardIdOf(merchantId, payerId) }, tx.txId) : undefined;
  draft.put(ROWS.invoice, rowId, {
    state: INVOICE_PAID, txId: tx.txId, payer, merchant, amountMl, ownMl: movedMl, sen, refundedMl: 0n, cardId, expiresAtMs: tx.body.validUntilMs, keptUntilMs: tx.body.validUntilMs + params.refundWindowMs,
  });
  return ok(undefined);
}

export const pay: Kind = {
  no: 2,
  name: 'pay',
  fee: 'share',
  record: 'invoice',
  mustSucceed: true,
  maxBytes: TX_MAX_BYTES,
  form: invoiceForm,
  signers: (_view, tx) => ok([tx.body.sender]),
  execute,
};
