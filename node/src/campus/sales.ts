/**
 * The milk-sales export (US-003), its signed manifest and the report of a day. Lines were written when their blocks became
 * final (saleRows.ts), so a closed month gives the same bytes for ever; all three add up the same lines.
 */
import { Readable } from 'node:stream';
import { dayOf } from '@billcoin/protocol';
import type { DayQuery, DayResult, ExportQuery, ExportResult, Figures, ManifestResult, MonthQuery, PeriodProblem, Sales } from '../campusPorts.ts';
import type { ChainPort, Clock, KeyValueStore, Log } from '../ports.ts';
import { LineCounter, makeManifest, signManifest, type ExportSigner } from '../sales/manifest.ts';
import { dayRange, monthRange, type TimeRange } from '../sales/period.ts';
import { COLUMNS, csvLine, LINE_END, saleCells } from '../sales/saleLine.ts';
import type { Cursor } from './follower.ts';
import { saleLineOf, timeOf } from './saleRows.ts';
import { getRow, padded, pagesOf, TABLES, type SaleRow } from './store.ts';

/** Lines read from the store at a time. */
const PAGE = 500;
/** Days of the mean daily sale. */
const MEAN_DAYS = 7;
const BYTE_ORDER_MARK = '\ufeff';

export interface SalesDeps {
  readonly chain: ChainPort;
  readonly store: KeyValueStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly cursor: () => Cursor;
  readonly signer: ExportSigner;
}

/** A month or a day as it stands now. */
interface Period {
  readonly range: TimeRange;
  /** Blocks after this one may still bring lines; only a projected block past the end proves that none is missing. */
  readonly upTo: Cursor;
  readonly partial: boolean;
}

/** `no_period`: the calendar has none of that name, or it has not begun. */
type NoPeriod = 'bad_tz' | 'no_period' | 'pruned';
type OpenedPeriod = { readonly ok: true; readonly period: Period } | { readonly ok: false; readonly code: NoPeriod };

async function openPeriod({ chain, clock, cursor }: SalesDeps, range: ReturnType<typeof monthRange>): Promise<OpenedPeriod> {
  if (range === undefined) return { ok: false, code: 'bad_tz' };
  if (range === 'no_period' || range.fromMs > clock.nowMs()) return { ok: false, code: 'no_period' };
  // A node that was made from a snapshot has no lines of before: what it gave would look whole.
  const isCut = chain.firstBlock > 1 && chain.tip().height >= chain.firstBlock && range.fromMs < (await timeOf(chain, chain.firstBlock));
  if (isCut) return { ok: false, code: 'pruned' };
  const upTo = cursor();
  return { ok: true, period: { range, upTo, partial: upTo.timeMs < range.toMs } };
}

const monthCode = (code: NoPeriod): PeriodProblem => (code === 'no_period' ? 'bad_month' : code);

async function* rowsOf(store: KeyValueStore, { range, upTo }: Period): AsyncGenerator<SaleRow> {
  const from = padded(Math.max(0, range.fromMs), 15);
  const before = padded(Math.max(0, Math.min(range.toMs, upTo.timeMs + 1)), 15);
  for await (const page of pagesOf(store, TABLES.sale, { from, before }, PAGE)) for (const { value } of page) yield value;
}

const lineOf = (row: SaleRow): string => csvLine(saleCells(saleLineOf(row)));

async function* textOf(store: KeyValueStore, period: Period, bom: boolean): AsyncGenerator<string> {
  yield `${bom ? BYTE_ORDER_MARK : ''}${csvLine(COLUMNS)}${LINE_END}`;
  let page: string[] = [];
  for await (const row of rowsOf(store, period)) {
    page.push(`${lineOf(row)}${LINE_END}`);
    if (page.length < PAGE) continue;
    yield page.join('');
    page = [];
  }
  if (page.length > 0) yield page.join('');
}

async function exportMonth(deps: SalesDeps, { month, tz, bom }: ExportQuery): Promise<ExportResult> {
  const opened = await openPeriod(deps, monthRange(month, tz));
  if (!opened.ok) return { ok: false, code: monthCode(opened.code) };
  const { period } = opened;
  const csv = Readable.from(textOf(deps.store, period, bom), { objectMode: false });
  csv.on('error', (error) => deps.log.error({ error, month }, 'the export stopped in the middle; the file is not whole'));
  return { ok: true, fileName: fileNameOf(month, period), csv };
}

const fileNameOf = (month: string, { partial }: Period): string => `billcoin-milk-sales-${month}${partial ? '-partial' : ''}`;

