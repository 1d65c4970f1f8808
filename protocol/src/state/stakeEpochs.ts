/**
 * Stake epochs (SPEC §17.2): which set votes at a height, since when, and what stood behind it. The row `stake` is the
 * epoch of the next block; earlier ones are kept while evidence of their heights may come.
 */
import { assert } from '../lib/assert.ts';
import { toHex } from '../lib/bytes.ts';
import type { ValidatorSet } from '../wire/consensus.ts';
import type { StakeEpochRow } from '../wire/state.ts';
import { epochId, ROWS, SINGLE } from './layout.ts';
import type { View } from './view.ts';

/** The epoch of the next block. */
export function stakeEpochOf(view: View): StakeEpochRow {
  const epoch = view.get(ROWS.stake, SINGLE);
  assert(epoch !== undefined, 'every state has a stake epoch');
  return epoch;
}

/**
 * The epoch of a height; undefined for one that is no longer kept.
 * PERF: goes back from the newest, at most 21 d of epochs; only evidence asks for an old one.
 */
export function epochAt(view: View, height: number): StakeEpochRow | undefined {
  let epoch: StakeEpochRow | undefined = stakeEpochOf(view);
  while (epoch !== undefined && epoch.sinceHeight > height) epoch = epoch.no === 0 ? undefined : view.get(ROWS.stakeEpoch, epochId(epoch.no - 1));
  return epoch;
}

/** The set with this hash, if it votes or voted in the last 400 days. */
export function setOfHash(view: View, hash: Uint8Array): ValidatorSet | undefined {
  const row = view.get(ROWS.validatorSet, toHex(hash));
  return row === undefined ? undefined : { validators: row.validators };
}

/** The set that votes in an epoch. */
export function setOfEpoch(view: View, epoch: StakeEpochRow): ValidatorSet {
  const set = setOfHash(view, epoch.setHash);
  assert(set !== undefined, 'the set of an epoch that is kept is kept');
  return set;
}

/** The next whole multiple of `lengthMs` after a time: the first block at or after it ends the epoch. */
export function epochEndMs(timeMs: number, lengthMs: number): number {
  return timeMs - (timeMs % lengthMs) + lengthMs;
}
