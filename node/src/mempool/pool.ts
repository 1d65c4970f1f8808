/**
 * The pending transactions in memory, with what they hold back: spends per payer, places per sender and till, one Pay and
 * one VoidInvoice per invoice, of which the chain takes whichever is included first, and one Pay per coupon. Nothing here waits or reads a clock; an admitted transaction leaves only when it ends.
 */
import { assert, invoiceId, toHex, type Fault, type Invoice, type ParsedTx } from '@billcoin/protocol';
import type { PoolLimits } from './limits.ts';

export interface PoolEntry {
  readonly tx: ParsedTx;
  /** Order of arrival, also across restarts. */
  readonly arrival: number;
  readonly acceptedAtMs: number;
  readonly payer: string;
  readonly spendMl: bigint;
  /** Resolves when the transaction is on disk; undefined while nobody was promised anything here: a peer has it on its disk. */
  durable: Promise<void> | undefined;
  /** It would fail now; it is offered again once a check passes. */
  parked: boolean;
}

export type PoolRefusal = Fault | { readonly code: 'pool_full' | 'too_many_pending' | 'disk_low'; readonly text: string };

/** Lane of the fair order: a till for its Pays and voids, else the sender. */
function laneOf(tx: ParsedTx): string {
  return tx.invoice === undefined ? toHex(tx.body.sender) : `till ${tx.invoice.tillNo}`;
}

export function invoiceKeyOf(tx: ParsedTx): string | undefined {
  return tx.invoice === undefined ? undefined : invoiceId(tx.invoice.tillNo, tx.invoice.ref);
}

type Settler = 'pay' | 'voidInvoice';
const SETTLERS: readonly Settler[] = ['pay', 'voidInvoice'];

/**
 * What only one pending transaction may hold. A Pay and a VoidInvoice of one invoice wait side by side: a Pay that waits,
 * perhaps for money, keeps no till from taking its invoice back. A coupon is spent whole, so a second Pay that names it
 * could only wait until it expires; whoever sent it is told at once.
 */
function claimsOf(tx: ParsedTx): readonly string[] {
  const { kind } = tx.body;
  const invoiceKey = invoiceKeyOf(tx);
  if (invoiceKey === undefined) return [];
  const invoice = `${kind.case} ${invoiceKey}`;
  return kind.case === 'pay' && kind.value.couponId !== undefined ? [invoice, `coupon ${toHex(kind.value.couponId)}`] : [invoice];
}

class Counter {
  readonly #counts = new Map<string, number>();
  of(key: string): number {
    return this.#counts.get(key) ?? 0;
  }
  add(key: string, delta: 1 | -1): void {
    const next = this.of(key) + delta;
    assert(next >= 0, 'a place is given back once');
    if (next === 0) this.#counts.delete(key);
    else this.#counts.set(key, next);
  }
}

export class Pool {
  readonly #limits: PoolLimits;
  /** By id, in order of arrival (Maps keep it). */
  readonly #entries = new Map<string, PoolEntry>();
  /** By leaf hash, for blocks that hold them. */
  readonly #byLeaf = new Map<string, ParsedTx>();
  /** Claim → id of the transaction that holds it. */
  readonly #claims = new Map<string, string>();
  readonly #spendMl = new Map<string, bigint>();
  readonly #bySender = new Counter();
  readonly #byTill = new Counter();
  #bytes = 0;
  #otherCount = 0;
  #otherBytes = 0;
  #parkedCount = 0;

