/** What a block does after its transactions (SPEC §8.1). The table is the order of work, frozen at genesis. */
import { assert } from '../lib/assert.ts';
import { fromHex } from '../lib/bytes.ts';
import { endCustody } from '../state/custody.ts';
import { ROWS } from '../state/layout.ts';
import { settlePrice } from '../state/price.ts';
import { release } from '../state/stake.ts';
import type { Draft, FlatState } from '../state/view.ts';
import type { BlockEnv } from '../tx/context.ts';
import { BATCH } from '../wire/state.ts';
import type { Tip } from './chain.ts';
import { endStakeEpoch, noteSigners } from './stakeEpoch.ts';

/**
 * Batches that expire in one block: each writes at most five rows, and a campus dairy fills some ten lots a day. What is
 * left expires in the next block; meanwhile nobody can mint or redeem it, for rules look at times.
 */
export const EXPIRIES_MAX = 64;
/** Unbonding stakes paid out in one block, four rows each; the others follow in the next blocks. */
export const RELEASES_MAX = 256;
/** Rows deleted in one block: as much work as some 300 payments. What is left waits, and no rule sees it any more. */
export const DELETIONS_MAX = 1_000;

interface BlockEnd {
  /** The block before, with the commit that this block holds. */
  readonly tip: Tip;
  /** The state before the block: what is due is found in it. Nothing that a block writes is due in the same block. */
  readonly state: FlatState;
  readonly draft: Draft;
  readonly env: BlockEnv;
  readonly deletionsMax: number;
}

function expireBatches({ state, draft, env }: BlockEnd): void {
  let expired = 0;
  for (const { type, id } of state.lapsedBefore(env.timeMs)) {
    if (type !== ROWS.batch) continue;
    if (expired === EXPIRIES_MAX) return;
    const batch = draft.get(ROWS.batch, id);
    // A recall in this block may have ended it.
    if (batch === undefined || ROWS.batch.lapsesAtMs?.(batch) === undefined) continue;
    endCustody(draft, id, batch, BATCH.expired);
    expired += 1;
  }
}

/** Hex digits of the account at the end of an unbonding row's id. */
const ACCOUNT_DIGITS = 40;

function releaseStake({ state, draft, env }: BlockEnd): void {
  let released = 0;
  for (const { type, id } of state.lapsedBefore(env.timeMs)) {
    if (type !== ROWS.unbonding) continue;
    if (released === RELEASES_MAX) return;
    const row = draft.get(ROWS.unbonding, id);
    const account = fromHex(id.slice(-ACCOUNT_DIGITS));
    assert(row !== undefined && account !== undefined, 'only releases delete what unbonds');
    // More was taken out in this very block, so all of it waits again.
    if (row.releaseAtMs >= env.timeMs) continue;
    release(draft, id, row, account);
    released += 1;
  }
}

function deleteDeadRows({ state, draft, env, deletionsMax }: BlockEnd): void {
  let deleted = 0;
  for (const { type, id } of state.deadBefore(env.timeMs)) {
    if (deleted === deletionsMax) return;
    // Written again in this block: a new row under the old key.
    if (draft.touches(type, id)) continue;
    draft.delete(type, id);
    deleted += 1;
  }
}

const ORDER_OF_WORK: readonly (readonly [string, (end: BlockEnd) => void])[] = [
  ['expiries', expireBatches],
  ['releases', releaseStake],
  ['price', ({ draft, env }) => settlePrice(draft, env)],
  ['signers', ({ draft, tip }) => noteSigners(draft, tip)],
  ['epoch', ({ draft, env }) => endStakeEpoch(draft, env)],
  ['deletions', deleteDeadRows],
];

/**
 * Ends a block: `draft` holds what its transactions did to the state of `tip`.
 * @param deletionsMax another limit gives the same results of all later transactions; only tests use one.
 */
export function endBlock(tip: Tip, draft: Draft, env: BlockEnv, deletionsMax = DELETIONS_MAX): void {
  for (const [, work] of ORDER_OF_WORK) work({ tip, state: tip.state, draft, env, deletionsMax });
}
