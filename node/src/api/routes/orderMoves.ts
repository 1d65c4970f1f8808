/** /orders/{orderId}/cancel and /collect. */
import { decode, fromBase64Url, toBase64Url, Tx, TxBody } from '@billcoin/protocol';
import { ORDER_STATUS, ROUTES } from '@billcoin/sdk';
import type { OrderRow, Orders } from '../../campusPorts.ts';
import { serve, type ApiRequest, type Entry, type Refusal, type Reply } from '../entry.ts';
import { actorOf, isOwnTill } from '../own.ts';
import { submissionRefusal, type PoolRefusal, type SubmissionDeps } from '../submission.ts';
import { orderSummary } from '../views/order.ts';

type Cancel = typeof ROUTES.cancelOrder;
type Collect = typeof ROUTES.collectOrder;

export interface OrderMoveDeps extends SubmissionDeps {
  readonly orders: Orders;
}

/** The body of a transaction of this kind; undefined for anything else. */
function voidedInvoice(bytes: Uint8Array): Uint8Array | undefined {
  const tx = decode(Tx, bytes);
  const body = tx.ok ? decode(TxBody, tx.value.body) : undefined;
  return body?.ok === true && body.value.kind.case === 'voidInvoice' ? body.value.kind.value.invoice : undefined;
}

/** Of a transaction whose fee and amount the merchant pays, whoever signs it. */
export function merchantRefusal(deps: SubmissionDeps, refusal: PoolRefusal): Refusal {
  const answer = submissionRefusal(deps, refusal);
  return answer.problem === 'insufficient_balance' ? { ...answer, problem: 'merchant_balance_low' } : answer;
}

async function cancel(deps: OrderMoveDeps, { params, body, caller }: ApiRequest<Cancel>): Promise<Reply<Cancel>> {
  const { chain, orders, clock } = deps;
  const order = await orders.get(params.orderId);
  if (order === undefined || !isOwnTill(caller, order)) return { problem: 'not_found' };
  const bytes = fromBase64Url(body.tx);
  const invoice = bytes === undefined ? undefined : voidedInvoice(bytes);
  if (bytes === undefined || invoice === undefined) return { problem: 'malformed_request', errors: [{ pointer: '/tx', code: 'void_invoice' }] };
  if (toBase64Url(invoice) !== order.invoice) return { problem: 'other_order' };
  const submitted = await chain.submit(bytes);
  if (!submitted.ok) return merchantRefusal(deps, submitted.refusal);
  const { txHash, status: { status: ended } } = submitted;
  if (ended === 'superseded') return { problem: 'invoice_already_paid' };
  if (ended === 'expired') return { problem: 'invoice_expired' };
  await orders.noteCancellation(order.orderId, { txHash, reason: body.reason, by: actorOf(caller), atMs: clock.nowMs() });
  const { orderId, status } = (await orders.get(order.orderId)) ?? order;
  return { status: status === 'CANCELLED' ? 200 : 202, body: { orderId, txHash, status, label: ORDER_STATUS[status] } };
}

/** Why the goods of this order are not handed out. */
function notCollectable({ status, history }: OrderRow): Refusal {
  const before = history.find((entry) => entry.status === 'COLLECTED');
  return { problem: before === undefined ? 'not_collectable' : 'already_collected', detail: `The order is ${status}.`, data: { status } };
}

async function collect({ orders }: OrderMoveDeps, { params, caller }: ApiRequest<Collect>): Promise<Reply<Collect>> {
  const found = await orders.get(params.orderId);
  if (found === undefined || !isOwnTill(caller, found)) return { problem: 'not_found' };
  const collected = await orders.collect(found.orderId, actorOf(caller));
  if (collected === undefined) return { problem: 'not_found' };
  return collected.ok ? { status: 200, body: orderSummary(collected.order) } : notCollectable(collected.order);
}

export function orderMoveRoutes(deps: OrderMoveDeps): readonly Entry[] {
  return [
    serve(ROUTES.cancelOrder, (request) => cancel(deps, request)),
    serve(ROUTES.collectOrder, (request) => collect(deps, request)),
  ];
}
