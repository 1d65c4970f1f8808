/**
 * What a block does after its transactions, in this order (SPEC §8): price. Expiries, releases, epochs and the sweep of
 * dead rows take their places here as their kinds arrive.
 */
import { dayId, dayOf, ROWS } from '../state/layout.ts';
import { priceInForce } from '../state/price.ts';
import type { Draft } from '../state/view.ts';
import type { BlockEnv } from '../tx/context.ts';

/** The first block of a day carries the last price into the day's row, so that the price in force is always in state. */
function carryPrice(draft: Draft, env: BlockEnv): void {
  const id = dayId(dayOf(env.timeMs));
  if (draft.get(ROWS.price, id) === undefined) draft.put(ROWS.price, id, { senPerBill: priceInForce(draft, env), reports: [] });
}

export function endBlock(draft: Draft, env: BlockEnv): void {
  carryPrice(draft, env);
}
