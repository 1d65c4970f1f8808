/**
 * Accounts and keys of the campus while no node runs. The first administrator is made this way: whoever may write the data folder is the operator
 * already, and a password that a start prints would stand in the log of every node that ever started.
 */
import type { Genesis } from '@billcoin/protocol';
import type { Users } from '../authPorts.ts';
import { ACCESS_LIFE_MS } from '../campus/auth/accessToken.ts';
import { openAccounts } from '../campus/auth/auth.ts';
import { openTokenKeys } from '../campus/auth/tokenKeys.ts';
import { checkStore } from '../campus/campus.ts';
import { pseudonymKeyId } from '../campus/crypto.ts';
import { openCampusKeys, type OpenedKeys } from '../campus/keyFile.ts';
import { systemClock } from '../clock.ts';
import type { Config } from '../config.ts';
import type { KeyValueStore } from '../ports.ts';
import { lockCampus } from '../storage/dataFolder.ts';
import { openKeyValueLevel } from '../storage/keyValueLevel.ts';

type Folders = Pick<Config, 'dataDir' | 'keyDir'>;

/** Opens rows and keys of the campus of the stopped node for `work`. Throws StorageFailure `locked` while a node runs on them. */
async function withCampusRows<T>({ dataDir, keyDir }: Folders, { genesisHash }: Pick<Genesis, 'genesisHash'>, work: (store: KeyValueStore, opened: OpenedKeys) => Promise<T>): Promise<T> {
  const fail = (error: Error): never => {
    throw error;
  };
  const { campusPath, release } = await lockCampus(dataDir, genesisHash);
  try {
    const store = await openKeyValueLevel(campusPath, fail);
    try {
      const opened = await openCampusKeys(keyDir);
      await checkStore({ chain: { genesisHash }, store }, opened.keys, opened.path);
      return await work(store, opened);
    } finally {
      await store.close();
    }
  } finally {
    await release();
  }
}

/** The accounts of people, the same way. */
export async function withAccounts<T>(folders: Folders, genesis: Pick<Genesis, 'genesisHash'>, work: (users: Users) => Promise<T>): Promise<T> {
  return await withCampusRows(folders, genesis, async (store, { keys }) => {
    const { users, idle } = openAccounts({ store, keys, clock: systemClock });
    const done = await work(users);
    await idle();
    return done;
  });
}

export type RotatedKeys = 'pseudonyms' | 'tokens';

/** New keys in the key folder, as POST /admin/keys/rotate makes them (SPEC §19.5, §21.2); the new one's id. */
export async function rotateCampusKeys(folders: Folders, genesis: Pick<Genesis, 'genesisHash'>, which: RotatedKeys): Promise<string> {
  return await withCampusRows(folders, genesis, async (_store, { keys, rotatePurposes }) => {
    if (which === 'tokens') return await (await openTokenKeys(folders.keyDir, systemClock, ACCESS_LIFE_MS)).rotate();
    await rotatePurposes();
    return pseudonymKeyId(keys);
  });
}
