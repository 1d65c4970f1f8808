/** What the HTTP API may ask of the campus services on a merchant's side: its products, its tills, its cashiers. */

// ---- products and stock (SPEC §6.7) ------------------------------------------------------------------------------

/** The shelf price of one, or the litres of one; the other follows from the price in force. Base units, decimal. */
export type PriceRule = { readonly rule: 'rm'; readonly sen: string } | { readonly rule: 'litres'; readonly amountMl: string };

/** What a manager says about a product. */
export interface ProductTerms {
  readonly name: { readonly en: string; readonly ms: string };
  readonly price: PriceRule;
  readonly cartonMl: string;
  /** Printed lot of what is sold now. */
  readonly lot: string | null;
  /** Units ever put on the shelf: a total, so that sales meanwhile change nothing about it. */
  readonly received: number;
}

export interface ProductRow extends ProductTerms {
  readonly productId: string;
  /** Address text. */
  readonly merchant: string;
  /** Units of open orders, and units ever paid for: sums over posted orders and final blocks, nothing else. */
  readonly reserved: number;
  readonly sold: number;
  readonly createdAtMs: number;
}

/** A product with what follows from its sums. */
export interface ShelfProduct extends ProductRow {
  /** Units that can be ordered now. */
  readonly left: number;
  /** Units sold or promised beyond what was received: tills that were offline sold them. */
  readonly oversold: number;
}

export type ProductRefusal =
  | { readonly code: 'not_found' | 'product_in_use' | 'too_many_products' }
  | { readonly code: 'stock_below_sales'; readonly sold: number; readonly reserved: number };
export type ProductResult = { readonly ok: true; readonly product: ShelfProduct } | { readonly ok: false; readonly refusal: ProductRefusal };

export interface Products {
  add(merchant: string, terms: ProductTerms): Promise<ProductResult>;
  change(merchant: string, productId: string, change: Partial<ProductTerms>): Promise<ProductResult>;
  remove(merchant: string, productId: string): Promise<ProductResult>;
  /** All of a merchant, newest first. */
  list(merchant: string): Promise<readonly ShelfProduct[]>;
}

/** A line that cannot be sold, or cannot be sold like this. */
export type StockRefusal =
  | { readonly code: 'out_of_stock'; readonly productId: string; readonly left: number }
  | { readonly code: 'unknown_product' | 'product_mismatch'; readonly productId: string };
