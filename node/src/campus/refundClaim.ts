/**
 * What may be given back of an order (SPEC §6.4): the chain's own rule, less what was asked for already and is not final.
 * Pure: the state, what is open and the time are inputs.
 */
import {
  assert, balanceOf, dayOf, fromHex, INVOICE_VOID, invoiceId, mulDiv, paramsOf, placeOfPoint, refundableMl, refundSen, ROWS, tillId, type Millilitres, type OrderItem, type stateRows, type View,
} from '@billcoin/protocol';
import type { OrderRow } from '../campusPorts.ts';
import type { AskedAmount, OrderTerms, RefundOptions, RefundRefusal } from '../refundPorts.ts';
import { itemsOf } from '../orderItems.ts';

/** Money of one order that can still go back. */
export interface Claim {
  readonly row: stateRows.InvoiceRow;
  /** Asked for, by requests that wait for the manager or the chain. */
  readonly openMl: Millilitres;
  /** What is left beyond those. */
  readonly leftMl: Millilitres;
}
export type Claimed = { readonly ok: true; readonly value: Claim } | { readonly ok: false; readonly refusal: RefundRefusal };

export interface ClaimContext {
  readonly view: View;
  readonly nowMs: number;
  readonly openMl: Millilitres;
  /** Its payment is final here, whatever the state still holds of it. */
  readonly isPaid: boolean;
}

function refOf({ ref }: Pick<OrderRow, 'ref'>): Uint8Array {
  const bytes = fromHex(ref);
  assert(bytes !== undefined, 'a stored reference is hex');
  return bytes;
}

/** The record of the payment under this reference; undefined once the window is over and it was deleted. */
function recordOf(view: View, order: Pick<OrderRow, 'tillNo' | 'ref'>): stateRows.InvoiceRow | undefined {
  return view.get(ROWS.invoice, invoiceId(order.tillNo, refOf(order)));
}

export function claimOf({ view, nowMs, openMl, isPaid }: ClaimContext, order: OrderTerms): Claimed {
  const row = recordOf(view, order);
  if (row === undefined) return { ok: false, refusal: { code: isPaid ? 'refund_window_over' : 'unknown_invoice' } };
  if (row.state === INVOICE_VOID) return { ok: false, refusal: { code: 'invoice_void' } };
  // A till could sign two invoices under one reference: the payment of the other is not this order's.
  if (String(row.sen) !== order.sen || String(row.amountMl) !== order.amountMl) return { ok: false, refusal: { code: 'unknown_invoice' } };
  if (nowMs > row.keptUntilMs) return { ok: false, refusal: { code: 'refund_window_over' } };
  const onChainMl = refundableMl(view, row);
  return { ok: true, value: { row, openMl, leftMl: onChainMl > openMl ? onChainMl - openMl : 0n } };
}

/** Sen of giving back `amountMl` after what is open: the cumulative half-up share of the rule. */
export function claimSen({ row, openMl }: Claim, amountMl: Millilitres): bigint {
  return refundSen({ ...row, refundedMl: row.refundedMl + openMl }, amountMl);
}

/** Whether this much can be given back now, fee included. */
export function checkAmount(view: View, { row, openMl, leftMl }: Claim, amountMl: Millilitres): RefundRefusal | undefined {
  if (leftMl === 0n && row.refundedMl + openMl > 0n) return { code: 'already_refunded' };
  if (amountMl > leftMl) return { code: 'exceeds_refundable', refundableMl: leftMl };
  const needMl = amountMl + paramsOf(view).minFeeMl;
  const haveMl = balanceOf(view, row.merchant);
  return haveMl < needMl ? { code: 'merchant_balance_low', needMl, haveMl } : undefined;
}

/**
 * mL of some pieces of an order: of a line with a fixed volume its share of that volume, of shelf-priced lines their share
 * of what the invoice took for all of those by sen. Rounded down, so that pieces never add up to more than the whole.
 * undefined where the order has no such line or fewer pieces.
 */
export function itemsMl(order: { readonly amountMl: string; readonly items: readonly OrderItem[] }, pieces: readonly { readonly line: number; readonly quantity: number }[]): Millilitres | undefined {
  const lines = order.items;
  const shelf = lines.filter(({ lineMl }) => lineMl === 0n);
  const shelfSen = shelf.reduce((sum, { senLine }) => sum + senLine, 0n);
  const shelfMl = BigInt(order.amountMl) - lines.reduce((sum, { lineMl }) => sum + lineMl, 0n);
  let fixedMl = 0n;
  let sen = 0n; // in pieces of a line: rounded once, over the sum
  let places = 1n;
  for (const { line: index, quantity } of pieces) {
    const line = lines[index];
    if (line === undefined || quantity > line.quantity || pieces.filter((piece) => piece.line === index).length > 1) return undefined;
    const [taken, all] = [BigInt(quantity), BigInt(line.quantity)];
    if (line.lineMl > 0n) fixedMl += mulDiv(line.lineMl, taken, all, 'floor');
    else [sen, places] = [sen * all + line.senLine * taken * places, places * all];
  }
  return fixedMl + (shelfSen === 0n ? 0n : (shelfMl * sen) / (shelfSen * places));
}

export function askedMl(order: OrderRow, amount: AskedAmount): Millilitres | undefined {
  return 'litresMl' in amount ? amount.litresMl : itemsMl({ amountMl: order.amountMl, items: itemsOf(order) }, amount.items);
}

/** What giving all that is left back would do. The chain decides when it comes; this is what people are shown. */
export function optionsOf(context: ClaimContext, order: OrderTerms): RefundOptions | undefined {
  const { view, nowMs } = context;
  const { tillRefundDailyMl, minFeeMl, refundWindowMs, pointMinMl } = paramsOf(view);
  const till = view.get(ROWS.till, tillId(order.tillNo));
  const usedMl = (till?.day === dayOf(nowMs) ? till.refundedMl : 0n) + minFeeMl; // the fee of a refund counts as well
  const base = { tillCapLeftMl: tillRefundDailyMl > usedMl ? tillRefundDailyMl - usedMl : 0n, pointTaken: false, couponEffect: 'none', couponMl: 0n } as const;
  const claimed = claimOf(context, order);
  if (!claimed.ok) {
    if (claimed.refusal.code !== 'refund_window_over') return undefined;
    return { ...base, refundableMl: 0n, sen: 0n, untilMs: recordOf(view, order)?.keptUntilMs ?? order.expiresAtS * 1_000 + refundWindowMs };
  }
  const { row, leftMl } = claimed.value;
  const options = { ...base, refundableMl: leftMl, sen: claimSen(claimed.value, leftMl), untilMs: row.keptUntilMs };
  if (row.cardId === undefined || row.payer === undefined) return options;
  const place = placeOfPoint(view, row.merchant, row.payer, row.cardId);
  if (place.at === 'spent') return { ...options, couponEffect: 'deducted', couponMl: place.couponMl };
  const pointTaken = row.ownMl - row.refundedMl - context.openMl - leftMl < pointMinMl;
  return { ...options, pointTaken, couponEffect: pointTaken && place.at === 'coupon' ? 'cancelled' : 'none' };
}
