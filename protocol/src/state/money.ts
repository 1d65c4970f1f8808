/** Balances and the fee pool: the only place where BILL moves between accounts. */
import { assert } from '../lib/assert.ts';
import { toHex } from '../lib/bytes.ts';
import type { Millilitres } from '../lib/amount.ts';
import { fault, ok, type Result } from '../lib/fault.ts';
import type { PoolsRow, SupplyRow } from '../wire/state.ts';
import { ROWS, SINGLE } from './layout.ts';
import type { Draft, View } from './view.ts';

export function balanceOf(view: View, address: Uint8Array): Millilitres {
  return view.get(ROWS.account, toHex(address))?.balanceMl ?? 0n;
}

export function credit(draft: Draft, address: Uint8Array, amountMl: Millilitres): void {
  creditRow(draft, toHex(address), amountMl);
}

/** Of the account with this row id. */
export function creditRow(draft: Draft, id: string, amountMl: Millilitres): void {
  assert(amountMl >= 0n, 'a credit is not negative');
  if (amountMl === 0n) return;
  const account = draft.get(ROWS.account, id) ?? { balanceMl: 0n };
  draft.put(ROWS.account, id, { ...account, balanceMl: account.balanceMl + amountMl });
}

/** Takes from a balance, or refuses with `insufficient_balance`. */
export function debit(draft: Draft, address: Uint8Array, amountMl: Millilitres): Result<void> {
  return debitRow(draft, toHex(address), amountMl);
}

/** Of the account with this row id. */
export function debitRow(draft: Draft, id: string, amountMl: Millilitres): Result<void> {
  assert(amountMl >= 0n, 'a debit is not negative');
  const account = draft.get(ROWS.account, id) ?? { balanceMl: 0n };
  if (account.balanceMl < amountMl) return fault('insufficient_balance', { needMl: amountMl, haveMl: account.balanceMl });
  if (amountMl === 0n) return ok(undefined);
  const balanceMl = account.balanceMl - amountMl;
  // An account with nothing in it is no row: state grows with owners, not with addresses that were ever used.
  if (balanceMl === 0n && account.policy === undefined) draft.delete(ROWS.account, id);
  else draft.put(ROWS.account, id, { ...account, balanceMl });
  return ok(undefined);
}

export function poolsOf(view: View): PoolsRow {
  return view.get(ROWS.pools, SINGLE) ?? { feesMl: 0n, insuranceMl: 0n, subsidyMl: 0n };
}

export function addFee(draft: Draft, amountMl: Millilitres): void {
  const pools = poolsOf(draft);
  if (amountMl > 0n) draft.put(ROWS.pools, SINGLE, { ...pools, feesMl: pools.feesMl + amountMl });
}

export function supplyOf(view: View): SupplyRow {
  return view.get(ROWS.supply, SINGLE) ?? { supplyMl: 0n, owedMl: 0n };
}
