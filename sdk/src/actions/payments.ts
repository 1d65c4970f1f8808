/** The seed's validation (US-004). */
import type { Routes } from '../api/index.ts';
import type { ValidatePaymentAnswer, ValidatePaymentRequest } from '../api/payments.ts';
import type { Client } from '../client/client.ts';
import { request, type CallOptions } from '../client/request.ts';

/**
 * Asks whether a transaction is the final payment of exactly this amount. Not repeated by itself: each call of a person
 * counts as an attempt.
 * @throws ApiError `malformed_request`, `rate_limited`, `internal_error` …
 * @example const { valid, error } = await validatePayment(client, { txHash, expectedAmount: '1.80', waitMs: 3000 })
 */
export function validatePayment(client: Client, body: ValidatePaymentRequest, options?: CallOptions): Promise<ValidatePaymentAnswer> {
  return request<Routes['validatePayment']>(client, 'POST', '/payments/validate', { body, idempotent: false }, options);
}
