/** Transfer: moves litres from one account to another. */
import type { Millilitres } from '@billcoin/protocol';
import type { Signer } from '../key.ts';
import { addSignature, saltedDraft, type Envelope, type TxDraft } from './draft.ts';

/** The network's minimum for kinds with a flat fee (parameter minFeeMl). */
export const MIN_FEE_ML = 1n;

export interface TransferParams extends Envelope {
  /** Receiver, 20 bytes. */
  readonly to: Uint8Array;
  /** 1 … 2^53 − 1. */
  readonly amountMl: Millilitres;
  /** 16 opaque bytes, e.g. of a top-up; never anything personal. */
  readonly reference?: Uint8Array;
}

/** An unsigned Transfer of `sender` (20 bytes; a key's address or a k-of-n account). */
export function buildTransfer(params: TransferParams & { readonly sender: Uint8Array }): TxDraft {
  const { to, amountMl, reference } = params;
  return saltedDraft(params, params.sender, params.feeMl ?? MIN_FEE_ML, { case: 'transfer', value: { to, amountMl, reference } });
}

/** A Transfer signed by the account's own key, ready for `sendTransaction`. */
export function signTransfer(params: TransferParams, signer: Signer): TxDraft {
  return addSignature(buildTransfer({ ...params, sender: signer.address }), signer);
}
