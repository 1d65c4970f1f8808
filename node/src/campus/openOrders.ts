/**
 * Which orders wait for their payment, in memory beside the rows that say so: most payments of a busy node have an order
 * at another node, and none of them should cost a read. May hold an order whose row was not written or is gone, never
 * the other way round: whoever finds one here reads the row.
 */
import type { OrderEventName } from '@billcoin/sdk';
import type { OrderRow } from '../campusPorts.ts';
import type { KeyValueStore } from '../ports.ts';
import type { OrderEvents } from './orderEvents.ts';
import { getRow, pagesOf, refId, TABLES } from './store.ts';

/** Rows read at once at the start. */
const PAGE = 1_000;
/** Of the events after which an order is open still, those that say whether its Pay is seen. The others may carry an older row. */
const SEEN_CHANGES: ReadonlySet<OrderEventName> = new Set(['order.submitted', 'order.reopened']);
const NO_CHANGE: ReadonlySet<OrderEventName> = new Set(['order.created', 'recall.notice']);

/** An order whose Pay was seen in the pool, by the id of its reference (refId). */
export interface SeenPay {
  readonly ref: string;
  readonly txHash: string;
}

export interface OpenOrders {
  has(tillNo: number, ref: string): boolean;
  add(order: Pick<OrderRow, 'tillNo' | 'ref'>): void;
  /** What holds for `has` holds here too. */
  seen(): readonly SeenPay[];
  readonly count: number;
}

function seenIn({ status, payment }: OrderRow): string | undefined {
  return status === 'SUBMITTED' ? payment?.txHash : undefined;
}

/** Reads what is open; hears of orders that end. As many as there are rows: invoices live a day at most. */
export async function openOpenOrders(store: KeyValueStore, events: OrderEvents): Promise<OpenOrders> {
  /** The Pay that was seen, by the id of the reference. */
  const open = new Map<string, string | undefined>();
  for await (const page of pagesOf(store, TABLES.openOrder, {}, PAGE)) {
    for (const { id } of page) {
      const order = await getRow(store, TABLES.order, id.slice(id.indexOf('/') + 1));
      if (order !== undefined) open.set(refId(order.tillNo, order.ref), seenIn(order));
    }
  }
  events.subscribe(({ name, order }) => {
    const ref = refId(order.tillNo, order.ref);
    if (SEEN_CHANGES.has(name)) open.set(ref, seenIn(order));
    else if (!NO_CHANGE.has(name)) open.delete(ref);
  });
  return {
    has: (tillNo, ref) => open.has(refId(tillNo, ref)),
    add: (order) => void open.set(refId(order.tillNo, order.ref), undefined),
    seen: () => [...open].flatMap(([ref, txHash]) => (txHash === undefined ? [] : { ref, txHash })),
    get count() {
      return open.size;
    },
  };
}
