/** Bytes in JSON rows of the campus. */
import { assert, fromBase64Url, toBase64Url } from '@billcoin/protocol';

export const toField = toBase64Url;

/** Bytes of a field that this store wrote itself; anything else means that the store is damaged. */
export function fromField(text: string): Uint8Array {
  const bytes = fromBase64Url(text);
  assert(bytes !== undefined, 'a stored field is base64url');
  return bytes;
}
