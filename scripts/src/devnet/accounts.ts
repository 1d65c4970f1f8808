/** Accounts of the devnet's people: made on the first start by `billcoin users`, kept in a file of mode 0600 beside the keys. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { withLogin, type Client } from '@billcoin/sdk';
import { keyOf, writeWhole, type Paths } from './network.ts';

/** The roster is the administrator's; exports, and balances of others, are finance's; the cafeteria's shelf is its manager's. */
export const ACCOUNT_ROLES = ['admin', 'finance', 'manager'] as const;
export type AccountRole = (typeof ACCOUNT_ROLES)[number];

interface Account {
  readonly username: string;
  readonly password: string;
}

const accountPath = (root: string, role: AccountRole): string => join(root, 'keys', `account-${role}.json`);

/** Makes the accounts that are missing at the node which serves the API; it must not be running. `command` runs the node's CLI. */
export function makeAccounts(paths: Paths, command: readonly [string, ...string[]], nodeArgs: readonly string[]): void {
  for (const role of ACCOUNT_ROLES) {
    const path = accountPath(paths.root, role);
    if (existsSync(path)) continue;
    const [program, ...args] = command;
    const { status, stdout, stderr } = spawnSync(program, [...args, 'users', 'add', `devnet-${role}`, role, ...(role === 'manager' ? [keyOf(paths, 'cafeteria').addressText] : []), '--json', ...nodeArgs], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`the account devnet-${role} was not made: ${stdout}${stderr}`);
    const { username, password } = JSON.parse(stdout) as Account;
    writeWhole(path, `${JSON.stringify({ username, password }, undefined, 2)}\n`);
  }
}

/** The client, logged in as one of them. */
export function asAccount(client: Client, root: string, role: AccountRole): Client {
  return withLogin(client, JSON.parse(readFileSync(accountPath(root, role), 'utf8')) as Account);
}
