/** Sending a transaction and waiting for it are two calls: the first answers at once, the second may take its time. */
import type { Routes } from '../api/index.ts';
import type { TxAdmission, TxStatus } from '../api/transactions.ts';
import type { Client } from '../client/client.ts';
import { ApiError, ConnectionError, TimeoutError, UntrustedAnswerError } from '../client/errors.ts';
import { request, type CallOptions } from '../client/request.ts';
import { asError, backoffMs, startDeadline, waitMs } from '../client/wait.ts';
import { transactionText, type TxDraft } from '../tx/draft.ts';

/**
 * Hands a signed transaction to the node. It is idempotent by its id, so a lost answer is asked for again.
 * @returns pending where it is new; its present status where the node knew it
 * @throws ApiError the fault of the chain as `code` · TimeoutError with the txHash: it may have arrived
 * @example const { txHash } = await sendTransaction(client, signTransfer({ genesisHash, to, amountMl: 300n }, key))
 */
export async function sendTransaction(client: Client, draft: TxDraft, options?: CallOptions): Promise<TxAdmission> {
  const { txHash } = draft;
  const answer = await request<Routes['postTransaction']>(client, 'POST', '/transactions', { body: { tx: transactionText(draft) }, idempotent: true, txHash }, options);
  if (answer.txHash !== txHash) throw new UntrustedAnswerError(`the server names the transaction ${answer.txHash}, its id is ${txHash}`);
  return answer;
}

/**
 * What became of a transaction. Logged in as one of its parties, finance or an auditor, also `body`, `events` (null until it
 * is final) and `order` (null where there is none to read); the three are absent for everybody else, and of what this node no longer holds.
 * @throws ApiError `not_found` where this node has never seen it
 */
export function getTransaction(client: Client, params: { readonly txHash: string }, options?: CallOptions): Promise<TxStatus> {
  return request<Routes['getTransaction']>(client, 'GET', '/transactions/{txHash}', { params, idempotent: true, txHash: params.txHash }, options);
}

/** Longest wait unless the caller says otherwise: three times the seed's 3 s, then a person wants to be told. */
export const WAIT_TIMEOUT_MS = 10_000;
/** Blocks take at most a second: asking more often than this finds nothing new. */
const POLL_FIRST_MS = 100;
const POLL_MAX_MS = 1_000;

export interface WaitParams {
  readonly txHash: string;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Waits until a transaction is settled: `final` (look at `code`: 0 is done), `superseded` or `expired`. A node that does
 * not know it yet is asked again; so is one that is out of reach for a moment.
 * @throws TimeoutError with the txHash · ApiError of a refusal that will not pass
 * @example const { status, code } = await waitForTransaction(client, { txHash })
 */
export async function waitForTransaction(client: Client, { txHash, timeoutMs = WAIT_TIMEOUT_MS, signal }: WaitParams): Promise<TxStatus> {
  const deadline = startDeadline(timeoutMs, signal);
  let last = 'not asked yet';
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        const status = await getTransaction(client, { txHash }, { signal: deadline.signal });
        if (status.status !== 'pending') return status;
        last = 'pending';
      } catch (error) {
        if (deadline.signal.aborted || !mayPass(error)) throw error;
        last = asError(error).message;
      }
      await waitMs(backoffMs(attempt, POLL_FIRST_MS, POLL_MAX_MS), deadline.signal);
    }
  } catch (cause) {
    if (!deadline.timedOut()) throw cause;
    throw new TimeoutError(`transaction ${txHash} is not settled after ${timeoutMs} ms: ${last}`, { cause, txHash });
  } finally {
    deadline.done();
  }
}

function mayPass(error: unknown): boolean {
  return error instanceof ApiError ? error.code === 'not_found' || error.retryable : error instanceof ConnectionError;
}
