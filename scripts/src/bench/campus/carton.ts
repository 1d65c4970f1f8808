/** What every till of the load sells, and who pays: one carton at RM 1.80 and 600 sen a litre. */
import type { OrderItem } from '@billcoin/protocol';
import { addSignature, buildPay, createOrder, type Key, type TillOrder, type TxDraft } from '@billcoin/sdk';

export const CARTON_RM = '1.80';
const CARTON: OrderItem = { product: 'milk-250', name: 'Fresh milk 250 mL', quantity: 1, senLine: 180n, lineMl: 0n, lot: 'BENCH' };
const PRICE_SEN = 600n;
/** Longer than any part of the load lasts: what is measured is never refused for its age. */
const LIFE_S = 600;

export function orderCarton(genesisHash: Uint8Array, till: Key, tillNo: number): TillOrder {
  return createOrder({ genesisHash, till, tillNo, items: [CARTON], priceSenPerBill: PRICE_SEN, expiresAtS: Math.floor(Date.now() / 1_000) + LIFE_S });
}

/** The payer signs what he scanned. The checks of a wallet (name, key and price from the chain) cost reads and no node's promise. */
export function signCarton(genesisHash: Uint8Array, payer: Key, { invoice }: TillOrder): TxDraft {
  const built = buildPay({ genesisHash, invoice, payer: payer.address });
  if (!built.ok) throw new Error(`the invoice of the load is refused: ${built.fault.code}`);
  return addSignature(built.value, payer);
}
