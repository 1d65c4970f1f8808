/** /trace: from a carton's printed lot back to the farms, as JSON or as EPCIS 2.0 (SPEC §15). */
import {
  attestationId, formatAddress, formatLitres, formatRinggit, fromHex, mulDiv, noteId, ROWS, toHex, utf8, type ChainEvent, type OrderItem, type View,
} from '@billcoin/protocol';
import { API_BASE, LOT_FINDINGS, ROUTES, type BatchTrace, type LotFinding, type TxTrace } from '@billcoin/sdk';
import type { OrderRow, Orders } from '../../campusPorts.ts';
import type { BatchTx, ChainPort, FinalTx } from '../../ports.ts';
import { itemsOf } from '../../orderItems.ts';
import { dateText, rfc3339 } from '../../rfc3339.ts';
import { lifeOf, openingOf, takenBefore, type Act, type BatchLife, type Place, type Statement } from '../../trace/batchTrace.ts';
import { batchEvents, epcisDocument, saleEvents } from '../../trace/epcis.ts';
import type { EpcisEvent } from '../../trace/epcisEvent.ts';
import type { Parties } from '../parties.ts';
import { serve, type Answer, type ApiRequest, type Entry, type OtherAnswer, type Reply } from '../entry.ts';
import { batchState, lotTextOf } from './milk.ts';
import { rowProofHref } from './proofs.ts';

type OfBatch = typeof ROUTES.traceBatch;
type OfTx = typeof ROUTES.traceTx;

/** Transactions of one batch that are shown: a batch of 1,000 L leaves in a few dozen deliveries. */
const BATCH_TXS_MAX = 1_000;
/** Batches that may share one printed lot before the oldest are left out; a lot is a plant's own word. */
const BATCHES_PER_LOT_MAX = 16;
const LD_JSON = 'application/ld+json';

const proofOf = (txHash: string): string => `${API_BASE}/proofs/tx/${txHash}`;

function placeOf({ txHash, height, timeMs }: Pick<BatchTx, 'txHash' | 'height' | 'timeMs'>): { txHash: string; height: number; time: string; proof: string } {
  return { txHash, height, time: rfc3339(timeMs), proof: proofOf(txHash) };
}

function named(view: View, type: 'farm' | 'plant' | 'merchant', address: Uint8Array): { address: string; name: string } {
  return { address: formatAddress(address), name: view.get(ROWS[type], toHex(address))?.name ?? '' };
}

function farmsOf(view: View, life: BatchLife): BatchTrace['farms'] {
  const { shares } = openingOf(life).value;
  const sumMl = shares.reduce((sum, { weightMl }) => sum + weightMl, 0n);
  return shares.map(({ farm, weightMl }) => ({ ...named(view, 'farm', farm), litres: formatLitres(weightMl), percent: formatRinggit(mulDiv(weightMl, 10_000n, sumMl, 'halfUp')) }));
}

function statementView(view: View, batchKey: Uint8Array, { tx, oracle, value }: Statement): BatchTrace['statements'][number] {
  const { attempt, volumeMl, reject, readingsRoot, profileHash } = value;
  return {
    ...placeOf(tx), attempt, oracle: formatAddress(oracle), name: view.get(ROWS.oracle, toHex(oracle))?.name ?? '', volume: formatLitres(volumeMl), reject,
    readingsRoot: toHex(readingsRoot), profileHash: toHex(profileHash), row: rowProofHref(ROWS.attestation, attestationId(batchKey, attempt, oracle)),
  };
}

function mintView(view: View, { mint }: BatchLife): BatchTrace['mint'] {
  if (mint === undefined) return null;
  const { tx, value, statement } = mint;
  return {
    ...placeOf(tx), volume: formatLitres(value.volumeMl), toll: formatLitres(value.tollMl), repaid: formatLitres(value.repaidMl), bonded: formatLitres(value.bondedMl),
    credits: value.farms.map(({ farm, weightMl }) => ({ ...named(view, 'farm', farm), litres: formatLitres(weightMl) })), readingsRoot: toHex(statement.readingsRoot), profileHash: toHex(statement.profileHash),
  };
}

function actView({ tx, name, amountMl, ended }: Act): BatchTrace['acts'][number] {
  const paid = ended === undefined ? null : { bond: formatLitres(ended.fromBondMl), balance: formatLitres(ended.fromBalanceMl), insurance: formatLitres(ended.fromInsuranceMl), owed: formatLitres(ended.owedMl) };
  return { ...placeOf(tx), act: name, litres: formatLitres(amountMl), paid };
}

