/** Products: everybody reads what a merchant sells, its manager writes it. */
import type { Routes } from '../api/index.ts';
import type { Product } from '../api/products.ts';
import type { AnswerOf, BodyOf, QueryOf } from '../api/route.ts';
import type { Client } from '../client/client.ts';
import { request, type CallOptions } from '../client/request.ts';

/** A page of a merchant's products with what is left of each. */
export function listProducts(client: Client, query: QueryOf<Routes['listProducts']>, options?: CallOptions): Promise<AnswerOf<Routes['listProducts']>> {
  return request<Routes['listProducts']>(client, 'GET', '/products', { query, idempotent: true }, options);
}

/** A new product of the manager's merchant. */
export function addProduct(client: Client, body: BodyOf<Routes['postProduct']>, options?: CallOptions): Promise<Product> {
  return request<Routes['postProduct']>(client, 'POST', '/products', { body, idempotent: false }, options);
}

/** Removes a product that no open order names. */
export function removeProduct(client: Client, params: { readonly productId: string }, options?: CallOptions): Promise<Product> {
  return request<Routes['deleteProduct']>(client, 'DELETE', '/products/{productId}', { params, idempotent: true }, options);
}

/** Changes a product; `received` is the total ever put on the shelf. @throws ApiError `product_in_use`, `stock_below_sales` */
export function changeProduct(client: Client, { productId, ...body }: { readonly productId: string } & BodyOf<Routes['patchProduct']>, options?: CallOptions): Promise<Product> {
  return request<Routes['patchProduct']>(client, 'PATCH', '/products/{productId}', { params: { productId }, body, idempotent: true }, options);
}
