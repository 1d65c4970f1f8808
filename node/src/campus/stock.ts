/**
 * Stock of products (SPEC §6.7): units are reserved with the order, sold when its Pay is final, free again once it is
 * proven that it was not paid. Reserved and sold are plain sums over posted orders and final blocks, so the order in
 * which a crash, a replay or a late till brings them in changes nothing; what is left follows from them.
 */
import { assert, type Millilitres, type OrderItem, type Sen } from '@billcoin/protocol';
import type { ProductRow, ShelfCount, StockRefusal } from '../merchantPorts.ts';
import type { Purchase } from '../orderItems.ts';
import type { RowBatch } from './rowBatch.ts';
import { TABLES } from './store.ts';

export const PRODUCT_PREFIX = 'prd_';

export const productKey = (merchant: string, productId: string): string => `${merchant}/${productId}`;

export function onShelf({ received, sold, reserved }: ProductRow): ShelfCount {
  const left = received - sold - reserved;
  return { left: Math.max(0, left), oversold: Math.max(0, -left) };
}

/** Whether litres fit a line's ringgit at the price in force or at the one before (SPEC §6.2, price band). */
export type FitsPrice = (sen: Sen, amountMl: Millilitres) => boolean;

/** Lines that name a product; any other text is goods outside the list, which reserve nothing. */
function productLines(items: readonly OrderItem[]): readonly OrderItem[] {
  return items.filter(({ product }) => product.startsWith(PRODUCT_PREFIX));
}

/** Units of each product in an order. */
function unitsOf(items: readonly OrderItem[]): ReadonlyMap<string, number> {
  const units = new Map<string, number>();
  for (const { product, quantity } of productLines(items)) units.set(product, (units.get(product) ?? 0) + quantity);
  return units;
}

/** A line is what the product says: its name in one of both languages, and its price rule times the quantity. */
export function lineMatches({ name, quantity, senLine, lineMl }: OrderItem, product: Pick<ProductRow, 'name' | 'price'>, fits: FitsPrice): boolean {
  if (name !== product.name.en && name !== product.name.ms) return false;
  const { price } = product;
  if (price.rule === 'rm') return lineMl === 0n && senLine === BigInt(quantity) * BigInt(price.sen);
  return lineMl === BigInt(quantity) * BigInt(price.amountMl) && fits(senLine, lineMl);
}

async function productOf(batch: RowBatch, merchant: string, productId: string): Promise<ProductRow | undefined> {
  return await batch.get(TABLES.product, productKey(merchant, productId));
}

/** Why an unpaid order cannot be sold from the shelf as it is now. */
export async function stockRefusal(batch: RowBatch, { merchant, items }: Purchase, fits: FitsPrice): Promise<StockRefusal | undefined> {
  for (const line of productLines(items)) {
    const product = await productOf(batch, merchant, line.product);
    if (product === undefined) return { code: 'unknown_product', productId: line.product };
    if (!lineMatches(line, product, fits)) return { code: 'product_mismatch', productId: line.product };
  }
  for (const [productId, units] of unitsOf(items)) {
    const product = await productOf(batch, merchant, productId);
    const left = product === undefined ? 0 : onShelf(product).left;
    if (units > left) return { code: 'out_of_stock', productId, left };
  }
  return undefined;
}

type Move = (product: ProductRow, units: number) => Pick<ProductRow, 'reserved' | 'sold'>;

async function move(batch: RowBatch, { merchant, items }: Purchase, by: Move): Promise<void> {
  for (const [productId, units] of unitsOf(items)) {
    const product = await productOf(batch, merchant, productId);
    // A till that was offline may sell a product that was removed meanwhile: nothing is left to count it on.
    if (product === undefined) continue;
    const moved = { ...product, ...by(product, units) };
    assert(moved.reserved >= 0, 'only what was reserved is released');
    batch.put(TABLES.product, productKey(merchant, productId), moved);
  }
}

/** The order waits for its payment. */
export async function reserveStock(batch: RowBatch, purchase: Purchase): Promise<void> {
  await move(batch, purchase, ({ reserved, sold }, units) => ({ reserved: reserved + units, sold }));
}

/** A reserved order was paid. */
export async function sellReserved(batch: RowBatch, purchase: Purchase): Promise<void> {
  await move(batch, purchase, ({ reserved, sold }, units) => ({ reserved: reserved - units, sold: sold + units }));
}

/** An order that came in after its payment. */
export async function sellUnreserved(batch: RowBatch, purchase: Purchase): Promise<void> {
  await move(batch, purchase, ({ reserved, sold }, units) => ({ reserved, sold: sold + units }));
}

/** It is proven that a reserved order was not paid. */
export async function releaseStock(batch: RowBatch, purchase: Purchase): Promise<void> {
  await move(batch, purchase, ({ reserved, sold }, units) => ({ reserved: reserved - units, sold }));
}
