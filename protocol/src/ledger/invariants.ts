/**
 * The reserve equation (SPEC §7.6), asserted after every block by its changes and whole at boot:
 *   supply = Σ batches (available + held) + Σ owed = Σ balances + bonds + stakes + unbonding + pools,
 *   per batch: issued = available + held + redeemed + owed-out,
 *   per plant: available, held and open batches are those of its batches,
 *   per validator and per unbonding pool: its shares are those of its accounts.
 * A broken equation is a bug: the node stops before it can sign such a block.
 */
import { assert } from '../lib/assert.ts';
import { toHex } from '../lib/bytes.ts';
import { ROWS, type RowType } from '../state/layout.ts';
import type { FlatState, RowChange, View } from '../state/view.ts';
import { BATCH, type AccountRow, type BatchRow, type DelegationRow, type PlantRow, type PoolsRow, type SupplyRow, type UnbondingPoolRow, type UnbondingRow, type ValidatorRow } from '../wire/state.ts';

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
  /** Σ balances + bonds + stakes + unbonding + pools. */
  readonly heldMl: bigint;
}

/** What a plant's row says of its batches, less what they say. */
interface PlantGap {
  availableMl: bigint;
  heldMl: bigint;
  openBatches: number;
}

/** Hex digits of the account at the end of a row's id. */
const ACCOUNT_DIGITS = 40;

/** Adds rows up, or takes them off; what a block moved is the rows after it less those before. */
class Sums {
  supplyMl = 0n;
  custodyMl = 0n;
  owedMl = 0n;
  owedRowMl = 0n;
  heldMl = 0n;
  readonly plants = new Map<string, PlantGap>();
  /** Shares that a stake or unbonding pool says it has, less those of its accounts; by id of the pool. */
  readonly shares = new Map<string, bigint>();

  count(type: RowType<unknown>, id: string, value: unknown, sign: 1 | -1): void {
    if (value === undefined) return;
    const times = BigInt(sign);
    switch (type.prefix) {
      case ROWS.account.prefix:
        this.heldMl += times * (value as AccountRow).balanceMl;
        return;
      case ROWS.plant.prefix:
        this.#countPlant(id, value as PlantRow, sign);
        return;
      case ROWS.batch.prefix:
        this.#countBatch(value as BatchRow, sign);
        return;
      case ROWS.pools.prefix: {
        const { feesMl, insuranceMl, subsidyMl } = value as PoolsRow;
        this.heldMl += times * (feesMl + insuranceMl + subsidyMl);
        return;
      }
      case ROWS.validator.prefix: {
        const { stakeMl, shares } = value as ValidatorRow;
        this.heldMl += times * stakeMl;
        return this.#moveShares(id, times * shares);
      }
      case ROWS.unbondingPool.prefix: {
        const { amountMl, shares } = value as UnbondingPoolRow;
        this.heldMl += times * amountMl;
        return this.#moveShares(id, times * shares);
      }
      case ROWS.delegation.prefix:
      case ROWS.unbonding.prefix:
        return this.#moveShares(id.slice(0, -ACCOUNT_DIGITS), -times * (value as DelegationRow | UnbondingRow).shares);
      case ROWS.supply.prefix: {
        const supply = value as SupplyRow;
        this.supplyMl += times * supply.supplyMl;
        this.owedRowMl += times * supply.owedMl;
      }
    }
  }

  assertBalanced(where: string): void {
    const { supplyMl, custodyMl, owedMl, owedRowMl, heldMl } = this;
    assert(supplyMl === custodyMl + owedMl, `${where}: supply ${supplyMl} = custody ${custodyMl} + owed ${owedMl}`);
    assert(supplyMl === heldMl, `${where}: supply ${supplyMl} = held ${heldMl}`);
    assert(owedMl === owedRowMl, `${where}: owed of plants ${owedMl} = owed in the supply row ${owedRowMl}`);
    for (const [pool, off] of this.shares) assert(off === 0n, `${where}: shares of stake ${pool} = those of its accounts (off by ${off})`);
    for (const [plant, gap] of this.plants) {
      assert(gap.availableMl === 0n && gap.heldMl === 0n, `${where}: litres of plant ${plant} = those of its batches (off by ${gap.availableMl} available, ${gap.heldMl} held)`);
      assert(gap.openBatches === 0, `${where}: open batches of plant ${plant} = its batches that are open (off by ${gap.openBatches})`);
    }
  }

  #moveShares(pool: string, shares: bigint): void {
    this.shares.set(pool, (this.shares.get(pool) ?? 0n) + shares);
  }

  #countPlant(id: string, plant: PlantRow, sign: 1 | -1): void {
    const times = BigInt(sign);
    this.heldMl += times * plant.bondMl;
    this.owedMl += times * plant.owedMl;
    this.#move(id, times * plant.availableMl, times * plant.heldMl, sign * plant.openBatches);
  }

  #countBatch(batch: BatchRow, sign: 1 | -1): void {
    const { issuedMl, availableMl, heldMl, redeemedMl, owedOutMl } = batch;
    assert(issuedMl === availableMl + heldMl + redeemedMl + owedOutMl, 'issued = available + held + redeemed + owed-out');
    const times = BigInt(sign);
    this.custodyMl += times * (availableMl + heldMl);
    this.#move(toHex(batch.plant), -times * availableMl, -times * heldMl, batch.state === BATCH.open ? -sign : 0);
  }

  #move(plant: string, availableMl: bigint, heldMl: bigint, openBatches: number): void {
    const gap = this.plants.get(plant) ?? { availableMl: 0n, heldMl: 0n, openBatches: 0 };
    gap.availableMl += availableMl;
    gap.heldMl += heldMl;
    gap.openBatches += openBatches;
    this.plants.set(plant, gap);
  }
}

/** After a block: the sums moved together. `before` is the state the changes were made on. */
export function assertReserveMoved(before: View, changes: readonly RowChange[]): void {
  const moved = new Sums();
  for (const { type, id, value } of changes) {
    moved.count(type, id, value, 1);
    moved.count(type, id, before.get(type, id), -1);
  }
  moved.assertBalanced('changes of a block');
}

function sumsOf(state: FlatState): Sums {
  const sums = new Sums();
  for (const type of [ROWS.account, ROWS.plant, ROWS.pools, ROWS.batch, ROWS.supply, ROWS.validator, ROWS.delegation, ROWS.unbonding, ROWS.unbondingPool] as RowType<unknown>[]) {
    for (const { id, value } of state.rows(type)) sums.count(type, id, value, 1);
  }
  return sums;
}

function shown({ supplyMl, custodyMl, owedMl, owedRowMl, heldMl }: Sums): ReserveSums {
  return { supplyMl, custodyMl, owedMl, owedRowMl, heldMl };
}

/** Sums over the whole state: for boot, verify-db and the reserve page. */
export function reserveSums(state: FlatState): ReserveSums {
  return shown(sumsOf(state));
}

/** The equation over the whole state; a failure names the sums. */
export function assertReserveWhole(state: FlatState): ReserveSums {
  const sums = sumsOf(state);
  sums.assertBalanced('whole state');
  return shown(sums);
}
