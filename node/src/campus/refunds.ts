/**
 * Refunds as the people of a merchant ask for them (api page §2.6). A signed Refund goes to the chain at once; without one
 * the request waits for the manager. What became of a transaction only blocks say (refundEnds.ts); a request is written
 * before its block can be projected, because both run in one lane.
 */
import { decode, formatAddress, toHex, Tx, TxBody, txIdOf } from '@billcoin/protocol';
import type { OrderRow } from '../campusPorts.ts';
import type { ChainPort, Clock, KeyValueOperation, KeyValueStore } from '../ports.ts';
import type { Decided, OrderTerms, RefundAsking, RefundFilter, RefundRefusal, RefundRequestRow, Refunds } from '../refundPorts.ts';
import { ulid } from './crockford.ts';
import type { Idempotency, Work } from './idempotency.ts';
import type { Lane } from './lane.ts';
import { askedMl, checkAmount, claimOf, claimSen, optionsOf, type ClaimContext } from './refundClaim.ts';
import { scanBack, type Listing } from './scanBack.ts';
import { deleteRow, getRow, listRows, padded, putRow, refId, TABLES } from './store.ts';

/** Requests of one order that are looked at: it has a few; a till that makes more is at fault and gets no more. */
const OF_ORDER_MAX = 1_000;
export const REFUND_PREFIX = 'rfd_';

export interface RefundDeps {
  readonly chain: ChainPort;
  readonly store: KeyValueStore;
  readonly clock: Clock;
  /** The lane of the blocks. */
  readonly lane: Lane;
  readonly idempotency: Idempotency;
}

export const isOpen = ({ status }: RefundRequestRow): boolean => status === 'NEEDS_MANAGER' || status === 'PENDING';

export const refundEndId = ({ validUntilMs, refundId }: { readonly validUntilMs: number; readonly refundId: string }): string => `${padded(validUntilMs, 15)}/${refundId}`;

/** A new refund and where it is found. */
export function newRefundRows(refund: RefundRequestRow): readonly KeyValueOperation[] {
  const { refundId, tillNo, ref, merchant } = refund;
  return [...refundRows(refund), putRow(TABLES.refundOfPayment, `${refId(tillNo, ref)}/${refundId}`, 1), putRow(TABLES.refundOfMerchant, `${merchant}/${refundId}`, 1)];
}

/** A refund as it stands now; one on its way is found by its transaction and by the end of that. */
function refundRows(refund: RefundRequestRow): readonly KeyValueOperation[] {
  const { refundId, txHash, validUntilMs, status } = refund;
  return [
    putRow(TABLES.refund, refundId, refund),
    ...(txHash === null ? [] : [putRow(TABLES.refundByTx, txHash, refundId)]),
    ...(validUntilMs === null ? [] : [status === 'PENDING' ? putRow(TABLES.refundEnd, refundEndId({ validUntilMs, refundId }), 1) : deleteRow(TABLES.refundEnd, refundEndId({ validUntilMs, refundId }))]),
  ];
}

/** A request that waits for the manager. */
export function newRefund({ orderId, tillNo, ref, merchant }: OrderRow, { amountMl, sen, reason, by, nowMs }: { readonly amountMl: bigint; readonly sen: bigint; readonly reason: string; readonly by: string; readonly nowMs: number }): RefundRequestRow {
  return {
    refundId: REFUND_PREFIX + ulid(nowMs), orderId, tillNo, ref, merchant, amountMl: String(amountMl), sen: String(sen), status: 'NEEDS_MANAGER', txHash: null, validUntilMs: null,
    reason, requestedBy: by, createdAtMs: nowMs, decidedBy: null, decidedAtMs: null, failure: null, final: null,
  };
}

async function openMlOf(store: KeyValueStore, order: OrderTerms): Promise<bigint> {
  const under = `${refId(order.tillNo, order.ref)}/`;
  const rows = await listRows(store, TABLES.refundOfPayment, { under, limit: OF_ORDER_MAX });
  let sum = 0n;
  for (const { id } of rows) {
    const refund = await getRow(store, TABLES.refund, id.slice(under.length));
    if (refund !== undefined && isOpen(refund)) sum += BigInt(refund.amountMl);
  }
  return sum;
}

