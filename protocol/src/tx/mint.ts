/**
 * The mint (SPEC §7.3): V millilitres come into being against one batch. The plant's toll first repays what it owes,
 * then fills its bond, the rest is its own; the farms share V − toll by weight. Farms are always credited in full.
 */
import type { Millilitres } from '../lib/amount.ts';
import { assert } from '../lib/assert.ts';
import { compareBytes, toHex } from '../lib/bytes.ts';
import { fault, ok, type Result } from '../lib/fault.ts';
import { plantOf, shareOf } from '../state/custody.ts';
import { dayOf, ROWS, SINGLE } from '../state/layout.ts';
import { credit, supplyOf } from '../state/money.ts';
import { BATCH, type BatchRow } from '../wire/state.ts';
import type { Attest, Share } from '../wire/tx.ts';
import type { TxContext } from './context.ts';

/** Splits `totalMl` by weight: floors first, then 1 mL each by largest remainder, ties to the lower address. */
export function splitByWeight(totalMl: Millilitres, shares: readonly Share[]): readonly Share[] {
  const weightSum = shares.reduce((sum, share) => sum + share.weightMl, 0n);
  assert(weightSum > 0n, 'shares have weight');
  const parts = shares.map(({ farm, weightMl }) => {
    const product = totalMl * weightMl;
    return { farm, amountMl: product / weightSum, remainder: product % weightSum };
  });
  let left = totalMl - parts.reduce((sum, part) => sum + part.amountMl, 0n);
  const byRemainder = [...parts].sort((a, b) => (a.remainder === b.remainder ? compareBytes(a.farm, b.farm) : a.remainder > b.remainder ? -1 : 1));
  for (const part of byRemainder) {
    if (left === 0n) break;
    part.amountMl += 1n;
    left -= 1n;
  }
  return parts.map(({ farm, amountMl }) => ({ farm, weightMl: amountMl }));
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

/**
 * Mints the attested volume of an open batch. The caller has seen the quorum.
 * @returns `ceiling_reached` where the plant's daily ceiling or the supply cap would be passed.
 */
export function mint({ draft, env, params, emit }: TxContext, statement: Attest, batch: BatchRow): Result<void> {
  const { volumeMl } = statement;
  const plantId = toHex(batch.plant);
  const plant = plantOf(draft, batch);
  const supply = supplyOf(draft);
  const day = dayOf(env.timeMs);
  const mintedMl = (plant.day === day ? plant.mintedMl : 0n) + volumeMl;
  const tollMl = shareOf(volumeMl, plant.tollBps);
  const repaidMl = min(tollMl, plant.owedMl);
  if (mintedMl > plant.ceilingMl || supply.supplyMl + volumeMl - repaidMl > params.supplyCapMl) return fault('ceiling_reached');

  const availableMl = plant.availableMl + volumeMl;
  const bondTargetMl = shareOf(availableMl, plant.bondBps);
  const bondedMl = bondTargetMl > plant.bondMl ? min(tollMl - repaidMl, bondTargetMl - plant.bondMl) : 0n;
  draft.put(ROWS.plant, plantId, {
    ...plant, owedMl: plant.owedMl - repaidMl, bondMl: plant.bondMl + bondedMl, availableMl, openBatches: plant.openBatches - 1, day, mintedMl,
  });
  draft.put(ROWS.supply, SINGLE, { supplyMl: supply.supplyMl + volumeMl - repaidMl, owedMl: supply.owedMl - repaidMl });
  credit(draft, batch.plant, tollMl - repaidMl - bondedMl);
  const farms = splitByWeight(volumeMl - tollMl, batch.shares);
  for (const share of farms) credit(draft, share.farm, share.weightMl);
  draft.put(ROWS.batch, toHex(statement.batch), { ...batch, state: BATCH.minted, issuedMl: volumeMl, availableMl: volumeMl, readingsRoot: statement.readingsRoot });
  emit({ case: 'minted', value: { batch: statement.batch, plant: batch.plant, volumeMl, tollMl, repaidMl, bondedMl, farms: farms.filter((share) => share.weightMl > 0n) } });
  return ok(undefined);
}
