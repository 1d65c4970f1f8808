/**
 * Lots that were recalled, and which orders name which lot (SPEC §22.5). A recall is about a batch; people have a printed
 * lot and a merchant who took milk of that batch. Nothing here names a wallet: who paid an order its block says.
 */
import { formatAddress, noteId, ROWS, stateRows, toHex, utf8, type ChainEvent, type OrderItem } from '@billcoin/protocol';
import type { ChainPort, KeyValueOperation, KeyValueStore } from '../ports.ts';
import type { Recall } from '../recallPorts.ts';
import { lifeOf } from '../trace/batchTrace.ts';
import { purchaseOf, type Purchase } from '../orderItems.ts';
import type { RowBatch } from './rowBatch.ts';
import { getRow, ONLY, padded, pagesOf, putRow, TABLES, type RecalledLotRow } from './store.ts';
import { sweepTable } from './sweep.ts';

/** A recalled lot is refused this long: milk keeps for weeks, and a plant may print the same lot again another year. */
export const RECALL_REFUSED_MS = 400 * 86_400_000;
/** Transactions of a batch in which its deliveries are looked for: a batch of 1,000 L leaves in a few dozen. */
const BATCH_TXS_MAX = 1_000;
const PAGE = 500;

/** Printed lots, hex, each once. */
function lotsOf(items: readonly OrderItem[]): readonly string[] {
  return [...new Set(items.flatMap(({ lot }) => (lot === '' ? [] : [toHex(utf8(lot))])))];
}

/** Under which the orders of a merchant with a lot are listed. */
export const lotOrders = ({ merchant, lot }: Pick<RecalledLotRow, 'merchant' | 'lot'>): string => `${merchant}/${lot}/`;

/** Where an order is found by its lots. */
export function lotRows({ merchant, items }: Purchase, orderId: string): readonly KeyValueOperation[] {
  return lotsOf(items).map((lot) => putRow(TABLES.orderOfLot, lotOrders({ merchant, lot }) + orderId, 1));
}

/** Lists the lots of orders that were posted before anybody did; once. Doing it again after a crash changes nothing. */
async function listOldLots(store: KeyValueStore): Promise<void> {
  if ((await getRow(store, TABLES.lotsListed, ONLY)) !== undefined) return;
  for await (const page of pagesOf(store, TABLES.order, {}, PAGE)) await store.batch(page.flatMap(({ value }) => lotRows(purchaseOf(value), value.orderId)), { sync: false });
  await store.batch([putRow(TABLES.lotsListed, ONLY, 1)], { sync: true });
}

/** In memory, as many as there are rows: recalls are rare, and each is forgotten after its time. */
export class RecalledLots {
  readonly #rows = new Map<string, RecalledLotRow>();

  get size(): number {
    return this.#rows.size;
  }

  add(row: RecalledLotRow): void {
    this.#rows.set(lotOrders(row), row);
  }

  /** The recall that an order of this merchant must not be sold under; undefined where its lots are good. */
  of({ merchant, items }: Purchase, nowMs: number): RecalledLotRow | undefined {
    if (this.#rows.size === 0) return undefined;
    return lotsOf(items).map((lot) => this.#ofLot(merchant, lot, nowMs)).find((row) => row !== undefined);
  }

  /** The same of a lot as printed. */
  ofPrinted(merchant: string, lot: string, nowMs: number): RecalledLotRow | undefined {
    return this.#rows.size === 0 ? undefined : this.#ofLot(merchant, toHex(utf8(lot)), nowMs);
  }

  #ofLot(merchant: string, lot: string, nowMs: number): RecalledLotRow | undefined {
    const row = this.#rows.get(lotOrders({ merchant, lot }));
    return row !== undefined && nowMs <= row.timeMs + RECALL_REFUSED_MS ? row : undefined;
  }
}

/** Reads what is refused at `nowMs`; deletes what is not any more. Lists the lots of old orders the first time. */
export async function openRecalledLots(store: KeyValueStore, nowMs: number): Promise<RecalledLots> {
  await listOldLots(store);
  const lots = new RecalledLots();
  const isOld = (_: string, { timeMs }: Recall): boolean => nowMs > timeMs + RECALL_REFUSED_MS;
  await sweepTable(store, TABLES.recalledLot, isOld);
  await sweepTable(store, TABLES.recallOf, isOld);
  for await (const page of pagesOf(store, TABLES.recalledLot, {}, PAGE)) for (const { value } of page) lots.add(value);
  return lots;
}

export interface RecallContext {
  readonly chain: Pick<ChainPort, 'state' | 'batchHistory'>;
  readonly recalled: RecalledLots;
}

/** Who took milk of the batch, by its delivery notes, and from which block on. */
async function takersOf(chain: RecallContext['chain'], batchKey: Uint8Array): Promise<ReadonlyMap<string, number>> {
  const state = chain.state();
  const takers = [...state.rows<stateRows.MerchantRow>(ROWS.merchant)].map(({ value }) => value.account).filter((account) => state.get(ROWS.note, noteId(batchKey, account)) !== undefined);
  const deliveries = lifeOf(batchKey, await chain.batchHistory(batchKey, BATCH_TXS_MAX))?.deliveries ?? [];
  return new Map(takers.map((account) => {
    const heights = deliveries.filter(({ value }) => toHex(value.holder) === toHex(account)).map(({ tx }) => tx.height);
    return [formatAddress(account), heights.length === 0 ? 0 : Math.min(...heights)];
  }));
}

/** Puts what a final RecallBatch means into the batch: its lot is refused, and its orders are to be looked through. */
export async function projectRecall({ chain, recalled }: RecallContext, batch: RowBatch, ended: Extract<ChainEvent, { readonly case: 'custodyEnded' }>['value'], place: Pick<Recall, 'txHash' | 'height' | 'index' | 'timeMs' | 'blockHash'>): Promise<void> {
  if (ended.state !== stateRows.BATCH.recalled) return;
  const batchKey = toHex(ended.batch);
  const held = chain.state().get(ROWS.batch, batchKey);
  // Rows of a batch outlive its milk by 400 days; catching up past that, nobody has any of it.
  if (held === undefined) return;
  const recall: Recall = { batchKey, plant: formatAddress(ended.plant), lot: toHex(held.lot), ...place };
  for (const [merchant, takenHeight] of await takersOf(chain, ended.batch)) {
    const row: RecalledLotRow = { ...recall, merchant, takenHeight };
    batch.put(TABLES.recalledLot, lotOrders(row), row);
    batch.put(TABLES.recallJob, `${padded(place.height, 15)}/${padded(place.index, 5)}/${merchant}`, { recall: row, after: '' });
    recalled.add(row);
  }
}
