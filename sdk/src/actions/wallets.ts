/** Linking a wallet to a student (US-001), and the roster of the university behind it. */
import { signingBytes, toHex, utf8 } from '@billcoin/protocol';
import type { Routes } from '../api/index.ts';
import type { AnswerOf } from '../api/route.ts';
import type { WalletLinked } from '../api/wallets.ts';
import type { Client } from '../client/client.ts';
import { UntrustedAnswerError } from '../client/errors.ts';
import { request, type CallOptions } from '../client/request.ts';
import type { Key } from '../key.ts';

/** A text of the server to sign with this key; ends after 2 minutes. */
export function createChallenge(client: Client, params: { readonly publicKey: string }, options?: CallOptions): Promise<AnswerOf<Routes['createChallenge']>> {
  return request<Routes['createChallenge']>(client, 'POST', '/auth/challenge', { body: params, idempotent: true }, options);
}

/** Signature over a login text, hex. Its own tag and the genesis hash keep it from ever being a transaction. */
export function signChallenge(message: string, genesisHash: Uint8Array, key: Key): string {
  return toHex(key.sign(signingBytes('bill/login/1', genesisHash, utf8(message))));
}

/** The text must ask for this server and this account: a text of another domain is somebody phishing for a login. */
function checkChallenge(client: Client, message: string, key: Key): void {
  const [asks = '', address = ''] = message.split('\n');
  const { host } = new URL(client.origin);
  if (asks !== `${host} wants you to sign in with your BillCoin account:`) throw new UntrustedAnswerError(`the text to sign is not for ${host}: ${asks.slice(0, 80)}`);
  if (address !== key.addressText) throw new UntrustedAnswerError('the text to sign is for another account');
}

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
