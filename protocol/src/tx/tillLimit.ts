/** What a till's key may take of its merchant's balance in a day (SPEC §6.4): a stolen till has this limit. */
import { assert } from '../lib/assert.ts';
import type { Millilitres } from '../lib/amount.ts';
import { fault, ok, type Result } from '../lib/fault.ts';
import { dayOf, ROWS, tillId } from '../state/layout.ts';
import type { TxContext } from './context.ts';

/** Books an amount on the till's day, or refuses with `over_till_cap`. */
export function chargeTillLimit({ draft, env, params }: TxContext, tillNo: number, amountMl: Millilitres): Result<void> {
  const till = draft.get(ROWS.till, tillId(tillNo));
  assert(till !== undefined, 'the till that signed is registered');
  const day = dayOf(env.timeMs);
  const refundedMl = (till.day === day ? till.refundedMl : 0n) + amountMl;
  if (refundedMl > params.tillRefundDailyMl) return fault('over_till_cap');
  draft.put(ROWS.till, tillId(tillNo), { ...till, day, refundedMl });
  return ok(undefined);
}
