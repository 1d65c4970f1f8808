/** Names and rhythm of the event streams, apart from its schemas: a client needs only these at run time. */

/** A comment line at least this often, so that a reader can tell a quiet stream from a dead one. */
export const HEARTBEAT_MS = 15_000;
/**
 * order.reopened: the Pay that was seen has ended without being final, and the order waits for another. recall.notice: an order that waits for its payment has a recalled lot, and its till must
 * cancel it.
 */
export const ORDER_EVENTS = ['order.created', 'order.submitted', 'order.reopened', 'order.paid', 'order.expired', 'order.cancelled', 'order.collected', 'refund.final', 'recall.notice'] as const;
/** Of a student's own wallets; recall.notice where one of them bought the lot. */
export const WALLET_EVENTS = ['order.paid', 'refund.final', 'coupon.issued', 'recall.notice'] as const;
export const HEADER_EVENTS = ['header.final'] as const;
export const ADMIN_EVENTS = ['flag.raised', 'alert.sent', 'figures'] as const;
/** resync: the replay ring no longer holds what was missed, read the list again. reauth: the token ran out. */
export const STREAM_EVENTS = ['resync', 'reauth'] as const;
export type OrderEventName = (typeof ORDER_EVENTS)[number];
export type WalletEventName = (typeof WALLET_EVENTS)[number];
export type AdminEventName = (typeof ADMIN_EVENTS)[number];
