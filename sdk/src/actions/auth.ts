/** Logins, one call each. Programs that stay use `withLogin`, which keeps and renews the tokens. */
import { toHex } from '@billcoin/protocol';
import type { AccessToken, Jwks, Me, TokenPair } from '../api/auth.ts';
import type { Routes } from '../api/index.ts';
import type { Client } from '../client/client.ts';
import { request, type CallOptions } from '../client/request.ts';
import type { Key } from '../key.ts';
import { checkChallenge, createChallenge, signChallenge } from './challenge.ts';

export interface KeyLogin {
  readonly key: Key;
  readonly genesisHash: Uint8Array;
}

/**
 * Logs in by key: fetches a text, checks whom it is for, signs it. A till's key gets role till, any other role student.
 * @throws ApiError `bad_login_signature` … · UntrustedAnswerError a text for another server or account
 */
export async function loginByKey(client: Client, { key, genesisHash }: KeyLogin, options?: CallOptions): Promise<TokenPair> {
  const publicKey = toHex(key.publicKey);
  const { message } = await createChallenge(client, { publicKey }, options);
  checkChallenge(client, message, key);
  const body = { message, publicKey, signature: signChallenge(message, genesisHash, key) };
  return request<Routes['verifyChallenge']>(client, 'POST', '/auth/verify', { body, idempotent: false }, options);
}

/** Logs in a person. @throws ApiError `bad_credentials`, `rate_limited` */
export function login(client: Client, body: { readonly username: string; readonly password: string }, options?: CallOptions): Promise<TokenPair> {
  return request<Routes['login']>(client, 'POST', '/auth/login', { body, idempotent: false }, options);
}

/** Logs in a program; there is no refresh token. @throws ApiError `bad_credentials`, `rate_limited` */
export function loginClient(client: Client, body: { readonly clientId: string; readonly clientSecret: string }, options?: CallOptions): Promise<AccessToken> {
  return request<Routes['loginClient']>(client, 'POST', '/auth/client', { body, idempotent: false }, options);
}

/** A cashier takes over the till that `client` is logged in as. @throws ApiError `bad_credentials`, `rate_limited` */
export function loginCashier(client: Client, { tillNo, ...body }: { readonly tillNo: number; readonly cashierId: string; readonly pin: string }, options?: CallOptions): Promise<AccessToken> {
  return request<Routes['loginCashier']>(client, 'POST', '/tills/{tillNo}/cashier', { params: { tillNo }, body, idempotent: false }, options);
}

/** A new pair for a refresh token, which ends with this call. @throws ApiError `unauthenticated`, `refresh_reused` */
export function refreshLogin(client: Client, body: { readonly refreshToken: string }, options?: CallOptions): Promise<TokenPair> {
  return request<Routes['refreshLogin']>(client, 'POST', '/auth/refresh', { body, idempotent: false }, options);
}

/** Ends the login of this client. */
export async function logout(client: Client, options?: CallOptions): Promise<void> {
  await request<Routes['logout']>(client, 'POST', '/auth/logout', { idempotent: false }, options);
}

/** Who this client is logged in as. */
export function getMe(client: Client, options?: CallOptions): Promise<Me> {
  return request<Routes['getMe']>(client, 'GET', '/auth/me', { idempotent: true }, options);
}

/** Keys that verify access tokens. */
export function getJwks(client: Client, options?: CallOptions): Promise<Jwks> {
  return request<Routes['getJwks']>({ ...client, base: client.origin }, 'GET', '/.well-known/jwks.json', { idempotent: true }, options);
}
