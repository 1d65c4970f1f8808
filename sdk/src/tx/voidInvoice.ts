/**
 * VoidInvoice: the till takes back an invoice that nobody has paid. Whichever of Pay and VoidInvoice is included first
 * settles it, so a void that is final proves that it was never paid and never will be.
 */
import { chainTag, decodeInvoiceFor, ok, type Result } from '@billcoin/protocol';
import { draftOf, type TxDraft } from './draft.ts';
import { MIN_FEE_ML } from './transfer.ts';

export interface VoidInvoiceParams {
  readonly genesisHash: Uint8Array;
  /** The 92 bytes that the till signed. */
  readonly invoice: Uint8Array;
  /** Address of the till's key, 20 bytes: the signer. */
  readonly till: Uint8Array;
  /** The network's minimum, from the merchant's balance; a till may pay no more. Default 1. */
  readonly feeMl?: bigint;
}

/** An unsigned VoidInvoice; the same invoice gives the same id. Faults: `malformed`, `wrong_network` of the invoice. */
export function buildVoidInvoice(params: VoidInvoiceParams): Result<TxDraft> {
  const { genesisHash, invoice, till } = params;
  const decoded = decodeInvoiceFor(genesisHash, invoice);
  if (!decoded.ok) return decoded;
  return ok(draftOf(genesisHash, {
    chainTag: chainTag(genesisHash), sender: till, validUntilMs: decoded.value.expiresAtS * 1_000, feeMl: params.feeMl ?? MIN_FEE_ML, policies: [], kind: { case: 'voidInvoice', value: { invoice } },
  }));
}
