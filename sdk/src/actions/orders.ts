/** Orders: a till posts and lists them, a wallet reads the one behind an invoice. */
import { decode, equalBytes, fault, fromBase64Url, fromHex, ok, Order, ORDER_SALT_BYTES, orderRef, toBase64Url, toHex, type OrderItem, type Result } from '@billcoin/protocol';
import type { Routes } from '../api/index.ts';
import type { OrderCancelled } from '../api/orderMoves.ts';
import type { OrderCreated, OrderDetail, OrderSummary } from '../api/orders.ts';
import type { Receipt } from '../api/receipts.ts';
import type { AnswerOf, QueryOf } from '../api/route.ts';
import type { Client } from '../client/client.ts';
import { request, type CallOptions } from '../client/request.ts';
import type { TillOrder } from '../order/createOrder.ts';
import { transactionText, type TxDraft } from '../tx/draft.ts';

/**
 * Posts an order of the till. The reference is the Idempotency-Key, so the till's outbox may repeat it until answered.
 * @throws ApiError `out_of_stock`, `ref_reused`, `ref_mismatch`, `total_mismatch`, `price_out_of_band` …
 */
export function postOrder(client: Client, order: TillOrder, options?: CallOptions): Promise<OrderCreated> {
  const body = { order: toBase64Url(order.order), salt: toBase64Url(order.salt), invoice: toBase64Url(order.invoice) };
  const headers = { 'idempotency-key': `order-${toHex(order.ref)}` };
  return request<Routes['postOrder']>(client, 'POST', '/orders', { body, headers, idempotent: true }, options);
}

/** An order with payment, refunds and history. */
export function getOrder(client: Client, params: { readonly orderId: string }, options?: CallOptions): Promise<OrderDetail> {
  return request<Routes['getOrder']>(client, 'GET', '/orders/{orderId}', { params, idempotent: true }, options);
}

/**
 * Takes an unpaid order back; it is CANCELLED once the VoidInvoice, signed by the till, is final. Handing the same one in again changes nothing.
 * @throws ApiError `invoice_already_paid`, `invoice_expired`, `merchant_balance_low` (wait for its end instead) …
 */
export function cancelOrder(client: Client, { orderId, reason, tx }: { readonly orderId: string; readonly reason: string; readonly tx: TxDraft }, options?: CallOptions): Promise<OrderCancelled> {
  return request<Routes['cancelOrder']>(client, 'POST', '/orders/{orderId}/cancel', { params: { orderId }, body: { reason, tx: transactionText(tx) }, idempotent: true }, options);
}

/**
 * Says that the goods of a paid order were handed out: once, so a lost answer is not asked for again (read the order).
 * @throws ApiError `already_collected`, `not_collectable`
 */
export function collectOrder(client: Client, params: { readonly orderId: string }, options?: CallOptions): Promise<OrderSummary> {
  return request<Routes['collectOrder']>(client, 'POST', '/orders/{orderId}/collect', { params, idempotent: false }, options);
}

/** A page of orders, newest first; `cursor` is the nextCursor of the page before. */
export function listOrders(client: Client, query: QueryOf<Routes['listOrders']> = {}, options?: CallOptions): Promise<AnswerOf<Routes['listOrders']>> {
  return request<Routes['listOrders']>(client, 'GET', '/orders', { query, idempotent: true }, options);
}

export interface OrderContents {
  readonly items: readonly OrderItem[];
  readonly salt: Uint8Array;
  readonly order: Uint8Array;
}

/**
 * What an invoice is for. The answer is believed only where its salt and bytes hash to the invoice's own reference, so
 * the till's signature covers the items shown. Faults: `malformed` for an answer that does not.
 */
export async function readOrder(client: Client, invoice: { readonly tillNo: number; readonly ref: Uint8Array }, options?: CallOptions): Promise<Result<OrderContents>> {
  const params = { tillNo: invoice.tillNo, ref: toHex(invoice.ref) };
  const answer = await request<Routes['getOrderByRef']>(client, 'GET', '/orders/by-ref/{tillNo}/{ref}', { params, idempotent: true }, options);
  const order = fromBase64Url(answer.order);
  const salt = fromBase64Url(answer.salt);
  if (order === undefined || salt?.length !== ORDER_SALT_BYTES) return fault('malformed', { path: 'order', why: 'is no base64url' });
  if (!equalBytes(orderRef(salt, order), fromHex(params.ref) ?? new Uint8Array())) return fault('malformed', { path: 'order', why: 'is not what the reference of the invoice commits to' });
  const decoded = decode(Order, order);
  return decoded.ok ? ok({ items: decoded.value.items, salt, order }) : decoded;
}

/** The receipt of a paid order. */
export function getReceipt(client: Client, params: { readonly orderId: string }, options?: CallOptions): Promise<Receipt> {
  return request<Routes['getReceipt']>(client, 'GET', '/receipts/{orderId}', { params, idempotent: true }, options);
}
