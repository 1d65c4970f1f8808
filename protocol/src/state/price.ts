/** The price in force (SPEC §6.5): sen per BILL of a day; without a new one the last stays in force. */
import { assert } from '../lib/assert.ts';
import { mulDiv, ML_PER_BILL, type Millilitres, type Sen } from '../lib/amount.ts';
import { dayId, dayOf, ROWS } from './layout.ts';
import type { View } from './view.ts';

export interface BlockTimes {
  /** Time of the block being executed and of the one before it, ms. */
  readonly timeMs: number;
  readonly prevTimeMs: number;
}

/** Price in force at a block: that of its day, else the one the last block was under (its day's row always exists). */
export function priceInForce(view: View, env: BlockTimes): Sen {
  const row = view.get(ROWS.price, dayId(dayOf(env.timeMs))) ?? view.get(ROWS.price, dayId(dayOf(env.prevTimeMs)));
  assert(row !== undefined, 'the price of the last block is in state');
  return row.senPerBill;
}

function priceOfDayBefore(view: View, env: BlockTimes): Sen {
  const row = view.get(ROWS.price, dayId(dayOf(env.timeMs) - 1));
  return row?.senPerBill ?? priceInForce(view, env);
}

const BPS = 10_000n;

/** Litres an invoice over `sen` may ask for at one price, inclusive (SPEC §6, price band). */
export function bandAt(sen: Sen, priceSenPerBill: Sen, bandBps: number): { readonly minMl: Millilitres; readonly maxMl: Millilitres } {
  const low = mulDiv(priceSenPerBill, BPS - BigInt(bandBps), BPS, 'floor');
  const high = mulDiv(priceSenPerBill, BPS + BigInt(bandBps), BPS, 'ceil');
  return { minMl: mulDiv(sen, ML_PER_BILL, high, 'ceil'), maxMl: mulDiv(sen, ML_PER_BILL, low > 0n ? low : 1n, 'ceil') };
}

/** The bands of the price in force and of the day before: an invoice made just before midnight stays payable. */
export function priceBands(view: View, env: BlockTimes, sen: Sen, bandBps: number): readonly { readonly minMl: Millilitres; readonly maxMl: Millilitres }[] {
  return [bandAt(sen, priceInForce(view, env), bandBps), bandAt(sen, priceOfDayBefore(view, env), bandBps)];
}
