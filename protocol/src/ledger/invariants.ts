/**
 * The reserve equation (SPEC §7.4), asserted after every block by its changes and whole at boot:
 *   supply = Σ batches (available + held) + Σ owed = Σ balances + bonds + pools,
 *   per batch: issued = available + held + redeemed + owed-out.
 * A broken equation is a bug: the node stops before it can sign such a block.
 */
import { assert } from '../lib/assert.ts';
import { ROWS } from '../state/layout.ts';
import type { FlatState, RowChange, View } from '../state/view.ts';
import type { AccountRow, BatchRow, PlantRow, PoolsRow, SupplyRow } from '../wire/state.ts';

/** Sums of one set of rows, mL. */
export interface ReserveSums {
  /** The supply row. */
  readonly supplyMl: bigint;
  /** Litres in custody: Σ batches (available + held). */
  readonly custodyMl: bigint;
  /** Σ owed of the plants: the reserve gap. */
  readonly owedMl: bigint;
  /** The supply row's own sum of what is owed. */
  readonly owedRowMl: bigint;
  /** Σ balances + bonds + pools. */
  readonly heldMl: bigint;
}

const ZERO: ReserveSums = { supplyMl: 0n, custodyMl: 0n, owedMl: 0n, owedRowMl: 0n, heldMl: 0n };

function sumOf(change: { readonly type: { readonly name: string }; readonly value: unknown }): ReserveSums {
  if (change.value === undefined) return ZERO;
  switch (change.type.name) {
    case 'account':
      return { ...ZERO, heldMl: (change.value as AccountRow).balanceMl };
    case 'plant': {
      const plant = change.value as PlantRow;
      return { ...ZERO, heldMl: plant.bondMl, owedMl: plant.owedMl };
    }
    case 'pools': {
      const pools = change.value as PoolsRow;
      return { ...ZERO, heldMl: pools.feesMl + pools.insuranceMl + pools.subsidyMl };
    }
    case 'batch': {
      const batch = change.value as BatchRow;
      assert(batch.issuedMl === batch.availableMl + batch.heldMl + batch.redeemedMl + batch.owedOutMl, 'issued = available + held + redeemed + owed-out');
      return { ...ZERO, custodyMl: batch.availableMl + batch.heldMl };
    }
    case 'supply': {
      const supply = change.value as SupplyRow;
      return { ...ZERO, supplyMl: supply.supplyMl, owedRowMl: supply.owedMl };
    }
    default:
      return ZERO;
  }
}

function add(a: ReserveSums, b: ReserveSums, sign: 1n | -1n): ReserveSums {
  return {
    supplyMl: a.supplyMl + sign * b.supplyMl, custodyMl: a.custodyMl + sign * b.custodyMl, owedMl: a.owedMl + sign * b.owedMl,
    owedRowMl: a.owedRowMl + sign * b.owedRowMl, heldMl: a.heldMl + sign * b.heldMl,
  };
}

function assertBalanced(sums: ReserveSums, where: string): void {
  assert(sums.supplyMl === sums.custodyMl + sums.owedMl, `${where}: supply ${sums.supplyMl} = custody ${sums.custodyMl} + owed ${sums.owedMl}`);
  assert(sums.supplyMl === sums.heldMl, `${where}: supply ${sums.supplyMl} = held ${sums.heldMl}`);
  assert(sums.owedMl === sums.owedRowMl, `${where}: owed of plants ${sums.owedMl} = owed in the supply row ${sums.owedRowMl}`);
}

/** After a block: the sums moved together. `before` is the state the changes were made on. */
export function assertReserveMoved(before: View, changes: readonly RowChange[]): void {
  let moved = ZERO;
  for (const change of changes) {
    moved = add(moved, sumOf(change), 1n);
    moved = add(moved, sumOf({ type: change.type, value: before.get(change.type, change.id) }), -1n);
  }
  assertBalanced(moved, 'changes of a block');
}

/** Sums over the whole state: for boot, verify-db and the reserve page. */
export function reserveSums(state: FlatState): ReserveSums {
  let sums = ZERO;
  for (const type of [ROWS.account, ROWS.plant, ROWS.pools, ROWS.batch, ROWS.supply]) {
    for (const row of state.rows<unknown>(type)) sums = add(sums, sumOf({ type, value: row.value }), 1n);
  }
  return sums;
}

/** The equation over the whole state; a failure names the sums. */
export function assertReserveWhole(state: FlatState): ReserveSums {
  const sums = reserveSums(state);
  assertBalanced(sums, 'whole state');
  return sums;
}
