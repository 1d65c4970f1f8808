/** Seeded keys, a network, and an order that the tests share. */
import type { OrderItem } from '@billcoin/protocol';
import { createOrder, keyFromSeed, type OrderParams, type TillOrder } from '../src/index.ts';

export const genesisHash = new Uint8Array(32).map((_, i) => 200 - i);

const key = (byte: number) => keyFromSeed(new Uint8Array(32).fill(byte));
export const keys = { student: key(1), merchant: key(2), plant: key(3), till: key(4), validators: [key(11), key(12), key(13), key(14)] } as const;

export const TILL_NO = 12;
export const carton: OrderItem = { product: 'uht-250', name: 'UHT milk 250 mL', quantity: 1, senLine: 180n, lineMl: 0n, lot: 'L2026-04-10A' };

/** One carton of RM 1.80 at 600 sen per BILL: 300 mL. */
export function makeOrder(changed: Partial<OrderParams> = {}): TillOrder {
  return createOrder({ genesisHash, till: keys.till, tillNo: TILL_NO, items: [carton], priceSenPerBill: 600n, ...changed });
}
