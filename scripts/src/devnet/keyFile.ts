/** Key files of the devnet's parties: the format of `billcoin keys`, mode 0600, made once and never overwritten. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fromHex, toHex } from '@billcoin/protocol';
import { createKey, keyFromSeed, type Key } from '@billcoin/sdk';

export function readKey(path: string): Key {
  const { seed } = JSON.parse(readFileSync(path, 'utf8')) as { readonly seed?: string };
  const bytes = seed === undefined ? undefined : fromHex(seed);
  if (bytes === undefined) throw new Error(`${path} is not a key file`);
  return keyFromSeed(bytes);
}

/** The key of a file, made on the first call. */
export function readOrMakeKey(path: string): Key {
  try {
    return readKey(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const key = createKey();
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const record = { format: 'billcoin-key/1', algorithm: 'ed25519', publicKey: toHex(key.publicKey), address: key.addressText, seed: toHex(key.exportSeed()) };
  writeFileSync(path, `${JSON.stringify(record, undefined, 2)}\n`, { mode: 0o600, flag: 'wx' });
  return key;
}
