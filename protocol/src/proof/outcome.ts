/**
 * What a proven row, or its proven absence, says about a payment or an execution (SPEC §8.4). Records die some time after
 * they can no longer be needed, so absence alone says nothing: it counts only in a header of the right time.
 */
import { DONE_KEPT_MS } from '../state/layout.ts';
import type { DoneRow, InvoiceRow } from '../wire/state.ts';

/** Absence at a time when a record can neither still come nor have died already. */
export type Absence =
  | { readonly kind: 'never' }
  /** It can still happen: ask for a header at least this much later. */
  | { readonly kind: 'notYetKnown'; readonly retryAfterMs: number }
  /** The record may have died: this can no longer be told from state. */
  | { readonly kind: 'windowOver' };

/** Strictly between end and end + kept: what state says about something that ended at `endMs`. */
export function absenceAt(headerTimeMs: number, endMs: number, keptMs: number): Absence {
  if (headerTimeMs <= endMs) return { kind: 'notYetKnown', retryAfterMs: endMs - headerTimeMs + 1 };
  return headerTimeMs < endMs + keptMs ? { kind: 'never' } : { kind: 'windowOver' };
}

export type InvoiceOutcome =
  | { readonly kind: 'paid'; readonly row: InvoiceRow }
  | { readonly kind: 'void'; readonly row: InvoiceRow }
  | { readonly kind: 'neverPaid' }
  | Exclude<Absence, { readonly kind: 'never' }>;

/** What the invoice row of (tillNo, ref) says under a header of this time, in ms. `refundWindowMs` is the parameter in force there. */
export function invoiceOutcome(headerTimeMs: number, row: InvoiceRow | undefined, expiresAtMs: number, refundWindowMs: number): InvoiceOutcome {
  if (row !== undefined) return { kind: row.state === 1 ? 'paid' : 'void', row };
  const absence = absenceAt(headerTimeMs, expiresAtMs, refundWindowMs);
  return absence.kind === 'never' ? { kind: 'neverPaid' } : absence;
}

export type ExecutionOutcome =
  | { readonly kind: 'executed'; readonly height: number; readonly index: number; readonly code: number }
  | { readonly kind: 'neverExecuted' }
  | Exclude<Absence, { readonly kind: 'never' }>;

/** What the row `done[id]` says; for kinds with a salt (a Pay or VoidInvoice is told by its invoice). */
export function executionOutcome(headerTimeMs: number, row: DoneRow | undefined, validUntilMs: number): ExecutionOutcome {
  if (row !== undefined) return { kind: 'executed', height: row.height, index: row.index, code: row.code };
  const absence = absenceAt(headerTimeMs, validUntilMs, DONE_KEPT_MS);
  return absence.kind === 'never' ? { kind: 'neverExecuted' } : absence;
}
