/**
 * Litres that leave custody without a delivery (SPEC §7.4): by expiry, recall or write-off the plant owes them. What it
 * owes is burned from its bond, then its balance, then, once the plant is revoked, from the insurance pool; the rest
 * stays owed. Holding a batch moves litres aside and back.
 */
import type { Millilitres } from '../lib/amount.ts';
import { mulDiv } from '../lib/amount.ts';
import { assert } from '../lib/assert.ts';
import { toHex } from '../lib/bytes.ts';
import { BATCH, REVOKED, type BatchRow, type PlantRow } from '../wire/state.ts';
import { ROWS, SINGLE } from './layout.ts';
import { balanceOf, debit, poolsOf, supplyOf } from './money.ts';
import type { Draft, View } from './view.ts';

const BPS = 10_000n;

/** How litres that left custody were settled; their sum is outMl. */
export interface Settlement {
  readonly outMl: Millilitres;
  readonly fromBondMl: Millilitres;
  readonly fromBalanceMl: Millilitres;
  readonly fromInsuranceMl: Millilitres;
  /** Stays in owed[plant]. */
  readonly owedMl: Millilitres;
}

/** The plant of a batch. Registry rows are never deleted, so it is there. */
export function plantOf(view: View, batch: BatchRow): PlantRow {
  const plant = view.get(ROWS.plant, toHex(batch.plant));
  assert(plant !== undefined, 'the plant of a batch is registered');
  return plant;
}

/** bps of an amount, rounded down: toll and bond. */
export function shareOf(amountMl: Millilitres, bps: number): Millilitres {
  return mulDiv(amountMl, BigInt(bps), BPS, 'floor');
}

/**
 * Bond that a plant may not go below: bondBps of all that is in its custody. Held litres count, because a batch under
 * suspicion is the one most likely to be owed.
 */
export function bondFloorMl(plant: PlantRow): Millilitres {
  return shareOf(plant.availableMl + plant.heldMl, plant.bondBps);
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

/** Burns what the plant owes for `outMl` litres, in the order of the law, and writes plant, balance, pool and supply. */
function settle(draft: Draft, plant: PlantRow, outMl: Millilitres): Settlement {
  const fromBondMl = min(outMl, plant.bondMl);
  const fromBalanceMl = min(outMl - fromBondMl, balanceOf(draft, plant.account));
  const pools = poolsOf(draft);
  const fromInsuranceMl = plant.status === REVOKED ? min(outMl - fromBondMl - fromBalanceMl, pools.insuranceMl) : 0n;
  const burnedMl = fromBondMl + fromBalanceMl + fromInsuranceMl;
  const owedMl = outMl - burnedMl;
  const paid = debit(draft, plant.account, fromBalanceMl);
  assert(paid.ok, 'no more is taken than the balance holds');
  draft.put(ROWS.plant, toHex(plant.account), { ...plant, bondMl: plant.bondMl - fromBondMl, owedMl: plant.owedMl + owedMl });
  if (fromInsuranceMl > 0n) draft.put(ROWS.pools, SINGLE, { ...pools, insuranceMl: pools.insuranceMl - fromInsuranceMl });
  const supply = supplyOf(draft);
  draft.put(ROWS.supply, SINGLE, { supplyMl: supply.supplyMl - burnedMl, owedMl: supply.owedMl + owedMl });
  return { outMl, fromBondMl, fromBalanceMl, fromInsuranceMl, owedMl };
}

/** How a batch ends other than by delivery. */
export type EndState = typeof BATCH.expired | typeof BATCH.recalled | typeof BATCH.writtenOff;

/** Ends a batch: what is left of it becomes owed, and one that waits for the oracles gives its place back. */
export function endCustody(draft: Draft, batchId: string, batch: BatchRow, state: EndState): Settlement {
  const outMl = batch.availableMl + batch.heldMl;
  const plant = plantOf(draft, batch);
  draft.put(ROWS.batch, batchId, { ...batch, state, availableMl: 0n, heldMl: 0n, owedOutMl: batch.owedOutMl + outMl });
  return settle(draft, {
    ...plant, availableMl: plant.availableMl - batch.availableMl, heldMl: plant.heldMl - batch.heldMl, openBatches: plant.openBatches - (batch.state === BATCH.open ? 1 : 0),
  }, outMl);
}

/** Moves all litres of a batch aside, or back; returns how many. */
export function setHold(draft: Draft, batchId: string, batch: BatchRow, held: boolean): Millilitres {
  const movedMl = held ? batch.availableMl : batch.heldMl;
  const heldMl = held ? movedMl : -movedMl;
  const plant = plantOf(draft, batch);
  draft.put(ROWS.batch, batchId, { ...batch, onHold: held ? 1 : 0, availableMl: batch.availableMl - heldMl, heldMl: batch.heldMl + heldMl });
  draft.put(ROWS.plant, toHex(batch.plant), { ...plant, availableMl: plant.availableMl - heldMl, heldMl: plant.heldMl + heldMl });
  return movedMl;
}
