/** Refund: gives litres of a payment back to its payer. The till's key signs up to its daily cap, else the merchant's. */
import type { Millilitres } from '@billcoin/protocol';
import { saltedDraft, type Envelope, type TxDraft } from './draft.ts';
import { MIN_FEE_ML } from './transfer.ts';

export interface RefundParams extends Envelope {
  /** Address of the key that signs: the till's or the merchant's, 20 bytes. The merchant pays the fee. */
  readonly sender: Uint8Array;
  readonly tillNo: number;
  /** Order reference of the payment, 10 bytes. */
  readonly ref: Uint8Array;
  readonly amountMl: Millilitres;
}

/** An unsigned Refund. */
export function buildRefund(params: RefundParams): TxDraft {
  const { tillNo, ref, amountMl } = params;
  return saltedDraft(params, params.sender, params.feeMl ?? MIN_FEE_ML, { case: 'refund', value: { tillNo, ref, amountMl } });
}
