/**
 * Key files: JSON with the 32-byte Ed25519 seed in hex, mode 0600. Consensus key and account keys are different files;
 * a file that others may read is refused.
 */
import { randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { addressOf, ed25519PublicKey, equalBytes, formatAddress, fromHex, toHex } from '@billcoin/protocol';
import { readSecretText, SharedFile } from '../secretFile.ts';
import { StorageFailure } from '../storageFailure.ts';

export const CONSENSUS_KEY_FILE = 'consensus-key.json';
/** Who this node is among its peers; signs nothing of the chain. */
export const NODE_KEY_FILE = 'node-key.json';
/** Signs the manifests of exports; its public key goes to finance and auditors. */
export const EXPORT_KEY_FILE = 'export-key.json';
const FORMAT = 'billcoin-key/1';
const SEED_BYTES = 32;

export interface KeyPair {
  readonly seed: Uint8Array;
  readonly publicKey: Uint8Array;
}

export function keyPairOf(seed: Uint8Array): KeyPair {
  return { seed, publicKey: ed25519PublicKey(seed) };
}

function unusable(path: string, why: string, remedy: string, cause?: unknown): StorageFailure {
  return new StorageFailure('no_key', `The key file ${path} ${why}.`, remedy, { cause });
}

/** Makes a fresh key in a new file of mode 0600; an existing file is never overwritten (Error EEXIST). */
export async function createKeyFile(folder: string, name: string, seed: Uint8Array = randomBytes(SEED_BYTES)): Promise<KeyPair> {
  const pair = keyPairOf(new Uint8Array(seed));
  const text = JSON.stringify({ format: FORMAT, algorithm: 'ed25519', publicKey: toHex(pair.publicKey), address: formatAddress(addressOf(pair.publicKey)), seed: toHex(pair.seed) }, undefined, 2);
  const handle = await open(join(folder, name), 'wx', 0o600);
  try {
    await handle.writeFile(`${text}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  return pair;
}

function parse(path: string, text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch (error) {
    throw unusable(path, 'is not JSON', 'Restore it from its backup.', error);
  }
  throw unusable(path, 'is not a JSON object', 'Restore it from its backup.');
}

/** Reads a key file; undefined where there is none. Throws StorageFailure `no_key` where others may read it or it is damaged. */
export async function readKeyFile(folder: string, name: string): Promise<KeyPair | undefined> {
  const path = join(folder, name);
  let text: string;
  try {
    text = await readSecretText(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    if (error instanceof SharedFile) throw unusable(path, 'may be read by others', `Run: chmod 600 ${path}`, error);
    throw unusable(path, 'cannot be read', 'Check its owner and rights.', error);
  }
  const record = parse(path, text);
  const seed = typeof record['seed'] === 'string' ? fromHex(record['seed']) : undefined;
  const publicKey = typeof record['publicKey'] === 'string' ? fromHex(record['publicKey']) : undefined;
  if (record['format'] !== FORMAT || seed?.length !== SEED_BYTES || publicKey === undefined) throw unusable(path, `is not of format ${FORMAT}`, 'Restore it from its backup.');
  const pair = keyPairOf(seed);
  if (!equalBytes(pair.publicKey, publicKey)) throw unusable(path, 'holds a seed that does not belong to its public key', 'Restore it from its backup.');
  return pair;
}
