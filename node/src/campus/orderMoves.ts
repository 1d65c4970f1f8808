/** What people at a till do to an order after posting it. Both run in the lane of whoever writes orders. */
import type { OrderRow } from '../campusPorts.ts';
import type { Clock, KeyValueStore } from '../ports.ts';
import type { OrderEvents } from './orderEvents.ts';
import { putNothing, type Put } from './lane.ts';
import { moved } from './projectBlock.ts';
import { getRow, putRow, TABLES } from './store.ts';

export interface OrderMoveDeps {
  readonly store: KeyValueStore;
  readonly clock: Clock;
  readonly events: OrderEvents;
}

/** The first reason stays: the same VoidInvoice may be handed in again. */
export async function noteCancellation({ store }: OrderMoveDeps, orderId: string, cancellation: NonNullable<OrderRow['cancellation']>): Promise<void> {
  const order = await getRow(store, TABLES.order, orderId);
  if (order === undefined || order.cancellation !== undefined) return;
  await store.batch([putRow(TABLES.order, orderId, { ...order, cancellation })], { sync: true });
}

/** From PAID_READY alone: what was handed out once is not handed out again, what went back not at all. */
export async function collect({ store, clock, events }: OrderMoveDeps, orderId: string, by: string): Promise<Put<{ readonly ok: boolean; readonly order: OrderRow } | undefined>> {
  const order = await getRow(store, TABLES.order, orderId);
  if (order === undefined || order.status !== 'PAID_READY') return putNothing(order === undefined ? undefined : { ok: false, order });
  const timeMs = clock.nowMs();
  const now: OrderRow = { ...moved(order, 'COLLECTED', timeMs), collectedBy: by };
  const written = store.batch([putRow(TABLES.order, orderId, now)], { sync: true }).then(() => events.emit([{ name: 'order.collected', order: now, timeMs }]));
  return { value: { ok: true, order: now }, written };
}
