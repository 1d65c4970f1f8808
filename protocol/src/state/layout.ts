/**
 * Every state row (SPEC §8): one prefix byte ‖ the key's parts, integers big-endian. Prefixes are never reused;
 * the arrow shows key → value. In code the key parts are one lower-case hex string, `id`.
 */
import { fromHexInto, toHex, u32Hex } from '../lib/bytes.ts';
import { assert } from '../lib/assert.ts';
import type { Message } from '../wire/codec.ts';
import * as v from '../wire/state.ts';

export interface RowType<V> {
  readonly name: string;
  readonly prefix: number;
  readonly value: Message<V>;
  readonly arrow: string;
  /** The last instant at which a row lives; after it rules no longer see it, and the end of a block deletes it (SPEC §8.1). Absent: it never dies. */
  diesAtMs?(value: V, id: string): number | undefined;
  /** The last instant before the end of a block acts on the row otherwise: the expiry of a batch. */
  lapsesAtMs?(value: V): number | undefined;
  /** One or more a payment, hardly ever read: held as bytes in memory (PackedRows). */
  readonly isPacked?: boolean;
}

function row<V>(name: string, prefix: number, value: Message<V>, arrow: string, rest: Pick<RowType<V>, 'diesAtMs' | 'lapsesAtMs' | 'isPacked'> = {}): RowType<V> {
  return { name, prefix, value, arrow, ...rest };
}

export const DAY_MS = 86_400_000;
/** An id is remembered this long after its transaction can no longer be included: so long, absence proves that it never was. */
export const DONE_KEPT_MS = DAY_MS;
/** What stays after its last use, so that whoever comes just too late is told why. */
const GRACE_MS = DAY_MS;
/** Batches with their statements and delivery notes, and prices: a year and a month, for the books of the year before. */
export const HISTORY_MS = 400 * DAY_MS;

/** A stake epoch is remembered while its votes can be punished: the longest age of evidence that parameters allow, and a day. */
const EPOCH_KEPT_MS = 21 * DAY_MS;

/** A batch that the oracles may still mint, or whose litres may be in custody: it lapses, it does not die. */
function isLive({ state }: v.BatchRow): boolean {
  return state === v.BATCH.open || state === v.BATCH.minted;
}

export const ROWS = {
  account: row('account', 0x01, v.AccountRow, 'address → balance, policy'),
  card: row('card', 0x02, v.CardRow, 'merchant ‖ account → points of the card', { diesAtMs: ({ untilMs }) => untilMs + GRACE_MS }),
  coupon: row('coupon', 0x03, v.CouponRow, 'coupon id → owner, merchant, litres, state', { diesAtMs: ({ expiresAtMs }) => expiresAtMs + GRACE_MS }),
  done: row('done', 0x04, v.DoneRow, 'transaction id → height, index, code', { isPacked: true, diesAtMs: ({ validUntilMs }) => validUntilMs + DONE_KEPT_MS }),
  invoice: row('invoice', 0x05, v.InvoiceRow, 'till number ‖ ref → paid or void, amounts, refunds', { isPacked: true, diesAtMs: ({ keptUntilMs }) => keptUntilMs + GRACE_MS }),
  merchant: row('merchant', 0x06, v.MerchantRow, 'address → name, status'),
  till: row('till', 0x07, v.TillRow, 'till number → merchant, key, refunds of the day'),
  farm: row('farm', 0x08, v.FarmRow, 'address → name, status'),
  plant: row('plant', 0x09, v.PlantRow, 'address → terms, bond, owed, litres available'),
  device: row('device', 0x0a, v.DeviceRow, 'device id → key, owner, site, validity'),
  meter: row('meter', 0x0b, v.MeterRow, 'device id → plant, opened total'),
  oracle: row('oracle', 0x0c, v.OracleRow, 'address → key, name, status'),
  reporter: row('reporter', 0x0f, v.ReporterRow, 'address → name, status'),
  role: row('role', 0x0e, v.RoleRow, 'role number (1 byte) → address'),
  batch: row('batch', 0x10, v.BatchRow, 'batch key → lot, interval, shares, litres', {
    diesAtMs: (batch) => (isLive(batch) ? undefined : batch.expiresAtMs + HISTORY_MS), lapsesAtMs: (batch) => (isLive(batch) ? batch.expiresAtMs : undefined),
  }),
  attestation: row('attestation', 0x11, v.AttestationRow, 'batch ‖ attempt (1 byte) ‖ oracle → statement', { diesAtMs: ({ batchExpiresAtMs }) => batchExpiresAtMs + HISTORY_MS }),
  note: row('note', 0x12, v.NoteRow, 'batch ‖ merchant → litres taken', { diesAtMs: ({ batchExpiresAtMs }) => batchExpiresAtMs + HISTORY_MS }),
  price: row('price', 0x13, v.PriceRow, 'day → sen per BILL, reports', { diesAtMs: (_, id) => (Number.parseInt(id, 16) + 1) * DAY_MS + HISTORY_MS }),
  validator: row('validator', 0x14, v.ValidatorRow, 'address of the consensus key → institution, stake, standing'),
  delegation: row('delegation', 0x15, v.DelegationRow, 'validator ‖ account → shares'),
  unbonding: row('unbonding', 0x16, v.UnbondingRow, 'validator ‖ stake epoch ‖ account → shares of the unbonding pool', { lapsesAtMs: ({ releaseAtMs }) => releaseAtMs }),
  unbondingPool: row('unbondingPool', 0x17, v.UnbondingPoolRow, 'validator ‖ stake epoch → litres, shares'),
  stakeEpoch: row('stakeEpoch', 0x18, v.StakeEpochRow, 'number → an earlier stake epoch', { diesAtMs: ({ endsAtMs }) => endsAtMs + EPOCH_KEPT_MS }),
  validatorSet: row('validatorSet', 0x19, v.ValidatorSetRow, 'hash → validator set', { diesAtMs: ({ keptUntilMs }) => keptUntilMs }),
  admitted: row('admitted', 0x1a, v.AdmittedRow, '→ addresses of the admitted institutions'),
  oracleSet: row('oracleSet', 0x0d, v.OracleSetRow, '→ addresses of the oracles'),
  params: row('params', 0x20, v.ParamsRow, '→ parameters'),
  supply: row('supply', 0x21, v.SupplyRow, '→ supply and what plants owe'),
  pools: row('pools', 0x22, v.PoolsRow, '→ fee, insurance and subsidy pool'),
  stake: row('stake', 0x23, v.StakeEpochRow, '→ the stake epoch of the next block'),
  seen: row('seen', 0x24, v.SeenRow, '→ who signed in this stake epoch'),
} as const;

