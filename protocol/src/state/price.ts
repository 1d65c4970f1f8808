/** The price in force (SPEC §6.6): sen per BILL of a day; without a new one the last stays in force. */
import { assert } from '../lib/assert.ts';
import { mulDiv, ML_PER_BILL, type Millilitres, type Sen } from '../lib/amount.ts';
import { dayId, dayOf, ROWS } from './layout.ts';
import { paramsOf } from './params.ts';
import type { Draft, View } from './view.ts';
import type { PriceRow } from '../wire/state.ts';

export interface BlockTimes {
  /** Time of the block being executed and of the one before it, ms. */
  readonly timeMs: number;
  readonly prevTimeMs: number;
}

const BPS = 10_000n;
/** Fewer reports of a day leave the price as it is. Frozen at genesis. */
export const PRICE_REPORTS_MIN = 3;

/** How far a price may move in a day: below 20 sen 5 % round to nothing, and a price that cannot move would stay for ever. */
function stepOf(priceSen: Sen, stepBps: number): Sen {
  const stepSen = mulDiv(priceSen, BigInt(stepBps), BPS, 'floor');
  return stepSen === 0n && stepBps > 0 ? 1n : stepSen;
}

/**
 * Price that follows a day: the lower median of its reports, at most `stepBps` (or 1 sen, if that is more) away from the day's own price.
 * @param row the day's price and the last report of each reporter.
 */
export function priceAfter(row: PriceRow, stepBps: number): Sen {
  if (row.reports.length < PRICE_REPORTS_MIN) return row.senPerBill;
  const reported = row.reports.map((report) => report.senPerBill).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const last = reported.length - 1;
  const median = reported[(last - (last % 2)) / 2];
  assert(median !== undefined, 'three or more reports have a median');
  const stepSen = stepOf(row.senPerBill, stepBps);
  const [low, high] = [row.senPerBill - stepSen, row.senPerBill + stepSen];
  if (median < low) return low;
  return median > high ? high : median;
}

/**
 * Price in force at a block: that of its day, else what follows the day of the block before (whose row always exists: the
 * first block of a day writes it). Days without a block change nothing.
 */
export function priceInForce(view: View, env: BlockTimes): Sen {
  const today = view.get(ROWS.price, dayId(dayOf(env.timeMs)));
  if (today !== undefined) return today.senPerBill;
  const before = view.get(ROWS.price, dayId(dayOf(env.prevTimeMs)));
  assert(before !== undefined, 'the price of the last block is in state');
  return priceAfter(before, paramsOf(view).priceStepBps);
}

/** The first block of a day writes the day's row, so that the price in force is always in state. */
export function settlePrice(draft: Draft, env: BlockTimes): void {
  const id = dayId(dayOf(env.timeMs));
  if (draft.get(ROWS.price, id) === undefined) draft.put(ROWS.price, id, { senPerBill: priceInForce(draft, env), reports: [] });
}

function priceOfDayBefore(view: View, env: BlockTimes, todaySen: Sen): Sen {
  return view.get(ROWS.price, dayId(dayOf(env.timeMs) - 1))?.senPerBill ?? todaySen;
}

/** Litres an invoice over `sen` may ask for at one price, inclusive (SPEC §6.2, price band). */
export function bandAt(sen: Sen, priceSenPerBill: Sen, bandBps: number): { readonly minMl: Millilitres; readonly maxMl: Millilitres } {
  const low = mulDiv(priceSenPerBill, BPS - BigInt(bandBps), BPS, 'floor');
  const high = mulDiv(priceSenPerBill, BPS + BigInt(bandBps), BPS, 'ceil');
  return { minMl: mulDiv(sen, ML_PER_BILL, high, 'ceil'), maxMl: mulDiv(sen, ML_PER_BILL, low > 0n ? low : 1n, 'ceil') };
}

/** The bands of the price in force and, where it was another, of the day before: an invoice made just before midnight stays payable. */
export function priceBands(view: View, env: BlockTimes, sen: Sen, bandBps: number): readonly { readonly minMl: Millilitres; readonly maxMl: Millilitres }[] {
  const today = priceInForce(view, env);
  const before = priceOfDayBefore(view, env, today);
  const bands = [bandAt(sen, today, bandBps)];
  if (before !== today) bands.push(bandAt(sen, before, bandBps));
  return bands;
}
