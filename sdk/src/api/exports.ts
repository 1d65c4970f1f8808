/** What finance takes away (US-003): the monthly export, its signed manifest, the figures of a day. */
import { Type, type Static } from 'typebox';
import { route } from './route.ts';
import { Address, closed, Hash, Height, Litres, nullable, page, pageQuery, PublicKey, Rm, Signature, SignedLitres, TillNo, Time, TxHash } from './values.ts';

/** Header row of the export, exactly. */
export const MILK_SALES_HEADER = 'Transaction ID,Timestamp (UTC),Student ID (hashed),Amount (RM),Wallet address (masked),Block hash,Settlement status';

export const MONTH_PATTERN = '^[1-9][0-9]{3}-(0[1-9]|1[0-2])$';
/** As IANA names them: none begins with a digit or a sign, as the offsets do that newer versions of Intl take besides. */
export const TIME_ZONE_PATTERN = '^[A-Za-z][A-Za-z0-9_+/-]{0,39}$';
const Month = Type.String({ pattern: MONTH_PATTERN, examples: ['2026-04'] });
const ofTimeZone = { default: 'UTC', description: 'IANA time zone that says which month or day a block time belongs to' };
const TimeZone = Type.String({ pattern: TIME_ZONE_PATTERN, ...ofTimeZone });
/** What is asked for: the calendar and the list of zones say which of these there are (bad_month, bad_date, bad_tz). */
const AskedMonth = Type.String({ pattern: '^[0-9-]{1,10}$', description: 'YYYY-MM', examples: ['2026-04'] });
const AskedDate = Type.String({ pattern: '^[0-9-]{1,10}$', description: 'YYYY-MM-DD', examples: ['2026-04-10'] });
const AskedTimeZone = Type.String({ pattern: '^[A-Za-z0-9_+:/-]{1,40}$', ...ofTimeZone });

export const exportMilkSales = route({
  method: 'GET',
  path: '/exports/milk-sales',
  summary: 'BillCoin milk sales of a month as CSV (RFC 4180, CRLF, UTF-8). The running month has -partial in its file name.',
  who: ['finance', 'auditor'],
  query: closed({
    month: AskedMonth, tz: Type.Optional(AskedTimeZone),
    bom: Type.Optional(Type.Integer({ minimum: 0, maximum: 1, default: 0, description: '1: begin with a byte order mark' })),
  }),
  responses: { 200: Type.String() },
  responseType: 'text/csv',
  problems: ['bad_month', 'bad_tz', 'pruned'],
});

export const ExportManifest = closed({
  month: Month, tz: TimeZone, from: Time, to: Time,
  rows: Type.Integer({ minimum: 0 }), sumRm: Rm, sumLitres: SignedLitres,
  firstBlock: nullable(Height), lastBlock: nullable(Height),
  merkleRoot: Type.String({ pattern: '^[0-9a-f]{64}$', description: 'RFC 6962 root over the bytes of each line after the header, without its CRLF' }),
  columns: Type.Array(Type.String(), { maxItems: 16 }),
  pseudonymKeyId: Type.String({
    pattern: '^([0-9a-f]{16}(,[0-9a-f]{16})*)?$',
    description: 'Which key made the pseudonyms; says nothing about it. Several with commas, in the order of their first lines, where keys were rotated; empty where no line has a pseudonym',
  }),
});
export type ExportManifest = Static<typeof ExportManifest>;

export const SignedExportManifest = closed({ manifest: ExportManifest, publicKey: PublicKey, signature: Signature });
export type SignedExportManifest = Static<typeof SignedExportManifest>;

export const exportManifest = route({
  method: 'GET',
  path: '/exports/milk-sales/manifest',
  summary: 'What the export of a month holds: sums, blocks and a root over its lines, signed over its RFC 8785 form under the tag bill/export/1. Check a file with `billcoin verify-export`.',
  who: ['finance', 'auditor'],
  query: closed({ month: AskedMonth, tz: Type.Optional(AskedTimeZone) }),
  responses: { 200: SignedExportManifest },
  problems: ['bad_month', 'bad_tz', 'pruned'],
});

const Figures = closed({ count: Type.Integer({ minimum: 0 }), rm: Rm, litres: SignedLitres });

export const DailyReport = closed({
  date: Type.String(), tz: TimeZone, from: Time, to: Time, tillNo: nullable(TillNo),
  partial: Type.Boolean({ description: 'True: the day may still get lines' }),
  rm: Rm, litres: SignedLitres,
  sales: Figures, refunds: Figures, strays: Figures,
  coupons: closed({ count: Type.Integer({ minimum: 0 }), litres: Litres }),
  open: Type.Integer({ minimum: 0, description: 'Orders of that day that wait for their payment now' }),
});
export type DailyReport = Static<typeof DailyReport>;

export const getDailyReport = route({
  method: 'GET',
  path: '/reports/daily',
  summary: 'Sales, refunds and strays of a day: the sums of the lines that the export has for it. Amounts are what wallets paid; what coupons paid stands apart.',
  who: ['till', 'staff', 'manager', 'finance'],
  own: 'till, staff: own till; manager: own merchant',
  query: closed({ date: AskedDate, tz: Type.Optional(AskedTimeZone), tillNo: Type.Optional(TillNo) }),
  responses: { 200: DailyReport },
  problems: ['bad_date', 'bad_tz', 'not_found', 'pruned'],
});

const StrayStatus = Type.Union([Type.Literal('OPEN'), Type.Literal('RETURNED'), Type.Literal('BOOKED')]);
export const Stray = closed({
  txHash: TxHash, status: StrayStatus, time: Time, blockHeight: Height, blockHash: Hash, merchantId: Address,
  /** Who sent it: where a return goes. */
  from: Address, litres: Litres, rm: Rm, returnedLitres: Litres,
  reference: Type.String({ pattern: '^[0-9a-f]{32}$', description: 'Reference of the Transfer that gives it back, 16 bytes hex' }),
  bookedAt: nullable(Time),
});
export type Stray = Static<typeof Stray>;

export const listStrays = route({
  method: 'GET',
  path: '/strays',
  summary: 'Plain Transfers to a merchant from nobody who is registered, newest first. OPEN until wholly returned or booked; a page may be short, its cursor goes on.',
  who: ['manager', 'finance'],
  own: 'manager: own merchant',
  query: closed({ status: Type.Optional(StrayStatus), ...pageQuery }),
  responses: { 200: page(Stray) },
});

export const bookStray = route({
  method: 'POST',
  path: '/strays/{txHash}/book',
  summary: 'Say that a stray stays and is in the books. It keeps its line in the export either way.',
  who: ['finance'],
  params: closed({ txHash: TxHash }),
  responses: { 200: Stray },
  problems: ['not_found', 'stray_not_open'],
});
