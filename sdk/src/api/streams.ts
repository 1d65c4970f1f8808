/** Server-sent events. Frames carry `id`, `event` and JSON `data`; a heartbeat comment every 15 s; Last-Event-ID replays. */
import { Type, type Static } from 'typebox';
import { OrderStatusName } from './orders.ts';
import { route } from './route.ts';
import { Address, base64Url, BatchKey, closed, CouponId, Hash, Height, Label, Litres, nullable, OrderId, Ref, Rm, TillNo, Time, TxHash } from './values.ts';

/** Data of every order event. One about a payment carries its proof (PaymentReceipt). */
export const OrderEventData = closed({
  orderId: OrderId, tillNo: TillNo, ref: Ref, status: OrderStatusName, label: Label, time: Time, txHash: nullable(TxHash),
  blockHeight: nullable(Height), blockHash: nullable(Hash), proof: Type.Optional(base64Url(65_536, 'PaymentReceipt bytes')),
});
export type OrderEventData = Static<typeof OrderEventData>;

export const streamOrdersRoute = route({
  method: 'GET',
  path: '/streams/orders',
  summary: 'Changes of orders as they happen: order.created, order.submitted, order.reopened (the Pay seen has ended, another may pay), order.paid, order.expired, order.cancelled, order.collected, refund.final; recall.notice: this open order has a recalled lot, cancel it.',
  who: ['till', 'staff', 'manager'],
  own: 'till, staff: own till; manager: own merchant',
  query: closed({ tillNo: Type.Optional(TillNo), orderId: Type.Optional(OrderId) }),
  responses: { 200: Type.String() },
  responseType: 'text/event-stream',
  problems: ['not_found'],
});

const EVENT_STREAM = { responses: { 200: Type.String() }, responseType: 'text/event-stream' } as const;
/** Where the event stands on the chain, with its proof (PaymentReceipt). */
const proven = { txHash: TxHash, time: Time, blockHeight: Height, blockHash: Hash, proof: Type.Optional(base64Url(65_536, 'PaymentReceipt bytes')) };
const sale = { tillNo: TillNo, ref: Ref, merchantId: Address, litres: Litres, rm: Rm };

/** Data of the events of a wallet, by their name. */
export const WalletEventData = {
  'order.paid': closed({ ...proven, ...sale, couponLitres: Litres }),
  'refund.final': closed({ ...proven, ...sale }),
  'coupon.issued': closed({ ...proven, couponId: CouponId, merchantId: Address, litres: Litres, expiresAt: Time, qr: Type.String() }),
  'recall.notice': closed({ ...proven, batchKey: BatchKey, plant: Address, lot: Type.String({ description: 'Printed lot, hex of its bytes' }), lotText: nullable(Type.String()) }),
} as const;
export type WalletEventData = { readonly [Name in keyof typeof WalletEventData]: Static<(typeof WalletEventData)[Name]> };

export const streamWalletRoute = route({
  method: 'GET',
  path: '/streams/wallet',
  summary: 'What happens to a student’s wallets: order.paid, refund.final, coupon.issued. recall.notice where one of them bought a lot that was recalled; it comes again, without an id, whenever the stream is opened anew: notices are told apart by batchKey.',
  who: ['student'],
  own: 'own wallets',
  ...EVENT_STREAM,
});

export const HeaderEventData = closed({ height: Height, lightBlock: base64Url(18_432, 'LightBlock bytes: header, certificate, set, next set where it changes') });
export type HeaderEventData = Static<typeof HeaderEventData>;

export const streamHeadersRoute = route({
  method: 'GET',
  path: '/streams/headers',
  summary: 'Final headers with their certificates as they come: header.final.',
  who: ['public'],
  ...EVENT_STREAM,
});

/** Figures of this node; flags and alerts as /admin/flags and /admin/alerts have them. */
export const FiguresData = closed({
  time: Time, height: Height, finalityAgeMs: Type.Integer({ minimum: 0 }), openOrders: Type.Integer({ minimum: 0 }), pendingTransactions: Type.Integer({ minimum: 0 }), streams: Type.Integer({ minimum: 0 }),
});
export type FiguresData = Static<typeof FiguresData>;

export const streamAdminRoute = route({
  method: 'GET',
  path: '/streams/admin',
  summary: 'For the dashboard: flag.raised, alert.sent, figures.',
  who: ['admin'],
  ...EVENT_STREAM,
});