export type RowName = keyof typeof ROWS;

const byPrefix = new Map<number, RowType<unknown>>(Object.values(ROWS).map((type) => [type.prefix, type as RowType<unknown>]));
assert(byPrefix.size === Object.keys(ROWS).length, 'row prefixes are unique');

/** Numbers of roles (SPEC §5). */
export const ROLE = { regulator: 1, campusAuthority: 2, treasury: 3 } as const;

/** The one row of params, supply, pools and the like. */
export const SINGLE = '';

/** Whole row key: prefix ‖ parts. What the tree hashes and the store sorts by. */
export function rowKeyBytes(type: RowType<unknown>, id: string): Uint8Array {
  const key = new Uint8Array(1 + id.length / 2);
  key[0] = type.prefix;
  if (!fromHexInto(id, key, 1)) assert(false, `row id ${id} is hex`);
  return key;
}

/** The row type and id of a whole key; undefined for a prefix this version does not know. */
export function parseRowKey(key: Uint8Array): { readonly type: RowType<unknown>; readonly id: string } | undefined {
  const type = byPrefix.get(key[0] ?? 0);
  return type === undefined ? undefined : { type, id: toHex(key.subarray(1)) };
}

export const invoiceId = (tillNo: number, ref: Uint8Array): string => u32Hex(tillNo) + toHex(ref);
export const tillId = (tillNo: number): string => u32Hex(tillNo);
export const dayId = (day: number): string => u32Hex(day);
export const roleId = (role: number): string => toHex(Uint8Array.of(role));
export const epochId = (no: number): string => u32Hex(no);
export const delegationId = (validator: string, account: Uint8Array): string => validator + toHex(account);
export const unbondingPoolId = (validator: string, epochNo: number): string => validator + epochId(epochNo);
export const unbondingId = (validator: string, epochNo: number, account: Uint8Array): string => unbondingPoolId(validator, epochNo) + toHex(account);
export const cardIdOf = (merchantId: string, accountId: string): string => merchantId + accountId;
export const cardId = (merchant: Uint8Array, account: Uint8Array): string => cardIdOf(toHex(merchant), toHex(account));
export const noteId = (batch: Uint8Array, merchant: Uint8Array): string => toHex(batch) + toHex(merchant);
export const attestationId = (batch: Uint8Array, attempt: number, oracle: Uint8Array): string => toHex(batch) + toHex(Uint8Array.of(attempt)) + toHex(oracle);

/** A day of the chain: floor(block time / 86,400,000). */
export function dayOf(timeMs: number): number {
  return (timeMs - (timeMs % DAY_MS)) / DAY_MS;
}
