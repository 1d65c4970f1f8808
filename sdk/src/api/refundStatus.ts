/** States of a refund and their labels. A refund that is on its way or final is the chain's; the others are the merchant's own. */
export const REFUND_STATUS = {
  PENDING: { en: 'Refund on its way', ms: 'Pemulangan dalam proses' },
  NEEDS_MANAGER: { en: 'Waits for the manager', ms: 'Menunggu pengurus' },
  FINAL: { en: 'Refunded', ms: 'Dipulangkan' },
  REJECTED: { en: 'Rejected', ms: 'Ditolak' },
  FAILED: { en: 'Failed', ms: 'Gagal' },
} as const;
export type RefundStatus = keyof typeof REFUND_STATUS;

/** What giving all of it back does to the coupon that the payment's point sits in. */
export const COUPON_EFFECTS = ['none', 'cancelled', 'deducted'] as const;
