/** /orders: post, read one, read by reference, list (US-002). */
import { assert, decodeInvoice, fromBase64Url } from '@billcoin/protocol';
import { ROUTES } from '@billcoin/sdk';
import type { Answered, OrderRefusal, Orders } from '../../campusPorts.ts';
import { merchantOf, tillOf, type Caller } from '../caller.ts';
import { badCursor, fromCursor, LIMIT_DEFAULT, toCursor } from '../cursor.ts';
import { serve, type ApiRequest, type Entry, type Refusal, type Reply } from '../entry.ts';
import { isOwnOrder } from '../own.ts';
import { readTimes } from '../times.ts';
import type { Parties } from '../parties.ts';
import { faultRefusal, problemBody } from '../problem.ts';
import { orderCreated, orderDetail, orderSummary } from '../views/order.ts';

type Post = typeof ROUTES.postOrder;
type List = typeof ROUTES.listOrders;

const ORDER_ID = /^ord_[0-9A-HJKMNP-TV-Z]{26}$/;

function refusalOf(refusal: OrderRefusal): Refusal {
  switch (refusal.code) {
    case 'ref_mismatch':
    case 'total_mismatch':
    case 'till_revoked':
      return { problem: refusal.code };
    case 'lot_recalled':
      return { problem: refusal.code, data: { batchKey: refusal.batchKey } };
    case 'unknown_product':
    case 'product_mismatch':
      return { problem: refusal.code, data: { product: refusal.productId } };
    case 'out_of_stock':
      return { problem: refusal.code, detail: `${refusal.left} left.`, data: { product: refusal.productId, left: String(refusal.left) } };
    case 'ref_reused':
      return { problem: 'ref_reused', data: { orderId: refusal.orderId } };
    default:
      return faultRefusal(refusal);
  }
}

function bytesOf(body: ApiRequest<Post>['body']): { readonly order: Uint8Array; readonly salt: Uint8Array; readonly invoice: Uint8Array } | Refusal {
  const order = fromBase64Url(body.order);
  const salt = fromBase64Url(body.salt);
  const invoice = fromBase64Url(body.invoice);
  if (order !== undefined && salt !== undefined && invoice !== undefined) return { order, salt, invoice };
  const wrong = Object.entries({ order, salt, invoice }).filter(([, bytes]) => bytes === undefined);
  return { problem: 'malformed_request', errors: wrong.map(([name]) => ({ pointer: `/${name}`, code: 'base64url' })) };
}

/** A stored answer, fresh or repeated; a stored refusal keeps the request id it was made under. */
function storedReply({ status, body }: Answered, replayed: boolean): Reply<Post> {
  return { status, text: body, headers: replayed ? { 'idempotency-replayed': 'true' } : {} };
}

/** Bytes that are no invoice are refused by the check of the order, with the reason. */
function isOfOtherTill(caller: Caller, invoice: Uint8Array): boolean {
  const decoded = decodeInvoice(invoice);
  return decoded.ok && decoded.value.tillNo !== tillOf(caller);
}

async function post(orders: Orders, request: ApiRequest<Post>): Promise<Reply<Post>> {
  const { caller } = request;
  assert(caller.role === 'till', 'the policy lets only tills in');
  const posted = bytesOf(request.body);
  if ('problem' in posted) return posted;
  if (isOfOtherTill(caller, posted.invoice)) return { problem: 'not_found', detail: 'The invoice is of another till than the one that is logged in.' };
  const refused = (refusal: OrderRefusal): Answered => {
    const body = problemBody(refusalOf(refusal), request.id, request.language);
    return { status: body.status, body: JSON.stringify(body) };
  };
  const result = await orders.post({
    posted, refused, accepted: (order) => ({ status: 201, body: JSON.stringify(orderCreated(order)) }),
    idempotency: { subject: caller.sub, key: request.idempotencyKey ?? '', request: `POST /orders\n${request.bodyText}` },
  });
  switch (result.kind) {
    case 'answer':
      return storedReply(result.answer, result.replayed);
    case 'reused':
      return { problem: 'idempotency_key_reused' };
    case 'in_progress':
      return { problem: 'idempotency_in_progress' };
  }
}

async function list(orders: Orders, { caller, query }: ApiRequest<List>): Promise<Reply<List>> {
  const { status, from, to, limit = LIMIT_DEFAULT, cursor } = query;
  const ownTill = tillOf(caller);
  const tillNo = query.tillNo ?? ownTill;
  if (ownTill !== undefined && tillNo !== ownTill) return { problem: 'not_found' };
  const before = cursor === undefined ? undefined : fromCursor(cursor, ORDER_ID);
  if (cursor !== undefined && before === undefined) return badCursor;
  const times = readTimes({ from, to });
  if ('problem' in times) return times;
  const { orders: rows, next } = await orders.list({ status, tillNo, merchant: merchantOf(caller), fromMs: times.from, toMs: times.to, limit, before });
  return { status: 200, body: { data: rows.map(orderSummary), nextCursor: next === undefined ? null : toCursor(next) } };
}

export function orderRoutes(orders: Orders, parties: Parties): readonly Entry[] {
  return [
    serve(ROUTES.postOrder, (request) => post(orders, request)),
    serve(ROUTES.listOrders, (request) => list(orders, request)),
    serve(ROUTES.getOrderByRef, async ({ params }) => {
      const row = await orders.byRef(params.tillNo, params.ref);
      if (row === undefined) return { problem: 'not_found' };
      const { order, salt, invoice, status } = row;
      return { status: 200, body: { order, salt, invoice, status } };
    }),
    serve(ROUTES.getOrder, async ({ caller, params }) => {
      const order = await orders.get(params.orderId);
      return order === undefined || !(await isOwnOrder(parties, caller, order)) ? { problem: 'not_found' } : { status: 200, body: orderDetail(order, await orders.paymentOf(order)) };
    }),
  ];
}
