/**
 * What the HTTP API may ask of the campus services. Both rooms import this file and never each other; node.ts builds the
 * services with openCampus and hands them to startApi.
 */
import type { Fault } from '@billcoin/protocol';
import type { OrderEventName, OrderStatus, SignedExportManifest, ValidationError } from '@billcoin/sdk';
import type { Answered, IdempotentResult } from './answered.ts';
import type { Cashiers, Products, StockRefusal, Tills } from './merchantPorts.ts';
import type { ChallengeFault, Logins, Programs, SignedChallenge, Users } from './authPorts.ts';
import type { AbuseControl } from './abusePorts.ts';
import type { FinalBlock } from './ports.ts';
import type { Recalls } from './recallPorts.ts';
import type { Refunds } from './refundPorts.ts';

export type { Answered, IdempotentResult } from './answered.ts';

/** More writes wait for the disk than memory may hold: try again in a moment. */
export class CampusBusy extends Error {
  override readonly name = 'CampusBusy';
}

// ---- students and wallets (api page §2.4) ----------------------------------------------------------------------

export interface IssuedCode {
  readonly studentId: string;
  readonly studentRef: string;
  readonly linkCode: string;
}
export type RosterFault = 'header_missing' | 'unknown_column' | 'bad_student_id' | 'duplicate' | 'too_many_rows';
export interface RosterError {
  /** 1 is the header. */
  readonly line: number;
  readonly code: RosterFault;
}
export type Imported =
  | { readonly ok: true; readonly added: number; readonly kept: number; readonly left: number; readonly codes: readonly IssuedCode[] }
  | { readonly ok: false; readonly errors: readonly RosterError[] };

export interface Students {
  /** Takes over a roster file whole or not at all; a student missing in it is marked left, one back in it is kept. */
  importRoster(csv: string): Promise<Imported>;
  /** A new code in place of the old one; undefined for an unknown or left student. */
  renewLinkCode(studentRef: string): Promise<{ readonly studentRef: string; readonly linkCode: string; readonly expiresAtMs: number } | undefined>;
  /** The same for a second phone: it lives ten minutes. */
  secondLinkCode(studentRef: string): ReturnType<Students['renewLinkCode']>;
  /**
   * Shreds the student's key and all that leads to him; what was written about him before stays as it is and belongs to
   * nobody. How many wallets were linked; undefined for an unknown student.
   */
  erase(studentRef: string): Promise<{ readonly wallets: number } | undefined>;
}

export interface LinkRequest extends SignedChallenge {
  readonly linkCode: string;
}
export type Linked =
  | { readonly ok: true; readonly walletId: string; readonly addressMasked: string }
  | { readonly ok: false; readonly code: ChallengeFault | 'cannot_link' | 'too_many_wallets' };

export interface OwnWallet {
  readonly walletId: string;
  readonly address: Uint8Array;
  readonly linkedAtMs: number;
}

export interface Wallets {
  /** The text to sign; ends after two minutes. `domain` is the host and port the caller reached this server under. */
  challenge(publicKey: Uint8Array, domain: string): { readonly message: string; readonly expiresAtMs: number };
  link(request: LinkRequest): Promise<Linked>;
  /** Wallets of a student, oldest first. */
  list(studentRef: string): Promise<readonly OwnWallet[]>;
  /** The link goes; points and coupons stay with their address. False where it is no wallet of this student. */
  unlink(studentRef: string, walletId: string): Promise<boolean>;
  /** Our name of the student a wallet is linked to; undefined for an unlinked one. */
  studentOf(address: Uint8Array): Promise<string | undefined>;
}

// ---- orders and payments (api page §2.3, §2.5, §3) -------------------------------------------------------------

export interface RefundRow {
  readonly txHash: string;
  readonly timeMs: number;
  readonly amountMl: string;
  readonly sen: string;
}

/** A Pay that became final, known order or not. Amounts are of the invoice; own is what the wallet itself paid. */
export interface PaymentRow {
  readonly txHash: string;
  readonly height: number;
  readonly index: number;
  readonly timeMs: number;
  readonly blockHash: string;
  readonly merchant: string;
  readonly amountMl: string;
  readonly ownMl: string;
  readonly sen: string;
  readonly couponId: string | null;
  readonly refunds: readonly RefundRow[];
}

export interface OrderPaymentRow {
  readonly txHash: string;
  /** null while the Pay is in the pool. */
  readonly final: { readonly height: number; readonly blockHash: string; readonly timeMs: number } | null;
}

