/** /transactions: hand one in, ask what became of it. */
import { decode, faultCode, fromBase64Url, Tx, TxBody } from '@billcoin/protocol';
import { PROBLEMS, ROUTES } from '@billcoin/sdk';
import type { ChainPort, Clock, Submitted } from '../../ports.ts';
import { rfc3339 } from '../../rfc3339.ts';
import { serve, type ApiRequest, type Entry, type Refusal, type Reply } from '../entry.ts';
import type { ApiMetrics } from '../metrics.ts';
import { faultRefusal } from '../problem.ts';
import { FINALITY_AGE_MAX_MS } from './health.ts';

export interface TransactionDeps {
  readonly chain: ChainPort;
  readonly clock: Clock;
  readonly metrics: ApiMetrics;
}

type Post = typeof ROUTES.postTransaction;
type Get = typeof ROUTES.getTransaction;

type PoolRefusal = Extract<Submitted, { readonly ok: false }>['refusal'];

/** The newest final block is so old that this node is catching up, or that the chain stands: its state says nothing of today. */
function isStale({ chain, clock }: TransactionDeps): boolean {
  return clock.nowMs() - chain.tip().timeMs > FINALITY_AGE_MAX_MS;
}

/** A wallet must not take a verdict of an old state for one of the chain: it asks another node, or this one later. */
function refusalOf(deps: TransactionDeps, refusal: PoolRefusal): Refusal {
  if (!('text' in refusal)) {
    const answer = faultRefusal(refusal);
    const isJudgedByState = PROBLEMS[answer.problem].status !== 400;
    return isJudgedByState && isStale(deps) ? { problem: 'chain_unavailable', detail: `Its newest final block is of ${rfc3339(deps.chain.tip().timeMs)}; there the transaction is refused: ${refusal.code}.` } : answer;
  }
  return { problem: refusal.code === 'too_many_pending' ? 'rate_limited' : refusal.code, detail: refusal.text };
}

/** Refused Pays count as failed payments, whoever posted them; bytes that are no transaction count as nothing. */
function isPay(bytes: Uint8Array): boolean {
  const tx = decode(Tx, bytes);
  const body = tx.ok ? decode(TxBody, tx.value.body) : undefined;
  return body?.ok === true && body.value.kind.case === 'pay';
}

async function post(deps: TransactionDeps, { body }: ApiRequest<Post>): Promise<Reply<Post>> {
  const { chain, metrics } = deps;
  const bytes = fromBase64Url(body.tx);
  if (bytes === undefined) return { problem: 'malformed_request', errors: [{ pointer: '/tx', code: 'base64url' }] };
  const submitted = await chain.submit(bytes);
  if (!submitted.ok) {
    if (isPay(bytes)) metrics.paymentFailed.inc({ reason: submitted.refusal.code });
    return refusalOf(deps, submitted.refusal);
  }
  const { txHash, fresh, status } = submitted;
  return { status: fresh ? 202 : 200, body: { txHash, status: status.status } };
}

async function get(chain: ChainPort, { params }: ApiRequest<Get>): Promise<Reply<Get>> {
  const { txHash } = params;
  const status = await chain.txStatus(txHash);
  if (status === undefined) return { problem: 'not_found' };
  const none = { txHash, kind: null, height: null, index: null, code: null, fault: null, time: null };
  if (status.status === 'superseded') return { status: 200, body: { ...none, status: 'superseded', by: status.by } };
  if (status.status !== 'final') return { status: 200, body: { ...none, status: status.status } };
  const { height, index, code, timeMs } = status;
  const tx = (await chain.readFinal(height))?.txs[index];
  const kind = tx === undefined ? null : tx.body.kind.case;
  return { status: 200, body: { txHash, status: 'final', kind, height, index, code, fault: faultCode(code) ?? null, time: rfc3339(timeMs) } };
}

export function transactionRoutes(deps: TransactionDeps): readonly Entry[] {
  return [
    serve(ROUTES.postTransaction, (request) => post(deps, request)),
    serve(ROUTES.getTransaction, (request) => get(deps.chain, request)),
  ];
}
