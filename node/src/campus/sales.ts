/**
 * The milk-sales export (US-003): RFC 4180, CRLF, one line per final payment or refund, in the order of the chain. Lines
 * were written when their blocks became final, so a closed month gives the same bytes for ever.
 */
import { pipeline, Readable } from 'node:stream';
import { stringify } from 'csv-stringify';
import { dayOf, formatRinggit } from '@billcoin/protocol';
import { MILK_SALES_HEADER } from '@billcoin/sdk';
import type { ExportQuery, ExportResult, Sales } from '../campusPorts.ts';
import { rfc3339 } from '../rfc3339.ts';
import type { Clock, KeyValueStore, Log } from '../ports.ts';
import type { Cursor } from './follower.ts';
import { monthRange, type TimeRange } from './month.ts';
import { getRow, listRows, padded, TABLES, type SaleRow } from './store.ts';

/** Lines read from the store at a time. */
const PAGE = 500;
/** Days of the mean daily sale. */
const MEAN_DAYS = 7;

export interface SalesDeps {
  readonly store: KeyValueStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly cursor: () => Cursor;
}

/** Spreadsheets run cells that begin like a formula (api page §2.9): such text gets a leading apostrophe. */
export function textCell(text: string): string {
  return /^[=+\-@\t\r\0]/.test(text) ? `'${text}` : text;
}

/** The cells of one line; amounts are numbers that we wrote, the rest is text. */
export function saleCells({ txHash, timeMs, student, sen, wallet, blockHash, status }: SaleRow): readonly string[] {
  return [textCell(txHash), textCell(rfc3339(timeMs)), textCell(student), formatRinggit(BigInt(sen)), textCell(wallet), textCell(blockHash), textCell(status)];
}

async function* linesOf(store: KeyValueStore, { fromMs, toMs }: TimeRange): AsyncGenerator<readonly string[]> {
  yield MILK_SALES_HEADER.split(',');
  let from = padded(Math.max(0, fromMs), 15);
  const before = padded(Math.max(0, toMs), 15);
  for (;;) {
    const rows = await listRows(store, TABLES.sale, { from, before, limit: PAGE });
    for (const { value } of rows) yield saleCells(value);
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE) return;
    from = `${last.id}!`;
  }
}

function exportMonth({ store, clock, log, cursor }: SalesDeps, { month, tz, bom }: ExportQuery): ExportResult {
  const range = monthRange(month, tz);
  if (range === undefined) return { ok: false, code: 'bad_tz' };
  if (range.fromMs > clock.nowMs()) return { ok: false, code: 'bad_month' };
  // Only a projected block past the end proves that no line of the month is missing.
  const partial = cursor().timeMs < range.toMs;
  const csv = stringify({ record_delimiter: '\r\n', bom });
  pipeline(Readable.from(linesOf(store, range)), csv, (error) => {
    if (error instanceof Error && (error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') log.error({ error, month }, 'the export stopped in the middle; the file is not whole');
  });
  return { ok: true, fileName: `billcoin-milk-sales-${month}${partial ? '-partial' : ''}.csv`, partial, csv };
}

async function meanDailyMl({ store, clock }: SalesDeps): Promise<bigint> {
  const today = dayOf(clock.nowMs());
  let sum = 0n;
  for (let day = today - MEAN_DAYS + 1; day <= today; day++) sum += BigInt((await getRow(store, TABLES.day, padded(day, 6)))?.amountMl ?? '0');
  return sum / BigInt(MEAN_DAYS);
}

export function openSales(deps: SalesDeps): Sales {
  return { exportMonth: (query) => exportMonth(deps, query), meanDailyMl: () => meanDailyMl(deps) };
}
