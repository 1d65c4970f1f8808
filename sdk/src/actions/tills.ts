/** Tills: a manager makes a code, a device turns it into a till, the till reports, a manager revokes. */
import { toHex } from '@billcoin/protocol';
import type { Routes } from '../api/index.ts';
import type { AnswerOf, QueryOf } from '../api/route.ts';
import type { TillEnrolled } from '../api/tills.ts';
import type { Client } from '../client/client.ts';
import { request, type CallOptions } from '../client/request.ts';
import type { Signer } from '../key.ts';
import { signEnrolment } from '../order/enrolText.ts';
import { transactionText, type TxDraft } from '../tx/draft.ts';

/** Calls of an activation that the chain takes its time for; each waits up to 10 s. */
const ACTIVATIONS_MAX = 6;
/** The server waits 10 s for the chain before it answers. */
const SETTLE_TIMEOUT_MS = 15_000;

/** A code for one device, and its QR text. Needs role manager. */
export function enrolTill(client: Client, body: { readonly name: string }, options?: CallOptions): Promise<AnswerOf<Routes['enrolTill']>> {
  return request<Routes['enrolTill']>(client, 'POST', '/tills/enrol', { body, idempotent: false }, options);
}

export interface ActivateParams {
  readonly enrolCode: string;
  /** The till's own key; it stays where it is. */
  readonly till: Signer;
  readonly genesisHash: Uint8Array;
}

/**
 * Enrols this device; asks again while the chain takes its time.
 * @throws ApiError `enrol_code_invalid`, `key_in_use` … · Error where the chain has not settled it after a minute
 */
export async function activateTill(client: Client, { enrolCode, till, genesisHash }: ActivateParams, options: CallOptions = {}): Promise<TillEnrolled> {
  const body = { enrolCode, publicKey: toHex(till.publicKey), signature: toHex(signEnrolment(enrolCode, genesisHash, till)) };
  for (let call = 1; call <= ACTIVATIONS_MAX; call++) {
    const answer = await request<Routes['activateTill']>(client, 'POST', '/tills/activate', { body, idempotent: true }, { timeoutMs: SETTLE_TIMEOUT_MS, ...options });
    if ('merchantId' in answer) return answer;
  }
  throw new Error('the chain has not registered this till yet; activate it again with the same code');
}

/** Tills of the manager's merchant, or of all. */
export function listTills(client: Client, query: QueryOf<Routes['listTills']> = {}, options?: CallOptions): Promise<AnswerOf<Routes['listTills']>> {
  return request<Routes['listTills']>(client, 'GET', '/tills', { query, idempotent: true }, options);
}

/** What the till says of itself. */
export function reportTill(client: Client, { tillNo, ...body }: { readonly tillNo: number; readonly version: string; readonly battery: number | null; readonly lastProof: number | null }, options?: CallOptions): Promise<AnswerOf<Routes['reportTill']>> {
  return request<Routes['reportTill']>(client, 'PUT', '/tills/{tillNo}/report', { params: { tillNo }, body, idempotent: true }, options);
}

/** Puts a till out of force. `tx`: RevokeTill signed with the merchant key (a manager); none for an admin. */
export function revokeTill(client: Client, { tillNo, reason, tx }: { readonly tillNo: number; readonly reason: string; readonly tx?: TxDraft }, options: CallOptions = {}): Promise<AnswerOf<Routes['revokeTill']>> {
  const body = tx === undefined ? { reason } : { reason, tx: transactionText(tx) };
  return request<Routes['revokeTill']>(client, 'POST', '/tills/{tillNo}/revoke', { params: { tillNo }, body, idempotent: true }, { timeoutMs: SETTLE_TIMEOUT_MS, ...options });
}

/** Registers a merchant. Needs role admin. */
export function registerMerchant(client: Client, body: { readonly name: string; readonly account: string }, options: CallOptions = {}): Promise<AnswerOf<Routes['registerMerchant']>> {
  return request<Routes['registerMerchant']>(client, 'POST', '/admin/merchants', { body, idempotent: true }, { timeoutMs: SETTLE_TIMEOUT_MS, ...options });
}
