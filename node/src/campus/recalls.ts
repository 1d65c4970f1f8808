/**
 * What a recall does here (SPEC §22.5), page by page behind the blocks: tills hear of open orders that they must cancel,
 * refunds of paid ones are prepared for the manager, wallets that bought the lot are told. Where it stands is on disk, so a
 * crash goes on with the page it was at.
 */
import { toHex, utf8 } from '@billcoin/protocol';
import type { OrderEvent, OrderRow } from '../campusPorts.ts';
import type { KeyValueOperation, Log } from '../ports.ts';
import type { Recall, Recalls } from '../recallPorts.ts';
import { itemsOf } from '../orderItems.ts';
import { blindIndex } from './crypto.ts';
import type { Follower } from './follower.ts';
import type { CampusKeys } from './keyFile.ts';
import type { OrderEvents } from './orderEvents.ts';
import { isOpen, settles } from './projectBlock.ts';
import { lotOrders, type RecalledLots } from './recalledLots.ts';
import { claimOf, claimSen, itemsMl } from './refundClaim.ts';
import { contextOf, newRefund, newRefundRows, type RefundDeps } from './refunds.ts';
import { deleteRow, getRow, listRows, putRow, refId, TABLES, type RecalledLotRow } from './store.ts';

/** Orders of one page: about 20 ms, so that blocks and tills do not wait behind a recall. */
const PAGE = 50;
/** Notices of one wallet that are shown when it connects. */
const NOTICES_MAX = 20;
/** Who asks for a prepared refund. */
export const RECALL_ACTOR = 'recall';

export interface RecallDeps extends Omit<RefundDeps, 'idempotency'> {
  readonly keys: CampusKeys;
  readonly log: Log;
  readonly events: OrderEvents;
  readonly recalled: RecalledLots;
  /** Wakes it after each block. */
  readonly follower: Pick<Follower, 'onBlock' | 'caughtUp'>;
}

/** What came out of one page. */
interface Found {
  readonly operations: readonly KeyValueOperation[];
  readonly buyers: readonly Uint8Array[];
  readonly events: readonly OrderEvent[];
}
const NOTHING: Found = { operations: [], buyers: [], events: [] };

type Told = (recall: Recall, buyers: readonly Uint8Array[]) => void;

/** A request for what the cartons of the lot cost, for the manager to sign; none where nothing can be given back (any more). */
async function preparedRefund(deps: RecallDeps, order: OrderRow, recall: Recall): Promise<readonly KeyValueOperation[]> {
  const context = await contextOf(deps, order);
  const claimed = claimOf(context, order);
  if (!claimed.ok) return [];
  const items = itemsOf(order);
  const pieces = items.flatMap(({ lot, quantity }, line) => (toHex(utf8(lot)) === recall.lot ? [{ line, quantity }] : []));
  const ownMl = itemsMl({ amountMl: order.amountMl, items }, pieces) ?? 0n;
  const amountMl = ownMl < claimed.value.leftMl ? ownMl : claimed.value.leftMl;
  // Whether the merchant's balance suffices counts when he signs.
  return amountMl === 0n ? [] : newRefundRows(newRefund(order, { amountMl, sen: claimSen(claimed.value, amountMl), reason: `recall of batch ${recall.batchKey}`, by: RECALL_ACTOR, nowMs: context.nowMs }));
}

/** Without what says where somebody buys. */
function noticeOf({ batchKey, plant, lot, txHash, height, index, timeMs, blockHash }: Recall): Recall {
  return { batchKey, plant, lot, txHash, height, index, timeMs, blockHash };
}

async function payerOf({ chain, store }: RecallDeps, order: OrderRow, { takenHeight }: RecalledLotRow): Promise<Uint8Array | undefined> {
  const payment = await getRow(store, TABLES.payment, refId(order.tillNo, order.ref));
  if (payment === undefined || !settles(order, payment) || payment.height < takenHeight) return undefined;
  // A block that is not kept here is older than the milk.
  return (await chain.readFinal(payment.height))?.txs[payment.index]?.body.sender;
}

