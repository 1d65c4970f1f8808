/** What a till does to an order after posting it: take the invoice back, and say that the goods were handed out. */
import type { Static } from 'typebox';
import { OrderStatusName, OrderSummary } from './orders.ts';
import { route } from './route.ts';
import { base64Url, closed, Label, line, OrderId, TxHash } from './values.ts';

/** One kind of 4 KiB: VoidInvoice and Refund alike. */
export const TILL_TX_MAX_BYTES = 4_096;
/** Why somebody did it, for the merchant's own books. */
export const Reason = line(200, 'For the merchant’s own books; never on chain');

export const OrderCancelled = closed({ orderId: OrderId, txHash: TxHash, status: OrderStatusName, label: Label });
export type OrderCancelled = Static<typeof OrderCancelled>;

export const cancelOrder = route({
  method: 'POST',
  path: '/orders/{orderId}/cancel',
  summary: 'Take an unpaid order back: a VoidInvoice of its invoice, signed by the till. 202: handed to the chain, cancelled once that is final; 200: it is.',
  who: ['till'],
  own: 'its own till number',
  params: closed({ orderId: OrderId }),
  body: closed({ tx: base64Url(TILL_TX_MAX_BYTES, 'VoidInvoice signed by the till'), reason: Reason }),
  responses: { 200: OrderCancelled, 202: OrderCancelled },
  problems: ['not_found', 'invoice_already_paid', 'invoice_void', 'invoice_expired', 'other_order', 'wrong_signers', 'till_not_active', 'merchant_not_active', 'merchant_balance_low', 'over_till_cap', 'malformed', 'wrong_network', 'bad_signature', 'pool_full'],
});

export const collectOrder = route({
  method: 'POST',
  path: '/orders/{orderId}/collect',
  summary: 'The goods of a paid order were handed out.',
  who: ['till', 'staff'],
  own: 'own till',
  params: closed({ orderId: OrderId }),
  responses: { 200: OrderSummary },
  problems: ['not_found', 'not_collectable', 'already_collected'],
});
