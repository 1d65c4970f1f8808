/** Names and rhythm of the order stream, apart from its schemas: a client needs only these at run time. */

/** A comment line at least this often, so that a reader can tell a quiet stream from a dead one. */
export const HEARTBEAT_MS = 15_000;
export const ORDER_EVENTS = ['order.created', 'order.submitted', 'order.paid', 'order.expired', 'order.cancelled', 'order.collected', 'order.refunded'] as const;
/** resync: the replay ring no longer holds what was missed, read the list again. reauth: the token ran out. */
export const STREAM_EVENTS = ['resync', 'reauth'] as const;
export type OrderEventName = (typeof ORDER_EVENTS)[number];
