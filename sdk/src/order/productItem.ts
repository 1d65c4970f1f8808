/** The line of an order that sells a product: its price rule applied to a quantity (SPEC §6.7). */
import { mlToSen, parseLitres, parseRinggit, type OrderItem, type Sen } from '@billcoin/protocol';
import type { Product } from '../api/products.ts';

export interface ProductLine {
  readonly quantity: number;
  /** Price in force. */
  readonly priceSenPerBill: Sen;
  /** Language of the name on the order; English unless asked otherwise. */
  readonly language?: 'en' | 'ms';
  /** Printed on the carton; the product's current lot unless given. */
  readonly lot?: string;
}

/**
 * `rm`: sen = quantity · shelf price, and the litres follow from the whole order. `litres`: mL = quantity · litres,
 * sen = roundHalfUp(mL · price / 1000).
 * @throws RangeError for a product whose price is no amount
 */
export function productItem({ productId, name, price, lot }: Pick<Product, 'productId' | 'name' | 'price' | 'lot'>, line: ProductLine): OrderItem {
  const { quantity, priceSenPerBill, language = 'en' } = line;
  const common = { product: productId, name: name[language], quantity, lot: line.lot ?? lot ?? '' };
  const unit = price.rule === 'rm' ? parseRinggit(price.rm) : parseLitres(price.litres);
  if (unit === undefined) throw new RangeError(`the price of ${productId} is no amount`);
  const total = BigInt(quantity) * unit;
  return price.rule === 'rm' ? { ...common, senLine: total, lineMl: 0n } : { ...common, senLine: mlToSen(total, priceSenPerBill), lineMl: total };
}