export interface OrderRow {
  readonly orderId: string;
  readonly tillNo: number;
  readonly ref: string;
  readonly merchant: string;
  /** base64url, as posted. */
  readonly order: string;
  readonly salt: string;
  readonly invoice: string;
  readonly amountMl: string;
  readonly sen: string;
  readonly priceSenPerBill: string;
  readonly priceEpoch: number;
  readonly expiresAtS: number;
  readonly createdAtMs: number;
  readonly status: OrderStatus;
  /** The Pay seen in the pool or found final. */
  readonly payment: OrderPaymentRow | null;
  readonly history: readonly { readonly status: OrderStatus; readonly atMs: number }[];
  /** The till asked to take it back; CANCELLED once its VoidInvoice is final. */
  readonly cancellation?: { readonly txHash: string; readonly reason: string; readonly by: string; readonly atMs: number };
  /** Who handed it out. */
  readonly collectedBy?: string;
}

export interface OrderEvent {
  readonly name: OrderEventName;
  readonly order: OrderRow;
  readonly timeMs: number;
  /** Final payment, refund or void the event is about: where its proof is found. */
  readonly final?: { readonly txHash: string; readonly height: number; readonly index: number; readonly blockHash: string };
}

export interface PostedOrder {
  readonly order: Uint8Array;
  readonly salt: Uint8Array;
  readonly invoice: Uint8Array;
}
export type OrderRefusal = { readonly code: 'lot_recalled'; readonly batchKey: string } | { readonly code: 'ref_mismatch' | 'total_mismatch' | 'till_revoked' } | { readonly code: 'ref_reused'; readonly orderId: string } | StockRefusal | Fault;

/** How a posted order ended is written down with the answer to it, so the caller says how the answer reads. */
export interface OrderPosting {
  readonly posted: PostedOrder;
  readonly idempotency: { readonly subject: string; readonly key: string; /** Method, path and body. */ readonly request: string };
  readonly accepted: (order: OrderRow) => Answered;
  readonly refused: (refusal: OrderRefusal) => Answered;
}

export interface OrderFilter {
  readonly status?: OrderStatus | undefined;
  readonly tillNo?: number | undefined;
  /** Address text. */
  readonly merchant?: string | undefined;
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
  readonly limit: number;
  /** Order id to go on before. */
  readonly before?: string | undefined;
}
export interface OrderPage {
  readonly orders: readonly OrderRow[];
  readonly next: string | undefined;
}

export interface Orders {
  post(posting: OrderPosting): Promise<IdempotentResult>;
  get(orderId: string): Promise<OrderRow | undefined>;
  byRef(tillNo: number, ref: string): Promise<OrderRow | undefined>;
  paymentOf(order: OrderRow): Promise<PaymentRow | undefined>;
  /** Newest first. A page may be short of its limit; `next` says whether there is more. */
  list(filter: OrderFilter): Promise<OrderPage>;
  /** Writes down why the till takes an order back; what becomes of it the chain says. */
  noteCancellation(orderId: string, cancellation: NonNullable<OrderRow['cancellation']>): Promise<void>;
  /** The goods were handed out: the one state that only this store knows. The order as it stands where they could not be. */
  collect(orderId: string, by: string): Promise<{ readonly ok: boolean; readonly order: OrderRow } | undefined>;
  countOpen(): number;
  /** Events are emitted once their rows are written. Listeners must not throw; returns the unsubscribe function. */
  subscribe(listener: (event: OrderEvent) => void): () => void;
}

/** A validation request of right form: amounts in base units, hash in lower-case hex. */
export interface Validation {
  readonly txHash: string;
  readonly expected: { readonly unit: 'MYR'; readonly sen: bigint } | { readonly unit: 'BILL'; readonly amountMl: bigint };
  readonly orderId?: string | undefined;
  readonly merchant?: Uint8Array | undefined;
  readonly waitMs: number;
}
export interface Validated {
  readonly error: Exclude<ValidationError, 'malformed_request' | 'internal_error'> | null;
  /** The final block of the transaction; absent while there is none. */
  readonly final?: { readonly timeMs: number; readonly height: number; readonly blockHash: string };
}
export interface Payments {
  /** First row of the decision table that matches (api page §2.3). */
  validate(validation: Validation): Promise<Validated>;
}

// ---- loyalty, sales ----------------------------------------------------------------------------------------------

export interface CouponIds {
  readonly ids: readonly string[];
  /** All of this block and those before are among them; of later ones some may be. */
  readonly height: number;
}

export interface Loyalty {
  /** Ids of the coupons an account ever got, in no order that means anything, at most `limit`. As new as the chain when it is asked. */
  couponIds(address: Uint8Array, limit: number): Promise<CouponIds>;
}

/** `month` is YYYY-MM, `tz` a zone that may not exist. */
export interface MonthQuery {
  readonly month: string;
  readonly tz: string;
}
export interface ExportQuery extends MonthQuery {
  readonly bom: boolean;
}
/** pruned: this node's blocks begin later. */
export type PeriodProblem = 'bad_month' | 'bad_tz' | 'pruned';
export type ExportResult =
  | { readonly ok: true; /** Without its ending. */ readonly fileName: string; readonly csv: NodeJS.ReadableStream }
  | { readonly ok: false; readonly code: PeriodProblem };
