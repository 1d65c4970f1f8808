/** Cashiers of a merchant. Writing needs role manager. */
import type { Cashier } from '../api/cashiers.ts';
import type { Routes } from '../api/index.ts';
import type { AnswerOf, BodyOf, QueryOf } from '../api/route.ts';
import type { Client } from '../client/client.ts';
import { request, type CallOptions } from '../client/request.ts';

/** Cashiers of the manager's merchant, or of the till that asks. */
export function listCashiers(client: Client, query: QueryOf<Routes['listCashiers']> = {}, options?: CallOptions): Promise<AnswerOf<Routes['listCashiers']>> {
  return request<Routes['listCashiers']>(client, 'GET', '/cashiers', { query, idempotent: true }, options);
}

/** A new cashier. */
export function addCashier(client: Client, body: BodyOf<Routes['postCashier']>, options?: CallOptions): Promise<Cashier> {
  return request<Routes['postCashier']>(client, 'POST', '/cashiers', { body, idempotent: false }, options);
}

/** Another name, PIN or other tills; ends the sessions of this cashier. */
export function changeCashier(client: Client, { cashierId, ...body }: { readonly cashierId: string } & BodyOf<Routes['patchCashier']>, options?: CallOptions): Promise<Cashier> {
  return request<Routes['patchCashier']>(client, 'PATCH', '/cashiers/{cashierId}', { params: { cashierId }, body, idempotent: true }, options);
}

/** Removes a cashier. */
export function removeCashier(client: Client, params: { readonly cashierId: string }, options?: CallOptions): Promise<Cashier> {
  return request<Routes['deleteCashier']>(client, 'DELETE', '/cashiers/{cashierId}', { params, idempotent: true }, options);
}
