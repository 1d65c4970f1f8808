/**
 * Stake behind a validator (SPEC §17.1): one pool of litres that shares divide, and what was taken out of it and waits to be
 * released, a pool for each stake epoch. Every rounding is down, for the benefit of those who stay.
 */
import { mulDiv, type Millilitres } from '../lib/amount.ts';
import { assert } from '../lib/assert.ts';
import { toHex } from '../lib/bytes.ts';
import { fault, ok, type Result } from '../lib/fault.ts';
import { STANDING, type StakeEpochRow, type UnbondingRow, type ValidatorRow } from '../wire/state.ts';
import { shareOf } from './custody.ts';
import { DAY_MS, delegationId, ROWS, SINGLE, unbondingId, unbondingPoolId } from './layout.ts';
import { credit, poolsOf } from './money.ts';
import { paramsOf } from './params.ts';
import { stakeEpochOf } from './stakeEpochs.ts';
import type { Draft, View } from './view.ts';

/** The validators of genesis vote without stake until then: all BILL comes from milk, and there is none yet. Frozen at genesis. */
export const STAKE_GRACE_MS = 30 * DAY_MS;

/** The row of an institution that is admitted. @param stakeDueMs until then it may be elected without stake. */
export function newValidator({ publicKey, name, account, status }: Pick<ValidatorRow, 'publicKey' | 'name' | 'account' | 'status'>, stakeDueMs: number): ValidatorRow {
  return { publicKey, name, account, status, commissionBps: 0, stakeMl: 0n, shares: 0n, standing: STANDING.good, stakeDueMs };
}

