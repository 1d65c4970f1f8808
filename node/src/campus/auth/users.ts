/**
 * Accounts of people: managers, finance, auditors, administrators. Passwords are drawn here and told once. The last
 * administrator who may log in stays one: nobody could undo it over the API.
 */
import type { Changed, Listed, NewUser, User, UserChange, Users } from '../../authPorts.ts';
import type { Clock, KeyValueStore } from '../../ports.ts';
import { ulid } from '../crockford.ts';
import type { Lane } from '../lane.ts';
import { getRow, listRows, putRow, TABLES, type Table, type UserRow } from '../store.ts';
import { makePassword, type Secrets } from './secrets.ts';

const USER_PREFIX = 'usr_';
/** Administrators looked at to find another one who may log in; a campus has a handful. */
const ACCOUNTS_READ_MAX = 10_000;

export interface UserDeps {
  readonly store: KeyValueStore;
  readonly clock: Clock;
  /** All writes to accounts. */
  readonly lane: Lane;
  readonly secrets: Secrets;
  readonly endAll: (subject: string) => Promise<void>;
}

function userOf(userId: string, { username, role, merchantId, createdAtMs, disabledAtMs, reason }: UserRow): User {
  return { userId, username, role, merchantId, createdAtMs, isDisabled: disabledAtMs !== null, reason };
}

/** A page of a table whose ids begin with a prefix and sort by time, newest first. */
export async function pageOf<V, T>(store: KeyValueStore, table: Table<V>, view: (id: string, value: V) => T, limit: number, before: string | undefined): Promise<Listed<T>> {
  const rows = await listRows(store, table, { limit, reverse: true, ...(before === undefined ? {} : { before }) });
  return { data: rows.map(({ id, value }) => view(id, value)), next: rows.length < limit ? undefined : rows.at(-1)?.id };
}

function isAdmin({ role, disabledAtMs }: UserRow): boolean {
  return role === 'admin' && disabledAtMs === null;
}

/** Somebody else who may administer. */
async function hasOtherAdmin(store: KeyValueStore, userId: string): Promise<boolean> {
  const rows = await listRows(store, TABLES.user, { limit: ACCOUNTS_READ_MAX });
  return rows.some(({ id, value }) => id !== userId && isAdmin(value));
}

async function add({ store, clock, secrets, lane }: UserDeps, { username, role, merchantId }: NewUser): Promise<Changed> {
  if (role === 'manager' && merchantId === null) return { ok: false, code: 'merchant_missing' };
  const password = makePassword();
  const passwordHash = await secrets.hash(password);
  return await lane.run(async () => {
    if ((await getRow(store, TABLES.userByName, username)) !== undefined) return { ok: false, code: 'username_taken' };
    const userId = USER_PREFIX + ulid(clock.nowMs());
    const row: UserRow = { username, role, merchantId: role === 'manager' ? merchantId : null, passwordHash, createdAtMs: clock.nowMs(), disabledAtMs: null, reason: '' };
    await store.batch([putRow(TABLES.user, userId, row), putRow(TABLES.userByName, username, userId)], { sync: true });
    return { ok: true, user: userOf(userId, row), password };
  });
}

async function change({ store, clock, secrets, lane, endAll }: UserDeps, userId: string, wanted: UserChange): Promise<Changed> {
  const password = wanted.newPassword === true ? makePassword() : null;
  const passwordHash = password === null ? undefined : await secrets.hash(password);
  const changed = await lane.run(async (): Promise<Changed> => {
    const held = await getRow(store, TABLES.user, userId);
    if (held === undefined) return { ok: false, code: 'not_found' };
    const role = wanted.role ?? held.role;
    const merchantId = role === 'manager' ? (wanted.merchantId ?? held.merchantId) : null;
    if (role === 'manager' && merchantId === null) return { ok: false, code: 'merchant_missing' };
    const disabledAtMs = wanted.isDisabled === undefined ? held.disabledAtMs : wanted.isDisabled ? (held.disabledAtMs ?? clock.nowMs()) : null;
    const row: UserRow = { ...held, role, merchantId, disabledAtMs, reason: wanted.reason, passwordHash: passwordHash ?? held.passwordHash };
    if (isAdmin(held) && !isAdmin(row) && !(await hasOtherAdmin(store, userId))) return { ok: false, code: 'last_admin' };
    await store.batch([putRow(TABLES.user, userId, row)], { sync: true });
    return { ok: true, user: userOf(userId, row), password };
  });
  if (changed.ok) await endAll(userId);
  return changed;
}

export function openUsers(deps: UserDeps): Users {
  const { store } = deps;
  return {
    add: (user) => add(deps, user),
    change: (userId, wanted) => change(deps, userId, wanted),
    async get(userId) {
      const row = await getRow(store, TABLES.user, userId);
      return row === undefined ? undefined : userOf(userId, row);
    },
    list: (limit, before) => pageOf(store, TABLES.user, userOf, limit, before),
  };
}