function batchView(chain: ChainPort, life: BatchLife, isComplete: boolean): BatchTrace {
  const view = chain.state();
  const { batchKey, openings, statements, deliveries, acts } = life;
  const id = toHex(batchKey);
  const { plant, value } = openingOf(life);
  const row = view.get(ROWS.batch, id);
  return {
    batchKey: id, plant: named(view, 'plant', plant), lot: toHex(value.lot), lotText: lotTextOf(value.lot), productionDate: dateText(value.productionDate), expiresAt: rfc3339(value.expiresAtMs),
    state: row === undefined ? null : batchState(row), onHold: row?.onHold === 1,
    litres: row === undefined ? null : { issued: formatLitres(row.issuedMl), available: formatLitres(row.availableMl), held: formatLitres(row.heldMl), redeemed: formatLitres(row.redeemedMl), owedOut: formatLitres(row.owedOutMl) },
    farms: farmsOf(view, life), meter: { device: toHex(value.meter), from: formatLitres(value.totalFrom), to: formatLitres(value.totalTo) }, manifestHash: toHex(value.manifestHash),
    opened: openings.map(({ tx, value: opened, rejectedByRule }) => ({ ...placeOf(tx), attempt: opened.attempt, claim: formatLitres(opened.claimMl), rejectedByRule: rejectedByRule ?? null })),
    statements: statements.map((statement) => statementView(view, batchKey, statement)), mint: mintView(view, life),
    deliveries: deliveries.map(({ tx, value: note }) => ({ ...placeOf(tx), ...named(view, 'merchant', note.holder), litres: formatLitres(note.amountMl), noteHash: toHex(note.noteHash), row: rowProofHref(ROWS.note, noteId(batchKey, note.holder)) })),
    acts: acts.map(actView), complete: isComplete, height: chain.tip().height, row: rowProofHref(ROWS.batch, id),
  };
}

interface LoadedLife {
  readonly life: BatchLife;
  readonly isComplete: boolean;
}

async function loadLife(chain: ChainPort, batchKey: Uint8Array): Promise<LoadedLife | undefined> {
  const txs = await chain.batchHistory(batchKey, BATCH_TXS_MAX);
  const life = lifeOf(batchKey, txs);
  return life === undefined ? undefined : { life, isComplete: txs.length < BATCH_TXS_MAX };
}

/** The query key wins over the header; browsers that take anything get JSON. */
function wantsEpcis({ query, accept }: Pick<ApiRequest<OfBatch>, 'query' | 'accept'>): boolean {
  return query.format === undefined ? accept.toLowerCase().includes(LD_JSON) : query.format === 'epcis';
}

/** The declared form, or the events of the same facts where the caller wants those. */
function answerIn<B>(request: Pick<ApiRequest<OfBatch>, 'query' | 'accept'>, json: () => B, events: () => readonly EpcisEvent[]): Answer<B> | OtherAnswer {
  const headers = { vary: 'Accept' };
  if (!wantsEpcis(request)) return { status: 200, body: json(), headers };
  return { status: 200, other: epcisDocument(events()), type: LD_JSON, headers };
}

async function traceBatch(chain: ChainPort, request: ApiRequest<OfBatch>): Promise<Reply<OfBatch>> {
  const loaded = await loadLife(chain, fromHex(request.params.batchKey) ?? new Uint8Array(0));
  if (loaded === undefined) return { problem: chain.state().get(ROWS.batch, request.params.batchKey) === undefined ? 'not_found' : 'pruned' };
  const { life, isComplete } = loaded;
  return answerIn(request, () => batchView(chain, life, isComplete), () => batchEvents(chain.genesisHash, life, chain.tip().timeMs));
}

interface ItemTrace {
  readonly item: OrderItem;
  readonly finding: LotFinding;
  readonly lives: readonly LoadedLife[];
}

type LoadLife = (batchKey: Uint8Array) => Promise<LoadedLife | undefined>;

/** Items of one order often share a lot: its batches are read once. */
function loadOnce(chain: ChainPort): LoadLife {
  const loaded = new Map<string, Promise<LoadedLife | undefined>>();
  return (batchKey) => {
    const id = toHex(batchKey);
    const life = loaded.get(id) ?? loadLife(chain, batchKey);
    loaded.set(id, life);
    return life;
  };
}

/** What proves that this merchant took the printed lot before the sale. Never a guess: no delivery, no batch. */
async function traceItem(chain: ChainPort, load: LoadLife, merchant: Uint8Array, at: Place, item: OrderItem): Promise<ItemTrace> {
  if (item.lot === '') return { item, finding: 'no_lot', lives: [] };
  const keys = await chain.batchesOfLot(utf8(item.lot), BATCHES_PER_LOT_MAX);
  if (keys.length === 0) return { item, finding: 'unknown_lot', lives: [] };
  const lives: LoadedLife[] = [];
  for (const key of keys) {
    const loaded = await load(key);
    if (loaded !== undefined && takenBefore(loaded.life, merchant, at).length > 0) lives.push(loaded);
  }
  return { item, finding: lives.length === 0 ? 'not_taken' : 'proven', lives };
}

type Paid = Extract<ChainEvent, { readonly case: 'paid' }>['value'];

/** The order a payment settled: posted under its reference with exactly its amounts. */
async function orderOf(orders: Orders, { tillNo, ref, sen, amountMl }: Paid): Promise<OrderRow | undefined> {
  const order = await orders.byRef(tillNo, toHex(ref));
  return order !== undefined && order.sen === String(sen) && order.amountMl === String(amountMl) ? order : undefined;
}

