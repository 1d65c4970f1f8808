/** /price: what a litre costs today and what it cost on every day the chain still holds (SPEC §6.6). */
import { DAY_MS, dayId, dayOf, formatRinggit, PRICE_REPORTS_MIN, priceInForce, rowKeyBytes, ROWS, toHex, type stateRows } from '@billcoin/protocol';
import { ROUTES, type DayPrice, type Price } from '@billcoin/sdk';
import type { ChainPort, Clock } from '../../ports.ts';
import { rfc3339 } from '../../rfc3339.ts';
import { badCursor, fromCursor, toCursor } from '../cursor.ts';
import { serve, type ApiRequest, type Entry, type Reply } from '../entry.ts';
import { readTimes } from '../times.ts';

/** Without enough reports for two whole days the last price is called stale. */
const STALE_DAYS = 2;
/** Days in an answer unless asked otherwise. */
const DAYS_DEFAULT = 30;
/** The chain forgets a day after 400 more; nobody walks further back. */
const DAYS_BACK_MAX = 402;

export interface PriceDeps {
  readonly chain: ChainPort;
  readonly clock: Clock;
}

function rowOf({ chain }: PriceDeps, day: number): stateRows.PriceRow | undefined {
  return chain.state().get(ROWS.price, dayId(day));
}

const rowKeyOf = (day: number): string => toHex(rowKeyBytes(ROWS.price, dayId(day)));
const times = (day: number): { readonly validFrom: string; readonly validTo: string } => ({ validFrom: rfc3339(day * DAY_MS), validTo: rfc3339((day + 1) * DAY_MS) });
const hasEnough = (row: stateRows.PriceRow | undefined): boolean => row !== undefined && row.reports.length >= PRICE_REPORTS_MIN;

function priceNow(deps: PriceDeps): Price {
  const { chain, clock } = deps;
  const tipMs = chain.tip().timeMs;
  const timeMs = Math.max(clock.nowMs(), tipMs);
  const epoch = dayOf(timeMs);
  const current = priceInForce(chain.state(), { timeMs, prevTimeMs: tipMs });
  const today = rowOf(deps, epoch);
  const isYoung = rowOf(deps, epoch - STALE_DAYS) === undefined;
  return {
    epoch, rmPerBill: formatRinggit(current), previousRmPerBill: formatRinggit(rowOf(deps, epoch - 1)?.senPerBill ?? current), ...times(epoch), reports: today?.reports.length ?? 0,
    stale: !isYoung && ![epoch, epoch - 1].some((day) => hasEnough(rowOf(deps, day))),
    // Before the first block of a day its price follows from the row of the day before.
    rowKey: rowKeyOf(today === undefined ? dayOf(tipMs) : epoch),
  };
}

type History = typeof ROUTES.listPrices;

/** Newest first, only days that had a block. */
async function history(deps: PriceDeps, { query }: ApiRequest<History>): Promise<Reply<History>> {
  const { from, to, limit = DAYS_DEFAULT, cursor } = query;
  const before = cursor === undefined ? undefined : fromCursor(cursor, /^\d{1,6}$/);
  if (cursor !== undefined && before === undefined) return badCursor;
  const bounds = readTimes({ from, to });
  if ('problem' in bounds) return bounds;
  const today = dayOf(deps.chain.tip().timeMs);
  const first = Math.max(dayOf(bounds.from ?? 0), today - DAYS_BACK_MAX);
  const last = Math.min(dayOf(bounds.to ?? today * DAY_MS), today, before === undefined ? today : Number(before) - 1);
  const data: DayPrice[] = [];
  let day = last;
  for (; day >= first && data.length < limit; day--) {
    const row = rowOf(deps, day);
    if (row !== undefined) data.push({ epoch: day, rmPerBill: formatRinggit(row.senPerBill), ...times(day), reports: row.reports.length, rowKey: rowKeyOf(day) });
  }
  return { status: 200, body: { data, nextCursor: day < first ? null : toCursor(String(day + 1)) } };
}

export function priceRoutes(deps: PriceDeps): readonly Entry[] {
  return [
    serve(ROUTES.getPrice, async () => ({ status: 200, body: priceNow(deps) })),
    serve(ROUTES.listPrices, (request) => history(deps, request)),
  ];
}
