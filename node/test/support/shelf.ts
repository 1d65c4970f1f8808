/** The shelf of the cafeteria: its products, and the lines a till makes of them. */
import { formatAddress, type OrderItem } from '@billcoin/protocol';
import { productItem } from '@billcoin/sdk';
import type { Campus } from '../../src/campusPorts.ts';
import type { ProductRow, ProductTerms, ShelfProduct } from '../../src/merchantPorts.ts';
import { PRICE_SEN } from './campusWorld.ts';
import { KEYS } from './testNetwork.ts';

export const CAFETERIA = formatAddress(KEYS.cafeteria.address);

/** Cartons of milk, `received` of them. */
export const terms = (received: number, over: Partial<ProductTerms> = {}): ProductTerms => ({ name: { en: 'Fresh milk', ms: 'Susu segar' }, price: { rule: 'rm', sen: '180' }, cartonMl: '250', lot: 'LOT-1', received, ...over });

/** The line a till makes of a product. */
export function lineOf({ productId, name, price, lot }: ProductRow, quantity: number): OrderItem {
  const view = price.rule === 'rm' ? { rule: 'rm' as const, rm: `${Number(price.sen) / 100}` } : { rule: 'litres' as const, litres: `${Number(price.amountMl) / 1_000}` };
  return productItem({ productId, name, price: view, lot }, { quantity, priceSenPerBill: PRICE_SEN });
}

/** Puts a product on the shelf. */
export async function addProduct(campus: Campus, received: number, over: Partial<ProductTerms> = {}): Promise<ShelfProduct> {
  const added = await campus.products.add(CAFETERIA, terms(received, over));
  if (!added.ok) throw new Error(added.refusal.code);
  return added.product;
}
