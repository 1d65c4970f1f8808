/** Whether a posted order, its salt and its invoice belong together and could be paid. Pure: state and time are inputs. */
import {
  dayOf, decode, decodeInvoiceFor, equalBytes, INVOICE_LIFE_MAX_MS, INVOICE_VOID, invoiceId, Order, orderRef, ORDER_SALT_BYTES, paramsOf, priceBands, priceInForce, ROWS, stateRows, tillId, toHex, verifyInvoice,
  type Fault, type Invoice, type Millilitres, type OrderItem, type Sen, type Verifier, type View,
} from '@billcoin/protocol';
import type { OrderRefusal, PostedOrder } from '../campusPorts.ts';
import type { FitsPrice } from './stock.ts';

export interface OrderCheckContext {
  readonly view: View;
  readonly genesisHash: Uint8Array;
  readonly verify: Verifier;
  /** Wall clock, and the time of the newest final block. */
  readonly nowMs: number;
  readonly tipTimeMs: number;
  /** The chain holds its payment already (a till posts late after it was offline): price and end were judged there. */
  readonly isPaid: (tillNo: number, ref: string) => Promise<boolean>;
}

export interface AcceptedOrder {
  readonly items: readonly OrderItem[];
  readonly invoice: Invoice;
  readonly merchant: Uint8Array;
  readonly priceSenPerBill: Sen;
  /** Day of the chain. */
  readonly priceEpoch: number;
  /** Of single lines; the whole amount was checked. */
  readonly fits: FitsPrice;
}
export type CheckedOrder = { readonly ok: true; readonly value: AcceptedOrder } | { readonly ok: false; readonly refusal: OrderRefusal };

/** Σ sen of the lines is the invoice's; litres of lines with a fixed volume are part of the amount, or all of it. */
export function totalsMatch(order: Order, sen: Sen, amountMl: Millilitres): boolean {
  const senSum = order.items.reduce((sum, item) => sum + item.senLine, 0n);
  const mlSum = order.items.reduce((sum, item) => sum + item.lineMl, 0n);
  const shelfPriced = order.items.some((item) => item.lineMl === 0n);
  return senSum === sen && (shelfPriced ? mlSum < amountMl : mlSum === amountMl);
}

function refuse(refusal: OrderRefusal): CheckedOrder {
  return { ok: false, refusal };
}

/** Whether litres lie in the band of the price in force or of the day before, and the band of the former. */
function bandsOf({ view, nowMs, tipTimeMs }: OrderCheckContext, sen: Sen, amountMl: Millilitres): { readonly inside: boolean; readonly now: { readonly minMl: Millilitres; readonly maxMl: Millilitres } | undefined } {
  const bands = priceBands(view, { timeMs: nowMs, prevTimeMs: tipTimeMs }, sen, paramsOf(view).bandBps);
  return { inside: bands.some((band) => amountMl >= band.minMl && amountMl <= band.maxMl), now: bands[0] };
}

/** Not taken back, in time and inside the price band: what only an unpaid order must still be. */
function payable(context: OrderCheckContext, invoice: Invoice): Fault | undefined {
  const { view, nowMs } = context;
  if (view.get(ROWS.invoice, invoiceId(invoice.tillNo, invoice.ref))?.state === INVOICE_VOID) return { code: 'invoice_void' };
  const expiresAtMs = invoice.expiresAtS * 1_000;
  if (expiresAtMs < nowMs) return { code: 'invoice_expired' };
  if (expiresAtMs > nowMs + INVOICE_LIFE_MAX_MS) return { code: 'invoice_too_far' };
  const params = paramsOf(view);
  if (invoice.amountMl <= 1n || invoice.sen < 1n) return { code: 'amount_too_small' };
  if (invoice.amountMl > params.invoiceMaxMl) return { code: 'amount_too_large', limitMl: params.invoiceMaxMl };
  const { inside, now } = bandsOf(context, invoice.sen, invoice.amountMl);
  return inside || now === undefined ? undefined : { code: 'price_out_of_band', ...now };
}

/**
 * Recomputes the reference from salt and order bytes, checks the till's signature with its key in state, the totals,
 * and for an unpaid order its end and price band. The order of the checks: bytes, reference, till, signature, totals.
 */
export async function checkOrder(context: OrderCheckContext, posted: PostedOrder): Promise<CheckedOrder> {
  const { view, genesisHash, verify } = context;
  const order = decode(Order, posted.order);
  if (!order.ok) return refuse(order.fault);
  if (posted.salt.length !== ORDER_SALT_BYTES) return refuse({ code: 'malformed', path: 'salt', why: `has ${posted.salt.length} bytes, not ${ORDER_SALT_BYTES}` });
  const form = decodeInvoiceFor(genesisHash, posted.invoice);
  if (!form.ok) return refuse(form.fault);
  const invoice = form.value;
  if (!equalBytes(orderRef(posted.salt, posted.order), invoice.ref)) return refuse({ code: 'ref_mismatch' });
  const till = view.get(ROWS.till, tillId(invoice.tillNo));
  if (till === undefined) return refuse({ code: 'unknown_till' });
  const signed = verifyInvoice(posted.invoice, genesisHash, till.publicKey, verify);
  if (!signed.ok) return refuse(signed.fault);
  if (!totalsMatch(order.value, invoice.sen, invoice.amountMl)) return refuse({ code: 'total_mismatch' });
  if (!(await context.isPaid(invoice.tillNo, toHex(invoice.ref)))) {
    if (till.status !== stateRows.ACTIVE) return refuse({ code: 'till_revoked' });
    if (view.get(ROWS.merchant, toHex(till.merchant))?.status !== stateRows.ACTIVE) return refuse({ code: 'merchant_not_active' });
    const fault = payable(context, invoice);
    if (fault !== undefined) return refuse(fault);
  }
  const priceSenPerBill = priceInForce(view, { timeMs: context.nowMs, prevTimeMs: context.tipTimeMs });
  return { ok: true, value: { items: order.value.items, invoice, merchant: till.merchant, priceSenPerBill, priceEpoch: dayOf(context.nowMs), fits: (sen, amountMl) => bandsOf(context, sen, amountMl).inside } };
}
