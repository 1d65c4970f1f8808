/** What blocks say of refunds: final, failed with the ledger's fault, or never included. Also of those nobody asked for here. */
import { faultCode, formatAddress, toHex, type ChainEvent } from '@billcoin/protocol';
import type { FinalTx, KeyValueStore } from '../ports.ts';
import type { RefundRequestRow } from '../refundPorts.ts';
import { ulid } from './crockford.ts';
import { REFUND_PREFIX, refundEndId } from './refunds.ts';
import type { RowBatch } from './rowBatch.ts';
import { listRows, padded, refId, TABLES } from './store.ts';

/** Refunds whose time ends in one block; the rest ends with the next one. */
const ENDS_MAX = 1_000;

type Refunded = Extract<ChainEvent, { readonly case: 'refunded' }>['value'];

/** A Refund that was handed to the chain directly: the merchant sees it beside those that his people asked for. */
async function foundOnChain(batch: RowBatch, timeMs: number, txHash: string, { tillNo, ref, merchant, amountMl, sen }: Refunded): Promise<RefundRequestRow> {
  const payment = refId(tillNo, toHex(ref));
  const refund: RefundRequestRow = {
    refundId: REFUND_PREFIX + ulid(timeMs), orderId: (await batch.get(TABLES.orderByRef, payment)) ?? null, tillNo, ref: toHex(ref), merchant: formatAddress(merchant), amountMl: String(amountMl), sen: String(sen),
    status: 'FINAL', txHash, validUntilMs: null, reason: null, requestedBy: null, createdAtMs: timeMs, decidedBy: null, decidedAtMs: null, failure: null, final: null,
  };
  batch.put(TABLES.refundOfPayment, `${payment}/${refund.refundId}`, 1);
  batch.put(TABLES.refundOfMerchant, `${refund.merchant}/${refund.refundId}`, 1);
  batch.put(TABLES.refundByTx, txHash, refund.refundId);
  return refund;
}

function putEnded(batch: RowBatch, refund: RefundRequestRow): void {
  const { refundId, validUntilMs } = refund;
  batch.put(TABLES.refund, refundId, refund);
  if (validUntilMs !== null) batch.delete(TABLES.refundEnd, refundEndId({ validUntilMs, refundId }));
}

/** A transaction of a final block, where it is a Refund. */
export async function endRefund(batch: RowBatch, final: NonNullable<RefundRequestRow['final']>, { txHash, body, code, events }: FinalTx): Promise<void> {
  if (body.kind.case !== 'refund') return;
  const refundId = await batch.get(TABLES.refundByTx, txHash);
  const asked = refundId === undefined ? undefined : await batch.get(TABLES.refund, refundId);
  const refunded = events.find((event): event is Extract<ChainEvent, { readonly case: 'refunded' }> => event.case === 'refunded')?.value;
  if (refunded === undefined) {
    if (asked !== undefined) putEnded(batch, { ...asked, status: 'FAILED', failure: faultCode(code) ?? String(code), final });
    return;
  }
  const refund = asked ?? (await foundOnChain(batch, final.timeMs, txHash, refunded));
  putEnded(batch, { ...refund, status: 'FINAL', sen: String(refunded.sen), failure: null, final });
}

/** After a block past its time no block can include a transaction any more. */
export async function expireRefunds(store: KeyValueStore, batch: RowBatch, timeMs: number): Promise<void> {
  for (const { id } of await listRows(store, TABLES.refundEnd, { before: padded(timeMs, 15), limit: ENDS_MAX })) {
    const refund = await batch.get(TABLES.refund, id.slice(id.indexOf('/') + 1));
    if (refund?.status === 'PENDING') putEnded(batch, { ...refund, status: 'FAILED', failure: 'expired' });
    else batch.delete(TABLES.refundEnd, id);
  }
}