  constructor(limits: PoolLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#entries.size;
  }
  get bytes(): number {
    return this.#bytes;
  }
  get parkedCount(): number {
    return this.#parkedCount;
  }
  get(txHash: string): PoolEntry | undefined {
    return this.#entries.get(txHash);
  }
  entries(): Iterable<PoolEntry> {
    return this.#entries.values();
  }
  /** What pending transactions will take from this account. */
  reservedMl(payer: string): bigint {
    return this.#spendMl.get(payer) ?? 0n;
  }
  /** A pending transaction by the leaf hash of its bytes. */
  byLeaf(leafHash: Uint8Array): ParsedTx | undefined {
    return this.#byLeaf.get(toHex(leafHash));
  }
  /** The pending Pay and VoidInvoice of an invoice. */
  pendingSettlersOf({ tillNo, ref }: Pick<Invoice, 'tillNo' | 'ref'>): readonly PoolEntry[] {
    const id = invoiceId(tillNo, ref);
    return SETTLERS.flatMap((kind) => this.#entries.get(this.#claims.get(`${kind} ${id}`) ?? '') ?? []);
  }

  /** Why there is no place for this transaction; undefined where there is. */
  refusal(tx: ParsedTx): PoolRefusal | undefined {
    const { transactionsMax, bytesMax, payOnlyThirds, perSenderMax, paysPerTillMax } = this.#limits;
    const isPay = tx.invoice !== undefined;
    const othersFull = !isPay && (this.#otherCount * 3 >= transactionsMax * (3 - payOnlyThirds) || (this.#otherBytes + tx.bytes.length) * 3 > bytesMax * (3 - payOnlyThirds));
    if (this.#entries.size >= transactionsMax || this.#bytes + tx.bytes.length > bytesMax || othersFull) {
      return { code: 'pool_full', text: 'This node holds as many pending transactions as it may. Send it again in a few seconds, or to another node.' };
    }
    if (this.#bySender.of(toHex(tx.body.sender)) >= perSenderMax) {
      return { code: 'too_many_pending', text: `The sender has ${perSenderMax} pending transactions. Wait until one of them ends.` };
    }
    if (tx.invoice !== undefined && this.#byTill.of(String(tx.invoice.tillNo)) >= paysPerTillMax) {
      return { code: 'too_many_pending', text: `The till has ${paysPerTillMax} pending payments. Wait until one of them ends.` };
    }
    const [invoice, coupon] = claimsOf(tx).map((claim) => this.#claims.get(claim));
    if (invoice !== undefined) return tx.body.kind.case === 'voidInvoice' ? { code: 'invoice_void' } : { code: 'invoice_already_paid', txId: invoice };
    return coupon === undefined ? undefined : { code: 'coupon_not_usable' };
  }

  add(entry: PoolEntry): void {
    const { tx } = entry;
    assert(!this.#entries.has(tx.txHash), 'a transaction is added once');
    this.#entries.set(tx.txHash, entry);
    this.#byLeaf.set(toHex(tx.leafHash), tx);
    this.#count(entry, 1);
    for (const claim of claimsOf(tx)) this.#claims.set(claim, tx.txHash);
  }

  remove(txHash: string): PoolEntry | undefined {
    const entry = this.#entries.get(txHash);
    if (entry === undefined) return undefined;
    this.setParked(entry, false);
    this.#entries.delete(txHash);
    this.#byLeaf.delete(toHex(entry.tx.leafHash));
    this.#count(entry, -1);
    for (const claim of claimsOf(entry.tx)) if (this.#claims.get(claim) === txHash) this.#claims.delete(claim);
    return entry;
  }

  setParked(entry: PoolEntry, parked: boolean): void {
    if (entry.parked === parked) return;
    entry.parked = parked;
    this.#parkedCount += parked ? 1 : -1;
  }

  /** How many a block could take. */
  get ready(): number {
    return this.#entries.size - this.#parkedCount;
  }

  /** What a block is filled from, `limit` at most: arrival order; round robin over tills and senders when more waits. */
  offer(limit: number): readonly ParsedTx[] {
    const ready: ParsedTx[] = [];
    for (const entry of this.#entries.values()) if (!entry.parked) ready.push(entry.tx);
    return ready.length <= limit ? ready : roundRobin(ready).slice(0, limit);
  }

  #count(entry: PoolEntry, delta: 1 | -1): void {
    const { tx, payer, spendMl } = entry;
    const bytes = delta * tx.bytes.length;
    this.#bytes += bytes;
    this.#bySender.add(toHex(tx.body.sender), delta);
    if (tx.invoice === undefined) {
      this.#otherCount += delta;
      this.#otherBytes += bytes;
    } else {
      this.#byTill.add(String(tx.invoice.tillNo), delta);
    }
    const reserved = this.reservedMl(payer) + BigInt(delta) * spendMl;
    assert(reserved >= 0n, 'a reservation is given back once');
    if (reserved === 0n) this.#spendMl.delete(payer);
    else this.#spendMl.set(payer, reserved);
  }
}

/** One of each lane in turn, lanes in order of their first arrival. */
function roundRobin(ready: readonly ParsedTx[]): ParsedTx[] {
  const lanes = new Map<string, ParsedTx[]>();
  for (const tx of ready) {
    const lane = laneOf(tx);
    const queue = lanes.get(lane);
    if (queue === undefined) lanes.set(lane, [tx]);
    else queue.push(tx);
  }
  const queues = [...lanes.values()];
  const ordered: ParsedTx[] = [];
  for (let turn = 0; ordered.length < ready.length; turn++) {
    for (const queue of queues) {
      const tx = queue[turn];
      if (tx !== undefined) ordered.push(tx);
    }
  }
  return ordered;
}
