/** Builds the logins of a node: keys, sessions, accounts. */
import type { Logins, Programs, Users } from '../../authPorts.ts';
import type { Cashiers } from '../../merchantPorts.ts';
import type { ChainPort, Clock, KeyValueStore } from '../../ports.ts';
import type { Challenges } from '../challenge.ts';
import type { CampusKeys } from '../keyFile.ts';
import { openLane, type Lane } from '../lane.ts';
import type { Pseudonyms } from '../wallets.ts';
import { ACCESS_LIFE_MS, openAccessTokens } from './accessToken.ts';
import { openCashiers } from './cashiers.ts';
import { walletSubject } from './identity.ts';
import { openLogins } from './logins.ts';
import { openPrograms } from './programs.ts';
import { openSecrets, type ScryptCost } from './secrets.ts';
import { openSessions } from './sessions.ts';
import { openTokenKeys } from './tokenKeys.ts';
import { openUsers } from './users.ts';

export interface AuthDeps {
  readonly chain: ChainPort;
  readonly store: KeyValueStore;
  readonly keys: CampusKeys;
  readonly clock: Clock;
  /** Where `token-keys.json` is or will be. */
  readonly keyFolder: string;
  readonly pseudonyms: Pseudonyms;
  readonly challenges: Challenges;
  readonly challengeLane: Lane;
  readonly passwordCost?: ScryptCost | undefined;
}

export interface Auth {
  readonly logins: Logins;
  readonly users: Users;
  readonly programs: Programs;
  readonly cashiers: Cashiers;
  /** All logins of a wallet end. */
  endLogins(address: Uint8Array): Promise<void>;
  /** Writes of sessions and of accounts that are not on disk yet. */
  writesWaiting(): { readonly sessions: number; readonly accounts: number };
  tokensRemembered(): number;
  /** Resolves when all writes are done. */
  idle(): Promise<void>;
}

/** Opens the accounts alone: what `billcoin users` needs while no node runs. */
export function openAccounts({ store, keys, clock, passwordCost }: Pick<AuthDeps, 'store' | 'keys' | 'clock' | 'passwordCost'>): Pick<Auth, 'users' | 'programs' | 'cashiers' | 'writesWaiting' | 'idle'> & { readonly accounts: AccountParts } {
  const [sessionLane, accountLane] = [openLane(), openLane()];
  const secrets = openSecrets(keys, passwordCost);
  const sessions = openSessions({ store, keys, clock, lane: sessionLane });
  const { endAll } = sessions;
  return {
    users: openUsers({ store, clock, lane: accountLane, secrets, endAll }),
    programs: openPrograms({ store, keys, clock, lane: accountLane, endAll }),
    cashiers: openCashiers({ store, clock, lane: accountLane, secrets, endAll }),
    accounts: { secrets, sessions, sessionLane },
    writesWaiting: () => ({ sessions: sessionLane.waiting(), accounts: accountLane.waiting() }),
    async idle() {
      await accountLane.idle();
      await sessionLane.idle();
    },
  };
}

interface AccountParts {
  readonly secrets: ReturnType<typeof openSecrets>;
  readonly sessions: ReturnType<typeof openSessions>;
  readonly sessionLane: Lane;
}

/** Opens the logins. Rejects where the key file is damaged or others may read it. */
export async function openAuth(deps: AuthDeps): Promise<Auth> {
  const { users, programs, cashiers, accounts, writesWaiting, idle } = openAccounts(deps);
  const tokenKeys = await openTokenKeys(deps.keyFolder, deps.clock, ACCESS_LIFE_MS);
  const tokens = openAccessTokens(tokenKeys, deps.clock, deps.chain.chainId);
  const endLogins = (address: Uint8Array): Promise<void> => accounts.sessions.endAll(walletSubject(deps.keys, address));
  return { users, programs, cashiers, writesWaiting, idle, endLogins, tokensRemembered: tokens.remembered, logins: openLogins({ ...deps, ...accounts, tokens, tokenKeys }) };
}
