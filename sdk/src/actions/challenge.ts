/** The text a key signs to prove itself to a server: fetched, checked whom it is for, signed. */
import { signingBytes, toHex, utf8 } from '@billcoin/protocol';
import type { Routes } from '../api/index.ts';
import type { AnswerOf } from '../api/route.ts';
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
export function checkChallenge(client: Client, message: string, key: Key): void {
  const [asks = '', address = ''] = message.split('\n');
  const { host } = new URL(client.origin);
  if (asks !== `${host} wants you to sign in with your BillCoin account:`) throw new UntrustedAnswerError(`the text to sign is not for ${host}: ${asks.slice(0, 80)}`);
  if (address !== key.addressText) throw new UntrustedAnswerError('the text to sign is for another account');
}
