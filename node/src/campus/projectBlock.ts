/**
 * What one final block means for the campus rows: payments and refunds, export lines (saleRows.ts), coupons, day totals,
 * recalls (recalledLots.ts), and the states of orders: paid, refunded, cancelled by a VoidInvoice, expired. Everything
 * comes from the block's own events, because the newest state may be ahead of the block. A recall alone asks it: lot and
 * delivery notes of a recalled batch stay as they are until they die.
 */
import { assert, dayOf, formatAddress, toHex, type ChainEvent } from '@billcoin/protocol';
import type { OrderEvent, OrderRow, PaymentRow } from '../campusPorts.ts';
import type { FinalBlock, FinalTx, KeyValueStore } from '../ports.ts';
import { purchaseOf } from '../orderItems.ts';
import { blindIndex } from './crypto.ts';
import type { CampusKeys } from './keyFile.ts';
import type { OpenOrders } from './openOrders.ts';
import { projectRecall, type RecallContext } from './recalledLots.ts';
import { endRefund, expireRefunds } from './refundEnds.ts';
import type { RowBatch } from './rowBatch.ts';
import type { SaleRows } from './saleRows.ts';
import { releaseStock, sellReserved } from './stock.ts';
import { listRows, padded, refId, TABLES } from './store.ts';

export interface ProjectContext extends RecallContext {
  readonly store: KeyValueStore;
  readonly keys: CampusKeys;
  readonly sales: SaleRows;
  readonly open: OpenOrders;
}

/** Orders that end in one block; the rest ends with the next one. A lunch hour has a few dozen. */
const EXPIRIES_MAX = 1_000;

type EventOf<C extends ChainEvent['case']> = Extract<ChainEvent, { readonly case: C }>['value'];

interface Place {
  readonly context: ProjectContext;
  readonly batch: RowBatch;
  readonly block: FinalBlock;
  readonly blockHash: string;
  readonly tx: FinalTx;
}

/** The order in its next state. */
export function moved(order: OrderRow, status: OrderRow['status'], atMs: number, payment: OrderRow['payment'] = order.payment): OrderRow {
  return { ...order, status, payment, history: [...order.history, { status, atMs }] };
}

async function orderOf(batch: RowBatch, tillNo: number, ref: string): Promise<OrderRow | undefined> {
  const orderId = await batch.get(TABLES.orderByRef, refId(tillNo, ref));
  return orderId === undefined ? undefined : await batch.get(TABLES.order, orderId);
}

/** It waits for its payment. */
export const isOpen = ({ status }: OrderRow): boolean => status === 'AWAITING_PAYMENT' || status === 'SUBMITTED';

export const openOrderId = (order: OrderRow): string => `${padded(order.expiresAtS, 12)}/${order.orderId}`;

/** A till could sign two invoices under one reference: only the payment of exactly this order's amounts settles it. */
export function settles(order: Pick<OrderRow, 'sen' | 'amountMl'>, payment: Pick<PaymentRow, 'sen' | 'amountMl'>): boolean {
  return order.sen === payment.sen && order.amountMl === payment.amountMl;
}

/** The order as it stands once its payment is final. */
export function paidOrder(order: OrderRow, payment: PaymentRow): OrderRow {
  const { txHash, height, blockHash, timeMs } = payment;
  return moved(order, 'PAID_READY', timeMs, { txHash, final: { height, blockHash, timeMs } });
}

async function onPaid(place: Place, paid: EventOf<'paid'>): Promise<readonly OrderEvent[]> {
  const { context, batch, block, blockHash, tx } = place;
  const ref = toHex(paid.ref);
  const payment: PaymentRow = {
    txHash: tx.txHash, height: block.height, index: tx.index, timeMs: block.timeMs, blockHash,
    merchant: formatAddress(paid.merchant), amountMl: String(paid.amountMl), ownMl: String(paid.ownMl), sen: String(paid.sen), couponId: paid.couponId === undefined ? null : toHex(paid.couponId), refunds: [],
  };
  batch.put(TABLES.payment, refId(paid.tillNo, ref), payment);
  const dayId = padded(dayOf(block.timeMs), 6);
  const day = await batch.get(TABLES.day, dayId);
  batch.put(TABLES.day, dayId, { payments: (day?.payments ?? 0) + 1, amountMl: String(BigInt(day?.amountMl ?? '0') + paid.amountMl) });

  const order = context.open.has(paid.tillNo, ref) ? await orderOf(batch, paid.tillNo, ref) : undefined;
  if (order === undefined || !settles(order, payment)) return [];
  const now = paidOrder(order, payment);
  const purchase = purchaseOf(order);
  await sellReserved(batch, purchase);
  const recall = context.recalled.of(purchase, block.timeMs);
  if (recall !== undefined) batch.put(TABLES.recallLate, order.orderId, recall);
  batch.put(TABLES.order, order.orderId, now);
  batch.delete(TABLES.openOrder, openOrderId(order));
  return [{ name: 'order.paid', order: now, timeMs: block.timeMs, final: { txHash: tx.txHash, height: block.height, index: tx.index, blockHash } }];
}

