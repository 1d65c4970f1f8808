/**
 * Is this transaction the final payment of exactly this amount (US-004)? The decision table of the api page §2.3, row by
 * row, the first that matches decides. Confirmed means: in a block with a finality certificate.
 */
import { assert, dayId, dayOf, equalBytes, fromHex, invoiceId, mlToSen, ROWS, toHex, type Sen } from '@billcoin/protocol';
import type { Payments, Validated, Validation } from '../campusPorts.ts';
import type { ChainPort, FinalBlock, FinalTx, KeyValueStore, TxStatus } from '../ports.ts';
import { referenceOf } from '../sales/saleBook.ts';
import type { EndWaiter } from './endWaiter.ts';
import { getRow, padded, refId, TABLES } from './store.ts';

export interface PaymentDeps {
  readonly chain: ChainPort;
  readonly store: KeyValueStore;
  readonly waiter: EndWaiter;
}

type EndedStatus = Exclude<TxStatus, { readonly status: 'pending' }>;

/** The money that moved: to whom, how much, and the order it settles (a plain Transfer settles none). */
interface Settlement {
  readonly merchant: Uint8Array;
  readonly amountMl: bigint;
  readonly sen: bigint;
  readonly order: { readonly tillNo: number; readonly ref: Uint8Array } | undefined;
}

/** Price in force at a final block: of the last 400 days as the state has it, of earlier ones as it was written down. */
async function priceAt({ chain, store }: PaymentDeps, timeMs: number): Promise<Sen> {
  const day = dayOf(timeMs);
  const sen = chain.state().get(ROWS.price, dayId(day))?.senPerBill ?? (await getRow(store, TABLES.dayPrice, padded(day, 6)));
  if (sen === undefined) throw new Error(`the price of day ${day} is neither in the state nor in the campus rows of this node; ask an archive node`);
  return BigInt(sen);
}

/** undefined: the transaction is no payment. A Transfer is valued at the price in force at its block, half-up. */
async function settlementOf(deps: PaymentDeps, block: FinalBlock, tx: FinalTx): Promise<Settlement | undefined> {
  for (const event of tx.events) {
    if (event.case === 'paid') {
      const { merchant, amountMl, sen, tillNo, ref } = event.value;
      return { merchant, amountMl, sen, order: { tillNo, ref } };
    }
    if (event.case === 'transferred' && tx.body.kind.case === 'transfer') {
      const { to, amountMl } = event.value;
      return { merchant: to, amountMl, sen: mlToSen(amountMl, await priceAt(deps, block.timeMs)), order: undefined };
    }
  }
  return undefined;
}

/** Everything the payer's own balance paid went back. The invoice record lives 7 days on chain, our own row for good. */
async function isRefunded({ chain, store }: PaymentDeps, order: NonNullable<Settlement['order']>): Promise<boolean> {
  const row = chain.state().get(ROWS.invoice, invoiceId(order.tillNo, order.ref));
  if (row !== undefined) return row.ownMl > 0n && row.refundedMl >= row.ownMl;
  const payment = await getRow(store, TABLES.payment, refId(order.tillNo, toHex(order.ref)));
  if (payment === undefined) return false;
  const back = payment.refunds.reduce((sum, refund) => sum + BigInt(refund.amountMl), 0n);
  return BigInt(payment.ownMl) > 0n && back >= BigInt(payment.ownMl);
}

/** A plain Transfer is refunded where its merchant sent all of it back, naming it (SPEC §19.1). */
async function isReturned({ store }: PaymentDeps, txHash: string): Promise<boolean> {
  const stray = await getRow(store, TABLES.stray, referenceOf(txHash));
  return stray?.txHash === txHash && BigInt(stray.returnedMl) >= BigInt(stray.amountMl);
}

/** True where the order asked for is the one this transaction settles. */
async function isOrder({ store }: PaymentDeps, orderId: string, settles: Settlement['order']): Promise<boolean> {
  const order = await getRow(store, TABLES.order, orderId);
  return order !== undefined && settles !== undefined && order.tillNo === settles.tillNo && order.ref === toHex(settles.ref);
}

function amountEquals(settlement: Settlement, expected: Validation['expected']): boolean {
  return expected.unit === 'MYR' ? settlement.sen === expected.sen : settlement.amountMl === expected.amountMl;
}

async function judgeFinal(deps: PaymentDeps, validation: Validation, block: FinalBlock, tx: FinalTx): Promise<Validated['error']> {
  if (tx.code !== 0) return 'execution_failed';
  const settlement = await settlementOf(deps, block, tx);
  if (settlement === undefined) return 'not_a_payment';
  if (validation.merchant !== undefined && !equalBytes(validation.merchant, settlement.merchant)) return 'wrong_recipient';
  if (validation.orderId !== undefined && !(await isOrder(deps, validation.orderId, settlement.order))) return 'order_mismatch';
  if (!amountEquals(settlement, validation.expected)) return 'amount_mismatch';
  const isBack = settlement.order === undefined ? await isReturned(deps, tx.txHash) : await isRefunded(deps, settlement.order);
  return isBack ? 'refunded' : null;
}

/** How the transaction ended, waiting at most `waitMs` for it; 'pending' where it has not, undefined where nobody knows it. */
async function endOf({ chain, waiter }: PaymentDeps, txHash: string, waitMs: number): Promise<EndedStatus | 'pending' | undefined> {
  const first = await chain.txStatus(txHash);
  if (first === undefined || first.status !== 'pending') return first;
  const ended = await waiter.until(async () => {
    const now = await chain.txStatus(txHash);
    return now === undefined || now.status === 'pending' ? undefined : now;
  }, waitMs);
  return ended ?? 'pending';
}

async function validate(deps: PaymentDeps, validation: Validation): Promise<Validated> {
  assert(fromHex(validation.txHash)?.length === 32, 'a transaction id has 32 bytes');
  const end = await endOf(deps, validation.txHash, validation.waitMs);
  if (end === undefined) return { error: 'tx_not_found' };
  if (end === 'pending') return { error: 'not_final' };
  if (end.status !== 'final') return { error: end.status };
  const block = await deps.chain.readFinal(end.height);
  const tx = block?.txs[end.index];
  if (block === undefined || tx === undefined) throw new Error(`block ${end.height} holds ${validation.txHash} but is not stored here; ask an archive node`);
  const error = await judgeFinal(deps, validation, block, tx);
  return { error, final: { timeMs: block.timeMs, height: block.height, blockHash: toHex(block.blockId) } };
}

export function openPayments(deps: PaymentDeps): Payments {
  return { validate: (validation) => validate(deps, validation) };
}
