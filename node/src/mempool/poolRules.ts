/** What the rules say of a transaction on the state after the tip: would it succeed, has it ended, was it executed. Nothing here waits. */
import { ROWS, balanceOf, checkTx, spendOf, toHex, type BlockEnv, type Chain, type Fault, type FlatState, type ParsedTx, type Tip } from '@billcoin/protocol';
import { invoiceKeyOf, type Pool } from './pool.ts';
import type { EndedUnfinal } from './poolStore.ts';

/** The block after the tip, made now. */
export function nextBlock(tip: Tip, nowMs: number): BlockEnv {
  return { height: tip.height + 1, timeMs: Math.max(nowMs, tip.timeMs + 1), prevTimeMs: tip.timeMs };
}

/** The rules of the chain on the state after the tip, and the balance less what is set aside already. */
export function admissionFault(chain: Chain, { state }: Tip, pool: Pool, tx: ParsedTx, env: BlockEnv): Fault | undefined {
  const checked = checkTx(chain, state, tx, env);
  if (!checked.ok) return checked.fault;
  const { payer, amountMl } = spendOf(state, tx);
  const reservedMl = pool.reservedMl(toHex(payer));
  const haveMl = balanceOf(state, payer) - reservedMl;
  return amountMl > haveMl && amountMl > 0n ? { code: 'insufficient_balance', needMl: amountMl, haveMl: haveMl > 0n ? haveMl : 0n } : undefined;
}

/** Who has settled the invoice of a transaction: the id, hex. */
function settlerOf(state: FlatState, tx: ParsedTx): string | undefined {
  const invoiceKey = invoiceKeyOf(tx);
  const settled = invoiceKey === undefined ? undefined : state.get(ROWS.invoice, invoiceKey);
  return settled === undefined ? undefined : toHex(settled.txId);
}

/** The state says that it was executed: the rows that say so live longer than it could be included. */
export function isExecuted(state: FlatState, tx: ParsedTx): boolean {
  return state.get(ROWS.done, tx.txHash) !== undefined || settlerOf(state, tx) === tx.txHash;
}

/** How a transaction that was not executed has ended, on the state after a final block of this time. */
export function endOf(state: FlatState, tx: ParsedTx, timeMs: number): EndedUnfinal | undefined {
  const by = settlerOf(state, tx);
  if (by !== undefined && by !== tx.txHash) return { status: 'superseded', by };
  return timeMs > tx.body.validUntilMs ? { status: 'expired' } : undefined;
}
