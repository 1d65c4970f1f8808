/**
 * Which orders wait for their payment, in memory beside the rows that say so: most payments of a busy node have an order
 * at another node, and none of them should cost a read. May hold an order whose row was not written or is gone, never
 * the other way round: whoever finds one here reads the row.
 */
import type { OrderRow } from '../campusPorts.ts';
import type { KeyValueStore } from '../ports.ts';
import type { OrderEvents } from './orderEvents.ts';
import { getRow, listRows, refId, TABLES } from './store.ts';

/** Rows read at once at the start. */
const PAGE = 1_000;

export interface OpenOrders {
  has(tillNo: number, ref: string): boolean;
  add(order: Pick<OrderRow, 'tillNo' | 'ref'>): void;
  readonly count: number;
}

/** Reads what is open; hears of orders that end. As many as there are rows: invoices live a day at most. */
export async function openOpenOrders(store: KeyValueStore, events: OrderEvents): Promise<OpenOrders> {
  const ids = new Set<string>();
  let from = '';
  for (let page; page === undefined || page.length === PAGE; ) {
    page = await listRows(store, TABLES.openOrder, { from, limit: PAGE });
    for (const { id } of page) {
      const order = await getRow(store, TABLES.order, id.slice(id.indexOf('/') + 1));
      if (order !== undefined) ids.add(refId(order.tillNo, order.ref));
      from = `${id}!`; // the next id in order: '!' is the first character an id may have
    }
  }
  events.subscribe(({ name, order }) => {
    if (name !== 'order.created' && name !== 'order.submitted' && name !== 'recall.notice') ids.delete(refId(order.tillNo, order.ref));
  });
  return {
    has: (tillNo, ref) => ids.has(refId(tillNo, ref)),
    add: (order) => void ids.add(refId(order.tillNo, order.ref)),
    get count() {
      return ids.size;
    },
  };
}
