/** The oracle's key file: JSON `billcoin-key/1` with the 32-byte Ed25519 seed in hex, mode 0600, as the node's. */
import { readFile, stat } from 'node:fs/promises';
import { equalBytes, fromHex } from '@billcoin/protocol';
import { keyFromSeed, SEED_BYTES, type Signer } from '@billcoin/sdk';
import { ConfigError } from './config.ts';

const FORMAT = 'billcoin-key/1';
/** Rights of group and others. */
const OTHERS_MASK = 0o077;

/** Reads a key. @throws ConfigError where others may read the file, or it is damaged, with what to do. */
export async function readOracleKey(path: string): Promise<Signer> {
  let mode: number;
  let record: Readonly<Record<string, unknown>>;
  try {
    ({ mode } = await stat(path));
    record = JSON.parse(await readFile(path, 'utf8')) as Readonly<Record<string, unknown>>;
  } catch (cause) {
    throw new ConfigError(`The key file ${path} cannot be read as JSON. Check its path and rights.`, { cause });
  }
  if ((mode & OTHERS_MASK) !== 0) throw new ConfigError(`The key file ${path} may be read by others. Run: chmod 600 ${path}`);
  const seed = typeof record['seed'] === 'string' ? fromHex(record['seed']) : undefined;
  const publicKey = typeof record['publicKey'] === 'string' ? fromHex(record['publicKey']) : undefined;
  if (record['format'] !== FORMAT || seed?.length !== SEED_BYTES || publicKey === undefined) throw new ConfigError(`The key file ${path} is not of format ${FORMAT}. Restore it from its backup.`);
  const key = keyFromSeed(seed);
  if (!equalBytes(key.publicKey, publicKey)) throw new ConfigError(`The key file ${path} holds a seed that does not belong to its public key. Restore it from its backup.`);
  return key;
}
