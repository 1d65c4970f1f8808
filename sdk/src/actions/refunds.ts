/** Refunds: people of a merchant ask for them, a manager decides about those that the till's own key may not give. */
import { toHex } from '@billcoin/protocol';
import type { Routes } from '../api/index.ts';
import type { Refund, RefundOptions } from '../api/refunds.ts';
import type { AnswerOf, BodyOf, QueryOf } from '../api/route.ts';
import type { Client } from '../client/client.ts';
import { request, type CallOptions } from '../client/request.ts';
import { randomBytes } from '../key.ts';
import { transactionText, type TxDraft } from '../tx/draft.ts';

const KEY_BYTES = 16;

/** What can be given back of an order, and what that does to points and coupons. */
export function getRefundOptions(client: Client, params: { readonly orderId: string }, options?: CallOptions): Promise<RefundOptions> {
  return request<Routes['getRefundOptions']>(client, 'GET', '/orders/{orderId}/refund-options', { params, idempotent: true }, options);
}

export type RefundAsked = Omit<BodyOf<Routes['postRefund']>, 'tx'> & {
  readonly orderId: string;
  /** Refund signed by the order's own till (within its daily limit) or by the merchant; without it the manager is asked. */
  readonly tx?: TxDraft;
  /** Of whoever asks again after a crash; else the transaction is the key, or one of this call alone. */
  readonly idempotencyKey?: string;
};

/**
 * Asks for a refund: PENDING with a transaction, NEEDS_MANAGER without.
 * @throws ApiError `already_refunded`, `exceeds_refundable`, `refund_window_over`, `over_till_cap`, `merchant_balance_low` …
 */
export function postRefund(client: Client, { orderId, tx, idempotencyKey, ...asked }: RefundAsked, options?: CallOptions): Promise<Refund> {
  const headers = { 'idempotency-key': idempotencyKey ?? `refund-${tx?.txHash ?? toHex(randomBytes(KEY_BYTES))}` };
  const body = tx === undefined ? asked : { ...asked, tx: transactionText(tx) };
  return request<Routes['postRefund']>(client, 'POST', '/orders/{orderId}/refunds', { params: { orderId }, body, headers, idempotent: true }, options);
}

/** A refund and what became of it. */
export function getRefund(client: Client, params: { readonly refundId: string }, options?: CallOptions): Promise<Refund> {
  return request<Routes['getRefund']>(client, 'GET', '/refunds/{refundId}', { params, idempotent: true }, options);
}

/** A page of refunds, newest first. */
export function listRefunds(client: Client, query: QueryOf<Routes['listRefunds']> = {}, options?: CallOptions): Promise<AnswerOf<Routes['listRefunds']>> {
  return request<Routes['listRefunds']>(client, 'GET', '/refunds', { query, idempotent: true }, options);
}

/** Approves a refund that waits. `tx`: a Refund of exactly its litres, signed with the merchant key. Needs role manager. */
export function approveRefund(client: Client, { refundId, tx }: { readonly refundId: string; readonly tx: TxDraft }, options?: CallOptions): Promise<Refund> {
  return request<Routes['approveRefund']>(client, 'POST', '/refunds/{refundId}/approve', { params: { refundId }, body: { tx: transactionText(tx) }, idempotent: true }, options);
}

/** Rejects a refund that waits. Needs role manager. */
export function rejectRefund(client: Client, params: { readonly refundId: string }, options?: CallOptions): Promise<Refund> {
  return request<Routes['rejectRefund']>(client, 'POST', '/refunds/{refundId}/reject', { params, idempotent: false }, options);
}
