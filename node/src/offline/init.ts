/** `billcoin init`: makes the data folder for a network and the sign guard of a key that has never signed on it. */
import { mkdir } from 'node:fs/promises';
import { indexOfKey, toHex, type Genesis } from '@billcoin/protocol';
import type { Config } from '../config.ts';
import { CONSENSUS_KEY_FILE, readKeyFile } from '../crypto/keyFiles.ts';
import { createSignGuard } from '../crypto/signGuard.ts';
import { createDataFolder } from '../storage/dataFolder.ts';

export interface Initialised {
  readonly chainId: string;
  readonly genesisHash: string;
  /** Whether this node will sign: its key stands in the first validator set. */
  readonly isValidator: boolean;
}

/**
 * The guard comes first: a data folder without guard would look like a lost guard, a guard without data folder only asks
 * for a second `init`. Throws where either exists already.
 */
export async function initFolders(config: Config, genesis: Genesis): Promise<Initialised> {
  await mkdir(config.keyDir, { recursive: true, mode: 0o700 }); // also for the campus keys of a node without consensus key
  const pair = await readKeyFile(config.keyDir, CONSENSUS_KEY_FILE);
  const isValidator = pair !== undefined && indexOfKey(genesis.validators, pair.publicKey) !== undefined;
  if (pair !== undefined && isValidator) await createSignGuard(config.keyDir, { publicKey: pair.publicKey, genesisHash: genesis.genesisHash });
  await createDataFolder(config.dataDir, genesis.genesisHash);
  return { chainId: genesis.chainId, genesisHash: toHex(genesis.genesisHash), isValidator };
}
