/** The readings of one day's lot: milkings by cow, handovers by farm, fills by pallet. */
import { POINT, utf8 } from '@billcoin/protocol';
import { buildHandover, countedFlow, type BuiltReading } from '@billcoin/oracle';
import { cowsOfDay, DENSITY_E4, milkingsOf, sequenceOf, type Cow, type Milking } from '../herd.ts';
import { FARMS } from '../network.ts';
import type { Meter, MeterReading } from './meter.ts';

export const COWS_PER_FARM = 8;
/** What stays in pipes and is flushed at the end of a lot. */
const FILLED_PER_MILLE = 995;
/** Fill runs of a lot; the last one takes the rest. */
const FILL_RUNS = 10;
const FILL_MS = 180_000;
const HANDOVER_MS = 600_000;
const DENSITY_ASSUMED = 1;

export interface LotMeters {
  /** By farm. */
  readonly milking: readonly Meter[];
  readonly intake: Meter;
  readonly filler: Meter;
}

export interface Parties {
  /** Accounts of the farms, in order. */
  readonly farms: readonly Uint8Array[];
  readonly plant: Uint8Array;
  /** Seed of the plant's account, which counter-signs what it takes over. */
  readonly plantSeed: Uint8Array;
  readonly genesisHash: Uint8Array;
}

/** Messages to publish: each list goes out under one signature. */
export interface LotReadings {
  readonly messages: readonly { readonly meter: Meter; readonly readings: readonly BuiltReading[] }[];
  readonly cows: number;
  readonly dailyG: number;
  readonly milkedMl: number;
  readonly filledMl: number;
}

function milkingReading(milking: Milking, lot: string, timeMs: number): MeterReading {
  const { massG, volumeMl, durationMs, flowMaxMlMin } = milking;
  const flow = {
    point: POINT.milking, lot: utf8(lot), volumeMl, massG, flowMaxMlMin, densityE4: DENSITY_E4, animal: utf8(milking.cow),
    tempMeanMc: 36_500,
  };
  return { timeMs, durationMs, flags: DENSITY_ASSUMED, kind: (state) => countedFlow(state, flow) };
}

function fillReading(volumeMl: number, lot: string, timeMs: number): MeterReading {
  const flow = { point: POINT.filler, lot: utf8(lot), volumeMl, tempMeanMc: 4_000 };
  return { timeMs, durationMs: FILL_MS, kind: (state) => countedFlow(state, flow) };
}

function fillVolumes(filledMl: number): readonly number[] {
  const run = Math.floor(filledMl / FILL_RUNS);
  return Array.from({ length: FILL_RUNS }, (_, index) => (index === FILL_RUNS - 1 ? filledMl - run * (FILL_RUNS - 1) : run));
}

/**
 * Measures one lot. All readings are stamped with times just before `nowMs`: the clock of the devnet's days is compressed,
 * the time of blocks is not.
 */
export function measureLot(meters: LotMeters, parties: Parties, cows: readonly Cow[], day: number, lot: string, nowMs: number): LotReadings {
  const next = sequenceOf(day);
  const ofDay = cowsOfDay(cows, day, COWS_PER_FARM * FARMS.length);
  const messages: { meter: Meter; readings: readonly BuiltReading[] }[] = [];
  let milkedMl = 0;
  for (const [index, meter] of meters.milking.entries()) {
    const farmLot = `${lot}-F${index + 1}`;
    const milkings = ofDay.slice(index * COWS_PER_FARM, (index + 1) * COWS_PER_FARM).map((cow) => milkingsOf(cow, next));
    let farmMl = 0;
    for (const part of [0, 1] as const) {
      const session = milkings.map((pair) => pair[part]);
      farmMl += session.reduce((sum, { volumeMl }) => sum + volumeMl, 0);
      messages.push({ meter, readings: meter.measure(session.map((milking) => milkingReading(milking, farmLot, nowMs - 3))) });
    }
    milkedMl += farmMl;
    const terms = { fromLot: utf8(farmLot), toLot: utf8(lot), volumeMl: farmMl, vehicle: utf8('TANKER-1'), fromParty: parties.farms[index] as Uint8Array, toParty: parties.plant };
    const handover = buildHandover(parties.genesisHash, terms, parties.plantSeed);
    messages.push({ meter: meters.intake, readings: meters.intake.measure([{ timeMs: nowMs - 2, durationMs: HANDOVER_MS, kind: () => handover }]) });
  }
  const filledMl = Math.floor((milkedMl * FILLED_PER_MILLE) / 1_000);
  for (const volumeMl of fillVolumes(filledMl)) messages.push({ meter: meters.filler, readings: meters.filler.measure([fillReading(volumeMl, lot, nowMs - 1)]) });
  return { messages, cows: ofDay.length, dailyG: ofDay.reduce((sum, { dailyG }) => sum + dailyG, 0), milkedMl, filledMl };
}
