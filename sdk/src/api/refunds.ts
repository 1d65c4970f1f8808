/** Refunds (api page §2.6): to the payer only, in litres, signed by the order's own till up to its daily limit, else by the merchant. */
import { Type, type Static } from 'typebox';
import { Reason, TILL_TX_MAX_BYTES } from './orderMoves.ts';
import { COUPON_EFFECTS, REFUND_STATUS, type RefundStatus } from './refundStatus.ts';
import { route } from './route.ts';
import { Address, base64Url, closed, Hash, Height, Label, Litres, nullable, OrderId, page, pageQuery, Ref, Rm, TillNo, Time, TxHash } from './values.ts';

export const RefundId = Type.String({ pattern: '^rfd_[0-9A-HJKMNP-TV-Z]{26}$' });
const RefundStatusName = Type.Unsafe<RefundStatus>({ type: 'string', enum: Object.keys(REFUND_STATUS) });
const CouponEffect = Type.Unsafe<(typeof COUPON_EFFECTS)[number]>({ type: 'string', enum: [...COUPON_EFFECTS], description: 'cancelled: the unspent coupon goes, its other points stay; deducted: the coupon was spent, its litres are not given back' });

export const RefundOptions = closed({
  orderId: OrderId, refundableLitres: Litres, refundableRm: Rm,
  pointTaken: Type.Boolean({ description: 'Giving all of it back takes the point of the payment' }),
  couponEffect: CouponEffect, couponLitres: Litres,
  /** What the till's own key may still give back today. */
  tillCapLeft: Litres,
  until: Time,
});
export type RefundOptions = Static<typeof RefundOptions>;

export const Refund = closed({
  refundId: RefundId, orderId: nullable(OrderId), merchantId: Address, tillNo: TillNo, ref: Ref, status: RefundStatusName, label: Label, litres: Litres, rm: Rm, txHash: nullable(TxHash),
  reason: nullable(Type.String()), requestedBy: nullable(Type.String()), createdAt: Time, decidedBy: nullable(Type.String()), decidedAt: nullable(Time),
  failure: nullable(Type.String({ description: 'Code of the fault, or expired: the transaction was never included' })),
  refundedAt: nullable(Time), blockHeight: nullable(Height), blockHash: nullable(Hash),
}, 'One that nobody asked this API for (handed to the chain directly) has no reason and no requestedBy.');
export type Refund = Static<typeof Refund>;

/** Litres of a request: at most three places. */
const litresAsked = Type.String({ pattern: '^[0-9]{1,13}(\\.[0-9]{1,3})?$', examples: ['0.300'] });
const linesAsked = Type.Array(closed({ line: Type.Integer({ minimum: 0, maximum: 31, description: 'Line of the order, from 0' }), quantity: Type.Integer({ minimum: 1, maximum: 4_294_967_295 }) }), { minItems: 1, maxItems: 32 });

export const getRefundOptions = route({
  method: 'GET',
  path: '/orders/{orderId}/refund-options',
  summary: 'What can be given back of an order, and what that does to points and coupons.',
  who: ['till', 'staff', 'manager'],
  own: 'till, staff: own till; manager: own merchant',
  params: closed({ orderId: OrderId }),
  responses: { 200: RefundOptions },
  problems: ['not_found'],
});

export const postRefund = route({
  method: 'POST',
  path: '/orders/{orderId}/refunds',
  summary: 'Refund an order. With tx, a signed Refund, it is handed to the chain (PENDING); without, it waits for the manager. Name litres or items where there is no tx; where there is, they must agree.',
  who: ['staff', 'manager'],
  own: 'staff: own till; manager: own merchant',
  params: closed({ orderId: OrderId }),
  body: closed({ tx: Type.Optional(base64Url(TILL_TX_MAX_BYTES, 'Refund signed by the key of the order’s till or of the merchant')), litres: Type.Optional(litresAsked), items: Type.Optional(linesAsked), reason: Reason }),
  idempotencyKey: true,
  responses: { 202: Refund },
  problems: ['not_found', 'already_refunded', 'exceeds_refundable', 'merchant_balance_low', 'refund_window_over', 'over_till_cap', 'unknown_invoice', 'invoice_void', 'other_order', 'wrong_signers', 'bad_signature', 'till_not_active', 'malformed', 'wrong_network', 'expired', 'valid_until_too_far', 'fee_too_low', 'pool_full', 'idempotency_key_missing', 'idempotency_key_reused', 'idempotency_in_progress'],
});

const decision = { params: closed({ refundId: RefundId }), responses: { 200: Refund } } as const;

export const approveRefund = route({
  method: 'POST',
  path: '/refunds/{refundId}/approve',
  summary: 'Approve a refund that waits: hands in a Refund of exactly its litres, signed by the merchant key.',
  who: ['manager'],
  own: 'own merchant',
  ...decision,
  body: closed({ tx: base64Url(TILL_TX_MAX_BYTES, 'Refund signed by the merchant key') }),
  problems: ['not_found', 'refund_decided', 'other_order', 'wrong_signers', 'exceeds_refundable', 'merchant_balance_low', 'refund_window_over', 'bad_signature', 'malformed', 'wrong_network', 'expired', 'valid_until_too_far', 'fee_too_low', 'pool_full'],
});

export const rejectRefund = route({
  method: 'POST',
  path: '/refunds/{refundId}/reject',
  summary: 'Reject a refund that waits.',
  who: ['manager'],
  own: 'own merchant',
  ...decision,
  problems: ['not_found', 'refund_decided'],
});

export const getRefund = route({
  method: 'GET',
  path: '/refunds/{refundId}',
  summary: 'A refund and what became of it.',
  who: ['staff', 'manager', 'finance'],
  own: 'staff: own till; manager: own merchant',
  ...decision,
  problems: ['not_found'],
});

export const listRefunds = route({
  method: 'GET',
  path: '/refunds',
  summary: 'Refunds, newest first; also those that were handed to the chain directly.',
  who: ['staff', 'manager', 'finance'],
  own: 'staff: own till; manager: own merchant',
  query: closed({ status: Type.Optional(RefundStatusName), orderId: Type.Optional(OrderId), tillNo: Type.Optional(TillNo), ...pageQuery }),
  responses: { 200: page(Refund) },
});
