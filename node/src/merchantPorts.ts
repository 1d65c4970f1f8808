/** What the HTTP API may ask of the campus services on a merchant's side: its products, its tills, its cashiers. */
import type { Submitted } from './ports.ts';

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

/** What follows from the sums of a product. */
export interface ShelfCount {
  /** Units that can be ordered now. */
  readonly left: number;
  /** Units sold or promised beyond what was received: tills that were offline sold them. */
  readonly oversold: number;
}

export interface ShelfProduct extends ProductRow, ShelfCount {
  /** Batch key of the recall that its lot is refused for; null where the lot is good. */
  readonly recalledBatch: string | null;
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

// ---- tills (SPEC §6.9) -------------------------------------------------------------------------------------------

/** What the till said of itself. */
export interface TillReport {
  readonly atMs: number;
  readonly version: string;
  readonly battery: number | null;
  readonly lastProof: number | null;
}

/** What this node knows of a till beside the chain. */
export interface TillInfo {
  /** Address text. */
  readonly merchant: string;
  /** null for a till of genesis or of the authority's own hand. */
  readonly name: string | null;
  readonly enrolledAtMs: number | null;
  readonly revoked: { readonly reason: string; readonly by: string; readonly atMs: number } | null;
  readonly report: TillReport | null;
}

export type PoolRefusal = Extract<Submitted, { readonly ok: false }>['refusal'];

/** How a transaction of the registry went: in state, on its way, or why it is neither. */
export type Settled =
  | { readonly kind: 'done'; readonly txHash: string | null }
  | { readonly kind: 'pending'; readonly txHash: string }
  | { readonly kind: 'refused'; readonly refusal: PoolRefusal | { readonly code: 'no_campus_authority'; readonly why: string } };

export interface Activation {
  readonly enrolCode: string;
  readonly publicKey: Uint8Array;
  readonly signature: Uint8Array;
}
export type Activated =
  | { readonly ok: true; readonly tillNo: number; readonly merchant: string; readonly settled: Settled }
  | { readonly ok: false; readonly code: 'bad_login_signature' | 'enrol_code_invalid' | 'key_in_use' | 'till_revoked' };

export interface Revocation {
  readonly tillNo: number;
  readonly reason: string;
  readonly by: string;
  /** Signed with the merchant key; undefined: the campus authority signs. */
  readonly tx: Uint8Array | undefined;
}

export interface Tills {
  /** A one-time code for one device. */
  enrol(merchant: string, name: string): Promise<{ readonly enrolCode: string; readonly expiresAtMs: number }>;
  activate(activation: Activation): Promise<Activated>;
  info(tillNo: number): Promise<TillInfo | undefined>;
  report(tillNo: number, report: Omit<TillReport, 'atMs'>): Promise<TillReport | undefined>;
  /** The till stands in state and is in force. */
  revoke(revocation: Revocation): Promise<Settled>;
  registerMerchant(account: Uint8Array, name: string): Promise<Settled>;
}

// ---- cashiers (api page §2.5) ------------------------------------------------------------------------------------

export interface CashierTerms {
  readonly name: string;
  readonly pin: string;
  /** Numbers of the tills the cashier may stand at. */
  readonly tills: readonly number[];
}
export interface Cashier {
  readonly cashierId: string;
  readonly name: string;
  readonly tills: readonly number[];
  readonly createdAtMs: number;
}
export type CashierRefusal = 'not_found' | 'weak_pin' | 'too_many_cashiers';
export type CashierResult = { readonly ok: true; readonly cashier: Cashier } | { readonly ok: false; readonly code: CashierRefusal };

export interface Cashiers {
  add(merchantId: string, terms: CashierTerms): Promise<CashierResult>;
  /** Ends all sessions of the cashier. */
  change(merchantId: string, cashierId: string, change: Partial<CashierTerms>): Promise<CashierResult>;
  remove(merchantId: string, cashierId: string): Promise<CashierResult>;
  /** All of a merchant, newest first. */
  list(merchantId: string): Promise<readonly Cashier[]>;
}
