/** /products: everybody reads what a merchant sells and what is left of it; its manager writes it. */
import { formatLitres, formatRinggit, INVOICE_AMOUNT_MAX_ML, INVOICE_SEN_MAX, parseLitres, parseRinggit, utf8 } from '@billcoin/protocol';
import { PRODUCT_NAME_MAX_BYTES, ROUTES, type BodyOf, type Product } from '@billcoin/sdk';
import type { PriceRule, ProductRefusal, Products, ProductTerms, ShelfProduct } from '../../merchantPorts.ts';
import { merchantOf, type Caller } from '../caller.ts';
import { badCursor, fromCursor, LIMIT_DEFAULT, pageOf } from '../cursor.ts';
import { serve, type ApiRequest, type Entry, type Refusal, type Reply } from '../entry.ts';

type List = typeof ROUTES.listProducts;
type Change = BodyOf<typeof ROUTES.patchProduct>;

const PRODUCT_ID = /^prd_[0-9A-HJKMNP-TV-Z]{26}$/;

/** Whoever writes for a merchant has a login of it. */
export function ownMerchant(caller: Caller): string | Refusal {
  return merchantOf(caller) ?? { problem: 'forbidden', detail: 'This login belongs to no merchant.' };
}

function productView(row: ShelfProduct): Product {
  const { productId, merchant, name, price, lot, recalledBatch, left, oversold, reserved, sold, received } = row;
  return {
    productId, merchantId: merchant, name: { ...name }, price: price.rule === 'rm' ? { rule: 'rm', rm: formatRinggit(BigInt(price.sen)) } : { rule: 'litres', litres: formatLitres(BigInt(price.amountMl)) },
    cartonLitres: formatLitres(BigInt(row.cartonMl)), lot, recalledBatch, stock: left, reserved, sold, received, oversold,
  };
}

interface Wrong { readonly pointer: string; readonly code: string }

/** At least one and at most what fits an invoice, in base units; the pattern was checked before. */
function amountIn(value: bigint | undefined, max: bigint): string | undefined {
  return value !== undefined && value >= 1n && value <= max ? String(value) : undefined;
}

function priceIn(price: NonNullable<Change['price']>): PriceRule | undefined {
  if (price.rule === 'rm') {
    const sen = amountIn(parseRinggit(price.rm), INVOICE_SEN_MAX);
    return sen === undefined ? undefined : { rule: 'rm', sen };
  }
  const amountMl = amountIn(parseLitres(price.litres), INVOICE_AMOUNT_MAX_ML);
  return amountMl === undefined ? undefined : { rule: 'litres', amountMl };
}

/** Terms in base units, or what of them cannot be. */
function termsIn({ name, price, cartonLitres, lot, received }: Change): { readonly terms: Partial<ProductTerms> } | { readonly wrong: readonly Wrong[] } {
  const wrong: Wrong[] = [];
  for (const language of ['en', 'ms'] as const) if (name !== undefined && utf8(name[language]).length > PRODUCT_NAME_MAX_BYTES) wrong.push({ pointer: `/name/${language}`, code: 'too_long' });
  const rule = price === undefined ? undefined : priceIn(price);
  if (price !== undefined && rule === undefined) wrong.push({ pointer: '/price', code: 'amount' });
  const cartonMl = cartonLitres === undefined ? undefined : amountIn(parseLitres(cartonLitres), INVOICE_AMOUNT_MAX_ML);
  if (cartonLitres !== undefined && cartonMl === undefined) wrong.push({ pointer: '/cartonLitres', code: 'amount' });
  if (wrong.length > 0) return { wrong };
  return {
    terms: {
      ...(name === undefined ? {} : { name }), ...(rule === undefined ? {} : { price: rule }), ...(cartonMl === undefined ? {} : { cartonMl }), ...(lot === undefined ? {} : { lot }),
      ...(received === undefined ? {} : { received }),
    },
  };
}

function refusalOf(refusal: ProductRefusal): Refusal {
  if (refusal.code !== 'stock_below_sales') return { problem: refusal.code };
  return { problem: refusal.code, data: { sold: String(refusal.sold), reserved: String(refusal.reserved) } };
}

async function list(products: Products, { query }: ApiRequest<List>): Promise<Reply<List>> {
  const { merchantId, limit = LIMIT_DEFAULT, cursor } = query;
  const after = cursor === undefined ? undefined : fromCursor(cursor, PRODUCT_ID);
  if (cursor !== undefined && after === undefined) return badCursor;
  return { status: 200, body: pageOf((await products.list(merchantId)).map(productView), ({ productId }) => productId, limit, after) };
}

export function productRoutes(products: Products): readonly Entry[] {
  return [
    serve(ROUTES.listProducts, (request) => list(products, request)),
    serve(ROUTES.postProduct, async ({ caller, body }) => {
      const merchant = ownMerchant(caller);
      if (typeof merchant !== 'string') return merchant;
      const read = termsIn(body);
      if ('wrong' in read) return { problem: 'malformed_request', errors: read.wrong };
      // The declaration asks for all of them.
      const done = await products.add(merchant, read.terms as ProductTerms);
      return done.ok ? { status: 201, body: productView(done.product) } : refusalOf(done.refusal);
    }),
    serve(ROUTES.patchProduct, async ({ caller, params, body }) => {
      const merchant = ownMerchant(caller);
      if (typeof merchant !== 'string') return merchant;
      const read = termsIn(body);
      if ('wrong' in read) return { problem: 'malformed_request', errors: read.wrong };
      const done = await products.change(merchant, params.productId, read.terms);
      return done.ok ? { status: 200, body: productView(done.product) } : refusalOf(done.refusal);
    }),
    serve(ROUTES.deleteProduct, async ({ caller, params }) => {
      const merchant = ownMerchant(caller);
      if (typeof merchant !== 'string') return merchant;
      const done = await products.remove(merchant, params.productId);
      return done.ok ? { status: 200, body: productView(done.product) } : refusalOf(done.refusal);
    }),
  ];
}
