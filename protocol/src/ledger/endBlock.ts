/**
 * What a block does after its transactions (SPEC §8.1). The table is the order of work, frozen at genesis; releases of
 * stake take their place before the price, epochs between price and deletions.
 */
import { endCustody } from '../state/custody.ts';
import { ROWS } from '../state/layout.ts';
import { settlePrice } from '../state/price.ts';
import type { Draft, FlatState } from '../state/view.ts';
import type { BlockEnv } from '../tx/context.ts';
import { BATCH } from '../wire/state.ts';

/**
 * Batches that expire in one block: each writes at most five rows, and a campus dairy fills some ten lots a day. What is
 * left expires in the next block; meanwhile nobody can mint or redeem it, for rules look at times.
 */
export const EXPIRIES_MAX = 64;
/** Rows deleted in one block: as much work as some 300 payments. What is left waits, and no rule sees it any more. */
export const DELETIONS_MAX = 1_000;

interface BlockEnd {
  /** The state before the block: what is due is found in it. Nothing that a block writes is due in the same block. */
  readonly state: FlatState;
  readonly draft: Draft;
  readonly env: BlockEnv;
  readonly deletionsMax: number;
}

function expireBatches({ state, draft, env }: BlockEnd): void {
  let expired = 0;
  for (const { id } of state.lapsedBefore(env.timeMs)) {
    if (expired === EXPIRIES_MAX) return;
    const batch = draft.get(ROWS.batch, id);
    // A recall in this block may have ended it.
    if (batch === undefined || ROWS.batch.lapsesAtMs?.(batch) === undefined) continue;
    endCustody(draft, id, batch, BATCH.expired);
    expired += 1;
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
  ['price', ({ draft, env }) => settlePrice(draft, env)],
  ['deletions', deleteDeadRows],
];

/**
 * Ends a block: `draft` holds what its transactions did to `state`.
 * @param deletionsMax another limit gives the same results of all later transactions; only tests use one.
 */
export function endBlock(state: FlatState, draft: Draft, env: BlockEnv, deletionsMax = DELETIONS_MAX): void {
  for (const [, work] of ORDER_OF_WORK) work({ state, draft, env, deletionsMax });
}