/** The lowest height from `first` to `last` whose block is of `timeMs` or later; one more than `last` where there is none. */
async function firstHeightAt(chain: ChainPort, first: number, last: number, timeMs: number): Promise<number> {
  let [low, high] = [first, last + 1];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if ((await timeOf(chain, middle)) < timeMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

async function blocksOf({ chain }: SalesDeps, { range, upTo }: Period): Promise<{ readonly first: number; readonly last: number } | undefined> {
  const first = await firstHeightAt(chain, chain.firstBlock, upTo.height, range.fromMs);
  const last = (await firstHeightAt(chain, first, upTo.height, range.toMs)) - 1;
  return last < first ? undefined : { first, last };
}

async function manifest(deps: SalesDeps, { month, tz }: MonthQuery): Promise<ManifestResult> {
  const opened = await openPeriod(deps, monthRange(month, tz));
  if (!opened.ok) return { ok: false, code: monthCode(opened.code) };
  const { period } = opened;
  const counter = new LineCounter();
  const keyIds = new Set<string>();
  for await (const row of rowsOf(deps.store, period)) {
    counter.add(lineOf(row), BigInt(row.sen), BigInt(row.amountMl));
    if (row.keyId !== null) keyIds.add(row.keyId);
  }
  const made = makeManifest({ month, tz, range: period.range, blocks: await blocksOf(deps, period), sums: counter.sums, keyIds: [...keyIds] });
  return { ok: true, fileName: fileNameOf(month, period), signed: signManifest(deps.chain.genesisHash, deps.signer, made) };
}

class Adder {
  #count = 0;
  #sen = 0n;
  #amountMl = 0n;
  add(sen: bigint, amountMl: bigint): void {
    this.#count += 1;
    this.#sen += sen;
    this.#amountMl += amountMl;
  }
  get figures(): Figures {
    return { count: this.#count, sen: this.#sen, amountMl: this.#amountMl };
  }
}

/** Orders made in a period that wait for their payment now; they are few, for each ends within a day. */
async function countOpen({ store }: SalesDeps, { range }: Period, { tillNo, merchant }: DayQuery): Promise<number> {
  let open = 0;
  for await (const page of pagesOf(store, TABLES.openOrder, {}, PAGE)) {
    for (const { id } of page) {
      const order = await getRow(store, TABLES.order, id.slice(id.indexOf('/') + 1));
      const counts = order !== undefined && order.createdAtMs >= range.fromMs && order.createdAtMs < range.toMs && (tillNo === undefined || order.tillNo === tillNo) && (merchant === undefined || order.merchant === merchant);
      if (counts) open += 1;
    }
  }
  return open;
}

async function daily(deps: SalesDeps, query: DayQuery): Promise<DayResult> {
  const { date, tz, tillNo, merchant } = query;
  const opened = await openPeriod(deps, dayRange(date, tz));
  if (!opened.ok) return { ok: false, code: opened.code === 'no_period' ? 'bad_date' : opened.code };
  const { period } = opened;
  const [all, coupons] = [new Adder(), new Adder()];
  const by = { Final: new Adder(), Refunded: new Adder(), Stray: new Adder() };
  for await (const row of rowsOf(deps.store, period)) {
    if ((tillNo !== undefined && row.tillNo !== tillNo) || (merchant !== undefined && row.merchant !== merchant)) continue;
    const [sen, amountMl, couponMl] = [BigInt(row.sen), BigInt(row.amountMl), BigInt(row.couponMl)];
    for (const adder of [all, by[row.status]]) adder.add(sen, amountMl);
    if (couponMl > 0n) coupons.add(0n, couponMl);
  }
  const { partial } = period;
  return {
    ok: true,
    report: { range: period.range, partial, all: all.figures, sales: by.Final.figures, refunds: by.Refunded.figures, strays: by.Stray.figures, coupons: coupons.figures, open: await countOpen(deps, period, query) },
  };
}

async function meanDailyMl({ store, clock }: SalesDeps): Promise<bigint> {
  const today = dayOf(clock.nowMs());
  let sum = 0n;
  for (let day = today - MEAN_DAYS + 1; day <= today; day++) sum += BigInt((await getRow(store, TABLES.day, padded(day, 6)))?.amountMl ?? '0');
  return sum / BigInt(MEAN_DAYS);
}

export function openSales(deps: SalesDeps): Sales {
  return { exportMonth: (query) => exportMonth(deps, query), manifest: (query) => manifest(deps, query), daily: (query) => daily(deps, query), meanDailyMl: () => meanDailyMl(deps) };
}
