/**
 * Order events (US-002: no manual refresh). A payment's frame carries its proof, so that a till believes the proof and not
 * this server.
 */
import { ROUTES } from '@billcoin/sdk';
import type { Orders } from '../../campusPorts.ts';
import { tillOf } from '../caller.ts';
import type { StreamEntry } from '../entry.ts';
import { isOwnTill, type OfTill } from '../own.ts';
import type { Receipts } from '../receipts.ts';
import { orderEventData } from '../views/order.ts';
import type { Hub } from './hub.ts';

export interface OrderScope extends OfTill {
  readonly orderId: string;
}

/** Tells every change of an order; returns the unsubscribe function. */
export function tellOrders(hub: Hub<OrderScope>, { orders, receipts }: { readonly orders: Pick<Orders, 'subscribe'>; readonly receipts: Pick<Receipts, 'of'> }): () => void {
  return orders.subscribe((event) => hub.tell(async () => {
    const proof = event.final === undefined ? undefined : await receipts.of(event.final.height, event.final.index);
    return [{ event: event.name, scope: event.order, data: orderEventData(event, proof) }];
  }));
}

/** Of its own till or merchant, and of that what is asked for. */
export function orderEntry(hub: Hub<OrderScope>): StreamEntry {
  return {
    declaration: ROUTES.streamOrders,
    open(connection) {
      const { caller, query: { tillNo, orderId } } = connection;
      const own = tillOf(caller);
      if (tillNo !== undefined && own !== undefined && tillNo !== own) return { problem: 'not_found' };
      return hub.open(connection, (scope) => isOwnTill(caller, scope) && (tillNo === undefined || scope.tillNo === tillNo) && (orderId === undefined || scope.orderId === orderId));
    },
  };
}
