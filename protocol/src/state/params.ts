/**
 * Parameters of the chain (SPEC §11): start values with their reasons. Governance may change them within the bounds of
 * ParamsRow; what is not here is frozen at genesis.
 */
import { assert } from '../lib/assert.ts';
import type { ParamsRow } from '../wire/state.ts';
import { DAY_MS, ROWS, SINGLE } from './layout.ts';
import type { View } from './view.ts';

export const DEFAULT_PARAMS: ParamsRow = {
  headerVersion: 1,
  /** A flat fee keeps spam from being free. */
  minFeeMl: 1n,
  /** 0.2 % of a payment, at least 1 mL, on the merchant's side: a carton of 300 mL costs 1 mL. */
  paymentFeeBps: 20,
  /** 100 L: no campus sale is larger; a typing error of the till is stopped here. */
  invoiceMaxMl: 100_000n,
  /** ±1 %: rounding of small sales and a price that changed a moment ago. */
  bandBps: 100,
  /** 20 L a day: what a stolen till can give back at most. */
  tillRefundDailyMl: 20_000n,
  /** A carton earns a point, a sip does not. */
  pointMinMl: 200n,
  pointsPerDay: 10,
  couponMl: 300n,
  couponLifeMs: 90 * DAY_MS,
  refundWindowMs: 7 * DAY_MS,
  txLifeMaxMs: 3_600_000,
  /** 10^9 mL = a million litres: a bound on what any fault of the oracles could mint. */
  supplyCapMl: 1_000_000_000n,
  /** Longest life of pasteurised milk that any profile allows. */
  shelfLifeMaxMs: 30 * DAY_MS,
  timeoutProposeMs: 400,
  timeoutVoteMs: 200,
  minBlockIntervalMs: 100,
  idleBlockIntervalMs: 10_000,
  precisionMs: 250,
  msgDelayMs: 2_000,
  /** ±5 %: what reporters can move the price by from one day to the next. */
  priceStepBps: 500,
  /** A full mesh of institutions that know each other; 7 are recommended. */
  maxValidators: 20,
  /** 100 L: what an institution of a campus can put up. */
  stakeMinMl: 100_000n,
  /** 1,000 L: no institution stakes another out of the set by more than this. */
  stakeMaxMl: 1_000_000n,
  /** 1 L: a delegation is worth its row. */
  delegationMinMl: 1_000n,
  stakeEpochMs: 3_600_000,
  unbondingMs: 21 * DAY_MS,
  evidenceMaxAgeMs: 20 * DAY_MS,
  /** 5 %. */
  slashBps: 500,
  downtimeMs: DAY_MS,
  downtimeBlocks: 1_000,
};

assert(DEFAULT_PARAMS.couponMl <= DEFAULT_PARAMS.invoiceMaxMl, 'a coupon fits an invoice');
assert(DEFAULT_PARAMS.stakeMinMl <= DEFAULT_PARAMS.stakeMaxMl, 'a stake that is enough is counted whole');
assert(DEFAULT_PARAMS.evidenceMaxAgeMs + DEFAULT_PARAMS.stakeEpochMs <= DEFAULT_PARAMS.unbondingMs, 'no stake is out while its votes can be punished');
assert(DEFAULT_PARAMS.minBlockIntervalMs < DEFAULT_PARAMS.idleBlockIntervalMs, 'blocks under load come faster than idle ones');

export function paramsOf(view: View): ParamsRow {
  const params = view.get(ROWS.params, SINGLE);
  assert(params !== undefined, 'every state has parameters');
  return params;
}
