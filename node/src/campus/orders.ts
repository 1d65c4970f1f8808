/**
 * Orders of tills (US-002). The till builds order bytes, salt and signed invoice; this checks and keeps them, and shows
 * their state as final blocks prove it. The server holds no till key and can invent no payment.
 */
import { formatAddress, toBase64Url, toHex, type Verifier } from '@billcoin/protocol';
import type { OrderFilter, OrderPage, OrderPosting, OrderRow, Orders, PaymentRow, PostedOrder } from '../campusPorts.ts';
import type { ChainPort, Clock, KeyValueOperation, KeyValueStore } from '../ports.ts';
import type { Purchase } from '../orderItems.ts';
import { ulid, ulidTime } from './crockford.ts';
import type { Idempotency, Work } from './idempotency.ts';
import type { Lane } from './lane.ts';
import { checkOrder, type AcceptedOrder } from './orderCheck.ts';
import type { OpenOrders } from './openOrders.ts';
import type { OrderEvents } from './orderEvents.ts';
import { collect, noteCancellation } from './orderMoves.ts';
import { openOrderId, paidOrder, settles } from './projectBlock.ts';
import { lotRows, type RecalledLots } from './recalledLots.ts';
import { openRowBatch } from './rowBatch.ts';
import { scanBack } from './scanBack.ts';
import { reserveStock, sellUnreserved, stockRefusal } from './stock.ts';
import { getRow, padded, putRow, refId, TABLES } from './store.ts';

const ORDER_PREFIX = 'ord_';

export interface OrderDeps {
  readonly chain: ChainPort;
  readonly store: KeyValueStore;
  readonly clock: Clock;
  readonly lane: Lane;
  readonly verify: Verifier;
  readonly events: OrderEvents;
  readonly idempotency: Idempotency;
  readonly open: OpenOrders;
  readonly recalled: RecalledLots;
}

function newOrder(posted: PostedOrder, { invoice, merchant, priceSenPerBill, priceEpoch }: AcceptedOrder, nowMs: number): OrderRow {
  return {
    orderId: ORDER_PREFIX + ulid(nowMs), tillNo: invoice.tillNo, ref: toHex(invoice.ref), merchant: formatAddress(merchant),
    order: toBase64Url(posted.order), salt: toBase64Url(posted.salt), invoice: toBase64Url(posted.invoice),
    amountMl: String(invoice.amountMl), sen: String(invoice.sen), priceSenPerBill: String(priceSenPerBill), priceEpoch,
    expiresAtS: invoice.expiresAtS, createdAtMs: nowMs, status: 'AWAITING_PAYMENT', payment: null, history: [{ status: 'AWAITING_PAYMENT', atMs: nowMs }],
  };
}

async function byRef(store: KeyValueStore, tillNo: number, ref: string): Promise<OrderRow | undefined> {
  const orderId = await getRow(store, TABLES.orderByRef, refId(tillNo, ref));
  return orderId === undefined ? undefined : await getRow(store, TABLES.order, orderId);
}

function orderRows(order: OrderRow, purchase: Purchase, open: boolean): readonly KeyValueOperation[] {
  return [
    putRow(TABLES.order, order.orderId, order),
    putRow(TABLES.orderByRef, refId(order.tillNo, order.ref), order.orderId),
    putRow(TABLES.orderOfTill, `${padded(order.tillNo, 10)}/${order.orderId}`, 1),
    ...lotRows(purchase, order.orderId),
    ...(open ? [putRow(TABLES.openOrder, openOrderId(order), 1)] : []),
  ];
}

/** Runs inside the lane: nothing changes between the look at (tillNo, ref) and the write. */
async function take({ chain, store, clock, verify, events, open, recalled }: OrderDeps, { posted, accepted, refused }: OrderPosting): Promise<Work> {
  const nowMs = clock.nowMs();
  const paymentAt = async (tillNo: number, ref: string): Promise<PaymentRow | undefined> => await getRow(store, TABLES.payment, refId(tillNo, ref));
  const refuse = (refusal: Parameters<typeof refused>[0]): Work => ({ answer: refused(refusal), operations: [], after: () => undefined });
  const checked = await checkOrder({
    view: chain.state(), genesisHash: chain.genesisHash, verify, nowMs, tipTimeMs: chain.tip().timeMs, isPaid: async (tillNo, ref) => (await paymentAt(tillNo, ref)) !== undefined,
  }, posted);
  if (!checked.ok) return refuse(checked.refusal);
  const fresh = newOrder(posted, checked.value, nowMs);
  const batch = openRowBatch(store);
  const held = await byRef(store, fresh.tillNo, fresh.ref);
  if (held !== undefined) return refuse({ code: 'ref_reused', orderId: held.orderId });
  const payment = await paymentAt(fresh.tillNo, fresh.ref);
  if (payment !== undefined && !settles(fresh, payment)) return refuse({ code: 'total_mismatch' });
  const purchase: Purchase = { merchant: fresh.merchant, items: checked.value.items };
  const recall = recalled.of(purchase, nowMs);
  if (payment === undefined && recall !== undefined) return refuse({ code: 'lot_recalled', batchKey: recall.batchKey });
  // What was paid already is sold, whatever the list says now: refusing it would only hide it.
  const refusal = payment === undefined ? await stockRefusal(batch, purchase, checked.value.fits) : undefined;
  if (refusal !== undefined) return refuse(refusal);
  await (payment === undefined ? reserveStock(batch, purchase) : sellUnreserved(batch, purchase));
  const order = payment === undefined ? fresh : paidOrder(fresh, payment);
  if (payment === undefined) open.add(order);
  if (recall !== undefined) batch.put(TABLES.recallLate, order.orderId, recall);
  return { answer: accepted(order), operations: [...orderRows(order, purchase, payment === undefined), ...batch.operations()], after: () => events.emit([{ name: 'order.created', order, timeMs: nowMs }]) };
}

async function list(store: KeyValueStore, { status, tillNo, merchant, fromMs, toMs, limit, before }: OrderFilter): Promise<OrderPage> {
  const from = ORDER_PREFIX + (fromMs === undefined ? '' : ulidTime(fromMs));
  const end = ORDER_PREFIX + (toMs === undefined ? '~' : ulidTime(toMs));
  const listed = tillNo === undefined ? { table: TABLES.order } : { table: TABLES.orderOfTill, under: `${padded(tillNo, 10)}/` };
  const { found, next } = await scanBack<unknown, OrderRow>(store, { ...listed, from, before: before !== undefined && before < end ? before : end }, limit, async ({ id }) => {
    const order = await getRow(store, TABLES.order, id);
    return (status ?? order?.status) === order?.status && (merchant ?? order?.merchant) === order?.merchant ? order : undefined;
  });
  return { orders: found, next };
}

export function openOrders(deps: OrderDeps): Orders {
  const { store, events, idempotency } = deps;
  return {
    post: (posting) => idempotency({ ...posting.idempotency, work: () => take(deps, posting) }),
    get: (orderId) => getRow(store, TABLES.order, orderId),
    byRef: (tillNo, ref) => byRef(store, tillNo, ref),
    paymentOf: (order) => getRow(store, TABLES.payment, refId(order.tillNo, order.ref)),
    list: (filter) => list(store, filter),
    noteCancellation: (orderId, cancellation) => deps.lane.run(() => noteCancellation(deps, orderId, cancellation)),
    collect: (orderId, by) => deps.lane.commit(() => collect(deps, orderId, by)),
    countOpen: () => deps.open.count,
    subscribe: events.subscribe,
  };
}