/** A validator that is in state for sure. @param id hex of the address of its consensus key. */
export function validatorAt(view: View, id: string): ValidatorRow {
  const validator = view.get(ROWS.validator, id);
  assert(validator !== undefined, 'rows of validators are never deleted');
  return validator;
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

/** Shares that an amount buys: the first are one a mL. */
function sharesFor(amountMl: Millilitres, pool: { readonly amountMl: Millilitres; readonly shares: bigint }): bigint {
  if (pool.shares === 0n) return amountMl;
  return pool.amountMl === 0n ? 0n : mulDiv(amountMl, pool.shares, pool.amountMl, 'floor');
}

/** Puts litres, which the caller has taken from the account, into the stake. Returns the shares; `no_shares` where they buy none. */
export function addStake(draft: Draft, id: string, account: Uint8Array, amountMl: Millilitres): Result<bigint> {
  const validator = validatorAt(draft, id);
  const shares = sharesFor(amountMl, { amountMl: validator.stakeMl, shares: validator.shares });
  if (shares === 0n) return fault('no_shares');
  const held = draft.get(ROWS.delegation, delegationId(id, account))?.shares ?? 0n;
  draft.put(ROWS.delegation, delegationId(id, account), { shares: held + shares });
  draft.put(ROWS.validator, id, { ...validator, stakeMl: validator.stakeMl + amountMl, shares: validator.shares + shares });
  return ok(shares);
}

/** What an account gets for shares, and the last instant before it does. */
export interface Unbonded {
  readonly amountMl: Millilitres;
  readonly releaseAtMs: number;
}

/**
 * Takes shares out of the stake into the unbonding pool of the stake epoch: they answer for its votes as long as evidence of
 * them may come. Time runs from the end of the epoch, and never from before the block.
 */
export function takeStake(draft: Draft, id: string, account: Uint8Array, shares: bigint, timeMs: number): Result<Unbonded> {
  const held = draft.get(ROWS.delegation, delegationId(id, account))?.shares ?? 0n;
  if (shares > held) return fault('exceeds_shares', { shares: held });
  const validator = validatorAt(draft, id);
  const amountMl = mulDiv(shares, validator.stakeMl, validator.shares, 'floor');
  if (amountMl === 0n) return fault('no_shares');
  if (shares === held) draft.delete(ROWS.delegation, delegationId(id, account));
  else draft.put(ROWS.delegation, delegationId(id, account), { shares: held - shares });
  draft.put(ROWS.validator, id, { ...validator, stakeMl: validator.stakeMl - amountMl, shares: validator.shares - shares });
  const epoch = stakeEpochOf(draft);
  const releaseAtMs = (timeMs > epoch.endsAtMs ? timeMs : epoch.endsAtMs) + paramsOf(draft).unbondingMs;
  return ok({ amountMl, releaseAtMs: unbond(draft, id, epoch.no, account, { amountMl, releaseAtMs }) });
}

/** Joins what the same account took out in the same epoch; both are released at the later time. */
function unbond(draft: Draft, id: string, epochNo: number, account: Uint8Array, { amountMl, releaseAtMs }: Unbonded): number {
  const poolId = unbondingPoolId(id, epochNo);
  const pool = draft.get(ROWS.unbondingPool, poolId) ?? { amountMl: 0n, shares: 0n };
  const shares = sharesFor(amountMl, pool);
  const before = draft.get(ROWS.unbonding, unbondingId(id, epochNo, account)) ?? { shares: 0n, releaseAtMs };
  const later = before.releaseAtMs > releaseAtMs ? before.releaseAtMs : releaseAtMs;
  draft.put(ROWS.unbondingPool, poolId, { amountMl: pool.amountMl + amountMl, shares: pool.shares + shares });
  draft.put(ROWS.unbonding, unbondingId(id, epochNo, account), { shares: before.shares + shares, releaseAtMs: later });
  return later;
}

/** Hex digits of a validator and a stake epoch at the head of an unbonding row's id. */
const POOL_ID_DIGITS = 48;

/** Pays out an unbonding row whose time has come, and deletes it. @param account of the row's id. */
export function release(draft: Draft, rowId: string, row: UnbondingRow, account: Uint8Array): void {
  const poolId = rowId.slice(0, POOL_ID_DIGITS);
  const pool = draft.get(ROWS.unbondingPool, poolId);
  assert(pool !== undefined && pool.shares >= row.shares, 'the pool of an unbonding row is there');
  const amountMl = mulDiv(row.shares, pool.amountMl, pool.shares, 'floor');
  if (pool.shares === row.shares) draft.delete(ROWS.unbondingPool, poolId);
  else draft.put(ROWS.unbondingPool, poolId, { amountMl: pool.amountMl - amountMl, shares: pool.shares - row.shares });
  draft.delete(ROWS.unbonding, rowId);
  credit(draft, account, amountMl);
}

/**
 * Punishes a validator for a vote in `epoch` (SPEC §17.4): slashBps of the stake it had there go to the insurance pool, from
 * what left since and from what is still bonded, and its key never votes again. Once in the life of a key.
 * PERF: looks at each epoch since, at most evidenceMaxAgeMs of them.
 */
export function slash(draft: Draft, id: string, epoch: StakeEpochRow): void {
  const validator = validatorAt(draft, id);
  const { slashBps } = paramsOf(draft);
  assert(validator.standing !== STANDING.tombstoned, 'a key is punished once');
  const member = epoch.members.find((one) => toHex(one.validator) === id);
  assert(member !== undefined, 'an offender is of the set of its epoch');
  const targetMl = shareOf(member.stakeMl, slashBps);
  let takenMl = 0n;
  for (let no = epoch.no; no <= stakeEpochOf(draft).no; no++) {
    const pool = draft.get(ROWS.unbondingPool, unbondingPoolId(id, no));
    if (pool === undefined) continue;
    const partMl = min(shareOf(pool.amountMl, slashBps), targetMl - takenMl);
    draft.put(ROWS.unbondingPool, unbondingPoolId(id, no), { ...pool, amountMl: pool.amountMl - partMl });
    takenMl += partMl;
  }
  const bondedMl = min(targetMl - takenMl, validator.stakeMl);
  draft.put(ROWS.validator, id, { ...validator, stakeMl: validator.stakeMl - bondedMl, standing: STANDING.tombstoned });
  const pools = poolsOf(draft);
  draft.put(ROWS.pools, SINGLE, { ...pools, insuranceMl: pools.insuranceMl + takenMl + bondedMl });
}
