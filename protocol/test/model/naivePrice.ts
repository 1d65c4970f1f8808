/** Price semantics, naively: the price of a day is a function of the reports of the days before. */
import { dayOf, PARAMS, type NaiveState } from './naiveState.ts';

const up = (a: bigint, b: bigint): bigint => (a + b - 1n) / b;

/** Lower median of at least three reporters, at most 5 % from the price before, in force the day after; else the price stays. */
export function priceOfDay(state: NaiveState, day: number): bigint {
  let price = state.firstPrice;
  for (let d = state.firstDay; d < day; d++) {
    const said = [...(state.reports.get(d) ?? new Map<string, bigint>()).values()].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    const median = said[Math.floor((said.length - 1) / 2)];
    if (said.length < 3 || median === undefined) continue;
    const share = (price * PARAMS.priceStepBps) / 10_000n;
    // At least one sen either way, or a low price could never move.
    const [low, high] = share === 0n ? [price - 1n, price + 1n] : [price - share, price + share];
    price = median < low ? low : median > high ? high : median;
  }
  return price;
}

/** Whether litres and ringgit fit the price of today or of yesterday. */
export function inBand(state: NaiveState, now: number, amount: bigint, sen: bigint): boolean {
  const today = dayOf(now);
  return [today, today - 1].some((day) => {
    const price = priceOfDay(state, day);
    const low = (price * (10_000n - PARAMS.bandBps)) / 10_000n;
    const high = up(price * (10_000n + PARAMS.bandBps), 10_000n);
    return amount >= up(sen * 1_000n, high) && amount <= up(sen * 1_000n, low);
  });
}
