/** Rows held as bytes: a Map to whoever uses it, with pages that go when their rows are gone. */
import t from 'tap';
import { encode, ROWS, type stateRows } from '../../src/index.ts';
import { PackedRows } from '../../src/state/packedRows.ts';

const MESSAGE = ROWS.done.value;
const rowOf = (height: number): stateRows.DoneRow => ({ height, index: height % 7, code: 0, validUntilMs: 1_790_000_000_000 + height });
const idOf = (n: number): string => n.toString(16).padStart(64, '0');

t.test('a row is what was put last; what is deleted is gone', (t) => {
  const rows = new PackedRows(MESSAGE);
  t.same([rows.get(idOf(1)), rows.size, [...rows.entries()]], [undefined, 0, []]);
  rows.set(idOf(1), rowOf(1));
  rows.set(idOf(2), rowOf(2), encode(MESSAGE, rowOf(2)));
  t.same([rows.get(idOf(1)), rows.get(idOf(2)), rows.size], [rowOf(1), rowOf(2), 2]);
  rows.set(idOf(1), rowOf(10));
  t.same([...rows.entries()], [[idOf(2), rowOf(2)], [idOf(1), rowOf(10)]]);
  rows.delete(idOf(2));
  rows.delete(idOf(2));
  t.same([rows.get(idOf(2)), rows.size], [undefined, 1]);
  t.end();
});

t.test('bytes are copied: whoever gave or got them may change them', (t) => {
  const rows = new PackedRows(ROWS.invoice.value);
  const invoice = { state: 1, txId: new Uint8Array(32).fill(1), merchant: new Uint8Array(20).fill(2), amountMl: 3n, ownMl: 3n, sen: 2n, refundedMl: 0n, expiresAtMs: 1_790_000_000_000, keptUntilMs: 1_790_000_000_001 };
  const bytes = encode(ROWS.invoice.value, invoice);
  rows.set('aa', invoice, bytes);
  bytes.fill(0);
  (rows.get('aa') as stateRows.InvoiceRow).txId.fill(9);
  t.match(rows.get('aa'), invoice);
  t.end();
});

t.test('pages fill, are given back when their last row goes, and are used again', (t) => {
  const rows = new PackedRows(MESSAGE);
  const COUNT = 20_000;
  for (let n = 0; n < COUNT; n++) rows.set(idOf(n), rowOf(n));
  const most = rows.pages;
  t.ok(most > 3, `${most} pages`);
  for (let n = 0; n < COUNT; n += 997) t.same(rows.get(idOf(n)), rowOf(n));
  for (let n = 0; n < COUNT - 1; n++) rows.delete(idOf(n));
  t.equal(rows.pages, 1, 'the page of the last row');
  for (let n = 0; n < COUNT; n++) rows.set(idOf(n), rowOf(n + 1));
  t.ok(rows.pages <= most + 1);
  for (let n = 0; n < COUNT; n += 997) t.same(rows.get(idOf(n)), rowOf(n + 1));
  // A row that is written again and again leaves no page behind.
  for (let n = 0; n < COUNT; n++) rows.set(idOf(0), rowOf(n));
  t.ok(rows.pages <= most + 2, `${rows.pages} pages`);
  t.end();
});
