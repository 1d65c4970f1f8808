/**
 * The mempool (consensus page §1.14): nothing accepted is lost. A transaction is admitted if it would succeed on the state
 * after the tip with all pending spends set aside; it is offered to blocks at once. A client gets the answer when it is on disk.
 */
import { checkTx, ok, parseTx, spendOf, toHex, type Chain, type Invoice, type ParsedTx, type Tip } from '@billcoin/protocol';
import type { Clock, FinalBlock, Log, Store, StoreOperation, Submitted, TxStatus } from '../ports.ts';
import { signaturesOf, type VerifyMany } from '../signaturesOf.ts';
import { EndedIds } from './endedIds.ts';
import type { PoolLimits } from './limits.ts';
import { Parking } from './parking.ts';
import { Pool, type PoolEntry, type PoolRefusal } from './pool.ts';
import { admissionFault, endOf, isExecuted, nextBlock } from './poolRules.ts';
import { acceptedRow, endedRows, forgottenRow, loadAccepted, loadEnded, type EndedUnfinal } from './poolStore.ts';

export interface MempoolDeps {
  readonly chain: Chain;
  readonly tip: () => Tip;
  readonly store: Store;
  /** Group-committed synced write into `store`. */
  readonly writeDurable: (operations: readonly StoreOperation[]) => Promise<void>;
  readonly verifySignatures: VerifyMany;
  /** How the chain knows an id; undefined where it does not. */
  readonly finalStatus: (txHash: string) => Promise<TxStatus | undefined>;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: PoolLimits;
  /** The pool has something for a block. */
  readonly onWork: () => void;
  /** The disk is nearly full: nothing new is taken. */
  readonly isDiskLow?: () => boolean;
  readonly onAdmitted: (tx: ParsedTx) => void;
}

function refuse(refusal: PoolRefusal): Submitted {
  return { ok: false, refusal };
}

/** Its place on disk, where it has one. */
function storedAt({ arrival, durable }: PoolEntry): number | undefined {
  return durable === undefined ? undefined : arrival;
}

export class Mempool {
  readonly #deps: MempoolDeps;
  readonly #pool: Pool;
  readonly #parking: Parking;
  readonly #ended: EndedIds;
  #nextArrival = 0;
  #admitting = 0;

  private constructor(deps: MempoolDeps) {
    this.#deps = deps;
    this.#pool = new Pool(deps.limits);
    this.#parking = new Parking(this.#pool, deps.limits.recheckPerBlock);
    this.#ended = new EndedIds(deps.limits.endedMax);
  }

  /** Loads what was accepted before a crash or stop; what has become final, superseded or expired since is taken out. */
  static async open(deps: MempoolDeps): Promise<Mempool> {
    const mempool = new Mempool(deps);
    await mempool.#reload();
    return mempool;
  }

