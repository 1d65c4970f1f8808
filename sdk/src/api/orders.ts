/** Orders of a till: the till builds order bytes, salt and signed invoice; the server checks and never holds a till key. */
import { INVOICE_BYTES } from '@billcoin/protocol';
import { Type, type Static } from 'typebox';
import { ORDER_STATUS, type OrderStatus } from './orderStatus.ts';
import { route } from './route.ts';
import { Address, base64Url, closed, Hash, Height, Label, Litres, nullable, OrderId, page, pageQuery, Ref, Rm, TillNo, Time, TxHash } from './values.ts';

/** What of an order fits a request of 16 KiB beside its salt and invoice. */
export const ORDER_BYTES_MAX = 11_700;
export const SALT_BYTES = 16;

export const OrderStatusName = Type.Unsafe<OrderStatus>({ type: 'string', enum: Object.keys(ORDER_STATUS) });
const invoiceText = Type.String({ pattern: '^MMU1:[A-Z2-7]{148}$', description: 'Text of the QR code' });
const matchCode = Type.String({ pattern: '^[0-9A-HJKMNP-TV-Z]{4}$', description: 'Shown on phone and till alike' });

const created = {
  orderId: OrderId, tillNo: TillNo, ref: Ref, matchCode, rm: Rm, litres: Litres, rmPerBill: Rm, priceEpoch: Type.Integer({ minimum: 0 }),
  expiresAt: Time, qr: invoiceText, status: OrderStatusName, label: Label,
};
export const OrderCreated = closed(created);
export type OrderCreated = Static<typeof OrderCreated>;

export const OrderPayment = closed({ txHash: TxHash, status: Type.Union([Type.Literal('pending'), Type.Literal('final')]), time: nullable(Time), blockHeight: nullable(Height), blockHash: nullable(Hash) });
export const OrderItemView = closed({ product: Type.String(), name: Type.String(), quantity: Type.Integer({ minimum: 1 }), rm: Rm, litres: nullable(Litres), lot: nullable(Type.String()) });

const summary = { ...created, merchantId: Address, createdAt: Time, payment: nullable(OrderPayment) };
export const OrderSummary = closed(summary);
export type OrderSummary = Static<typeof OrderSummary>;

export const OrderDetail = closed({
  ...summary,
  items: Type.Array(OrderItemView, { maxItems: 32 }),
  refunds: Type.Array(closed({ txHash: TxHash, litres: Litres, rm: Rm, time: Time })),
  history: Type.Array(closed({ status: OrderStatusName, time: Time })),
});
export type OrderDetail = Static<typeof OrderDetail>;

export const OrderBytes = closed({
  order: base64Url(ORDER_BYTES_MAX, 'Order bytes'),
  salt: base64Url(SALT_BYTES, '16 bytes'),
  invoice: base64Url(INVOICE_BYTES, 'The 92-byte invoice, signed by the till'),
});

export const postOrder = route({
  method: 'POST',
  path: '/orders',
  summary: 'Post an order with its signed invoice.',
  who: ['till'],
  own: 'its own till number',
  body: OrderBytes,
  idempotencyKey: true,
  responses: { 201: OrderCreated },
  problems: ['out_of_stock', 'lot_recalled', 'ref_reused', 'ref_mismatch', 'total_mismatch', 'bad_signature', 'price_out_of_band', 'unknown_till', 'till_revoked', 'merchant_not_active', 'unknown_product', 'product_mismatch', 'invoice_void', 'invoice_expired', 'invoice_too_far', 'amount_too_small', 'amount_too_large', 'malformed', 'wrong_network', 'idempotency_key_missing', 'idempotency_key_reused', 'idempotency_in_progress'],
});

export const getOrder = route({
  method: 'GET',
  path: '/orders/{orderId}',
  summary: 'An order with its payment, refunds and history.',
  who: ['till', 'staff', 'manager', 'partner', 'student', 'finance'],
  own: 'till, staff: own till; manager, partner: own merchant; student: as its payer',
  params: closed({ orderId: OrderId }),
  responses: { 200: OrderDetail },
  problems: ['not_found'],
});

export const listOrders = route({
  method: 'GET',
  path: '/orders',
  summary: 'Orders, newest first.',
  who: ['till', 'staff', 'manager', 'partner', 'finance'],
  own: 'till, staff: own till; manager, partner: own merchant',
  query: closed({ status: Type.Optional(OrderStatusName), tillNo: Type.Optional(TillNo), from: Type.Optional(Time), to: Type.Optional(Time), ...pageQuery }),
  responses: { 200: page(OrderSummary) },
  problems: ['not_found'],
});

export const getOrderByRef = route({
  method: 'GET',
  path: '/orders/by-ref/{tillNo}/{ref}',
  summary: 'Order bytes, salt and invoice of a reference; the wallet checks that the reference commits to the items.',
  who: ['public'],
  params: closed({ tillNo: TillNo, ref: Ref }),
  responses: { 200: closed({ ...OrderBytes.properties, status: OrderStatusName }) },
  problems: ['not_found'],
});
