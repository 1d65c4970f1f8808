/** /transactions: hand one in, ask what became of it. */
import { decode, faultCode, fromBase64Url, toHex, Tx, TxBody } from '@billcoin/protocol';
import { ROUTES, type TxStatus } from '@billcoin/sdk';
import type { Orders } from '../../campusPorts.ts';
import type { FinalTx } from '../../ports.ts';
import { rfc3339 } from '../../rfc3339.ts';
import { bodyView, eventView } from '../../transactionView.ts';
import type { Caller } from '../caller.ts';
import { serve, type ApiRequest, type Entry, type Reply } from '../entry.ts';
import { mayCall } from '../guard.ts';
import type { ApiMetrics } from '../metrics.ts';
import { isOwnOrder } from '../own.ts';
import { paymentNamed, type Parties } from '../parties.ts';
import { submissionRefusal, type SubmissionDeps } from '../submission.ts';

export interface TransactionDeps extends SubmissionDeps {
  readonly metrics: ApiMetrics;
  readonly parties: Parties;
  /** undefined: no orders are known here. */
  readonly orders: Pick<Orders, 'byRef'> | undefined;
}

type Post = typeof ROUTES.postTransaction;
type Get = typeof ROUTES.getTransaction;
type Waiting = Pick<FinalTx, 'body' | 'invoice'>;
/** What only parties, finance and auditors are told (SPEC §21.6); a stranger's answer has not even the keys. */
type Told = Pick<TxStatus, 'body' | 'events' | 'order'>;

/** Refused Pays count as failed payments, whoever posted them; bytes that are no transaction count as nothing. */
function isPay(bytes: Uint8Array): boolean {
  const tx = decode(Tx, bytes);
  const body = tx.ok ? decode(TxBody, tx.value.body) : undefined;
  return body?.ok === true && body.value.kind.case === 'pay';
}

async function post(deps: TransactionDeps, { body, call }: ApiRequest<Post>): Promise<Reply<Post>> {
  const { chain, metrics } = deps;
  const bytes = call?.tx?.bytes ?? fromBase64Url(body.tx);
  if (bytes === undefined) return { problem: 'malformed_request', errors: [{ pointer: '/tx', code: 'base64url' }] };
  const submitted = await chain.submit(call?.tx ?? bytes);
  if (!submitted.ok) {
    if (isPay(bytes)) metrics.paymentFailed.inc({ reason: submitted.refusal.code });
    return submissionRefusal(deps, submitted.refusal);
  }
  const { txHash, fresh, status } = submitted;
  return { status: fresh ? 202 : 200, body: { txHash, status: status.status } };
}

/** The order that a payment is about, for a caller who may GET it. */
async function orderOf({ orders, parties }: TransactionDeps, caller: Caller, tx: Waiting): Promise<string | null> {
  const payment = paymentNamed(tx);
  if (orders === undefined || payment === undefined || !mayCall(ROUTES.getOrder, caller.role)) return null;
  const order = await orders.byRef(payment.tillNo, toHex(payment.ref));
  return order !== undefined && (await isOwnOrder(parties, caller, order)) ? order.orderId : null;
}

async function pendingTold(deps: TransactionDeps, caller: Caller, txHash: string): Promise<Told> {
  const tx = deps.chain.pendingTx(txHash);
  if (tx === undefined || !(await deps.parties.isPartyOfPending(caller, tx))) return {};
  return { body: bodyView(tx.body), events: null, order: await orderOf(deps, caller, tx) };
}

async function finalTold(deps: TransactionDeps, caller: Caller, tx: FinalTx): Promise<Told> {
  if (!(await deps.parties.isParty(caller, tx))) return {};
  return { body: bodyView(tx.body), events: tx.events.map(eventView), order: await orderOf(deps, caller, tx) };
}

async function get(deps: TransactionDeps, { caller, params: { txHash } }: ApiRequest<Get>): Promise<Reply<Get>> {
  const { chain } = deps;
  const status = await chain.txStatus(txHash);
  if (status === undefined) return { problem: 'not_found' };
  const none = { txHash, kind: null, height: null, index: null, code: null, fault: null, time: null };
  if (status.status === 'superseded') return { status: 200, body: { ...none, status: 'superseded', by: status.by } };
  if (status.status === 'expired') return { status: 200, body: { ...none, status: 'expired' } };
  if (status.status === 'pending') return { status: 200, body: { ...none, status: 'pending', ...await pendingTold(deps, caller, txHash) } };
  const { height, index, code, timeMs } = status;
  const tx = (await chain.readFinal(height))?.txs[index];
  const kind = tx === undefined ? null : tx.body.kind.case;
  const told = tx === undefined ? {} : await finalTold(deps, caller, tx);
  return { status: 200, body: { txHash, status: 'final', kind, height, index, code, fault: faultCode(code) ?? null, time: rfc3339(timeMs), ...told } };
}

export function transactionRoutes(deps: TransactionDeps): readonly Entry[] {
  return [
    serve(ROUTES.postTransaction, (request) => post(deps, request)),
    serve(ROUTES.getTransaction, (request) => get(deps, request)),
  ];
}
