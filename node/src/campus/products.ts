/** The products of merchants: what a manager says about them. What orders do to their stock stands in stock.ts. */
import { PRODUCTS_MAX } from '@billcoin/sdk';
import type { ProductRefusal, ProductResult, ProductRow, Products, ProductTerms, ShelfProduct } from '../merchantPorts.ts';
import type { Clock, KeyValueStore } from '../ports.ts';
import { ulid } from './crockford.ts';
import type { Lane } from './lane.ts';
import type { RecalledLots } from './recalledLots.ts';
import { onShelf, PRODUCT_PREFIX, productKey } from './stock.ts';
import { deleteRow, getRow, listRows, putRow, TABLES } from './store.ts';

export interface ProductDeps {
  readonly store: KeyValueStore;
  readonly clock: Clock;
  /** The lane of orders and blocks: they count on the same rows. */
  readonly lane: Lane;
  readonly recalled: RecalledLots;
}

const refuse = (refusal: ProductRefusal): ProductResult => ({ ok: false, refusal });

/** As everybody reads it. */
function shown({ recalled, clock }: ProductDeps, product: ProductRow): ShelfProduct {
  const recall = product.lot === null ? undefined : recalled.ofPrinted(product.merchant, product.lot, clock.nowMs());
  return { ...product, ...onShelf(product), recalledBatch: recall?.batchKey ?? null };
}

async function list(deps: ProductDeps, merchant: string): Promise<readonly ShelfProduct[]> {
  return (await listRows(deps.store, TABLES.product, { under: `${merchant}/`, limit: PRODUCTS_MAX, reverse: true })).map(({ value }) => shown(deps, value));
}

async function add(deps: ProductDeps, merchant: string, terms: ProductTerms): Promise<ProductResult> {
  const { store, clock } = deps;
  if ((await list(deps, merchant)).length >= PRODUCTS_MAX) return refuse({ code: 'too_many_products' });
  const product: ProductRow = { ...terms, productId: PRODUCT_PREFIX + ulid(clock.nowMs()), merchant, reserved: 0, sold: 0, createdAtMs: clock.nowMs() };
  await store.batch([putRow(TABLES.product, productKey(merchant, product.productId), product)], { sync: true });
  return { ok: true, product: shown(deps, product) };
}

/** An order shows name and price as they were signed: they hold still while somebody looks at them with the phone in the hand. */
function isFrozen(product: ProductRow, { name, price, cartonMl }: Partial<ProductTerms>): boolean {
  return product.reserved > 0 && (name !== undefined || price !== undefined || cartonMl !== undefined);
}

async function change(deps: ProductDeps, merchant: string, productId: string, terms: Partial<ProductTerms>): Promise<ProductResult> {
  const { store } = deps;
  const held = await getRow(store, TABLES.product, productKey(merchant, productId));
  if (held === undefined) return refuse({ code: 'not_found' });
  if (isFrozen(held, terms)) return refuse({ code: 'product_in_use' });
  const { sold, reserved } = held;
  if (terms.received !== undefined && terms.received < held.received && terms.received < sold + reserved) return refuse({ code: 'stock_below_sales', sold, reserved });
  const product: ProductRow = { ...held, ...terms };
  await store.batch([putRow(TABLES.product, productKey(merchant, productId), product)], { sync: true });
  return { ok: true, product: shown(deps, product) };
}

async function remove(deps: ProductDeps, merchant: string, productId: string): Promise<ProductResult> {
  const { store } = deps;
  const product = await getRow(store, TABLES.product, productKey(merchant, productId));
  if (product === undefined) return refuse({ code: 'not_found' });
  if (product.reserved > 0) return refuse({ code: 'product_in_use' });
  await store.batch([deleteRow(TABLES.product, productKey(merchant, productId))], { sync: true });
  return { ok: true, product: shown(deps, product) };
}

export function openProducts(deps: ProductDeps): Products {
  const { lane } = deps;
  return {
    add: (merchant, terms) => lane.run(() => add(deps, merchant, terms)),
    change: (merchant, productId, terms) => lane.run(() => change(deps, merchant, productId, terms)),
    remove: (merchant, productId) => lane.run(() => remove(deps, merchant, productId)),
    list: (merchant) => list(deps, merchant),
  };
}
