/**
 * OpenBatch (kind 6; SPEC §7.2): a plant asks for a mint of one physical lot. The custody meter's interval is the
 * nullifier: litres that were claimed once can never be claimed again, whatever lot they are put under.
 */
import { assert } from '../lib/assert.ts';
import { toHex, compareBytes } from '../lib/bytes.ts';
import { fault, ok, type Fault, type Result } from '../lib/fault.ts';
import { taggedHash } from '../lib/hash.ts';
import { DAY_MS, HISTORY_MS, ROWS } from '../state/layout.ts';
import { encode } from '../wire/codec.ts';
import { BatchKey } from '../wire/reading.ts';
import { ACTIVE, BATCH, type BatchRow, type PlantRow } from '../wire/state.ts';
import { OPEN_BATCH_MAX_BYTES, type OpenBatch } from '../wire/tx.ts';
import { valueOf, type Kind, type ParsedTx, type TxContext } from './context.ts';

/** Lots that wait for the oracles; more would be a plant that nobody answers. */
export const OPEN_BATCHES_MAX = 8;
/** How old milk may be when its lot is opened: longer than any shelf life, which is at most 365 days. */
export const PRODUCED_WITHIN_MS = 366 * DAY_MS;
// A key names its production date. When the row of a batch is deleted, the date is too old for the key to come again.
assert(PRODUCED_WITHIN_MS + 2 * DAY_MS < HISTORY_MS, 'a batch key is not used twice');

/** Batch key: the physical lot, not a nonce (SPEC §7.1). */
export function batchKeyOf(plant: Uint8Array, lot: Uint8Array, productionDate: number): Uint8Array {
  return taggedHash('bill/batch/1', encode(BatchKey, { plant, lot, productionDate }));
}

/** yyyymmdd that stands in the calendar. */
export function isCalendarDate(date: number): boolean {
  const day = date % 100;
  const month = ((date - day) / 100) % 100;
  const year = (date - day - month * 100) / 10_000;
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1];
  return days !== undefined && day >= 1 && day <= days;
}

/** Days from 1970 to a date of the calendar (Hinnant, "chrono-compatible date algorithms", days_from_civil). */
export function dayOfDate(date: number): number {
  const day = date % 100;
  const month = ((date - day) / 100) % 100;
  // Years begin in March, so that the leap day is their last.
  const year = (date - day - month * 100) / 10_000 - (month <= 2 ? 1 : 0);
  const whole = (dividend: number, divisor: number): number => (dividend - (dividend % divisor)) / divisor;
  const dayOfYear = whole(153 * ((month + 9) % 12) + 2, 5) + day - 1;
  return year * 365 + whole(year, 4) - whole(year, 100) + whole(year, 400) + dayOfYear - 719_468;
}

/** Printable ASCII without the characters that MQTT topics and URLs give a meaning to: / + #. */
export function isLotText(lot: Uint8Array): boolean {
  return lot.every((byte) => byte >= 0x21 && byte <= 0x7e && byte !== 0x2f && byte !== 0x2b && byte !== 0x23);
}

function form(tx: ParsedTx): Fault | undefined {
  const value = valueOf(tx, 'openBatch');
  if (!isLotText(value.lot)) return { code: 'malformed', path: 'OpenBatch.lot', why: 'has characters other than printable ASCII without / + #' };
  if (!isCalendarDate(value.productionDate)) return { code: 'malformed', path: 'OpenBatch.productionDate', why: 'is not a date' };
  if (value.totalTo <= value.totalFrom) return { code: 'malformed', path: 'OpenBatch.totalTo', why: 'is not above totalFrom' };
  for (const [index, share] of value.shares.entries()) {
    const previous = value.shares[index - 1];
    if (previous !== undefined && compareBytes(previous.farm, share.farm) >= 0) return { code: 'shares_not_ascending' };
  }
  return undefined;
}

