/**
 * Every number of the rules, under one hash. The hash stands in the plant's row, in the batch and in the statement,
 * so that no threshold changes silently (oracle page §3). All values are integers: units stand in the names.
 */
import { canonicalJson, taggedHash, utf8 } from '@billcoin/protocol';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/** Malaysia. Sources: oracle page §3 (L law, D data sets, O chosen here, M to be confirmed). */
export const MY_PROFILE = {
  name: 'MY',
  version: 1,
  /** R08: a reboot raises the epoch by one; the one before may still deliver late (O). */
  epochsBack: 1,
  /** R14: ± 1 mL or 0.01 % of the volume (O). */
  totalToleranceMl: 1,
  totalToleranceE6: 100,
  /** R15: expired holds, more than 30 days rejects (O; ICAR yearly M). */
  calibrationGraceMs: 30 * DAY_MS,
  /** R16: volume against mass and density, ± 1 % (D). */
  volumeMassToleranceBps: 100,
  /** R17: kg/L × 10^4 at 20 °C (M). */
  densityOkMinE4: 10_260,
  densityOkMaxE4: 10_340,
  densityFlagMinE4: 10_200,
  densityFlagMaxE4: 10_400,
  /** R18: one milking of one animal (D: 0.026 % of real rows lie outside). */
  milkingMinMl: 200,
  milkingMaxMl: 40_000,
  /** R19: one animal's flow, mean and peak (D: robot mean at most 4.1 kg/min). */
  flowMeanMaxMlMin: 6_000,
  flowPeakMaxMlMin: 12_000,
  /** Refusal 99: OpenBatch within a day of closing, registry at most an hour older, readings at most 5 days (O). */
  openWithinMs: DAY_MS,
  heightWithinMs: HOUR_MS,
  readingAgeMaxMs: 120 * HOUR_MS,
  labAgeMaxMs: 21 * DAY_MS,
  /** HTST milk at ≤ 4 °C keeps 7–10 days (M). */
  shelfLifeMaxMs: 10 * DAY_MS,
} as const;

export type Profile = { readonly [Key in keyof typeof MY_PROFILE]: (typeof MY_PROFILE)[Key] extends string ? string : number };

/** Hash(bill/profile/1, RFC 8785 JSON of the profile), 32 bytes. */
export function profileHash(profile: Profile): Uint8Array {
  return taggedHash('bill/profile/1', utf8(canonicalJson({ ...profile })));
}
