/** The products of merchants: what a manager says about them. What orders do to their stock stands in stock.ts. */
import { PRODUCTS_MAX } from '@billcoin/sdk';
import type { ProductRefusal, ProductResult, ProductRow, Products, ProductTerms, ShelfProduct } from '../merchantPorts.ts';
import type { Clock, KeyValueStore } from '../ports.ts';
import { ulid } from './crockford.ts';
import type { Lane } from './lane.ts';
import { onShelf, PRODUCT_PREFIX, productKey } from './stock.ts';
import { deleteRow, getRow, listRows, putRow, TABLES } from './store.ts';

export interface ProductDeps {
  readonly store: KeyValueStore;
  readonly clock: Clock;
  /** The lane of orders and blocks: they count on the same rows. */
  readonly lane: Lane;
}

const refuse = (refusal: ProductRefusal): ProductResult => ({ ok: false, refusal });

async function list(store: KeyValueStore, merchant: string): Promise<readonly ShelfProduct[]> {
  return (await listRows(store, TABLES.product, { under: `${merchant}/`, limit: PRODUCTS_MAX, reverse: true })).map(({ value }) => onShelf(value));
}

async function add({ store, clock }: ProductDeps, merchant: string, terms: ProductTerms): Promise<ProductResult> {
  if ((await list(store, merchant)).length >= PRODUCTS_MAX) return refuse({ code: 'too_many_products' });
  const product: ProductRow = { ...terms, productId: PRODUCT_PREFIX + ulid(clock.nowMs()), merchant, reserved: 0, sold: 0, createdAtMs: clock.nowMs() };
  await store.batch([putRow(TABLES.product, productKey(merchant, product.productId), product)], { sync: true });
  return { ok: true, product: onShelf(product) };
}

/** An order shows name and price as they were signed: they hold still while somebody looks at them with the phone in the hand. */
function isFrozen(product: ProductRow, { name, price, cartonMl }: Partial<ProductTerms>): boolean {
  return product.reserved > 0 && (name !== undefined || price !== undefined || cartonMl !== undefined);
}

async function change({ store }: ProductDeps, merchant: string, productId: string, terms: Partial<ProductTerms>): Promise<ProductResult> {
  const held = await getRow(store, TABLES.product, productKey(merchant, productId));
  if (held === undefined) return refuse({ code: 'not_found' });
  if (isFrozen(held, terms)) return refuse({ code: 'product_in_use' });
  const { sold, reserved } = held;
  if (terms.received !== undefined && terms.received < held.received && terms.received < sold + reserved) return refuse({ code: 'stock_below_sales', sold, reserved });
  const product: ProductRow = { ...held, ...terms };
  await store.batch([putRow(TABLES.product, productKey(merchant, productId), product)], { sync: true });
  return { ok: true, product: onShelf(product) };
}

async function remove({ store }: ProductDeps, merchant: string, productId: string): Promise<ProductResult> {
  const product = await getRow(store, TABLES.product, productKey(merchant, productId));
  if (product === undefined) return refuse({ code: 'not_found' });
  if (product.reserved > 0) return refuse({ code: 'product_in_use' });
  await store.batch([deleteRow(TABLES.product, productKey(merchant, productId))], { sync: true });
  return { ok: true, product: onShelf(product) };
}

export function openProducts(deps: ProductDeps): Products {
  const { lane, store } = deps;
  return {
    add: (merchant, terms) => lane.run(() => add(deps, merchant, terms)),
    change: (merchant, productId, terms) => lane.run(() => change(deps, merchant, productId, terms)),
    remove: (merchant, productId) => lane.run(() => remove(deps, merchant, productId)),
    list: (merchant) => list(store, merchant),
  };
}
