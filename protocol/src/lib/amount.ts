/**
 * Millilitres and sen. Amounts are bigint in code and decimal strings in JSON, never a JSON number (SPEC §1).
 */
import { assert } from './assert.ts';

declare const unit: unique symbol;
/** Base unit of milk and of BILL: 1 mL, 0 … 2^53−1. 1,000 mL = 1 BILL = 1 litre. */
export type Millilitres = bigint & { readonly [unit]?: 'mL' };
/** Hundredths of a ringgit. Prices are sen per BILL, that is per litre. */
export type Sen = bigint & { readonly [unit]?: 'sen' };

/** Largest amount on the wire: 2^53 − 1, so that every JSON reader holds it exactly. */
export const AMOUNT_MAX = 9_007_199_254_740_991n;
export const ML_PER_BILL = 1_000n;

export type Rounding = 'floor' | 'ceil' | 'halfUp';

/** a · b / divisor in exact integers; all three are not negative and divisor is not zero. */
export function mulDiv(a: bigint, b: bigint, divisor: bigint, rounding: Rounding): bigint {
  assert(a >= 0n && b >= 0n && divisor > 0n, 'mulDiv takes non-negative factors and a positive divisor');
  const product = a * b;
  switch (rounding) {
    case 'floor':
      return product / divisor;
    case 'ceil':
      return (product + divisor - 1n) / divisor;
    case 'halfUp':
      return (2n * product + divisor) / (2n * divisor);
  }
}

/** Litres that `sen` buy at a price: mL = ceil(sen · 1000 / price) (SPEC §1). */
export function senToMl(sen: Sen, priceSenPerBill: Sen): Millilitres {
  return mulDiv(sen, ML_PER_BILL, priceSenPerBill, 'ceil');
}

/** Ringgit value of litres at a price: sen = roundHalfUp(mL · price / 1000) (SPEC §1). */
export function mlToSen(amountMl: Millilitres, priceSenPerBill: Sen): Sen {
  return mulDiv(amountMl, priceSenPerBill, ML_PER_BILL, 'halfUp');
}

const LITRES = /^\d{1,13}(\.\d{1,3})?$/;
const RINGGIT = /^\d{1,10}(\.\d{1,2})?$/;

function parseDecimal(text: string, pattern: RegExp, places: number): bigint | undefined {
  if (!pattern.test(text)) return undefined;
  const [whole = '', fraction = ''] = text.split('.');
  const value = BigInt(whole + fraction.padEnd(places, '0'));
  return value <= AMOUNT_MAX ? value : undefined;
}

function formatDecimal(value: bigint, places: number): string {
  const negative = value < 0n;
  const digits = (negative ? -value : value).toString().padStart(places + 1, '0');
  return `${negative ? '-' : ''}${digits.slice(0, -places)}.${digits.slice(-places)}`;
}

/** "0.300" → 300 mL; undefined where the text is no litre amount (no sign, exponent, comma or fourth place). */
export function parseLitres(text: string): Millilitres | undefined {
  return parseDecimal(text, LITRES, 3);
}

/** 300 mL → "0.300"; always three places. */
export function formatLitres(amountMl: Millilitres): string {
  return formatDecimal(amountMl, 3);
}

/** "1.80" → 180 sen; undefined where the text is no ringgit amount. */
export function parseRinggit(text: string): Sen | undefined {
  return parseDecimal(text, RINGGIT, 2);
}

/** 180 sen → "1.80"; always two places; a refund may be negative. */
export function formatRinggit(sen: Sen): string {
  return formatDecimal(sen, 2);
}
