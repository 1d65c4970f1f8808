/** Accounts of people and programs. All need a login as admin; passwords and secrets are shown once. */
import type { Routes } from '../api/index.ts';
import type { AnswerOf, BodyOf, QueryOf } from '../api/route.ts';
import type { UserView } from '../api/admin.ts';
import type { Client } from '../client/client.ts';
import { request, type CallOptions } from '../client/request.ts';

/** Accounts of people, newest first. */
export function listUsers(client: Client, query: QueryOf<Routes['listUsers']> = {}, options?: CallOptions): Promise<AnswerOf<Routes['listUsers']>> {
  return request<Routes['listUsers']>(client, 'GET', '/admin/users', { query, idempotent: true }, options);
}

/** A new account with its password. @throws ApiError `username_taken`, `merchant_missing` */
export function createUser(client: Client, body: BodyOf<Routes['createUser']>, options?: CallOptions): Promise<AnswerOf<Routes['createUser']>> {
  return request<Routes['createUser']>(client, 'POST', '/admin/users', { body, idempotent: false }, options);
}

export function getUser(client: Client, params: { readonly userId: string }, options?: CallOptions): Promise<UserView> {
  return request<Routes['getUser']>(client, 'GET', '/admin/users/{userId}', { params, idempotent: true }, options);
}

/** Another role, disabled or not, or a new password; all its logins end. @throws ApiError `last_admin`, `not_found` */
export function changeUser(client: Client, { userId, ...body }: { readonly userId: string } & BodyOf<Routes['changeUser']>, options?: CallOptions): Promise<AnswerOf<Routes['changeUser']>> {
  return request<Routes['changeUser']>(client, 'PATCH', '/admin/users/{userId}', { params: { userId }, body, idempotent: false }, options);
}

/** Accounts of programs, newest first. */
export function listClients(client: Client, query: QueryOf<Routes['listClients']> = {}, options?: CallOptions): Promise<AnswerOf<Routes['listClients']>> {
  return request<Routes['listClients']>(client, 'GET', '/admin/clients', { query, idempotent: true }, options);
}

/** A new partner or service with its secret. @throws ApiError `merchant_missing` */
export function createClientAccount(client: Client, body: BodyOf<Routes['createClientAccount']>, options?: CallOptions): Promise<AnswerOf<Routes['createClientAccount']>> {
  return request<Routes['createClientAccount']>(client, 'POST', '/admin/clients', { body, idempotent: false }, options);
}

/** Takes a program's account away; its tokens end. */
export async function deleteClient(client: Client, params: { readonly clientId: string }, options?: CallOptions): Promise<void> {
  await request<Routes['deleteClient']>(client, 'DELETE', '/admin/clients/{clientId}', { params, idempotent: false }, options);
}

/** New keys for access tokens or for pseudonyms; the new one's id. */
export async function rotateKeys(client: Client, body: BodyOf<Routes['rotateKeys']>, options?: CallOptions): Promise<string> {
  const { kid } = await request<Routes['rotateKeys']>(client, 'POST', '/admin/keys/rotate', { body, idempotent: false }, options);
  return kid;
}
