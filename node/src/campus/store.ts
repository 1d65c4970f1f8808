/**
 * Every campus row in one table with arrows (style.md H6). Keys are `<prefix>/<id>`, ids ASCII; values are JSON, amounts
 * decimal strings of base units. Prefixes are never reused. Nothing here names a student or an address in plain.
 */
import { assert } from '@billcoin/protocol';
import type { FlagEvidence, FlagRow, Quota } from '../abusePorts.ts';
import type { OrderRow, PaymentRow } from '../campusPorts.ts';
import type { ProductRow, TillInfo } from '../merchantPorts.ts';
import type { KeyValueOperation, KeyValueStore } from '../ports.ts';
import type { SaleBookState } from '../sales/saleBook.ts';
import type { SaleStatus } from '../sales/saleLine.ts';
import type { Recall } from '../recallPorts.ts';
import type { RefundRequestRow } from '../refundPorts.ts';

export interface Table<V> {
  readonly prefix: string;
  readonly arrow: string;
  /** Only for the type system: what a row holds. */
  readonly row?: V;
}

function table<V>(prefix: string, arrow: string): Table<V> {
  return { prefix, arrow };
}

export interface StudentRow {
  readonly wrappedKey: string;
  readonly sealedId: string;
  readonly joinedAtMs: number;
  /** null while the roster still names the student. */
  readonly leftAtMs: number | null;
  /** Hash of the one code in force; null where none is. */
  readonly codeHash: string | null;
  readonly wallets: readonly string[];
}

export interface WalletRow {
  readonly studentRef: string;
  readonly sealedAddress: string;
  readonly linkedAtMs: number;
}

export interface CodeRow {
  readonly studentRef: string;
  readonly expiresAtMs: number;
}

/** One line of the milk-sales export, written once when its block is final and never changed. */
export interface SaleRow {
  readonly txHash: string;
  readonly timeMs: number;
  /** Export pseudonym by the link in force; empty for an unlinked wallet. */
  readonly student: string;
  /** Id of the key that made it; null where there is none. */
  readonly keyId: string | null;
  /** What the wallet paid; negative for a refund. */
  readonly sen: string;
  readonly wallet: string;
  readonly blockHash: string;
  readonly status: SaleStatus;
  /** The rest is for reports; no cell shows it. */
  readonly merchant: string;
  readonly tillNo: number | null;
  /** What the wallet itself gave or got back (negative), and what a coupon paid beside it. */
  readonly amountMl: string;
  readonly couponMl: string;
}

/** A recall as it concerns one merchant. */
export interface RecalledLotRow extends Recall {
  /** Address text. */
  readonly merchant: string;
  /** Block in which the merchant first took milk of the batch: what was sold before is of another one. 0: not known here. */
  readonly takenHeight: number;
}

/** A plain Transfer to a merchant from nobody who is registered. Who sent it stands in its block. */
export interface StrayRow {
  readonly txHash: string;
  readonly height: number;
  readonly index: number;
  readonly timeMs: number;
  /** Address in hex. */
  readonly merchant: string;
  readonly amountMl: string;
  readonly sen: string;
  readonly returnedMl: string;
}

/** Litres and payments of one UTC day, for the days of cover. */
export interface DayRow {
  readonly payments: number;
  readonly amountMl: string;
}

/** A one-time code that makes a device a till. */
export interface EnrolmentRow {
  readonly merchant: string;
  readonly name: string;
  readonly expiresAtMs: number;
  /** The first device that came with the code; no other one does. */
  readonly device: { readonly tillNo: number; readonly publicKey: string } | null;
}

/** What the campus authority signed last for one wish. */
export interface AuthorityTxRow {
  readonly tx: string;
  readonly txHash: string;
  readonly validUntilMs: number;
}

export interface StoredAnswer {
  readonly requestHash: string;
  readonly status: number;
  readonly body: string;
  readonly expiresAtMs: number;
}

/** An account of a person (api page §2.2). */
export interface UserRow {
  readonly username: string;
  readonly role: 'manager' | 'finance' | 'auditor' | 'admin';
  /** Address text; of managers only. */
  readonly merchantId: string | null;
  /** scrypt (campus/auth/secrets.ts). */
  readonly passwordHash: string;
  readonly createdAtMs: number;
  /** null while the account may log in. */
  readonly disabledAtMs: number | null;
  /** Why it was changed last; empty at first. */
  readonly reason: string;
}

/** An account of a program. */
export interface ClientRow {
  readonly name: string;
  readonly role: 'partner' | 'service';
  /** Address text; of partners only. */
  readonly merchantId: string | null;
  /** Keyed hash, hex: the secret itself has 256 bits. */
  readonly secretHash: string;
  readonly createdAtMs: number;
}

/** A cashier of a merchant: logs in at the tills named here, with a PIN. */
export interface CashierRow {
  readonly merchantId: string;
  readonly name: string;
  /** scrypt (campus/auth/secrets.ts). */
  readonly pinHash: string;
  readonly tills: readonly number[];
  readonly createdAtMs: number;
}

