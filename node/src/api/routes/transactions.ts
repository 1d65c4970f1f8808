/** /transactions: hand one in, ask what became of it. */
import { decode, faultCode, fromBase64Url, Tx, TxBody } from '@billcoin/protocol';
import { ROUTES } from '@billcoin/sdk';
import type { ChainPort } from '../../ports.ts';
import { rfc3339 } from '../../rfc3339.ts';
import { serve, type ApiRequest, type Entry, type Reply } from '../entry.ts';
import type { ApiMetrics } from '../metrics.ts';
import { submissionRefusal, type SubmissionDeps } from '../submission.ts';

export interface TransactionDeps extends SubmissionDeps {
  readonly metrics: ApiMetrics;
}

type Post = typeof ROUTES.postTransaction;
type Get = typeof ROUTES.getTransaction;

/** Refused Pays count as failed payments, whoever posted them; bytes that are no transaction count as nothing. */
function isPay(bytes: Uint8Array): boolean {
  const tx = decode(Tx, bytes);
  const body = tx.ok ? decode(TxBody, tx.value.body) : undefined;
  return body?.ok === true && body.value.kind.case === 'pay';
}

async function post(deps: TransactionDeps, { body, call }: ApiRequest<Post>): Promise<Reply<Post>> {
  const { chain, metrics } = deps;
  const bytes = fromBase64Url(body.tx);
  if (bytes === undefined) return { problem: 'malformed_request', errors: [{ pointer: '/tx', code: 'base64url' }] };
  const submitted = await chain.submit(call?.tx ?? bytes);
  if (!submitted.ok) {
    if (isPay(bytes)) metrics.paymentFailed.inc({ reason: submitted.refusal.code });
    return submissionRefusal(deps, submitted.refusal);
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