export async function contextOf({ chain, store, clock }: Pick<RefundDeps, 'chain' | 'store' | 'clock'>, order: OrderTerms): Promise<ClaimContext> {
  const payment = await getRow(store, TABLES.payment, refId(order.tillNo, order.ref));
  return { view: chain.state(), nowMs: clock.nowMs(), openMl: await openMlOf(store, order), isPaid: payment !== undefined };
}

interface SignedRefund {
  readonly bytes: Uint8Array;
  readonly txHash: string;
  readonly sender: Uint8Array;
  readonly amountMl: bigint;
  readonly validUntilMs: number;
}

/** A Refund of the payment under this reference; undefined for any other bytes. Its signatures the chain checks. */
function signedRefund({ chain }: RefundDeps, bytes: Uint8Array, { tillNo, ref }: { readonly tillNo: number; readonly ref: string }): SignedRefund | undefined {
  const tx = decode(Tx, bytes);
  const body = tx.ok ? decode(TxBody, tx.value.body) : undefined;
  if (!tx.ok || body?.ok !== true || body.value.kind.case !== 'refund') return undefined;
  const { kind: { value }, sender, validUntilMs } = body.value;
  if (value.tillNo !== tillNo || toHex(value.ref) !== ref) return undefined;
  return { bytes, txHash: toHex(txIdOf(chain.genesisHash, tx.value.body)), sender, amountMl: value.amountMl, validUntilMs };
}

/** Hands the transaction in; the request as it stands then. What is final already, its block says: here or in a moment. */
async function handIn({ chain }: RefundDeps, refund: RefundRequestRow, { bytes, txHash, validUntilMs }: SignedRefund): Promise<Decided> {
  const submitted = await chain.submit(bytes);
  if (!submitted.ok) return { ok: false, refusal: submitted.refusal.code === 'insufficient_balance' ? { ...submitted.refusal, code: 'merchant_balance_low' } : submitted.refusal };
  const isOver = submitted.status.status === 'expired';
  return { ok: true, refund: { ...refund, txHash, validUntilMs, status: isOver ? 'FAILED' : 'PENDING', failure: isOver ? 'expired' : null } };
}

async function refundOfTx({ store }: RefundDeps, txHash: string | undefined): Promise<RefundRequestRow | undefined> {
  const refundId = txHash === undefined ? undefined : await getRow(store, TABLES.refundByTx, txHash);
  return refundId === undefined ? undefined : await getRow(store, TABLES.refund, refundId);
}

type Prepared = { readonly ok: true; readonly refund: RefundRequestRow; readonly signed: SignedRefund | undefined } | { readonly ok: false; readonly refusal: RefundRefusal };

/** The request as a manager would see it: nothing is handed in yet. */
async function prepare(deps: RefundDeps, order: OrderRow, { tx, amount, reason, by }: RefundAsking): Promise<Prepared> {
  const { clock } = deps;
  const refuse = (refusal: RefundRefusal): Prepared => ({ ok: false, refusal });
  const signed = tx === undefined ? undefined : signedRefund(deps, tx, order);
  if (tx !== undefined && signed === undefined) return refuse({ code: 'other_order' });
  const context = await contextOf(deps, order);
  const claimed = claimOf(context, order);
  if (!claimed.ok) return claimed;
  const asked = amount === undefined ? undefined : askedMl(order, amount);
  if ((amount !== undefined && asked === undefined) || (asked === undefined && signed === undefined)) return refuse({ code: 'amount_missing' });
  if (signed !== undefined && asked !== undefined && asked !== signed.amountMl) return refuse({ code: 'other_order' });
  const amountMl = signed?.amountMl ?? asked ?? 0n;
  if (amountMl === 0n) return refuse({ code: 'amount_missing' });
  const refusal = checkAmount(context.view, claimed.value, amountMl);
  if (refusal !== undefined) return refuse(refusal);
  return { ok: true, signed, refund: newRefund(order, { amountMl, sen: claimSen(claimed.value, amountMl), reason, by, nowMs: clock.nowMs() }) };
}

