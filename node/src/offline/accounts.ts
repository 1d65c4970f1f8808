/**
 * Accounts while no node runs. The first administrator is made this way: whoever may write the data folder is the operator
 * already, and a password that a start prints would stand in the log of every node that ever started.
 */
import type { Genesis } from '@billcoin/protocol';
import type { Users } from '../authPorts.ts';
import { openAccounts } from '../campus/auth/auth.ts';
import { checkStore } from '../campus/campus.ts';
import { openCampusKeys } from '../campus/keyFile.ts';
import { systemClock } from '../clock.ts';
import type { Config } from '../config.ts';
import { lockCampus } from '../storage/dataFolder.ts';
import { openKeyValueLevel } from '../storage/keyValueLevel.ts';

/** Opens the campus rows of the stopped node for `work`. Throws StorageFailure `locked` while a node runs on them. */
export async function withAccounts<T>({ dataDir, keyDir }: Pick<Config, 'dataDir' | 'keyDir'>, { genesisHash }: Pick<Genesis, 'genesisHash'>, work: (users: Users) => Promise<T>): Promise<T> {
  const fail = (error: Error): never => {
    throw error;
  };
  const { campusPath, release } = await lockCampus(dataDir, genesisHash);
  try {
    const store = await openKeyValueLevel(campusPath, fail);
    try {
      const { keys, path } = await openCampusKeys(keyDir);
      await checkStore({ chain: { genesisHash }, store }, keys, path);
      const { users, idle } = openAccounts({ store, keys, clock: systemClock });
      const done = await work(users);
      await idle();
      return done;
    } finally {
      await store.close();
    }
  } finally {
    await release();
  }
}
