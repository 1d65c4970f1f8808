/** What the HTTP API may ask of refunds, and the rows they are kept in (api page §2.6). */
import type { Fault } from '@billcoin/protocol';
import type { COUPON_EFFECTS, RefundStatus } from '@billcoin/sdk';
import type { Answered, IdempotentResult } from './answered.ts';
import type { Submitted } from './ports.ts';

/** What of an order decides what can be given back. */
export interface OrderTerms {
  readonly tillNo: number;
  readonly ref: string;
  readonly sen: string;
  readonly amountMl: string;
  readonly expiresAtS: number;
}

/** One refund that somebody asked for, or that the chain holds without anybody having asked here. */
export interface RefundRequestRow {
  readonly refundId: string;
  /** null: its order is not known here. */
  readonly orderId: string | null;
  readonly tillNo: number;
  readonly ref: string;
  /** Address text. */
  readonly merchant: string;
  readonly amountMl: string;
  readonly sen: string;
  readonly status: RefundStatus;
  /** null until a signed Refund was handed in. */
  readonly txHash: string | null;
  /** End of that transaction. */
  readonly validUntilMs: number | null;
  readonly reason: string | null;
  readonly requestedBy: string | null;
  readonly createdAtMs: number;
  readonly decidedBy: string | null;
  readonly decidedAtMs: number | null;
  /** Code of its fault, or `expired`. */
  readonly failure: string | null;
  readonly final: { readonly height: number; readonly blockHash: string; readonly timeMs: number } | null;
}

export interface RefundOptions {
  readonly refundableMl: bigint;
  readonly sen: bigint;
  readonly pointTaken: boolean;
  readonly couponEffect: (typeof COUPON_EFFECTS)[number];
  /** Of a spent coupon: what is kept. */
  readonly couponMl: bigint;
  readonly tillCapLeftMl: bigint;
  readonly untilMs: number;
}

export type RefundRefusal =
  | { readonly code: 'already_refunded' | 'other_order' | 'not_found' | 'amount_missing' }
  | { readonly code: 'merchant_balance_low'; readonly needMl: bigint; readonly haveMl: bigint }
  | { readonly code: 'refund_decided'; readonly refund: RefundRequestRow }
  | Fault
  | Extract<Submitted, { readonly ok: false }>['refusal'];

export type AskedAmount = { readonly litresMl: bigint } | { readonly items: readonly { readonly line: number; readonly quantity: number }[] };

export interface RefundAsking {
  readonly orderId: string;
  /** A signed Refund; without one a manager decides. */
  readonly tx: Uint8Array | undefined;
  readonly amount: AskedAmount | undefined;
  readonly reason: string;
  readonly by: string;
  readonly idempotency: { readonly subject: string; readonly key: string; /** Method, path and body. */ readonly request: string };
  readonly accepted: (refund: RefundRequestRow) => Answered;
  readonly refused: (refusal: RefundRefusal) => Answered;
}

export type Decided = { readonly ok: true; readonly refund: RefundRequestRow } | { readonly ok: false; readonly refusal: RefundRefusal };

export interface RefundFilter {
  readonly merchant?: string | undefined;
  readonly tillNo?: number | undefined;
  readonly orderId?: string | undefined;
  readonly status?: RefundStatus | undefined;
  readonly limit: number;
  /** Refund id to go on before. */
  readonly before?: string | undefined;
}

export interface Refunds {
  /** What can be given back now; undefined where nothing was paid. */
  options(order: OrderTerms): Promise<RefundOptions | undefined>;
  ask(asking: RefundAsking): Promise<IdempotentResult>;
  /** Hands in the merchant's own Refund of a request that waits. */
  approve(refundId: string, tx: Uint8Array, by: string): Promise<Decided>;
  reject(refundId: string, by: string): Promise<Decided>;
  get(refundId: string): Promise<RefundRequestRow | undefined>;
  /** Newest first. A page may be short of its limit; `next` says whether there is more. */
  list(filter: RefundFilter): Promise<{ readonly refunds: readonly RefundRequestRow[]; readonly next: string | undefined }>;
}
