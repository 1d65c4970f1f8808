/** What absence says, and when: records die, so a missing one is proof only in a header of the right time. */
import t from 'tap';
import { DONE_KEPT_MS, executionOutcome, invoiceOutcome, type stateRows } from '../../src/index.ts';

const EXPIRY_MS = 1_780_000_000_000;
const WINDOW_MS = 7 * 86_400_000;

t.test('an invoice: paid, void, never paid, not yet known, window over', (t) => {
  const at = (timeMs: number, row?: stateRows.InvoiceRow): unknown => invoiceOutcome(timeMs, row, EXPIRY_MS, WINDOW_MS);
  const row: stateRows.InvoiceRow = { state: 1, txId: new Uint8Array(32), merchant: new Uint8Array(20), amountMl: 300n, ownMl: 300n, sen: 180n, refundedMl: 0n, expiresAtMs: EXPIRY_MS, keptUntilMs: EXPIRY_MS + WINDOW_MS };
  t.same(at(EXPIRY_MS - 5, row), { kind: 'paid', row });
  t.same(at(EXPIRY_MS + 5, { ...row, state: 2 }), { kind: 'void', row: { ...row, state: 2 } });
  t.same(at(EXPIRY_MS - 5), { kind: 'notYetKnown', retryAfterMs: 6 });
  t.same(at(EXPIRY_MS), { kind: 'notYetKnown', retryAfterMs: 1 }, 'a block of that very millisecond may still hold the Pay');
  t.same(at(EXPIRY_MS + 1), { kind: 'neverPaid' });
  t.same(at(EXPIRY_MS + WINDOW_MS - 1), { kind: 'neverPaid' });
  t.same(at(EXPIRY_MS + WINDOW_MS), { kind: 'windowOver' }, 'the record may be gone');
  t.end();
});

t.test('a transaction with a salt: executed, never executed, not yet known, window over', (t) => {
  const at = (timeMs: number, row?: stateRows.DoneRow): unknown => executionOutcome(timeMs, row, EXPIRY_MS);
  t.same(at(EXPIRY_MS, { height: 7, index: 2, code: 9, validUntilMs: EXPIRY_MS }), { kind: 'executed', height: 7, index: 2, code: 9 });
  t.same(at(EXPIRY_MS), { kind: 'notYetKnown', retryAfterMs: 1 });
  t.same(at(EXPIRY_MS + 1), { kind: 'neverExecuted' });
  t.same(at(EXPIRY_MS + DONE_KEPT_MS - 1), { kind: 'neverExecuted' });
  t.same(at(EXPIRY_MS + DONE_KEPT_MS), { kind: 'windowOver' });
  t.end();
});