async function lookAt(deps: RecallDeps, recall: RecalledLotRow, orderId: string): Promise<Found> {
  const order = await getRow(deps.store, TABLES.order, orderId);
  if (order === undefined) return NOTHING;
  const { txHash, height, index, blockHash, timeMs } = recall;
  if (isOpen(order)) return { ...NOTHING, events: [{ name: 'recall.notice', order, timeMs, final: { txHash, height, index, blockHash } }] };
  const payer = await payerOf(deps, order, recall);
  if (payer === undefined) return NOTHING;
  const noticeId = `${blindIndex(deps.keys, 'address', payer)}/${recall.batchKey}`;
  const wasTold = (await getRow(deps.store, TABLES.recallOf, noticeId)) !== undefined;
  return {
    operations: [...(wasTold ? [] : [putRow(TABLES.recallOf, noticeId, noticeOf(recall))]), ...(await preparedRefund(deps, order, recall))],
    buyers: wasTold ? [] : [payer], events: [],
  };
}

async function lookAtAll(deps: RecallDeps, recall: RecalledLotRow, orderIds: readonly string[]): Promise<Found> {
  const found: Found[] = [];
  for (const orderId of orderIds) found.push(await lookAt(deps, recall, orderId));
  const buyers = new Map(found.flatMap(({ buyers: each }) => each).map((buyer) => [toHex(buyer), buyer] as const));
  return { operations: found.flatMap(({ operations }) => operations), buyers: [...buyers.values()], events: found.flatMap(({ events }) => events) };
}

/** The next page of the oldest recall; undefined where none is left. */
async function nextPage(deps: RecallDeps): Promise<{ readonly recall: Recall; readonly found: Found } | undefined> {
  const { store } = deps;
  const [job] = await listRows(store, TABLES.recallJob, { limit: 1 });
  if (job === undefined) return undefined;
  const { id, value: { recall, after } } = job;
  const under = lotOrders(recall);
  const page = await listRows(store, TABLES.orderOfLot, { under, ...(after === '' ? {} : { from: `${after}!` }), limit: PAGE });
  const found = await lookAtAll(deps, recall, page.map((row) => row.id.slice(under.length)));
  const last = page.at(-1);
  const rest = last === undefined || page.length < PAGE ? deleteRow(TABLES.recallJob, id) : putRow(TABLES.recallJob, id, { recall, after: last.id });
  await store.batch([...found.operations, rest], { sync: true });
  return { recall, found };
}

/** Orders that were paid, or posted as paid, after their lot had been looked through. */
async function nextLate(deps: RecallDeps): Promise<{ readonly recall: Recall; readonly found: Found } | undefined> {
  const [late] = await listRows(deps.store, TABLES.recallLate, { limit: 1 });
  if (late === undefined) return undefined;
  const found = await lookAtAll(deps, late.value, [late.id]);
  await deps.store.batch([...found.operations, deleteRow(TABLES.recallLate, late.id)], { sync: true });
  return { recall: late.value, found };
}

/** Goes on where it stood as soon as all blocks are projected. Close it after the follower. */
export function openRecalls(deps: RecallDeps): Recalls & { close(): Promise<void> } {
  const { store, keys, lane, log, events, recalled, follower } = deps;
  const listeners = new Set<Told>();
  let tail: Promise<void> = Promise.resolve();
  let closed = false;

  async function work(): Promise<void> {
    while (!closed) {
      const done = await lane.run(async () => (await nextPage(deps)) ?? (await nextLate(deps)), { always: true });
      if (done === undefined) return;
      events.emit(done.found.events);
      if (done.found.buyers.length > 0) for (const listener of listeners) listener(done.recall, done.found.buyers);
    }
  }
  function wake(): void {
    if (recalled.size === 0 || closed) return;
    tail = tail.then(work).catch((error: unknown) => log.error({ error }, 'a recall is not worked off: wallets and tills have not heard of it; it is tried again with the next block'));
  }
  follower.onBlock(wake);
  follower.caughtUp().then(wake, () => undefined); // why it stopped stands in the log already
  return {
    async noticesOf(address) {
      return (await listRows(store, TABLES.recallOf, { under: `${blindIndex(keys, 'address', address)}/`, limit: NOTICES_MAX })).map(({ value }) => value);
    },
    onTold(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    idle: () => tail,
    async close() {
      closed = true;
      await tail;
    },
  };
}
