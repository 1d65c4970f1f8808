/** The lines of a stored order. They are decoded once for each piece of work and handed on. */
import { assert, decode, Order, type OrderItem } from '@billcoin/protocol';
import type { OrderRow } from './campusPorts.ts';
import { fromField } from './rowBytes.ts';

/** What somebody buys of a merchant. */
export interface Purchase {
  /** Address text. */
  readonly merchant: string;
  readonly items: readonly OrderItem[];
}

export function itemsOf({ order }: Pick<OrderRow, 'order'>): readonly OrderItem[] {
  const decoded = decode(Order, fromField(order));
  assert(decoded.ok, 'order bytes were checked when they were posted');
  return decoded.value.items;
}

export function purchaseOf(order: Pick<OrderRow, 'merchant' | 'order'>): Purchase {
  return { merchant: order.merchant, items: itemsOf(order) };
}