  /** Admits a transaction of a client or says why not. Resolves when an accepted one is on disk. Idempotent by id. */
  async submit(tx: Uint8Array | ParsedTx): Promise<Submitted> {
    const parsed = tx instanceof Uint8Array ? parseTx(this.#deps.chain, tx) : ok(tx);
    if (!parsed.ok) return refuse(parsed.fault);
    const submitted = await this.#submit(parsed.value, true);
    return submitted.ok ? { ...submitted, status: await this.#keep(parsed.value, submitted.status) } : submitted;
  }

  /**
   * Admits a transaction of a peer. It stays in memory: whoever took it from a client has it on disk, and offers it again. Nobody waits
   * for the answer: the disk is not asked for it, or a peer could keep it busy with what has long ended.
   */
  async take(tx: ParsedTx): Promise<void> {
    if (!isExecuted(this.#deps.tip().state, tx)) await this.#submit(tx, false);
  }

  /** @param isAnswered somebody wants to know how an old transaction has ended */
  async #submit(tx: ParsedTx, isAnswered: boolean): Promise<Submitted> {
    const known = await this.statusOf(tx);
    if (known !== undefined) return { ok: true, txHash: tx.txHash, fresh: false, status: known };
    if (this.#deps.isDiskLow?.() === true) return refuse({ code: 'disk_low', text: 'The disk of this node is nearly full. Use another node, or send it again when its operator has made room.' });
    const full = this.#pool.refusal(tx);
    if (full !== undefined) return refuse(full);
    if (this.#admitting >= this.#deps.limits.admittingMax) return refuse({ code: 'pool_full', text: 'This node is checking as many transactions as it can. Send it again in a second.' });
    this.#admitting += 1;
    try {
      return await this.#admit(tx, isAnswered);
    } finally {
      this.#admitting -= 1;
    }
  }

  /** Where a transaction stands: pending or ended here, or final on the chain; undefined if neither knows it. */
  async status(txHash: string): Promise<TxStatus | undefined> {
    return this.#knownHere(txHash) ?? this.#deps.finalStatus(txHash);
  }

  /** The same for a transaction that could still be included. The chain is asked only where its state says that the id was executed. */
  async statusOf(tx: ParsedTx): Promise<TxStatus | undefined> {
    return this.#knownHere(tx.txHash) ?? (isExecuted(this.#deps.tip().state, tx) ? this.#deps.finalStatus(tx.txHash) : undefined);
  }

  /** A transaction that waits here, by its id. */
  pending(txHash: string): ParsedTx | undefined {
    return this.#pool.get(txHash)?.tx;
  }

  /** The Pay of an invoice that waits here; the pool holds one at a time. */
  pendingPayOf(invoice: Pick<Invoice, 'tillNo' | 'ref'>): ParsedTx | undefined {
    return this.#pool.pendingSettlersOf(invoice).find(({ tx }) => tx.body.kind.case === 'pay')?.tx;
  }

  /** The same as `pending`, by the leaf hash of its bytes. */
  byLeaf(leafHash: Uint8Array): ParsedTx | undefined {
    return this.#pool.byLeaf(leafHash);
  }

  /** Who sent a transaction that waits here, or that ended here without being final. */
  senderOf(txHash: string): Uint8Array | undefined {
    return this.#pool.get(txHash)?.tx.body.sender ?? this.#ended.senderOf(txHash);
  }

  /** It waits here, or has ended here not long ago: submitting it again would change nothing. */
  remembers(txHash: string): boolean {
    return this.#pool.get(txHash) !== undefined || this.#ended.get(txHash) !== undefined;
  }

  /** What a block is filled from. */
  offer(limit: number): readonly ParsedTx[] {
    return this.#pool.offer(limit);
  }

  /** The oldest `count` that this node promised to offer, that a block could take and that have waited for `ageMs`. */
  overdue(ageMs: number, count: number): readonly ParsedTx[] {
    const acceptedBeforeMs = this.#deps.clock.nowMs() - ageMs;
    const overdue: ParsedTx[] = [];
    for (const { tx, parked, durable, acceptedAtMs } of this.#pool.entries()) {
      if (overdue.length === count || acceptedAtMs > acceptedBeforeMs) break;
      if (!parked && durable !== undefined) overdue.push(tx);
    }
    return overdue;
  }

  /** How many a block could take. */
  get ready(): number {
    return this.#pool.ready;
  }

  /** After a build: what was offered and left out although there was room would fail now; it waits for the state to change. */
  parkLeftOut(offered: readonly ParsedTx[], included: readonly ParsedTx[]): void {
    this.#parking.leftOut(offered, included);
  }

  /** Ends what the block has ended and checks parked transactions again. The tip is already the block's. */
  afterBlock(block: FinalBlock): void {
    const rows: StoreOperation[] = [];
    const gone: PoolEntry[] = [];
    for (const tx of block.txs) {
      const status: TxStatus = { status: 'final', height: block.height, index: tx.index, code: tx.code, timeMs: block.timeMs, blockId: block.blockId };
      this.#note(tx.txHash, status, rows);
      const entry = this.#pool.remove(tx.txHash);
      if (entry !== undefined) gone.push(entry);
      if (entry !== undefined) rows.push(...endedRows(storedAt(entry), entry.tx, undefined));
      const rivals = tx.invoice === undefined ? [] : this.#pool.pendingSettlersOf(tx.invoice);
      for (const rival of rivals) this.#end(rival, { status: 'superseded', by: tx.txHash }, rows);
      gone.push(...rivals);
    }
    const late: PoolEntry[] = [];
    for (const entry of this.#pool.entries()) if (block.timeMs > entry.tx.body.validUntilMs) late.push(entry);
    for (const entry of late) this.#end(entry, { status: 'expired' }, rows);
    gone.push(...late);
    const { chain, tip, clock } = this.#deps;
    const env = nextBlock(tip(), clock.nowMs());
    this.#parking.recheck((tx) => checkTx(chain, tip().state, tx, env).ok);
    if (rows.length > 0) void this.#forgetOnDisk(rows, gone);
  }

  info(): { readonly transactions: number; readonly bytes: number; readonly limit: number } {
    return { transactions: this.#pool.size, bytes: this.#pool.bytes, limit: this.#deps.limits.transactionsMax };
  }

  /** What this pool knows of an id. */
  #knownHere(txHash: string): TxStatus | undefined {
    const entry = this.#pool.get(txHash);
    return entry === undefined ? this.#ended.get(txHash) : { status: 'pending', acceptedAtMs: entry.acceptedAtMs };
  }

  /** An old transaction may be final although the rows that would say so are gone: then its receipt is the answer. */
  async #refuseUnlessFinal(tx: ParsedTx, refusal: PoolRefusal): Promise<Submitted> {
    const final = await this.#deps.finalStatus(tx.txHash);
    return final === undefined ? refuse(refusal) : { ok: true, txHash: tx.txHash, fresh: false, status: final };
  }

  /**
   * A client is promised that this node knows the transaction until it has ended, and how it ended: on disk when it
   * resolves. How it stands then.
   */
  async #keep(tx: ParsedTx, known: TxStatus): Promise<TxStatus> {
    const { txHash } = tx;
    const { writeDurable } = this.#deps;
    const entry = this.#pool.get(txHash);
    if (entry !== undefined) {
      const { arrival, acceptedAtMs } = entry;
      entry.durable ??= writeDurable([acceptedRow({ arrival, acceptedAtMs, bytes: tx.bytes })]);
      await entry.durable;
    }
    const status = this.#ended.get(txHash) ?? known;
    // It may have ended while it was in memory only: then no row of its own would lead to its end after a crash.
    if (status.status === 'superseded' || status.status === 'expired') await writeDurable(endedRows(undefined, tx, status));
    return status;
  }

  async #admit(tx: ParsedTx, isAnswered: boolean): Promise<Submitted> {
    const items = signaturesOf(this.#deps.tip().state, tx);
    const verdicts = await this.#deps.verifySignatures(items);
    if (!tx.signatures.every((_, i) => verdicts[i] === true)) return refuse({ code: 'bad_signature' });
    // The same bytes may have come a second time, or the last place may have gone, while signatures were checked. From
    // here to `#accept` nothing may wait, or two of the same would both get in.
    const known = this.#knownHere(tx.txHash);
    if (known !== undefined) return { ok: true, txHash: tx.txHash, fresh: false, status: known };
    const { chain, tip, clock } = this.#deps;
    const refusal = this.#pool.refusal(tx) ?? admissionFault(chain, tip(), this.#pool, tx, nextBlock(tip(), clock.nowMs()));
    if (refusal !== undefined) return isAnswered ? this.#refuseUnlessFinal(tx, refusal) : refuse(refusal);
    return { ok: true, txHash: tx.txHash, fresh: true, status: { status: 'pending', acceptedAtMs: this.#accept(tx) } };
  }

  /** Returns when it was accepted. */
  #accept(tx: ParsedTx): number {
    const acceptedAtMs = this.#deps.clock.nowMs();
    this.#enter(tx, this.#nextArrival++, acceptedAtMs, undefined);
    this.#deps.onAdmitted(tx);
    this.#deps.onWork();
    return acceptedAtMs;
  }

  #enter(tx: ParsedTx, arrival: number, acceptedAtMs: number, durable: Promise<void> | undefined): void {
    const { payer, amountMl } = spendOf(this.#deps.tip().state, tx);
    this.#pool.add({ tx, arrival, acceptedAtMs, payer: toHex(payer), spendMl: amountMl, durable, parked: false });
  }

  #end(entry: PoolEntry, ended: EndedUnfinal, rows: StoreOperation[]): void {
    this.#pool.remove(entry.tx.txHash);
    this.#note(entry.tx.txHash, ended, rows, entry.tx.body.sender);
    rows.push(...endedRows(storedAt(entry), entry.tx, ended));
  }

  /** Remembers an end; the oldest remembered one goes when there are too many, from the disk as well. */
  #note(txHash: string, status: TxStatus, rows: StoreOperation[], sender?: Uint8Array): void {
    for (const forgotten of this.#ended.add(txHash, status, sender?.slice())) rows.push(forgottenRow(forgotten));
  }

  /**
   * Not synced: after a crash the rows are found to have ended again. After the writes that put them there: one that still waits in the
   * group commit would come later, and its row stay on disk until the next start.
   */
  async #forgetOnDisk(rows: readonly StoreOperation[], gone: readonly PoolEntry[]): Promise<void> {
    try {
      await Promise.all(gone.flatMap(({ durable }) => durable ?? []));
      await this.#deps.store.batch(rows, { sync: false });
    } catch (error) {
      this.#deps.log.error({ error }, 'The pool could not be written; the node stops.'); // the store has reported it already
    }
  }

  async #reload(): Promise<void> {
    const rows: StoreOperation[] = [];
    for (const [txHash, { ended, sender }] of await loadEnded(this.#deps.store)) this.#note(txHash, ended, rows, sender);
    const { state, timeMs } = this.#deps.tip();
    for (const { arrival, acceptedAtMs, bytes } of await loadAccepted(this.#deps.store)) {
      this.#nextArrival = arrival + 1;
      const parsed = parseTx(this.#deps.chain, bytes);
      if (!parsed.ok) throw new Error(`The pool holds a transaction of another form or network: ${parsed.fault.code}`);
      const tx = parsed.value;
      const isFinal = (await this.#deps.finalStatus(tx.txHash)) !== undefined;
      const ended = isFinal ? undefined : endOf(state, tx, timeMs);
      if (ended !== undefined) this.#note(tx.txHash, ended, rows, tx.body.sender);
      if (isFinal || ended !== undefined) rows.push(...endedRows(arrival, tx, ended));
      else this.#enter(tx, arrival, acceptedAtMs, Promise.resolve());
    }
    if (rows.length > 0) await this.#deps.store.batch(rows, { sync: true });
    this.#deps.log.info({ pending: this.#pool.size }, 'Pool loaded');
  }
}