async function onRefunded(place: Place, refunded: EventOf<'refunded'>): Promise<readonly OrderEvent[]> {
  const { batch, block, blockHash, tx } = place;
  const ref = toHex(refunded.ref);
  const payment = await batch.get(TABLES.payment, refId(refunded.tillNo, ref));
  assert(payment !== undefined, 'a refund follows its payment');
  const refunds = [...payment.refunds, { txHash: tx.txHash, timeMs: block.timeMs, amountMl: String(refunded.amountMl), sen: String(refunded.sen) }];
  batch.put(TABLES.payment, refId(refunded.tillNo, ref), { ...payment, refunds });

  const order = await orderOf(batch, refunded.tillNo, ref);
  if (order === undefined) return [];
  const back = refunds.reduce((sum, refund) => sum + BigInt(refund.amountMl), 0n);
  const now = moved(order, back >= BigInt(payment.ownMl) ? 'REFUNDED' : 'PART_REFUNDED', block.timeMs);
  batch.put(TABLES.order, order.orderId, now);
  return [{ name: 'refund.final', order: now, timeMs: block.timeMs, final: { txHash: tx.txHash, height: block.height, index: tx.index, blockHash } }];
}

/** The till took the invoice back: whatever it signed under this reference can never be paid. */
async function onVoided(place: Place, voided: EventOf<'invoiceVoided'>): Promise<readonly OrderEvent[]> {
  const { context, batch, block, blockHash, tx } = place;
  const ref = toHex(voided.ref);
  const order = context.open.has(voided.tillNo, ref) ? await orderOf(batch, voided.tillNo, ref) : undefined;
  if (order === undefined || !isOpen(order)) return [];
  const now = moved(order, 'CANCELLED', block.timeMs, null);
  await releaseStock(batch, purchaseOf(order));
  batch.put(TABLES.order, order.orderId, now);
  batch.delete(TABLES.openOrder, openOrderId(order));
  return [{ name: 'order.cancelled', order: now, timeMs: block.timeMs, final: { txHash: tx.txHash, height: block.height, index: tx.index, blockHash } }];
}

async function onEvent(place: Place, event: ChainEvent): Promise<readonly OrderEvent[]> {
  const { context, batch, block, blockHash, tx } = place;
  switch (event.case) {
    case 'paid':
      return await onPaid(place, event.value);
    case 'refunded':
      return await onRefunded(place, event.value);
    case 'invoiceVoided':
      return await onVoided(place, event.value);
    case 'couponIssued':
      batch.put(TABLES.coupon, `${blindIndex(context.keys, 'address', event.value.account)}/${toHex(event.value.couponId)}`, 1);
      return [];
    case 'custodyEnded':
      await projectRecall(context, batch, event.value, { txHash: tx.txHash, height: block.height, index: tx.index, timeMs: block.timeMs, blockHash });
      return [];
    default:
      return [];
  }
}

/** A final block with a time past the end proves that the order can never be paid any more. */
async function expireOrders(context: ProjectContext, batch: RowBatch, block: FinalBlock): Promise<readonly OrderEvent[]> {
  const before = padded(Math.ceil(block.timeMs / 1_000), 12);
  const due = await listRows(context.store, TABLES.openOrder, { before, limit: EXPIRIES_MAX });
  const events: OrderEvent[] = [];
  for (const { id } of due) {
    const order = await batch.get(TABLES.order, id.slice(id.indexOf('/') + 1));
    batch.delete(TABLES.openOrder, id);
    if (order === undefined || !isOpen(order)) continue;
    const now = moved(order, 'EXPIRED', block.timeMs, null);
    await releaseStock(batch, purchaseOf(order));
    batch.put(TABLES.order, order.orderId, now);
    events.push({ name: 'order.expired', order: now, timeMs: block.timeMs });
  }
  return events;
}

/** Puts all rows of one block into the batch; returns what to tell the streams once the batch is on disk. */
export async function projectBlock(context: ProjectContext, batch: RowBatch, block: FinalBlock): Promise<readonly OrderEvent[]> {
  const events: OrderEvent[] = [];
  const blockHash = toHex(block.blockId);
  for (const tx of block.txs) {
    for (const event of tx.events) events.push(...(await onEvent({ context, batch, block, blockHash, tx }, event)));
    await endRefund(batch, { height: block.height, blockHash, timeMs: block.timeMs }, tx);
  }
  await expireRefunds(context.store, batch, block.timeMs);
  await context.sales.project(batch, block);
  events.push(...(await expireOrders(context, batch, block)));
  return events;
}
