/** /exports/milk-sales: the monthly export of finance (US-003), streamed. */
import { ROUTES } from '@billcoin/sdk';
import type { Sales } from '../../campusPorts.ts';
import { serve, type Entry } from '../entry.ts';

export function exportRoutes(sales: Sales): readonly Entry[] {
  return [
    serve(ROUTES.exportMilkSales, async ({ query }) => {
      const { month, tz = 'UTC', bom = 0 } = query;
      const exported = sales.exportMonth({ month, tz, bom: bom === 1 });
      if (!exported.ok) return { problem: exported.code };
      return { status: 200, stream: exported.csv, headers: { 'content-type': 'text/csv; charset=utf-8', 'content-disposition': `attachment; filename="${exported.fileName}"` } };
    }),
  ];
}
