/** ReportPrice: a registered reporter says what a litre costs today; the median of the day is tomorrow's price. Free of fees. */
import type { Sen } from '@billcoin/protocol';
import { saltedDraft, type Envelope, type TxDraft } from './draft.ts';

export interface ReportPriceParams extends Omit<Envelope, 'feeMl'> {
  /** Account of the reporter, 20 bytes: the signer. */
  readonly reporter: Uint8Array;
  /** Sen per BILL (per litre), 1 … 2^53 − 1. The last report of a day counts. */
  readonly senPerBill: Sen;
}

/** An unsigned ReportPrice. */
export function buildReportPrice(params: ReportPriceParams): TxDraft {
  return saltedDraft(params, params.reporter, 0n, { case: 'reportPrice', value: { senPerBill: params.senPerBill } });
}
