/** Pay: settles a till-signed invoice. Salt and fee are absent and the time is the invoice's, so it is derivable anywhere. */
import { chainTag, decodeInvoiceFor, ok, type Result } from '@billcoin/protocol';
import { draftOf, type TxDraft } from './draft.ts';

export interface PayParams {
  readonly genesisHash: Uint8Array;
  /** The 92 bytes, as scanned. Check them with `readInvoice` first: this function does not know the till's key. */
  readonly invoice: Uint8Array;
  /** Account that pays, 20 bytes. */
  readonly payer: Uint8Array;
  /** A coupon of the payer and this merchant, 32 bytes; it is spent whole. */
  readonly couponId?: Uint8Array;
  readonly policies?: readonly Uint8Array[];
}

/** An unsigned Pay. Faults: `malformed`, `wrong_network` of the invoice. */
export function buildPay(params: PayParams): Result<TxDraft> {
  const { genesisHash, invoice, payer, couponId } = params;
  const decoded = decodeInvoiceFor(genesisHash, invoice);
  if (!decoded.ok) return decoded;
  return ok(draftOf(genesisHash, {
    chainTag: chainTag(genesisHash),
    sender: payer,
    validUntilMs: decoded.value.expiresAtS * 1_000,
    feeMl: 0n,
    policies: params.policies ?? [],
    kind: { case: 'pay', value: { invoice, couponId } },
  }));
}
