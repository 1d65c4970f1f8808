/** States of an order and their labels; the first two are to the letter of the seed (US-002). */
export const ORDER_STATUS = {
  AWAITING_PAYMENT: { en: 'Awaiting Payment', ms: 'Menunggu Bayaran' },
  PAID_READY: { en: 'Paid – Ready', ms: 'Dibayar – Sedia' },
  SUBMITTED: { en: 'Payment seen, wait', ms: 'Bayaran dikesan, tunggu' },
  EXPIRED: { en: 'Expired', ms: 'Tamat tempoh' },
  CANCELLED: { en: 'Cancelled', ms: 'Dibatalkan' },
  COLLECTED: { en: 'Collected', ms: 'Telah diambil' },
  PART_REFUNDED: { en: 'Part refunded', ms: 'Dipulangkan sebahagian' },
  REFUNDED: { en: 'Refunded', ms: 'Dipulangkan' },
} as const;
export type OrderStatus = keyof typeof ORDER_STATUS;
