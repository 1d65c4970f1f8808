/** POST /payments/validate (US-004), to the letter: 200 with exactly three keys, 400 malformed, 500 our fault. */
import { assert, fromHex, parseAddress, parseLitres, parseRinggit, toHex } from '@billcoin/protocol';
import { ROUTES, type ProblemCode, type ValidatePaymentRequest } from '@billcoin/sdk';
import type { Payments, Validated, Validation } from '../../campusPorts.ts';
import { rfc3339 } from '../../rfc3339.ts';
import { merchantOf, type Caller } from '../caller.ts';
import { serve, type Entry, type Refusal } from '../entry.ts';
import type { ApiMetrics } from '../metrics.ts';
import type { Parties } from '../parties.ts';
import { staleRefusal, type SubmissionDeps } from '../submission.ts';

/** Amounts as exact base units: at most two places of MYR, three of BILL, above zero. */
function expectedOf({ expectedAmount, unit = 'MYR' }: ValidatePaymentRequest): Validation['expected'] | undefined {
  if (unit === 'MYR') {
    const sen = parseRinggit(expectedAmount);
    return sen === undefined || sen === 0n ? undefined : { unit, sen };
  }
  const amountMl = parseLitres(expectedAmount);
  return amountMl === undefined || amountMl === 0n ? undefined : { unit, amountMl };
}

function malformed(pointer: string, detail: string): Refusal {
  return { problem: 'malformed_request', detail, errors: [{ pointer, code: 'format' }] };
}

/** What the fields' own patterns cannot say. */
function read(body: ValidatePaymentRequest): Validation | Refusal {
  const expected = expectedOf(body);
  if (expected === undefined) return malformed('/expectedAmount', 'The amount is no decimal above zero with at most two places of MYR or three of BILL.');
  const merchant = body.merchantId === undefined ? undefined : parseAddress(body.merchantId);
  if (body.merchantId !== undefined && merchant === undefined) return malformed('/merchantId', 'The address has a wrong checksum.');
  const bytes = fromHex(body.txHash.replace(/^0x/i, ''));
  assert(bytes !== undefined, 'the declaration lets only hex through');
  return { txHash: toHex(bytes), expected, merchant, orderId: body.orderId, waitMs: body.waitMs ?? 0 };
}

function headersOf(txHash: string, { final }: Validated): Readonly<Record<string, string>> {
  if (final === undefined) return {};
  return { 'billcoin-block-height': String(final.height), 'billcoin-block-hash': final.blockHash, link: `</api/v1/proofs/tx/${txHash}>; rel="proof"` };
}

/** Refusals of form and faults of ours carry the seed's three keys beside the problem's own. */
function extendProblem(code: ProblemCode): Readonly<Record<string, unknown>> {
  return code === 'malformed_request' || code === 'internal_error' ? { valid: false, confirmedAt: null, error: code } : {};
}

const NOT_FOUND: Validated = { error: 'tx_not_found' };

/** Tills, their people and partners ask for their own merchant, whatever they say; a student for his own payments. */
async function validate({ payments, parties }: PaymentRouteDeps, caller: Caller, asked: Validation): Promise<Validated> {
  const own = merchantOf(caller);
  if (own !== undefined) return await payments.validate({ ...asked, merchant: parseAddress(own) });
  if (caller.role !== 'student') return await payments.validate(asked);
  const isOthers = async (): Promise<boolean | undefined> => {
    const sender = await parties.senderOf(asked.txHash);
    return sender === undefined ? undefined : !(await parties.isOwnAccount(caller, sender));
  };
  if ((await isOthers()) === true) return NOT_FOUND;
  const validated = await payments.validate(asked);
  return (await isOthers()) === false ? validated : NOT_FOUND;
}

export interface PaymentRouteDeps extends SubmissionDeps {
  readonly payments: Payments;
  readonly parties: Parties;
  readonly metrics: ApiMetrics;
}

export function paymentRoutes(deps: PaymentRouteDeps): readonly Entry[] {
  return [
    serve(ROUTES.validatePayment, async ({ caller, body }) => {
      const validation = read(body);
      if ('problem' in validation) return validation;
      const validated = await validate(deps, caller, validation);
      // Others may know what this node has not reached: "never heard of it" is no verdict, and nobody's failure.
      const unsure = validated.error === 'tx_not_found' ? staleRefusal(deps, 'not known') : undefined;
      if (unsure !== undefined) return unsure;
      deps.metrics.validations.inc({ result: validated.error ?? 'valid' });
      const { error, final } = validated;
      return { status: 200, body: { valid: error === null, confirmedAt: final === undefined ? null : rfc3339(final.timeMs), error }, headers: headersOf(validation.txHash, validated) };
    }, { extendProblem, internalCode: 'internal_error' }),
  ];
}
