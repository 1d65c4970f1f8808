/** `billcoin keys` and `billcoin node-key`: the consensus key of a validator, and the key that a node is known by. */
import { mkdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { addressOf, formatAddress, toHex } from '@billcoin/protocol';
import { CONSENSUS_KEY_FILE, EXPORT_KEY_FILE, NODE_KEY_FILE, createKeyFile, readKeyFile } from '../crypto/keyFiles.ts';

export interface MadeKey {
  readonly file: string;
  /** Hex; goes into the genesis file with its proof of possession. */
  readonly publicKey: string;
  readonly address: string;
}

/**
 * A key in `keyDir`, mode 0600 in a folder of mode 0700: fresh, or of the 32-byte seed of a development network. Throws
 * (Error EEXIST) where there is one: keys are never overwritten.
 */
export async function makeConsensusKey(keyDir: string, seed?: Uint8Array): Promise<MadeKey> {
  await mkdir(keyDir, { recursive: true, mode: 0o700 });
  const { publicKey } = await createKeyFile(keyDir, CONSENSUS_KEY_FILE, seed);
  return { file: `${keyDir}/${CONSENSUS_KEY_FILE}`, publicKey: toHex(publicKey), address: formatAddress(addressOf(publicKey)) };
}

/** A new account key at `path`, mode 0600. Throws (Error EEXIST) where there is a file already. */
export async function makeAccountKey(path: string): Promise<{ readonly address: string }> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const { publicKey } = await createKeyFile(dirname(path), basename(path));
  return { address: formatAddress(addressOf(publicKey)) };
}

/** The 32-byte seed of an account key file; undefined where there is none. Throws StorageFailure `no_key` where others may read it. */
export async function readAccountSeed(path: string): Promise<Uint8Array | undefined> {
  return (await readKeyFile(dirname(path), basename(path)))?.seed;
}

interface OpenedKey {
  /** Hex. */
  readonly publicKey: string;
  /** It was not there before. */
  readonly isNew: boolean;
}

async function openKey(keyDir: string, name: string): Promise<OpenedKey> {
  await mkdir(keyDir, { recursive: true, mode: 0o700 });
  const found = await readKeyFile(keyDir, name);
  const { publicKey } = found ?? (await createKeyFile(keyDir, name));
  return { publicKey: toHex(publicKey), isNew: found === undefined };
}

/** Public part of the node key in `keyDir`; it is made the first time. */
export function openNodeKey(keyDir: string): Promise<OpenedKey> {
  return openKey(keyDir, NODE_KEY_FILE);
}

/** Public part of the key that signs exports; it is made the first time. */
export function openExportKey(keyDir: string): Promise<OpenedKey> {
  return openKey(keyDir, EXPORT_KEY_FILE);
}
