/** `billcoin init`: makes the data folder for a network and the sign guard of a key that has never signed on it. */
import { mkdir } from 'node:fs/promises';
import { indexOfKey, toHex, type Genesis } from '@billcoin/protocol';
import type { Config } from '../config.ts';
import { CONSENSUS_KEY_FILE, readKeyFile } from '../crypto/keyFiles.ts';
import { createSignGuard, readSignGuard } from '../crypto/signGuard.ts';
import { openNodeKey } from './keys.ts';
import { createDataFolder, isDataFolder } from '../storage/dataFolder.ts';

export interface Initialised {
  readonly chainId: string;
  readonly genesisHash: string;
  /** Whether this node will sign: its key stands in the first validator set. */
  readonly isValidator: boolean;
  /** Hex of the key that peers know this node by. */
  readonly nodeKey: string;
  /** What the guard that was there already has signed; undefined where one was made or none is needed. */
  readonly keptGuardHeight: number | undefined;
}

/**
 * The guard comes first: a data folder without guard would look like a lost guard, a guard without data folder only asks
 * for a second `init`. A guard of this key and network is kept as it is: it remembers what was signed before the data was
 * lost. Throws where there is a data folder already, or a guard that cannot be read.
 */
export async function initFolders(config: Config, genesis: Genesis): Promise<Initialised> {
  await mkdir(config.keyDir, { recursive: true, mode: 0o700 }); // also for the campus keys of a node without consensus key
  const { publicKey: nodeKey } = await openNodeKey(config.keyDir);
  const pair = await readKeyFile(config.keyDir, CONSENSUS_KEY_FILE);
  const isValidator = pair !== undefined && indexOfKey(genesis.validators, pair.publicKey) !== undefined;
  const identity = pair === undefined ? undefined : { publicKey: pair.publicKey, genesisHash: genesis.genesisHash };
  const guard = isValidator && identity !== undefined ? await readSignGuard(config.keyDir, identity) : undefined;
  // Data without guard is a lost guard: one made here would forget what it has signed.
  const isLost = guard === undefined && (await isDataFolder(config.dataDir));
  if (isValidator && identity !== undefined && guard === undefined && !isLost) await createSignGuard(config.keyDir, identity);
  await createDataFolder(config.dataDir, genesis.genesisHash);
  return { chainId: genesis.chainId, genesisHash: toHex(genesis.genesisHash), isValidator, nodeKey, keptGuardHeight: guard?.height };
}
