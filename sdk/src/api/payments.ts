/** The seed's validation contract (US-004), to the letter. */
import { Type, type Static } from 'typebox';
import { route } from './route.ts';
import { closed, Address, nullable, OrderId, Time } from './values.ts';

/** Why a payment is not valid, in the order in which the rows are tried; the first that matches decides. */
export const VALIDATION_ERRORS = [
  'malformed_request', 'tx_not_found', 'expired', 'superseded', 'not_final', 'execution_failed', 'not_a_payment',
  'wrong_recipient', 'order_mismatch', 'amount_mismatch', 'refunded', 'internal_error',
] as const;
export type ValidationError = (typeof VALIDATION_ERRORS)[number];

/** Longest a validation waits for finality before it answers: the seed's 3 seconds. */
export const VALIDATE_WAIT_MAX_MS = 3_000;

export const ValidatePaymentRequest = closed({
  txHash: Type.String({ pattern: '^(0[xX])?[0-9a-fA-F]{64}$', description: '64 hex digits, 0x and upper case accepted' }),
  expectedAmount: Type.String({ pattern: '^[0-9]{1,13}(\\.[0-9]{1,3})?$', description: 'MYR: at most two places; BILL: at most three; above zero', examples: ['1.80'] }),
  unit: Type.Optional(Type.Union([Type.Literal('MYR'), Type.Literal('BILL')], { default: 'MYR' })),
  orderId: Type.Optional(OrderId),
  merchantId: Type.Optional(Address),
  waitMs: Type.Optional(Type.Integer({ minimum: 0, maximum: VALIDATE_WAIT_MAX_MS, default: 0, description: 'Wait that long for finality before answering' })),
});
export type ValidatePaymentRequest = Static<typeof ValidatePaymentRequest>;

/** Exactly three keys. 400 and 500 carry the same three beside the problem's own. */
export const ValidatePaymentAnswer = closed({
  valid: Type.Boolean(),
  confirmedAt: nullable(Time),
  error: nullable(Type.Unsafe<ValidationError>({ type: 'string', enum: [...VALIDATION_ERRORS] })),
});
export type ValidatePaymentAnswer = Static<typeof ValidatePaymentAnswer>;

export const validatePayment = route({
  method: 'POST',
  path: '/payments/validate',
  summary: 'Is this transaction the final payment of exactly this amount? Confirmed means: in a block with a finality certificate.',
  who: ['partner', 'till', 'staff', 'manager', 'student', 'service', 'finance', 'auditor'],
  own: 'partner, till, staff, manager: their own merchant, whatever merchantId says; student: transactions of own wallets',
  body: ValidatePaymentRequest,
  responses: { 200: ValidatePaymentAnswer },
  problems: ['malformed_request', 'internal_error'],
});
