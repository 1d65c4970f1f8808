/** /orders/{orderId}/refund-options and /refunds (api page §2.6). */
import { fromBase64Url, parseLitres } from '@billcoin/protocol';
import { ROUTES } from '@billcoin/sdk';
import type { Answered, OrderRow, Orders } from '../../campusPorts.ts';
import type { AskedAmount, Decided, RefundRefusal, RefundRequestRow, Refunds } from '../../refundPorts.ts';
import type { Caller } from '../caller.ts';
import { merchantOf, tillOf } from '../caller.ts';
import { badCursor, fromCursor, LIMIT_DEFAULT, toCursor } from '../cursor.ts';
import { serve, type ApiRequest, type Entry, type Refusal, type Reply } from '../entry.ts';
import { actorOf, isOwnTill } from '../own.ts';
import { problemBody } from '../problem.ts';
import { refusalByState, submissionRefusal, type SubmissionDeps } from '../submission.ts';
import { refundOptionsView, refundView } from '../views/refund.ts';

type Post = typeof ROUTES.postRefund;
type List = typeof ROUTES.listRefunds;
type Approve = typeof ROUTES.approveRefund;

const REFUND_ID = /^rfd_[0-9A-HJKMNP-TV-Z]{26}$/;

export interface RefundDeps extends SubmissionDeps {
  readonly orders: Orders;
  readonly refunds: Refunds;
}

function refusalOf(deps: RefundDeps, refusal: RefundRefusal): Refusal {
  switch (refusal.code) {
    case 'already_refunded':
    case 'other_order':
    case 'not_found':
      return { problem: refusal.code };
    case 'amount_missing':
      return { problem: 'malformed_request', detail: 'Name litres above zero, or lines of the order with no more pieces than they have.', errors: [{ pointer: '/litres', code: 'amount' }] };
    case 'merchant_balance_low':
      return refusalByState(deps, { problem: refusal.code, data: { needMl: String(refusal.needMl), haveMl: String(refusal.haveMl) } }, refusal.code);
    case 'refund_decided':
      return { problem: refusal.code, detail: `The refund is ${refusal.refund.status}.`, data: { status: refusal.refund.status } };
    default:
      return submissionRefusal(deps, refusal);
  }
}

/** What is asked for beside the transaction; undefined where nothing is. */
function amountOf({ litres, items }: ApiRequest<Post>['body']): AskedAmount | Refusal | undefined {
  if (litres !== undefined && items !== undefined) return { problem: 'malformed_request', detail: 'Name litres or items, not both.', errors: [{ pointer: '/items', code: 'one_of' }] };
  if (items !== undefined) return { items };
  const litresMl = litres === undefined ? undefined : parseLitres(litres);
  if (litres !== undefined && litresMl === undefined) return { problem: 'malformed_request', errors: [{ pointer: '/litres', code: 'amount' }] };
  return litresMl === undefined ? undefined : { litresMl };
}

async function ownOrder({ orders }: RefundDeps, caller: Caller, orderId: string): Promise<OrderRow | undefined> {
  const order = await orders.get(orderId);
  return order !== undefined && isOwnTill(caller, order) ? order : undefined;
}

async function post(deps: RefundDeps, request: ApiRequest<Post>): Promise<Reply<Post>> {
  const { params: { orderId }, body, caller } = request;
  if ((await ownOrder(deps, caller, orderId)) === undefined) return { problem: 'not_found' };
  const tx = body.tx === undefined ? undefined : fromBase64Url(body.tx);
  if (body.tx !== undefined && tx === undefined) return { problem: 'malformed_request', errors: [{ pointer: '/tx', code: 'base64url' }] };
  const amount = amountOf(body);
  if (amount !== undefined && 'problem' in amount) return amount;
  let now: Refusal | undefined;
  const refused = (refusal: RefundRefusal): Answered => {
    now = refusalOf(deps, refusal);
    const problem = problemBody(now, request.id, request.language);
    return { status: problem.status, body: JSON.stringify(problem) };
  };
  const result = await deps.refunds.ask({
    orderId, tx, amount, reason: body.reason, by: actorOf(caller), refused, accepted: (refund) => ({ status: 202, body: JSON.stringify(refundView(refund)) }),
    idempotency: { subject: subjectOf(caller), key: request.idempotencyKey ?? '', request: `POST /orders/${orderId}/refunds\n${request.bodyText}` },
  });
  if (result.kind !== 'answer') return { problem: result.kind === 'reused' ? 'idempotency_key_reused' : 'idempotency_in_progress' };
  // The same text as the stored one, with the headers that only this moment has.
  if (now !== undefined) return now;
  return { status: result.answer.status, text: result.answer.body, headers: result.replayed ? { 'idempotency-replayed': 'true' } : {} };
}

