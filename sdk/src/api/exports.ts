/** The monthly export of finance (US-003). */
import { Type } from 'typebox';
import { route } from './route.ts';
import { closed } from './values.ts';

/** Header row of the export, exactly. */
export const MILK_SALES_HEADER = 'Transaction ID,Timestamp (UTC),Student ID (hashed),Amount (RM),Wallet address (masked),Block hash,Settlement status';

export const exportMilkSales = route({
  method: 'GET',
  path: '/exports/milk-sales',
  summary: 'BillCoin milk sales of a month as CSV (RFC 4180, CRLF, UTF-8). The running month has -partial in its file name.',
  who: ['finance', 'auditor'],
  query: closed({
    month: Type.String({ pattern: '^[0-9]{4}-(0[1-9]|1[0-2])$', examples: ['2026-04'] }),
    tz: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9_+/-]{1,40}$', default: 'UTC', description: 'IANA time zone that says which month a block time belongs to' })),
    bom: Type.Optional(Type.Integer({ minimum: 0, maximum: 1, default: 0, description: '1: begin with a byte order mark' })),
  }),
  responses: { 200: Type.String() },
  responseType: 'text/csv',
  problems: ['bad_month', 'bad_tz'],
});
