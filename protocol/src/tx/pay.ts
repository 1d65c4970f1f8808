/**
 * Pay (kind 2; SPEC §6, US-001): settles a till-signed invoice exactly once and in full. Atomic: money, fee, invoice
 * record, coupon and point change together or not at all. Retires nothing; only Redeem does.
 */
import { mulDiv, type Millilitres } from '../lib/amount.ts';
import { equalBytes, toHex } from '../lib/bytes.ts';
import { fault, ok, type Fault, type Result } from '../lib/fault.ts';
import { signingBytes } from '../lib/hash.ts';
import { invoiceId, ROWS, tillId } from '../state/layout.ts';
import { COUPON, earnPoint } from '../state/loyalty.ts';
import { addFee, credit, debit } from '../state/money.ts';
import { priceBands } from '../state/price.ts';
import type { Draft } from '../state/view.ts';
import { ACTIVE, type TillRow } from '../wire/state.ts';
import { TX_MAX_BYTES } from '../wire/tx.ts';
import { valueOf, type Kind, type NetworkContext, type ParsedTx, type TxContext } from './context.ts';
import type { Invoice } from './invoice.ts';
import { INVOICE_SIGNED_BYTES } from './invoice.ts';

/** A till may ask at most a day ahead; tills use 120 s. */
export const INVOICE_LIFE_MAX_MS = 86_400_000;
export const INVOICE_PAID = 1;
export const INVOICE_VOID = 2;

export function invoiceOf(tx: ParsedTx): Invoice {
  if (tx.invoice === undefined) throw new Error(`transaction ${tx.txHash} has no invoice`);
  return tx.invoice;
}

function form(tx: ParsedTx, network: NetworkContext): Fault | undefined {
  const invoice = invoiceOf(tx);
  if (!equalBytes(invoice.networkHint, network.genesisHash.subarray(0, 2))) return { code: 'wrong_network' };
  if (tx.body.validUntilMs !== invoice.expiresAtS * 1_000) return { code: 'malformed', path: 'TxBody.validUntilMs', why: 'is not the expiry of the invoice' };
  return undefined;
}

/** Till and merchant in force, and the till's signature over the invoice. */
function checkTill({ draft, network, tx }: TxContext, invoice: Invoice): Result<TillRow> {
  const till = draft.get(ROWS.till, tillId(invoice.tillNo));
  if (till === undefined) return fault('unknown_till');
  if (till.status !== ACTIVE) return fault('till_not_active');
  const merchant = draft.get(ROWS.merchant, toHex(till.merchant));
  if (merchant === undefined) return fault('unknown_merchant');
  if (merchant.status !== ACTIVE) return fault('merchant_not_active');
  const signed = valueOf(tx, 'pay').invoice.subarray(0, INVOICE_SIGNED_BYTES);
  if (!network.verify(till.publicKey, signingBytes('bill/invoice/1', network.genesisHash, signed), invoice.signature)) return fault('bad_signature');
  return ok(till);
}

/** The invoice's own terms against the chain: not settled before, in time, of lawful amount, at the price in force. */
function checkTerms({ draft, env, params, tx }: TxContext, invoice: Invoice): Fault | undefined {
  const record = draft.get(ROWS.invoice, invoiceId(invoice.tillNo, invoice.ref));
  if (record?.state === INVOICE_VOID) return { code: 'invoice_void' };
  if (record !== undefined) return equalBytes(record.txId, tx.txId) ? { code: 'already_executed' } : { code: 'invoice_already_paid', txId: toHex(record.txId) };
  const expiresAtMs = invoice.expiresAtS * 1_000;
  if (env.timeMs > expiresAtMs) return { code: 'invoice_expired' };
  if (expiresAtMs > env.timeMs + INVOICE_LIFE_MAX_MS) return { code: 'invoice_too_far' };
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
  const refusal = checkTerms(context, invoice);
  if (refusal !== undefined) return { ok: false, fault: refusal };
  const till = checkTill(context, invoice);
  if (!till.ok) return till;
  const { merchant } = till.value;
  if (equalBytes(payer, merchant)) return fault('self_payment');

  const { couponId } = valueOf(tx, 'pay');
  const couponPart = couponId === undefined ? ok(0n) : spendCoupon(draft, couponId, payer, merchant, invoice.amountMl, env.timeMs);
  if (!couponPart.ok) return couponPart;
  const movedMl = invoice.amountMl - couponPart.value;
  const paid = debit(draft, payer, movedMl);
  if (!paid.ok) return paid;
  const feeMl = paymentFee(movedMl, params.paymentFeeBps);
  credit(draft, merchant, movedMl - feeMl);
  addFee(draft, feeMl);

  const { tillNo, ref, amountMl, sen } = invoice;
  emit({ case: 'paid', value: { tillNo, ref, payer, merchant, amountMl, ownMl: movedMl, sen, feeMl, couponId } });
  const earns = couponId === undefined && movedMl >= params.pointMinMl;
  const cardId = earns ? earnPoint(context, merchant, payer, tx.txId) : undefined;
  draft.put(ROWS.invoice, invoiceId(tillNo, ref), {
    state: INVOICE_PAID, txId: tx.txId, payer, merchant, amountMl, ownMl: movedMl, sen, refundedMl: 0n, cardId, expiresAtMs: tx.body.validUntilMs,
  });
  return ok(undefined);
}

export const pay: Kind = {
  no: 2,
  name: 'pay',
  fee: 'share',
  mustSucceed: true,
  maxBytes: TX_MAX_BYTES,
  form,
  signers: (_view, tx) => ok([tx.body.sender]),
  execute,
};