/** Nobody gets the stored answer of another (threat 20). */
function subjectOf(caller: Caller): string {
  return caller.role === 'public' ? 'local' : caller.sub;
}

async function ownRefund({ refunds }: RefundDeps, caller: Caller, refundId: string): Promise<RefundRequestRow | undefined> {
  const refund = await refunds.get(refundId);
  return refund !== undefined && isOwnTill(caller, refund) ? refund : undefined;
}

function decided(deps: RefundDeps, decision: Decided): Reply<Approve> {
  return decision.ok ? { status: 200, body: refundView(decision.refund) } : refusalOf(deps, decision.refusal);
}

async function approve(deps: RefundDeps, { params, body, caller }: ApiRequest<Approve>): Promise<Reply<Approve>> {
  if ((await ownRefund(deps, caller, params.refundId)) === undefined) return { problem: 'not_found' };
  const tx = fromBase64Url(body.tx);
  if (tx === undefined) return { problem: 'malformed_request', errors: [{ pointer: '/tx', code: 'base64url' }] };
  return decided(deps, await deps.refunds.approve(params.refundId, tx, actorOf(caller)));
}

async function list({ refunds }: RefundDeps, { query, caller }: ApiRequest<List>): Promise<Reply<List>> {
  const { status, orderId, tillNo, limit = LIMIT_DEFAULT, cursor } = query;
  const before = cursor === undefined ? undefined : fromCursor(cursor, REFUND_ID);
  if (cursor !== undefined && before === undefined) return badCursor;
  const own = tillOf(caller);
  if (own !== undefined && tillNo !== undefined && tillNo !== own) return { status: 200, body: { data: [], nextCursor: null } };
  const { refunds: rows, next } = await refunds.list({ merchant: merchantOf(caller), tillNo: own ?? tillNo, orderId, status, limit, before });
  return { status: 200, body: { data: rows.map(refundView), nextCursor: next === undefined ? null : toCursor(next) } };
}

export function refundRoutes(deps: RefundDeps): readonly Entry[] {
  return [
    serve(ROUTES.getRefundOptions, async ({ params, caller }) => {
      const order = await ownOrder(deps, caller, params.orderId);
      const options = order === undefined ? undefined : await deps.refunds.options(order);
      return options === undefined ? { problem: 'not_found', detail: 'Nothing was paid for this order.' } : { status: 200, body: refundOptionsView(params.orderId, options) };
    }),
    serve(ROUTES.postRefund, (request) => post(deps, request)),
    serve(ROUTES.listRefunds, (request) => list(deps, request)),
    serve(ROUTES.getRefund, async ({ params, caller }) => {
      const refund = await ownRefund(deps, caller, params.refundId);
      return refund === undefined ? { problem: 'not_found' } : { status: 200, body: refundView(refund) };
    }),
    serve(ROUTES.approveRefund, (request) => approve(deps, request)),
    serve(ROUTES.rejectRefund, async ({ params, caller }) => {
      if ((await ownRefund(deps, caller, params.refundId)) === undefined) return { problem: 'not_found' };
      return decided(deps, await deps.refunds.reject(params.refundId, actorOf(caller)));
    }),
  ];
}
