/** Transfer, Pay, VoidInvoice and Refund, naively. Each returns why not (empty: yes) and takes effect only if nothing speaks against it. */
import { earnPoint, placeOf, takePoint } from './naiveLoyalty.ts';
import { inBand } from './naivePrice.ts';
import { addressOfKey, dayOf, hex, PARAMS, type Block, type NaiveInvoice, type NaiveState, type NaiveTx, type Reasons } from './naiveState.ts';

type Kind<C> = Extract<NaiveTx['body']['kind'], { case: C }>['value'];
const ACTIVE = 1;
const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const most = (a: bigint, b: bigint): bigint => (a > b ? a : b);

export function transfer(state: NaiveState, from: string, { to, amountMl }: Kind<'transfer'>, why: Reasons): void {
  if (hex(to) === from) why.add('self_payment');
  if (state.balance(from) < amountMl) why.add('insufficient_balance');
  if (why.size > 0) return;
  state.add(from, -amountMl);
  state.add(hex(to), amountMl);
}

/** What Pay and VoidInvoice ask of an invoice alike. */
function invoiceReasons(state: NaiveState, id: string, invoice: NaiveInvoice, now: number, why: Reasons): void {
  const till = state.tills.get(invoice.till);
  if (now > invoice.expiresAt) why.add('invoice_expired');
  if (invoice.expiresAt > now + PARAMS.invoiceLifeMax) why.add('invoice_too_far');
  if (till === undefined) return void why.add('unknown_till');
  if (invoice.signedBy !== till.key) why.add('bad_signature');
  if (till.status !== ACTIVE) why.add('till_not_active');
  if (state.merchants.get(till.merchant) !== ACTIVE) why.add('merchant_not_active');
  const record = state.records.get(`${invoice.till}/${invoice.ref}`);
  if (record !== undefined) why.add(record.txId === id ? 'already_executed' : record.state === 'paid' ? 'invoice_already_paid' : 'invoice_void');
}

export function pay(state: NaiveState, tx: NaiveTx, payer: string, { couponId }: Kind<'pay'>, { now }: Block, why: Reasons): void {
  const invoice = tx.invoice as NaiveInvoice;
  invoiceReasons(state, tx.id, invoice, now, why);
  const merchant = state.tills.get(invoice.till)?.merchant ?? 'nobody';
  if (payer === merchant) why.add('self_payment');
  if (invoice.amount > PARAMS.invoiceMax) why.add('amount_too_large');
  if (invoice.amount <= 1n) why.add('amount_too_small');
  if (!inBand(state, now, invoice.amount, invoice.sen)) why.add('price_out_of_band');
  let part = 0n;
  const coupon = couponId === undefined ? undefined : state.coupons.get(hex(couponId));
  if (couponId !== undefined) {
    if (coupon === undefined || now > coupon.expires) why.add('unknown_coupon').add('coupon_not_usable');
    if (coupon !== undefined && (coupon.owner !== payer || coupon.merchant !== merchant)) why.add('coupon_not_yours');
    if (coupon !== undefined && coupon.state !== 'unspent') why.add('coupon_not_usable');
    part = least(coupon?.ml ?? 0n, invoice.amount);
  }
  const moved = invoice.amount - part;
  if (state.balance(payer) < moved) why.add('insufficient_balance');
  if (why.size > 0) return;
  if (coupon !== undefined) coupon.state = 'spent';
  const fee = least(moved, most(1n, (moved * PARAMS.paymentFeeBps + 9_999n) / 10_000n));
  state.add(payer, -moved);
  state.add(merchant, moved - fee);
  state.fees += fee;
  const card = couponId === undefined && moved >= PARAMS.pointMin ? earnPoint(state, merchant, payer, tx.id, now) : undefined;
  state.records.set(`${invoice.till}/${invoice.ref}`, { state: 'paid', txId: tx.id, payer, merchant, amount: invoice.amount, own: moved, sen: invoice.sen, refunded: 0n, card, expiresAt: invoice.expiresAt });
}

/** What the till's key spends of its merchant's balance in a day. */
function tillAllows(state: NaiveState, tillNo: number, ml: bigint, now: number, why: Reasons): () => void {
  const till = state.tills.get(tillNo);
  const used = (till?.day === dayOf(now) ? till.used : 0n) + ml;
  if (used > PARAMS.tillRefundDaily) why.add('over_till_cap');
  return () => void Object.assign(till ?? {}, { day: dayOf(now), used });
}

export function voidInvoice(state: NaiveState, tx: NaiveTx, { now }: Block, why: Reasons): void {
  const invoice = tx.invoice as NaiveInvoice;
  invoiceReasons(state, tx.id, invoice, now, why);
  const book = tillAllows(state, invoice.till, tx.body.feeMl, now, why);
  const merchant = state.tills.get(invoice.till)?.merchant;
  if (why.size > 0 || merchant === undefined) return;
  book();
  state.records.set(`${invoice.till}/${invoice.ref}`, { state: 'void', txId: tx.id, merchant, amount: invoice.amount, own: 0n, sen: invoice.sen, refunded: 0n, card: undefined, expiresAt: invoice.expiresAt });
}

/** The till by its key, active or not, or the merchant of the payment; undefined if this invoice was never paid. */
export function refundSigner(state: NaiveState, sender: string, value: Kind<'refund'>, { now }: Block, why: Reasons): string | undefined {
  const record = state.records.get(`${value.tillNo}/${hex(value.ref)}`);
  if (record === undefined) return void why.add('unknown_invoice');
  // After the window the record goes sooner or later: then the other name is as true.
  if (now > record.expiresAt + PARAMS.refundWindow) why.add('refund_window_over').add('unknown_invoice');
  if (record.state === 'void') why.add('invoice_void');
  if (why.size > 0) return;
  const till = state.tills.get(value.tillNo);
  if (sender === record.merchant) return record.merchant;
  if (till === undefined || sender !== addressOfKey(till.key)) why.add('wrong_signers');
  else if (till.status !== ACTIVE) why.add('till_not_active');
  return record.merchant;
}

export function refund(state: NaiveState, tx: NaiveTx, sender: string, value: Kind<'refund'>, { now }: Block, why: Reasons): void {
  const record = state.records.get(`${value.tillNo}/${hex(value.ref)}`);
  if (record?.payer === undefined) throw new Error('the gate found the payment');
  const { merchant, payer } = record;
  const place = record.card === undefined ? undefined : placeOf(state, record.card, merchant, payer, now);
  const kept = place?.at === 'spent' ? place.ml : 0n;
  if (value.amountMl > record.own - kept - record.refunded) why.add('exceeds_refundable');
  if (state.balance(merchant) < value.amountMl) why.add('insufficient_balance');
  const book = sender === merchant ? undefined : tillAllows(state, value.tillNo, value.amountMl + tx.body.feeMl, now, why);
  if (why.size > 0) return;
  book?.();
  state.add(merchant, -value.amountMl);
  state.add(payer, value.amountMl);
  record.refunded += value.amountMl;
  if (place === undefined || place.at === 'spent' || record.own - record.refunded >= PARAMS.pointMin) return;
  takePoint(state, place, merchant, payer, tx.id, now);
  record.card = undefined;
}
