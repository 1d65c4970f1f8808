/** What finance takes away: the monthly export (US-003, streamed) with its manifest, the report of a day, strays. */
import { formatLitres, formatRinggit } from '@billcoin/protocol';
import { ROUTES, type DailyReport, type Stray } from '@billcoin/sdk';
import type { Figures, Sales, Strays, StrayView } from '../../campusPorts.ts';
import { rfc3339 } from '../../rfc3339.ts';
import { merchantOf, tillOf } from '../caller.ts';
import { badCursor, fromCursor, LIMIT_DEFAULT, toCursor } from '../cursor.ts';
import { serve, type ApiRequest, type Entry, type Reply } from '../entry.ts';

const PLACE = /^[0-9]{15}\/[0-9]{15}\/[0-9]{5}$/;

type Daily = typeof ROUTES.getDailyReport;
type List = typeof ROUTES.listStrays;

const attachment = (name: string): Readonly<Record<string, string>> => ({ 'content-disposition': `attachment; filename="${name}"` });

const figuresOf = ({ count, sen, amountMl }: Figures): DailyReport['sales'] => ({ count, rm: formatRinggit(sen), litres: formatLitres(amountMl) });

async function daily(sales: Sales, { query, caller }: ApiRequest<Daily>): Promise<Reply<Daily>> {
  const { date, tz = 'UTC' } = query;
  const own = tillOf(caller);
  if (own !== undefined && query.tillNo !== undefined && query.tillNo !== own) return { problem: 'not_found' };
  const tillNo = own ?? query.tillNo;
  const result = await sales.daily({ date, tz, tillNo, merchant: merchantOf(caller) });
  if (!result.ok) return { problem: result.code };
  const { range, partial, all, sales: sold, refunds, strays, coupons, open } = result.report;
  const { rm, litres } = figuresOf(all);
  return {
    status: 200,
    body: {
      date, tz, from: rfc3339(range.fromMs), to: rfc3339(range.toMs), tillNo: tillNo ?? null, partial, rm, litres, sales: figuresOf(sold), refunds: figuresOf(refunds), strays: figuresOf(strays),
      coupons: { count: coupons.count, litres: formatLitres(coupons.amountMl) }, open,
    },
  };
}

function strayView({ txHash, status, timeMs, height, blockHash, merchant, from, amountMl, sen, returnedMl, reference, bookedAtMs }: StrayView): Stray {
  return {
    txHash, status, time: rfc3339(timeMs), blockHeight: height, blockHash, merchantId: merchant, from, litres: formatLitres(amountMl), rm: formatRinggit(sen), returnedLitres: formatLitres(returnedMl), reference,
    bookedAt: bookedAtMs === undefined ? null : rfc3339(bookedAtMs),
  };
}

async function listStrays(strays: Strays, { query, caller }: ApiRequest<List>): Promise<Reply<List>> {
  const { status, limit = LIMIT_DEFAULT, cursor } = query;
  const before = cursor === undefined ? undefined : fromCursor(cursor, PLACE);
  if (cursor !== undefined && before === undefined) return badCursor;
  const { strays: found, next } = await strays.list({ status, merchant: merchantOf(caller), limit, before });
  return { status: 200, body: { data: found.map(strayView), nextCursor: next === undefined ? null : toCursor(next) } };
}

export function exportRoutes({ sales, strays }: { readonly sales: Sales; readonly strays: Strays }): readonly Entry[] {
  return [
    serve(ROUTES.exportMilkSales, async ({ query }) => {
      const { month, tz = 'UTC', bom = 0 } = query;
      const exported = await sales.exportMonth({ month, tz, bom: bom === 1 });
      if (!exported.ok) return { problem: exported.code };
      return { status: 200, stream: exported.csv, headers: { 'content-type': 'text/csv; charset=utf-8', ...attachment(`${exported.fileName}.csv`) } };
    }),
    serve(ROUTES.exportManifest, async ({ query }) => {
      const { month, tz = 'UTC' } = query;
      const made = await sales.manifest({ month, tz });
      return made.ok ? { status: 200, body: made.signed, headers: attachment(`${made.fileName}.manifest.json`) } : { problem: made.code };
    }),
    serve(ROUTES.getDailyReport, (request) => daily(sales, request)),
    serve(ROUTES.listStrays, (request) => listStrays(strays, request)),
    serve(ROUTES.bookStray, async ({ params, caller }) => {
      const booked = await strays.book(params.txHash, 'sub' in caller ? caller.sub : caller.role);
      if (booked === undefined) return { problem: 'not_found' };
      return booked === 'not_open' ? { problem: 'stray_not_open' } : { status: 200, body: strayView(booked) };
    }),
  ];
}
