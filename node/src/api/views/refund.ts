/** Refunds as answers: rows of the campus store in the words of the API. */
import { formatLitres, formatRinggit } from '@billcoin/protocol';
import { REFUND_STATUS, type Refund, type RefundOptions as RefundOptionsView } from '@billcoin/sdk';
import type { RefundOptions, RefundRequestRow } from '../../refundPorts.ts';
import { rfc3339 } from '../../rfc3339.ts';

export function refundView(refund: RefundRequestRow): Refund {
  const { refundId, orderId, merchant, tillNo, ref, status, amountMl, sen, txHash, reason, requestedBy, createdAtMs, decidedBy, decidedAtMs, failure, final } = refund;
  return {
    refundId, orderId, merchantId: merchant, tillNo, ref, status, label: REFUND_STATUS[status], litres: formatLitres(BigInt(amountMl)), rm: formatRinggit(BigInt(sen)), txHash,
    reason, requestedBy, createdAt: rfc3339(createdAtMs), decidedBy, decidedAt: decidedAtMs === null ? null : rfc3339(decidedAtMs), failure,
    refundedAt: final === null || status !== 'FINAL' ? null : rfc3339(final.timeMs), blockHeight: final?.height ?? null, blockHash: final?.blockHash ?? null,
  };
}

export function refundOptionsView(orderId: string, options: RefundOptions): RefundOptionsView {
  const { refundableMl, sen, pointTaken, couponEffect, couponMl, tillCapLeftMl, untilMs } = options;
  return {
    orderId, refundableLitres: formatLitres(refundableMl), refundableRm: formatRinggit(sen), pointTaken, couponEffect, couponLitres: formatLitres(couponMl), tillCapLeft: formatLitres(tillCapLeftMl), until: rfc3339(untilMs),
  };
}
