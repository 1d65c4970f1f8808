/** Event streams: what happens to orders, wallets and the chain, as it happens. */
import { ADMIN_EVENTS, HEADER_EVENTS, ORDER_EVENTS, WALLET_EVENTS, type AdminEventName, type OrderEventName, type WalletEventName } from '../api/orderEvents.ts';
import type { OrderSummary } from '../api/orders.ts';
import type { HeaderEventData, OrderEventData, WalletEventData } from '../api/streams.ts';
import type { Client } from '../client/client.ts';
import { readEvents, type Resync, type StreamParams } from '../client/eventStream.ts';
import { getOrder, listOrders } from './orders.ts';

/** Orders looked at by one poll: more than a till has open. */
const POLLED_ORDERS = 100;

export interface OrderStreamParams extends StreamParams {
  readonly tillNo?: number;
  readonly orderId?: string;
}

export type OrderStreamEvent =
  | { readonly event: OrderEventName; readonly id: string | undefined; readonly data: OrderEventData }
  /** There is no connection: the newest orders as the server lists them, every 5 s. */
  | { readonly event: 'list'; readonly orders: readonly OrderSummary[] }
  | Resync;

/**
 * Events of orders, for ever; while there is no connection the list, polled. Errors as `readEvents`.
 * @example for await (const told of streamOrders(client, { tillNo: 12, signal })) if ('data' in told) show(told.event, told.data)
 */
export function streamOrders(client: Client, params: OrderStreamParams = {}): AsyncGenerator<OrderStreamEvent, void, void> {
  const { tillNo, orderId } = params;
  return readEvents<OrderStreamEvent>(client, {
    path: '/streams/orders', query: { tillNo, orderId }, names: ORDER_EVENTS,
    event: (event, id, data) => ({ event: event as OrderEventName, id, data: data as OrderEventData }),
    async poll(signal) {
      const options = signal === undefined ? {} : { signal };
      const orders = orderId === undefined ? (await listOrders(client, { limit: POLLED_ORDERS, ...(tillNo === undefined ? {} : { tillNo }) }, options)).data : [await getOrder(client, { orderId }, options)];
      return { event: 'list', orders };
    },
  }, params);
}

export type WalletStreamEvent = { readonly [Name in WalletEventName]: { readonly event: Name; readonly id: string | undefined; readonly data: WalletEventData[Name] } }[WalletEventName] | Resync;

/** What happens to the wallets of the student who is logged in; also recalls of lots that one of them bought, again at each new connection (one per `batchKey`). */
export function streamWallet(client: Client, params: StreamParams = {}): AsyncGenerator<WalletStreamEvent, void, void> {
  return readEvents<WalletStreamEvent>(client, { path: '/streams/wallet', names: WALLET_EVENTS, event: (event, id, data) => ({ event, id, data }) as WalletStreamEvent }, params);
}

export type HeaderStreamEvent = { readonly event: 'header.final'; readonly id: string | undefined; readonly data: HeaderEventData } | Resync;

/** Final headers as LightBlock bytes, for a light client to verify; no login. */
export function streamHeaders(client: Client, params: StreamParams = {}): AsyncGenerator<HeaderStreamEvent, void, void> {
  return readEvents<HeaderStreamEvent>(client, { path: '/streams/headers', names: HEADER_EVENTS, event: (_, id, data) => ({ event: 'header.final', id, data: data as HeaderEventData }) }, params);
}

export type AdminStreamEvent = { readonly event: AdminEventName; readonly id: string | undefined; readonly data: unknown } | Resync;

/** Flags, alerts and figures of the node, for the dashboard. */
export function streamAdmin(client: Client, params: StreamParams = {}): AsyncGenerator<AdminStreamEvent, void, void> {
  return readEvents<AdminStreamEvent>(client, { path: '/streams/admin', names: ADMIN_EVENTS, event: (event, id, data) => ({ event: event as AdminEventName, id, data }) }, params);
}