function itemView({ item, finding, lives }: ItemTrace): TxTrace['items'][number] {
  const { product, name, quantity, senLine, lineMl, lot } = item;
  return {
    product, name, quantity, rm: formatRinggit(senLine), litres: lineMl === 0n ? null : formatLitres(lineMl), lot: lot === '' ? null : lot,
    finding, label: LOT_FINDINGS[finding], batches: lives.map(({ life }) => toHex(life.batchKey)),
  };
}

interface TracedSale {
  readonly tx: FinalTx;
  readonly place: { readonly height: number; readonly timeMs: number };
  readonly paid: Paid;
  readonly order: OrderRow | undefined;
  readonly items: readonly ItemTrace[];
  /** Batches of all items, each once. */
  readonly lives: readonly LoadedLife[];
}

function saleView(chain: ChainPort, { tx, place, paid, order, items, lives }: TracedSale): TxTrace {
  const { tillNo, ref, merchant, sen, amountMl } = paid;
  return {
    ...placeOf({ txHash: tx.txHash, ...place }), kind: 'pay', tillNo, ref: toHex(ref), merchant: named(chain.state(), 'merchant', merchant), rm: formatRinggit(sen), litres: formatLitres(amountMl),
    order: order === undefined ? null : { order: order.order, salt: order.salt }, items: items.map(itemView), batches: lives.map(({ life, isComplete }) => batchView(chain, life, isComplete)),
  };
}

/** A sale and, of each batch it came from, all but the deliveries to others. */
function saleEventsOf(chain: ChainPort, { tx, place, paid, items, lives }: TracedSale): readonly EpcisEvent[] {
  const { genesisHash } = chain;
  const before = lives.flatMap(({ life }) => batchEvents(genesisHash, life, chain.tip().timeMs, paid.merchant));
  const sold = items.map(({ item, lives: own }) => ({ item, batches: own.map(({ life }) => life.batchKey) }));
  return [...before, ...saleEvents(genesisHash, { tx: { txHash: tx.txHash, timeMs: place.timeMs }, merchant: paid.merchant, tillNo: paid.tillNo, items: sold })];
}

async function traceSale({ chain, orders }: { readonly chain: ChainPort; readonly orders: Orders }, tx: FinalTx, { height, index, timeMs }: Place & { readonly timeMs: number }, paid: Paid): Promise<TracedSale> {
  const order = await orderOf(orders, paid);
  const items: ItemTrace[] = [];
  const load = loadOnce(chain);
  for (const item of order === undefined ? [] : itemsOf(order)) items.push(await traceItem(chain, load, paid.merchant, { height, index }, item));
  const lives = new Map(items.flatMap((item) => item.lives).map((loaded) => [toHex(loaded.life.batchKey), loaded] as const));
  return { tx, place: { height, timeMs }, paid, order, items, lives: [...lives.values()] };
}

/** Items, lots and batches of a payment, for its receipt; undefined where its block is not stored here. */
export async function traceOfPayment(deps: { readonly chain: ChainPort; readonly orders: Orders }, { height, index, timeMs }: Place & { readonly timeMs: number }): Promise<TxTrace | undefined> {
  const tx = (await deps.chain.readFinal(height))?.txs[index];
  const paid = tx?.events.find((event): event is Extract<ChainEvent, { readonly case: 'paid' }> => event.case === 'paid')?.value;
  return tx === undefined || paid === undefined ? undefined : saleView(deps.chain, await traceSale(deps, tx, { height, index, timeMs }, paid));
}

async function traceTx({ chain, orders, parties }: TraceDeps, request: ApiRequest<OfTx>): Promise<Reply<OfTx>> {
  const status = await chain.txStatus(request.params.txHash);
  if (status === undefined) return { problem: 'not_found' };
  if (status.status !== 'final') return { problem: 'not_final', detail: `The transaction is ${status.status}.` };
  const tx = (await chain.readFinal(status.height))?.txs[status.index];
  if (tx === undefined) return { problem: 'pruned' };
  const paid = tx.events.find((event): event is Extract<ChainEvent, { readonly case: 'paid' }> => event.case === 'paid')?.value;
  if (paid !== undefined && !(await parties.isParty(request.caller, tx))) return { problem: 'not_found' };
  if (paid === undefined) return { problem: 'not_found', detail: 'Only payments have items to trace. A batch has /trace/batch.' };
  const sale = await traceSale({ chain, orders }, tx, status, paid);
  return answerIn(request, () => saleView(chain, sale), () => saleEventsOf(chain, sale));
}

export interface TraceDeps {
  readonly chain: ChainPort;
  readonly orders: Orders;
  readonly parties: Parties;
}

export function traceRoutes(deps: TraceDeps): readonly Entry[] {
  return [
    serve(ROUTES.traceBatch, (request) => traceBatch(deps.chain, request)),
    serve(ROUTES.traceTx, (request) => traceTx(deps, request)),
  ];
}
