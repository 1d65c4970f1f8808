/** What a merchant sells: price rule, stock, carton and lot. Orders name products; their units are reserved with the order. */
import { Type, type Static } from 'typebox';
import { route } from './route.ts';
import { Address, BatchKey, closed, line, Litres, nullable, page, pageQuery, ProductId, Rm } from './values.ts';

/** Shelf of one product; a campus sells far less between two counts. */
export const UNITS_MAX = 10_000_000;
/** Products of one merchant. */
export const PRODUCTS_MAX = 500;
/** UTF-8 bytes that an order has for the name of a line. */
export const PRODUCT_NAME_MAX_BYTES = 64;

const rmIn = Type.String({ pattern: '^[0-9]{1,10}(\\.[0-9]{1,2})?$', examples: ['1.80'] });
const litresIn = Type.String({ pattern: '^[0-9]{1,13}(\\.[0-9]{1,3})?$', examples: ['0.250'] });
const text = line(PRODUCT_NAME_MAX_BYTES);
const lotIn = Type.String({ pattern: '^[\\x21-\\x7e]{1,32}$', description: 'Printed lot of the cartons that are sold now' });
const units = Type.Integer({ minimum: 0, maximum: UNITS_MAX });

/** `rm`: the shelf price of one is fixed, litres follow. `litres`: the litres of one are fixed, ringgit follow. */
const priceIn = Type.Union([closed({ rule: Type.Literal('rm'), rm: rmIn }), closed({ rule: Type.Literal('litres'), litres: litresIn })]);
const name = closed({ en: text, ms: text });
const terms = { name, price: priceIn, cartonLitres: litresIn, lot: nullable(lotIn) };

export const Product = closed({
  productId: ProductId, merchantId: Address, name,
  price: Type.Union([closed({ rule: Type.Literal('rm'), rm: Rm }), closed({ rule: Type.Literal('litres'), litres: Litres })]),
  cartonLitres: Litres, lot: nullable(Type.String()),
  recalledBatch: nullable(Type.String({ ...BatchKey, description: 'Batch of this lot that was recalled: take it off the shelf, an order with it is refused (lot_recalled)' })),
  stock: Type.Integer({ minimum: 0, description: 'Units that can be ordered now' }),
  reserved: Type.Integer({ minimum: 0, description: 'Units of orders that wait for their payment' }),
  sold: Type.Integer({ minimum: 0, description: 'Units ever paid for' }),
  received: Type.Integer({ minimum: 0, description: 'Units ever put on the shelf' }),
  oversold: Type.Integer({ minimum: 0, description: 'Units sold beyond what was received: a till that was offline sold them. Count the shelf and correct `received`' }),
});
export type Product = Static<typeof Product>;

export const listProducts = route({
  method: 'GET', path: '/products', summary: 'Products of a merchant with what is left of each, newest first.', who: ['public'],
  query: closed({ merchantId: Address, ...pageQuery }), responses: { 200: page(Product) }, etag: true,
});

export const postProduct = route({
  method: 'POST', path: '/products', summary: 'A new product of the own merchant.', who: ['manager'],
  body: closed({ ...terms, received: units }), responses: { 201: Product }, problems: ['too_many_products'],
});

export const patchProduct = route({
  method: 'PATCH', path: '/products/{productId}',
  summary: 'Change a product: lot and units received at any time, name, price and carton only while no open order names it. `received` is the total ever put on the shelf, so a repeated request adds nothing twice.',
  who: ['manager'], own: 'products of the own merchant',
  params: closed({ productId: ProductId }),
  body: Type.Partial(closed({ ...terms, received: units }), { additionalProperties: false, minProperties: 1 }),
  responses: { 200: Product }, problems: ['not_found', 'product_in_use', 'stock_below_sales'],
});

export const deleteProduct = route({
  method: 'DELETE', path: '/products/{productId}', summary: 'Remove a product that no open order names; answers with it as it was.', who: ['manager'], own: 'products of the own merchant',
  params: closed({ productId: ProductId }), responses: { 200: Product }, problems: ['not_found', 'product_in_use'],
});
