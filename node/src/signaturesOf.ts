/** Which signatures a transaction stands on, so that they can be verified before the rules ask for them. */
import { ROWS, tillId, type FlatState, type ParsedTx } from '@billcoin/protocol';

/** One signature to check; any lengths, the rule judges them. */
export interface SignedItem {
  readonly publicKey: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

/** Verdicts in order of the items. */
export type VerifyMany = (items: readonly SignedItem[]) => Promise<readonly boolean[]>;

/** Those of the envelope, and the till's under an invoice where the till is known (its own fault comes from the check). */
export function signaturesOf(state: FlatState, tx: ParsedTx): readonly SignedItem[] {
  const { invoice, invoiceMessage: message } = tx;
  if (invoice === undefined || message === undefined) return tx.signatures;
  const till = state.get(ROWS.till, tillId(invoice.tillNo));
  return till === undefined ? tx.signatures : [...tx.signatures, { publicKey: till.publicKey, message, signature: invoice.signature }];
}