/** Whose session it is; role and rights are read where they are kept. A wallet's address is sealed: no row names one in plain. */
export type SessionOf =
  | { readonly kind: 'wallet'; readonly sealedAddress: string }
  | { readonly kind: 'till'; readonly tillNo: number; readonly publicKey: string }
  | { readonly kind: 'cashier'; readonly cashierId: string; readonly tillNo: number }
  | { readonly kind: 'user'; readonly userId: string }
  | { readonly kind: 'client'; readonly clientId: string };

export interface SessionRow {
  readonly of: SessionOf;
  /** What its sessions are counted and ended by. */
  readonly subject: string;
  readonly endsAtMs: number;
  /** Keyed hashes of the two parts of the refresh token; null where there is none. */
  readonly refresh: { readonly family: string; readonly current: string } | null;
}

/** The latest failed validations of a subject, and the flag they raised. */
export interface FailuresRow {
  readonly latest: readonly FlagEvidence[];
  readonly flag: { readonly flagId: string; readonly untilMs: number } | null;
}

/** A message to operators that waits to be delivered. */
export interface AlertRow {
  readonly text: string;
  readonly madeAtMs: number;
  readonly tries: number;
  readonly nextAtMs: number;
}

/** An audit entry as it was signed: canonical JSON. */
export interface AuditRow {
  readonly text: string;
  readonly signature: string;
}

export const TABLES = {
  genesis: table<{ readonly genesisHash: string; readonly keyCheck: string }>('g', '→ the network and the keys these rows belong to'),
  cursor: table<{ readonly height: number; readonly timeMs: number }>('c', '→ last block that was projected'),
  student: table<StudentRow>('s', 'student ref → wrapped key, sealed id, code, wallets'),
  studentById: table<string>('si', 'blind index of the student id → student ref'),
  code: table<CodeRow>('lc', 'keyed hash of a link code → student ref, end'),
  wallet: table<WalletRow>('w', 'wallet id → student ref, sealed address'),
  walletByAddress: table<string>('wa', 'blind index of the address → wallet id'),
  usedNonce: table<1>('n', 'end (s) / nonce → used'),
  order: table<OrderRow>('o', 'order id → order, state, history'),
  orderByRef: table<string>('or', 'till number / ref → order id'),
  orderOfTill: table<1>('ot', 'till number / order id → listed'),
  openOrder: table<1>('oo', 'end (s) / order id → still open'),
  orderOfLot: table<1>('ol', 'merchant / lot (hex) / order id → the order names the lot'),
  lotsListed: table<1>('ov', '→ the lots of all orders are listed'),
  recalledLot: table<RecalledLotRow>('rl', 'merchant / lot (hex) / → the last recall of a batch of it that the merchant took'),
  recallJob: table<{ readonly recall: RecalledLotRow; /** Last row of `orderOfLot` that was looked at. */ readonly after: string }>('rj', 'height / index / merchant → recall whose orders are being looked through'),
  recallLate: table<RecalledLotRow>('ra', 'order id → it was paid after its lot was looked through'),
  recallOf: table<Recall>('rn', 'blind index of the buyer / batch → recall that he was told of'),
  enrolment: table<EnrolmentRow>('en', 'keyed hash of an enrolment code → merchant, name, end, device'),
  enrolmentEnd: table<string>('ee', 'end (ms) / hash → keyed hash of an enrolment code'),
  tillInfo: table<TillInfo>('ti', 'till number → name, why it was revoked, what it reports'),
  tillOfKey: table<number>('tk', 'public key → number of the till it was enrolled as'),
  authorityTx: table<AuthorityTxRow>('at', 'wish → transaction of the campus authority'),
  product: table<ProductRow>('pr', 'merchant / product id → terms, units received, reserved, sold'),
  payment: table<PaymentRow>('p', 'till number / ref → the final Pay and its refunds'),
  refund: table<RefundRequestRow>('rf', 'refund id → refund, state, who decided'),
  refundOfPayment: table<1>('ro', 'till number / ref / refund id → asked for'),
  refundOfMerchant: table<1>('rm', 'merchant / refund id → listed'),
  refundByTx: table<string>('rt', 'transaction → refund id'),
  refundEnd: table<1>('re', 'end of its transaction (ms) / refund id → not final yet'),
  coupon: table<1>('cp', 'blind index of the owner / coupon id → issued'),
  sale: table<SaleRow>('e', 'block time (ms) / height / index → export line'),
  saleBook: table<SaleBookState & { readonly version: number }>('eb', '→ who is registered and the price after the last block, for the next line'),
  dayPrice: table<string>('dp', 'day of the chain → sen per BILL in force'),
  stray: table<StrayRow>('x', 'first 16 bytes of its id → stray and how much of it went back'),
  strayAt: table<string>('xt', 'block time (ms) / height / index → first 16 bytes of the id of a stray'),
  strayBooked: table<{ readonly atMs: number; readonly by: string }>('xb', 'first 16 bytes of its id → finance has booked the stray'),
  day: table<DayRow>('d', 'day of the chain → payments and litres'),
  answer: table<StoredAnswer>('i', 'scope / idempotency key → stored answer'),
  answerEnd: table<string>('ie', 'end (ms) / scope / key → row of the stored answer'),
  attempt: table<1>('xa', 'person / time (ms) / random → a payment attempt'),
  attemptId: table<number>('xi', 'transaction id → until when its Pay, counted as an attempt, can be included (ms)'),
  rateLimit: table<Quota>('xq', 'policy → quota that an administrator set'),
  failures: table<FailuresRow>('xf', 'rule / subject → latest failures and the flag they raised'),
  flag: table<FlagRow>('xg', 'flag id → flag'),
  flagByStatus: table<1>('xs', 'open or resolved / flag id → listed'),
  alert: table<AlertRow>('xl', 'time (ms) / number / random → message that waits for Slack'),
  audit: table<AuditRow>('xu', 'number → entry of the audit log'),
  user: table<UserRow>('u', 'user id → account of a person'),
  userByName: table<string>('un', 'user name → user id'),
  client: table<ClientRow>('cl', 'client id → account of a program'),
  cashier: table<CashierRow>('ca', 'cashier id → merchant, PIN, tills'),
  cashierOf: table<1>('cm', 'merchant / cashier id → listed'),
  session: table<SessionRow>('ss', 'session id → whose, until when, hash of its refresh token'),
  sessionOf: table<1>('sb', 'subject / session id → it has it'),
  sessionEnd: table<string>('se', 'end (s) / session id → subject'),
} as const;

