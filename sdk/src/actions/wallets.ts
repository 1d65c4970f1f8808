/** Linking a wallet to a student (US-001), and the roster of the university behind it. */
import { toHex } from '@billcoin/protocol';
import type { Routes } from '../api/index.ts';
import type { AnswerOf } from '../api/route.ts';
import type { WalletLinked } from '../api/wallets.ts';
import type { Client } from '../client/client.ts';
import { request, type CallOptions } from '../client/request.ts';
import type { Key } from '../key.ts';
import { checkChallenge, createChallenge, signChallenge } from './challenge.ts';

export interface LinkParams {
  /** 10 characters from the university. */
  readonly linkCode: string;
  readonly key: Key;
  readonly genesisHash: Uint8Array;
}

/**
 * Links the wallet of `key` to the student of `linkCode`: fetches a text, checks whom it is for, signs it.
 * @throws ApiError `cannot_link`, `too_many_wallets` … · UntrustedAnswerError a text for another server or account
 */
export async function linkWallet(client: Client, { linkCode, key, genesisHash }: LinkParams, options?: CallOptions): Promise<WalletLinked> {
  const publicKey = toHex(key.publicKey);
  const { message } = await createChallenge(client, { publicKey }, options);
  checkChallenge(client, message, key);
  const body = { linkCode: linkCode.toUpperCase(), message, publicKey, signature: signChallenge(message, genesisHash, key) };
  return request<Routes['linkWallet']>(client, 'POST', '/wallets/link', { body, idempotent: false }, options);
}

/** Imports the roster (CSV with a column studentId). New link codes are shown this once. Needs role admin or service. */
export function importStudents(client: Client, params: { readonly csv: string }, options?: CallOptions): Promise<AnswerOf<Routes['importStudents']>> {
  return request<Routes['importStudents']>(client, 'POST', '/admin/students/import', { body: params.csv, idempotent: false }, options);
}

/** A new link code for a student; the old one dies. Needs role admin. */
export function renewLinkCode(client: Client, params: { readonly studentRef: string }, options?: CallOptions): Promise<AnswerOf<Routes['renewLinkCode']>> {
  return request<Routes['renewLinkCode']>(client, 'POST', '/admin/students/{studentRef}/link-code', { params, idempotent: false }, options);
}

/** Wallets of the student who is logged in, masked. */
export function listWallets(client: Client, options?: CallOptions): Promise<AnswerOf<Routes['listWallets']>> {
  return request<Routes['listWallets']>(client, 'GET', '/wallets', { idempotent: true }, options);
}

/** The link goes; points and coupons stay with their address. */
export async function unlinkWallet(client: Client, params: { readonly walletId: string }, options?: CallOptions): Promise<void> {
  await request<Routes['unlinkWallet']>(client, 'DELETE', '/wallets/{walletId}', { params, idempotent: true }, options);
}

/** A one-time code for a second phone. */
export function createLinkCode(client: Client, options?: CallOptions): Promise<AnswerOf<Routes['createLinkCode']>> {
  return request<Routes['createLinkCode']>(client, 'POST', '/wallets/link-code', { idempotent: false }, options);
}

/** Shreds a student's key, links and logins. Needs role admin. */
export function eraseStudent(client: Client, params: { readonly studentRef: string }, options?: CallOptions): Promise<AnswerOf<Routes['eraseStudent']>> {
  return request<Routes['eraseStudent']>(client, 'POST', '/admin/privacy/{studentRef}/erase', { params, idempotent: false }, options);
}
