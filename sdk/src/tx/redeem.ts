/** Redeem: the delivery note. Retires the holder's BILL against one batch; holder and plant both sign. */
import type { Millilitres } from '@billcoin/protocol';
import { saltedDraft, type Envelope, type TxDraft } from './draft.ts';
import { MIN_FEE_ML } from './transfer.ts';

export interface RedeemParams extends Envelope {
  /** Who takes the milk and pays the fee, 20 bytes. */
  readonly holder: Uint8Array;
  /** Batch key, 32 bytes. */
  readonly batch: Uint8Array;
  readonly amountMl: Millilitres;
  /** Hash of the paper or electronic delivery note, 32 bytes. */
  readonly noteHash: Uint8Array;
}

/** An unsigned Redeem: `addSignature` by the holder, then by the plant (`decodeTransaction` opens it there). */
export function buildRedeem(params: RedeemParams): TxDraft {
  const { holder, batch, amountMl, noteHash } = params;
  return saltedDraft(params, holder, params.feeMl ?? MIN_FEE_ML, { case: 'redeem', value: { batch, amountMl, noteHash } });
}