/** The meter must be the plant's, and its litres not opened before; a new interval is opened here. */
function openInterval({ draft, tx }: TxContext, value: OpenBatch): Result<void> {
  const meter = draft.get(ROWS.meter, toHex(value.meter));
  if (meter === undefined || toHex(meter.plant) !== toHex(tx.body.sender)) return fault('unknown_meter');
  if (value.totalFrom < meter.opened) return fault('meter_interval_used', { openedMl: meter.opened });
  draft.put(ROWS.meter, toHex(value.meter), { ...meter, opened: value.totalTo });
  return ok(undefined);
}

/** A waiting or rejected lot opens again under the next attempt, with the interval it has. */
function mayReopen(row: BatchRow, value: OpenBatch): boolean {
  const sameInterval = toHex(row.meter) === toHex(value.meter) && row.totalFrom === value.totalFrom && row.totalTo === value.totalTo;
  return (row.state === BATCH.open || row.state === BATCH.rejected) && value.attempt === row.attempt + 1 && sameInterval;
}

function checkLot({ draft, env, params }: TxContext, value: OpenBatch, plant: PlantRow): Fault | undefined {
  if (plant.status !== ACTIVE) return { code: 'plant_not_active' };
  // The calendar of the dairy may be a day ahead of UTC.
  const producedMs = dayOfDate(value.productionDate) * DAY_MS;
  if (producedMs > env.timeMs + DAY_MS || producedMs < env.timeMs - PRODUCED_WITHIN_MS) return { code: 'production_date_wrong' };
  if (value.expiresAtMs <= env.timeMs || value.expiresAtMs > env.timeMs + params.shelfLifeMaxMs) return { code: 'batch_expiry_wrong' };
  if (value.claimMl > value.totalTo - value.totalFrom) return { code: 'claim_exceeds_meter' };
  const known = value.shares.every((share) => draft.get(ROWS.farm, toHex(share.farm))?.status === ACTIVE);
  return known ? undefined : { code: 'unknown_farm' };
}

function execute(context: TxContext): Result<void> {
  const { draft, env, tx, emit } = context;
  const value = valueOf(tx, 'openBatch');
  const plantAddress = tx.body.sender;
  const plant = draft.get(ROWS.plant, toHex(plantAddress));
  if (plant === undefined) return fault('unknown_plant');
  const refusal = checkLot(context, value, plant);
  if (refusal !== undefined) return { ok: false, fault: refusal };

  const batch = batchKeyOf(plantAddress, value.lot, value.productionDate);
  const before = draft.get(ROWS.batch, toHex(batch));
  if (before === undefined) {
    if (value.attempt !== 1) return fault('batch_not_reopenable');
    const opened = openInterval(context, value);
    if (!opened.ok) return opened;
  } else if (env.timeMs > before.expiresAtMs) return fault('batch_expired');
  else if (!mayReopen(before, value)) return fault('batch_not_reopenable');
  if (before?.state !== BATCH.open) {
    if (plant.openBatches >= OPEN_BATCHES_MAX) return fault('too_many_open_batches');
    draft.put(ROWS.plant, toHex(plantAddress), { ...plant, openBatches: plant.openBatches + 1 });
  }
  draft.put(ROWS.batch, toHex(batch), {
    ...value, plant: plantAddress, profileHash: plant.profileHash, openedAtMs: env.timeMs, state: BATCH.open, onHold: before?.onHold ?? 0,
    issuedMl: 0n, availableMl: 0n, heldMl: 0n, redeemedMl: 0n, owedOutMl: 0n,
  });
  emit({ case: 'batchOpened', value: { batch, plant: plantAddress, attempt: value.attempt, claimMl: value.claimMl } });
  return ok(undefined);
}

export const openBatch: Kind = {
  no: 6,
  name: 'openBatch',
  fee: 'none',
  record: 'done',
  mustSucceed: true,
  maxBytes: OPEN_BATCH_MAX_BYTES,
  form,
  signers: (_view, tx) => ok([tx.body.sender]),
  execute,
};
