/** `billcoin users`: accounts of people, over the API of the running node, or in its data folder while none runs. */
import { changeUser, createUser, listUsers, type Client, type UserView } from '@billcoin/sdk';
import { formatAddress } from '@billcoin/protocol';
import type { User, UserRefusal, Users } from '../authPorts.ts';
import { ConfigError, type Config } from '../config.ts';
import { readGenesis } from '../node.ts';
import { withAccounts } from '../offline/accounts.ts';
import { stoppedOrRunning } from './online.ts';
import type { Terminal } from './terminal.ts';
import { address } from './txKinds.ts';

const USER_ROLES = ['manager', 'finance', 'auditor', 'admin'] as const;
type UserRole = (typeof USER_ROLES)[number];
const USERNAME = /^[a-z0-9][a-z0-9._-]{1,31}$/;
const PAGE = 100;
/** Accounts of people on one campus; more are not looked through for a name. */
const PAGES_MAX = 100;

/** The two ways to the accounts, the same to the commands. */
interface Desk {
  add(user: { readonly username: string; readonly role: UserRole; readonly merchantId: string | null }): Promise<{ readonly user: Pick<User, 'userId' | 'username' | 'role'>; readonly password: string }>;
  list(): Promise<readonly Pick<User, 'userId' | 'username' | 'role' | 'merchantId' | 'isDisabled'>[]>;
  disable(userId: string, reason: string): Promise<void>;
}

class Refused extends Error {
  override readonly name = 'Refused';
}

const WHY: Readonly<Record<UserRefusal, string>> = {
  not_found: 'There is no such account.', username_taken: 'There is an account of this name already.',
  last_admin: 'This is the last administrator who may log in; make another one first.', merchant_missing: 'A manager is of a merchant: give its address.',
};

function offlineDesk(users: Users): Desk {
  return {
    async add(user) {
      const added = await users.add(user);
      if (!added.ok || added.password === null) throw new Refused(added.ok ? 'No password was made.' : WHY[added.code]);
      return { user: added.user, password: added.password };
    },
    async list() {
      const all: User[] = [];
      let before: string | undefined;
      for (let page = 0; page < PAGES_MAX; page++) {
        const { data, next } = await users.list(PAGE, before);
        all.push(...data);
        if (next === undefined) break;
        before = next;
      }
      return all;
    },
    async disable(userId, reason) {
      const changed = await users.change(userId, { isDisabled: true, reason });
      if (!changed.ok) throw new Refused(WHY[changed.code]);
    },
  };
}

function onlineDesk(client: Client): Desk {
  return {
    async add({ merchantId, ...user }) {
      const { password, ...made } = await createUser(client, merchantId === null ? user : { ...user, merchantId });
      return { user: made, password };
    },
    async list() {
      const all: UserView[] = [];
      let cursor: string | undefined;
      for (let page = 0; page < PAGES_MAX; page++) {
        const { data, nextCursor } = await listUsers(client, cursor === undefined ? { limit: PAGE } : { limit: PAGE, cursor });
        all.push(...data);
        if (nextCursor === null) break;
        cursor = nextCursor;
      }
      return all.map(({ disabled, ...user }) => ({ ...user, isDisabled: disabled }));
    },
    async disable(userId, reason) {
      await changeUser(client, { userId, disabled: true, reason });
    },
  };
}

type Act = (desk: Desk, config: Config, terminal: Terminal) => Promise<number>;

function add([username = '', role = '', merchant, ...more]: readonly string[]): Act {
  const chosen = USER_ROLES.find((one) => one === role);
  if (!USERNAME.test(username) || chosen === undefined || more.length > 0) throw new ConfigError(`users add takes a name (2 to 32 lower-case letters, digits, . _ -), one of ${USER_ROLES.join(', ')}, and for a manager the address of the merchant.`);
  const merchantId = merchant === undefined ? null : formatAddress(address.parse(merchant) ?? failAddress(merchant));
  return async (desk, config, { print }) => {
    const { user, password } = await desk.add({ username, role: chosen, merchantId });
    if (config.json) print(JSON.stringify({ userId: user.userId, username, role, password }));
    else {
      print(`Account   ${username}, ${role} (${user.userId})`);
      print(`Password  ${password}`);
      print('It is shown this once and stands nowhere; hand it over by a way that nobody else reads.');
    }
    return 0;
  };
}

function failAddress(text: string): never {
  throw new ConfigError(`"${text}" is no address; it takes ${address.takes}.`);
}

const list: Act = async (desk, config, { print }) => {
  const all = await desk.list();
  if (config.json) print(JSON.stringify(all, undefined, 2));
  else for (const { userId, username, role, merchantId, isDisabled } of all) print(`${userId}  ${role.padEnd(8)}  ${isDisabled ? 'disabled' : 'active  '}  ${username}${merchantId === null ? '' : ` of ${merchantId}`}`);
  return 0;
};

function disable([username, ...reason]: readonly string[]): Act {
  if (username === undefined) throw new ConfigError('users disable takes a name, and a reason if you like.');
  return async (desk, _config, { print }) => {
    const user = (await desk.list()).find((one) => one.username === username);
    if (user === undefined) throw new Refused(WHY.not_found);
    await desk.disable(user.userId, reason.length === 0 ? 'by hand' : reason.join(' '));
    print(`${username} may not log in any more; what was logged in is logged out.`);
    return 0;
  };
}

/** What the words ask for; throws ConfigError before anything is opened. */
function actOf([what, ...words]: readonly string[]): Act {
  if (what === 'add') return add(words);
  if (what === 'disable') return disable(words);
  if (what !== 'list' || words.length > 0) throw new ConfigError('users takes add, list or disable. See billcoin users --help.');
  return list;
}

/** `users add|list|disable`; a refusal is one line and exit code 1. */
export async function users(config: Config, terminal: Terminal, words: readonly string[]): Promise<number> {
  const act = actOf(words);
  const genesis = await readGenesis(config.genesis);
  const refusing = async (desk: () => Promise<Desk>): Promise<number> => {
    try {
      return await act(await desk(), config, terminal);
    } catch (error) {
      if (error instanceof Refused) return refused(terminal, error);
      throw error;
    }
  };
  return await stoppedOrRunning(config, terminal, () => withAccounts(config, genesis, (accounts) => refusing(async () => offlineDesk(accounts))), (client) => refusing(async () => onlineDesk(client)));
}

function refused({ complain }: Terminal, { message }: Error): number {
  complain(message);
  return 1;
}