/** Runs inside the lane: what is open cannot change between the look at it and the write. */
async function ask(deps: RefundDeps, asking: RefundAsking): Promise<Work> {
  const answer = (given: RefundRequestRow, operations: Work['operations'] = []): Work => ({ answer: asking.accepted(given), operations, after: () => undefined });
  const refuse = (refusal: RefundRefusal): Work => ({ answer: asking.refused(refusal), operations: [], after: () => undefined });
  const order = await getRow(deps.store, TABLES.order, asking.orderId);
  if (order === undefined) return refuse({ code: 'not_found' });
  const known = asking.tx === undefined ? undefined : await refundOfTx(deps, signedRefund(deps, asking.tx, order)?.txHash);
  if (known !== undefined) return answer(known);
  const prepared = await prepare(deps, order, asking);
  if (!prepared.ok) return refuse(prepared.refusal);
  const { refund, signed } = prepared;
  if (signed === undefined) return answer(refund, newRefundRows(refund));
  const handed = await handIn(deps, refund, signed);
  return handed.ok ? answer(handed.refund, newRefundRows(handed.refund)) : refuse(handed.refusal);
}

async function approve(deps: RefundDeps, refundId: string, tx: Uint8Array, by: string): Promise<Decided> {
  const { store, clock } = deps;
  const refund = await getRow(store, TABLES.refund, refundId);
  if (refund === undefined) return { ok: false, refusal: { code: 'not_found' } };
  const signed = signedRefund(deps, tx, refund);
  if (signed === undefined || signed.amountMl !== BigInt(refund.amountMl)) return { ok: false, refusal: { code: 'other_order' } };
  if (refund.txHash === signed.txHash) return { ok: true, refund };
  if (refund.status !== 'NEEDS_MANAGER') return { ok: false, refusal: { code: 'refund_decided', refund } };
  // The till's own key has a daily limit; what passes a manager is signed by the merchant.
  if (formatAddress(signed.sender) !== refund.merchant) return { ok: false, refusal: { code: 'wrong_signers' } };
  const handed = await handIn(deps, { ...refund, decidedBy: by, decidedAtMs: clock.nowMs() }, signed);
  if (handed.ok) await store.batch(refundRows(handed.refund), { sync: true });
  return handed;
}

async function reject({ store, clock }: RefundDeps, refundId: string, by: string): Promise<Decided> {
  const refund = await getRow(store, TABLES.refund, refundId);
  if (refund === undefined) return { ok: false, refusal: { code: 'not_found' } };
  if (refund.status !== 'NEEDS_MANAGER') return { ok: false, refusal: { code: 'refund_decided', refund } };
  const rejected: RefundRequestRow = { ...refund, status: 'REJECTED', decidedBy: by, decidedAtMs: clock.nowMs() };
  await store.batch(refundRows(rejected), { sync: true });
  return { ok: true, refund: rejected };
}

/** Where the refunds of one payment, of one merchant or of all are listed; undefined where the order is none. */
async function listingOf({ store }: RefundDeps, { merchant, orderId }: RefundFilter): Promise<Listing<unknown> | undefined> {
  if (orderId === undefined) return merchant === undefined ? { table: TABLES.refund } : { table: TABLES.refundOfMerchant, under: `${merchant}/` };
  const order = await getRow(store, TABLES.order, orderId);
  return order === undefined ? undefined : { table: TABLES.refundOfPayment, under: `${refId(order.tillNo, order.ref)}/` };
}

async function list(deps: RefundDeps, filter: RefundFilter): ReturnType<Refunds['list']> {
  const { merchant, tillNo, status, limit, before } = filter;
  const listing = await listingOf(deps, filter);
  if (listing === undefined) return { refunds: [], next: undefined };
  const { found, next } = await scanBack(deps.store, { ...listing, before }, limit, async ({ id }) => {
    const refund = await getRow(deps.store, TABLES.refund, id);
    return (status ?? refund?.status) === refund?.status && (tillNo ?? refund?.tillNo) === refund?.tillNo && (merchant ?? refund?.merchant) === refund?.merchant ? refund : undefined;
  });
  return { refunds: found, next };
}

export function openRefunds(deps: RefundDeps): Refunds {
  const { store, lane, idempotency } = deps;
  return {
    options: async (order) => optionsOf(await contextOf(deps, order), order),
    ask: (asking) => idempotency({ ...asking.idempotency, work: () => ask(deps, asking) }),
    approve: (refundId, tx, by) => lane.run(() => approve(deps, refundId, tx, by)),
    reject: (refundId, by) => lane.run(() => reject(deps, refundId, by)),
    get: (refundId) => getRow(store, TABLES.refund, refundId),
    list: (filter) => list(deps, filter),
  };
}
