import t from 'tap';
import { COLUMNS, csvCells, csvLine, saleCells, textCell } from '../../src/sales/saleLine.ts';
import { hidden, PAYLOADS } from './payloads.ts';

t.test('text that a spreadsheet would run gets an apostrophe; numbers do not', async (t) => {
  for (const payload of PAYLOADS) t.equal(textCell(payload), `'${payload}`, JSON.stringify(payload));
  for (const harmless of ['', 'a=b', '1.80', 'bill1a...wxyz', 'Final']) t.equal(textCell(harmless), harmless);
  const cells = saleCells({ txHash: 'aa', timeMs: 0, student: '=1+1', sen: -180n, wallet: '@x', blockHash: '+b', status: 'Refunded' });
  t.same(cells, ['aa', '1970-01-01T00:00:00Z', '\'=1+1', '-1.80', '\'@x', '\'+b', 'Refunded']);
});

t.test('no payload leaves its cell, and none begins one', async (t) => {
  for (const payload of PAYLOADS) {
    for (const text of hidden(payload)) {
      const cells = ['left', textCell(text), 'right'];
      const read = csvCells(csvLine(cells));
      t.same(read, cells, JSON.stringify(text));
      t.notMatch(read?.[1] ?? '', /^[=+\-@\t\r\0]/);
    }
  }
});

t.test('lines that are no RFC 4180 are no lines', async (t) => {
  for (const line of ['"a', 'a"b', '"a"b', 'a,"b"c', '"a""']) t.equal(csvCells(line), undefined, line);
  t.same(csvCells(''), ['']);
  t.same(csvCells(',,'), ['', '', '']);
  t.same(csvCells('"a,""b""",c'), ['a,"b"', 'c']);
  t.equal(COLUMNS.length, 7);
});
