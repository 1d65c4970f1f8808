/** Server-sent events. Frames carry `id`, `event` and JSON `data`; a heartbeat comment every 15 s; Last-Event-ID replays. */
import { Type, type Static } from 'typebox';
import { OrderStatusName } from './orders.ts';
import { route } from './route.ts';
import { base64Url, closed, Hash, Height, Label, nullable, OrderId, Ref, TillNo, Time, TxHash } from './values.ts';

/** Data of every order event. One about a payment carries its proof (PaymentReceipt). */
export const OrderEventData = closed({
  orderId: OrderId, tillNo: TillNo, ref: Ref, status: OrderStatusName, label: Label, time: Time, txHash: nullable(TxHash),
  blockHeight: nullable(Height), blockHash: nullable(Hash), proof: Type.Optional(base64Url(65_536, 'PaymentReceipt bytes')),
});
export type OrderEventData = Static<typeof OrderEventData>;

export const streamOrdersRoute = route({
  method: 'GET',
  path: '/streams/orders',
  summary: 'Changes of orders as they happen: order.created, order.submitted, order.paid, order.expired, order.cancelled, order.collected, order.refunded.',
  who: ['till', 'staff', 'manager'],
  own: 'till, staff: own till; manager: own merchant',
  query: closed({ tillNo: Type.Optional(TillNo), orderId: Type.Optional(OrderId) }),
  responses: { 200: Type.String() },
  responseType: 'text/event-stream',
});
