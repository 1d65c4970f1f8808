/** What the supervisor counts while the day goes on: payments, times to "Paid", coupons. */
import { LoyaltyModel } from './loyaltyModel.ts';
import type { Note, Purchase } from './messages.ts';

/** Times kept for the percentiles, the newest ones. */
const TIMES_KEPT = 1_000;
/** Signed and not paid yet; more than the wallets can have in hand. */
const SIGNED_MAX = 1_000;

export interface Percentiles {
  readonly p50Ms: number;
  readonly p95Ms: number;
}

/** Nearest-rank percentiles; undefined without samples. */
export function percentilesOf(samples: readonly number[]): Percentiles | undefined {
  if (samples.length === 0) return undefined;
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] as number;
  return { p50Ms: at(0.5), p95Ms: at(0.95) };
}

export class Tally {
  readonly loyalty = new LoyaltyModel();
  readonly #purchases: Purchase[] = [];
  readonly #paidRefs = new Set<string>();
  readonly #signed = new Map<string, number>();
  readonly #times: number[] = [];
  #count = 0;

  constructor(earlier: readonly Purchase[]) {
    for (const purchase of earlier) this.loyalty.add(purchase);
  }

  /** Purchases since the start of this process; one day's list in `--once`. */
  get purchases(): readonly Purchase[] {
    return this.#purchases;
  }

  /** Final payments since the start of this process. */
  get count(): number {
    return this.#count;
  }

  /** References that a till verified as paid. */
  get paidRefs(): ReadonlySet<string> {
    return this.#paidRefs;
  }

  get times(): Percentiles | undefined {
    return percentilesOf(this.#times);
  }

  take(note: Exclude<Note, { kind: 'say' }>): void {
    if (note.kind === 'purchase') {
      this.#purchases.push(note.purchase);
      this.#count += 1;
      this.loyalty.add(note.purchase);
    } else if (note.kind === 'signed') this.#sign(note.ref, note.atMs);
    else this.#pay(note.ref, note.atMs);
  }

  /** Begins a new day's list. */
  nextDay(): void {
    this.#purchases.length = 0;
    this.#paidRefs.clear();
  }

  #sign(ref: string, atMs: number): void {
    if (this.#signed.size >= SIGNED_MAX) this.#signed.clear();
    this.#signed.set(ref, atMs);
  }

  #pay(ref: string, atMs: number): void {
    this.#paidRefs.add(ref);
    const signedMs = this.#signed.get(ref);
    this.#signed.delete(ref);
    if (signedMs === undefined) return;
    this.#times.push(atMs - signedMs);
    if (this.#times.length > TIMES_KEPT) this.#times.shift();
  }
}