assert(new Set(Object.values(TABLES).map(({ prefix }) => prefix)).size === Object.keys(TABLES).length, 'table prefixes are unique');

/** Sorts after every character an id may have. */
const AFTER_IDS = '~';
/** The one row of genesis and cursor. */
export const ONLY = '-';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function keyOf(type: Table<unknown>, id: string): string {
  assert(/^[\x21-\x7d]+$/.test(id), `row id ${id} is printable ASCII`);
  return `${type.prefix}/${id}`;
}

export async function getRow<V>(store: KeyValueStore, type: Table<V>, id: string): Promise<V | undefined> {
  const bytes = await store.get(keyOf(type as Table<unknown>, id));
  return bytes === undefined ? undefined : (JSON.parse(decoder.decode(bytes)) as V);
}

export function putRow<V>(type: Table<V>, id: string, value: V): KeyValueOperation {
  return { type: 'put', key: keyOf(type as Table<unknown>, id), value: encoder.encode(JSON.stringify(value)) };
}

export function deleteRow(type: Table<unknown>, id: string): KeyValueOperation {
  return { type: 'del', key: keyOf(type, id) };
}

export interface RowRange {
  /** Ids start with this text. */
  readonly under?: string;
  /** Ids at or after this one. */
  readonly from?: string;
  /** Ids before this one. */
  readonly before?: string;
  readonly limit: number;
  readonly reverse?: boolean;
}

export interface Row<V> {
  readonly id: string;
  readonly value: V;
}

/** Rows of one table in the order of their ids. */
export async function listRows<V>(store: KeyValueStore, type: Table<V>, range: RowRange): Promise<readonly Row<V>[]> {
  const start = `${type.prefix}/`;
  const low = range.under ?? '';
  const high = `${low}${AFTER_IDS}`;
  const gte = range.from !== undefined && range.from > low ? range.from : low;
  const lt = range.before !== undefined && range.before < high ? range.before : high;
  const rows = await store.list({ gte: start + gte, lt: start + lt, limit: range.limit, reverse: range.reverse ?? false });
  return rows.map(({ key, value }) => ({ id: key.slice(start.length), value: JSON.parse(decoder.decode(value)) as V }));
}

/** All rows of a range, in pages of `pageRows`, none of them empty; rows that are written meanwhile may be among them or not. */
export async function* pagesOf<V>(store: KeyValueStore, type: Table<V>, range: Pick<RowRange, 'under' | 'from' | 'before'>, pageRows: number): AsyncGenerator<readonly Row<V>[], void> {
  let from = range.from ?? '';
  for (;;) {
    const page = await listRows(store, type, { ...range, from, limit: pageRows });
    const last = page.at(-1);
    if (last === undefined) return;
    yield page;
    if (page.length < pageRows) return;
    from = `${last.id}!`; // the next id in order: '!' is the first character an id may have
  }
}

/** After rows of these tables were deleted: their bytes leave the disk, not only their names. */
export async function shredDeleted(store: KeyValueStore, tables: readonly Table<unknown>[]): Promise<void> {
  for (const { prefix } of tables) await store.compact({ gte: `${prefix}/`, lt: `${prefix}/${AFTER_IDS}` });
}

/** A whole number in a key, padded so that text order is number order. */
export function padded(value: number, digits: number): string {
  const text = String(value);
  assert(Number.isSafeInteger(value) && value >= 0 && text.length <= digits, `${text} fits ${digits} digits`);
  return text.padStart(digits, '0');
}

/** Till number / ref: the key of orders and payments. */
export const refId = (tillNo: number, ref: string): string => `${padded(tillNo, 10)}/${ref}`;