export type ManifestResult = { readonly ok: true; readonly fileName: string; readonly signed: SignedExportManifest } | { readonly ok: false; readonly code: PeriodProblem };

/** Of the lines of one day: all of them, or those of a till or a merchant. `date` is YYYY-MM-DD, and may be none. */
export interface DayQuery {
  readonly date: string;
  readonly tz: string;
  readonly tillNo?: number | undefined;
  /** Address text. */
  readonly merchant?: string | undefined;
}
export interface Figures {
  readonly count: number;
  readonly sen: bigint;
  readonly amountMl: bigint;
}
export interface DayReport {
  readonly range: { readonly fromMs: number; readonly toMs: number };
  /** The day may still get lines. */
  readonly partial: boolean;
  readonly all: Figures;
  readonly sales: Figures;
  readonly refunds: Figures;
  readonly strays: Figures;
  /** What coupons paid beside the sales. */
  readonly coupons: Figures;
  readonly open: number;
}
export type DayResult = { readonly ok: true; readonly report: DayReport } | { readonly ok: false; readonly code: 'bad_date' | 'bad_tz' | 'pruned' };

export interface Sales {
  /** The milk-sales export of a month (US-003), as far as the chain is projected. */
  exportMonth(query: ExportQuery): Promise<ExportResult>;
  /** Reads all lines of the month. */
  manifest(query: MonthQuery): Promise<ManifestResult>;
  daily(query: DayQuery): Promise<DayResult>;
  /** Mean millilitres sold a day over the last 7 whole days. */
  meanDailyMl(): Promise<bigint>;
}

/** A plain Transfer to a merchant from nobody who is registered. Addresses are text. */
export interface StrayView {
  readonly txHash: string;
  readonly status: 'OPEN' | 'RETURNED' | 'BOOKED';
  readonly height: number;
  readonly timeMs: number;
  readonly blockHash: string;
  readonly merchant: string;
  readonly from: string;
  readonly amountMl: bigint;
  readonly sen: bigint;
  readonly returnedMl: bigint;
  /** What a Transfer back names, hex. */
  readonly reference: string;
  readonly bookedAtMs: number | undefined;
}
export interface StrayFilter {
  readonly status?: StrayView['status'] | undefined;
  readonly merchant?: string | undefined;
  readonly limit: number;
  /** Place of the last stray of the page before. */
  readonly before?: string | undefined;
}
export interface StrayPage {
  readonly strays: readonly StrayView[];
  readonly next: string | undefined;
}
export interface Strays {
  /** Newest first. A page may be short of its limit; `next` says whether there is more. */
  list(filter: StrayFilter): Promise<StrayPage>;
  /** Finance says that it stays. @param by who says so: an API pseudonym, no name */
  book(txHash: string, by: string): Promise<StrayView | 'not_open' | undefined>;
}

export interface CampusStatus {
  /** Last final block whose rows are written. */
  readonly height: number;
  /** Why following the chain stopped for good; undefined while all is well. */
  readonly failure: string | undefined;
}

/** Lanes in which rows are read and then written; each holds a bounded number of writes. */
export type WriteLane = 'ledger' | 'roster' | 'sessions' | 'accounts';

/** What is kept in memory beside its rows; each cache holds a bounded number. */
export type CampusCache = 'tokens' | 'pseudonyms' | 'persons';

export interface Campus {
  readonly students: Students;
  readonly wallets: Wallets;
  readonly logins: Logins;
  readonly users: Users;
  readonly programs: Programs;
  readonly orders: Orders;
  readonly products: Products;
  readonly tills: Tills;
  readonly cashiers: Cashiers;
  readonly refunds: Refunds;
  readonly payments: Payments;
  readonly loyalty: Loyalty;
  readonly sales: Sales;
  readonly abuse: AbuseControl;
  readonly strays: Strays;
  readonly recalls: Recalls;
  /** New keys for all pseudonyms; what was written keeps its own. Resolves with the id of the key of exports once they are on disk. */
  rotatePseudonyms(): Promise<string>;
  status(): CampusStatus;
  /** Writes that have begun or wait for those before them, and are not on disk yet. */
  writesWaiting(): Readonly<Record<WriteLane, number>>;
  remembered(): Readonly<Record<CampusCache, number>>;
  /** Resolves when all blocks up to the tip of this moment are projected. */
  caughtUp(): Promise<void>;
  /** Each final block once its rows are written; not those caught up at the start. */
  onBlock(listener: (block: FinalBlock, events: readonly OrderEvent[]) => void): () => void;
  close(): Promise<void>;
}
