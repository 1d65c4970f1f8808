/**
 * Orders whose Pay waits in the pool (SPEC §22.1): the till shows that it was seen, and asks for another once it has ended
 * otherwise than by its block. Nothing is promised by either; the final block brings the state itself.
 */
import { bytesOfHex, toHex, type ParsedTx } from '@billcoin/protocol';
import type { OrderRow } from '../campusPorts.ts';
import type { ChainPort, Clock, KeyValueStore, Log } from '../ports.ts';
import type { Lane } from './lane.ts';
import type { OpenOrders, SeenPay } from './openOrders.ts';
import type { OrderEvents } from './orderEvents.ts';
import { isOpen, moved, settles } from './projectBlock.ts';
import { getRow, putRow, refId, TABLES } from './store.ts';

export interface SeenPaysDeps {
  readonly chain: ChainPort;
  readonly store: KeyValueStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly lane: Lane;
  readonly events: OrderEvents;
  readonly open: OpenOrders;
}

export interface SeenPays {
  /** Orders whose Pay has ended unpaid, or is no longer known here, wait for a payment again. */
  reopen(): Promise<void>;
  close(): void;
}

async function orderAt(store: KeyValueStore, ref: string): Promise<OrderRow | undefined> {
  const orderId = await getRow(store, TABLES.orderByRef, ref);
  return orderId === undefined ? undefined : await getRow(store, TABLES.order, orderId);
}

async function write({ store, events }: SeenPaysDeps, name: 'order.submitted' | 'order.reopened', order: OrderRow, timeMs: number): Promise<void> {
  await store.batch([putRow(TABLES.order, order.orderId, order)], { sync: false });
  events.emit([{ name, order, timeMs }]);
}

/** A Pay was admitted. The pool holds one for an invoice at a time: the one that was seen before it has ended. */
async function markSeen(deps: SeenPaysDeps, { ref, txHash }: SeenPay, amounts: Pick<OrderRow, 'sen' | 'amountMl'>): Promise<void> {
  const order = await orderAt(deps.store, ref);
  if (order === undefined || !isOpen(order) || order.payment?.txHash === txHash || !settles(order, amounts)) return;
  const timeMs = deps.clock.nowMs();
  const waiting = order.status === 'SUBMITTED' ? moved(order, 'AWAITING_PAYMENT', timeMs, null) : order;
  await write(deps, 'order.submitted', moved(waiting, 'SUBMITTED', timeMs, { txHash, final: null }), timeMs);
}

function onAdmitted(deps: SeenPaysDeps, { txHash, body, invoice }: ParsedTx): void {
  if (body.kind.case !== 'pay' || invoice === undefined) return;
  const ref = toHex(invoice.ref);
  if (!deps.open.has(invoice.tillNo, ref)) return;
  const amounts = { sen: String(invoice.sen), amountMl: String(invoice.amountMl) };
  deps.lane.run(() => markSeen(deps, { ref: refId(invoice.tillNo, ref), txHash }, amounts)).catch((error: unknown) => {
    deps.log.warn({ error }, 'an order was not marked as seen');
  });
}

/** A till that was offline posts an order whose Pay waits already. */
function onPosted(deps: SeenPaysDeps, { tillNo, ref, status }: OrderRow): void {
  const pay = status === 'AWAITING_PAYMENT' ? deps.chain.pendingPayOf({ tillNo, ref: bytesOfHex(ref) }) : undefined;
  if (pay !== undefined) onAdmitted(deps, pay);
}

/** It waits here, or its block brings the state. What a peer sent waits in memory: after a restart nobody knows it until it comes again. */
async function isExpected(chain: ChainPort, txHash: string): Promise<boolean> {
  const known = await chain.txStatus(txHash);
  return known?.status === 'pending' || known?.status === 'final';
}

/** Asks again inside the lane: the Pay may have come back meanwhile. An order whose time is over is ended by the blocks. */
async function reopenOne(deps: SeenPaysDeps, { ref, txHash }: SeenPay): Promise<void> {
  const { chain, store, clock } = deps;
  const order = await orderAt(store, ref);
  if (order?.status !== 'SUBMITTED' || order.payment?.txHash !== txHash) return;
  if (order.expiresAtS * 1_000 < chain.tip().timeMs || (await isExpected(chain, txHash))) return;
  const timeMs = clock.nowMs();
  await write(deps, 'order.reopened', moved(order, 'AWAITING_PAYMENT', timeMs, null), timeMs);
}

export function openSeenPays(deps: SeenPaysDeps): SeenPays {
  const { chain, lane, events, open } = deps;
  const subscriptions = [
    chain.onAdmitted((tx) => onAdmitted(deps, tx)),
    events.subscribe(({ name, order }) => {
      if (name === 'order.created') onPosted(deps, order);
    }),
  ];
  return {
    close() {
      for (const unsubscribe of subscriptions) unsubscribe();
    },
    async reopen() {
      for (const seen of open.seen()) {
        // PERF: after every block, and nearly all of a crowd wait: no promises for each of them.
        if (chain.pendingTx(seen.txHash) !== undefined) continue;
        if (!(await isExpected(chain, seen.txHash))) await lane.run(() => reopenOne(deps, seen), { always: true });
      }
    },
  };
}
