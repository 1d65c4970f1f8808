/** /admin/users, /admin/clients, /admin/keys: accounts of people and programs, the key of their tokens, the keys of pseudonyms. */
import { ROUTES, type ClientView, type UserView } from '@billcoin/sdk';
import type { Changed, Listed, Logins, Program, Programs, User, Users } from '../../authPorts.ts';
import { parseAddress } from '@billcoin/protocol';
import { rfc3339 } from '../../rfc3339.ts';
import { badCursor, fromCursor, LIMIT_DEFAULT, toCursor } from '../cursor.ts';
import { serve, type Answer, type Entry, type Refusal } from '../entry.ts';

const USER_ID = /^usr_[0-9A-HJKMNP-TV-Z]{26}$/;
const CLIENT_ID = /^cli_[0-9A-HJKMNP-TV-Z]{26}$/;

function userView({ userId, username, role, merchantId, createdAtMs, isDisabled, reason }: User): UserView {
  return { userId, username, role, merchantId, createdAt: rfc3339(createdAtMs), disabled: isDisabled, reason };
}

function programView({ clientId, name, role, merchantId, createdAtMs }: Program): ClientView {
  return { clientId, name, role, merchantId, createdAt: rfc3339(createdAtMs) };
}

const BAD_ADDRESS: Refusal = { problem: 'malformed_request', detail: 'The address has a wrong checksum.', errors: [{ pointer: '/merchantId', code: 'format' }] };

/** An address that cannot be one would make an account that sees nothing. */
function isBadAddress(merchantId: string | undefined): boolean {
  return merchantId !== undefined && parseAddress(merchantId) === undefined;
}

interface Page {
  readonly limit?: number;
  readonly cursor?: string;
}

async function pageOf<T, V>({ limit = LIMIT_DEFAULT, cursor }: Page, id: RegExp, list: (limit: number, before: string | undefined) => Promise<Listed<T>>, view: (item: T) => V): Promise<Answer<{ data: V[]; nextCursor: string | null }> | Refusal> {
  const before = cursor === undefined ? undefined : fromCursor(cursor, id);
  if (cursor !== undefined && before === undefined) return badCursor;
  const { data, next } = await list(limit, before);
  return { status: 200, body: { data: data.map(view), nextCursor: next === undefined ? null : toCursor(next) } };
}

function changedReply(changed: Changed): Answer<UserView & { password: string | null }> | Refusal {
  return changed.ok ? { status: 200, body: { ...userView(changed.user), password: changed.password } } : { problem: changed.code };
}

export interface AdminDeps {
  readonly users: Users;
  readonly programs: Programs;
  readonly logins: Pick<Logins, 'rotateKeys'>;
  readonly rotatePseudonyms: () => Promise<string>;
}

function userRoutes(users: Users): readonly Entry[] {
  return [
    serve(ROUTES.listUsers, ({ query }) => pageOf(query, USER_ID, users.list, userView)),
    serve(ROUTES.createUser, async ({ body: { username, role, merchantId } }) => {
      if (isBadAddress(merchantId)) return BAD_ADDRESS;
      const added = await users.add({ username, role, merchantId: merchantId ?? null });
      return added.ok ? { status: 201, body: { ...userView(added.user), password: added.password ?? '' } } : { problem: added.code };
    }),
    serve(ROUTES.getUser, async ({ params }) => {
      const user = await users.get(params.userId);
      return user === undefined ? { problem: 'not_found' } : { status: 200, body: userView(user) };
    }),
    serve(ROUTES.changeUser, async ({ params, body: { role, merchantId, disabled, newPassword, reason } }) =>
      (isBadAddress(merchantId) ? BAD_ADDRESS : changedReply(await users.change(params.userId, { role, merchantId, isDisabled: disabled, newPassword, reason })))),
  ];
}

function clientRoutes(programs: Programs): readonly Entry[] {
  return [
    serve(ROUTES.listClients, ({ query }) => pageOf(query, CLIENT_ID, programs.list, programView)),
    serve(ROUTES.createClientAccount, async ({ body: { name, role, merchantId } }) => {
      if (isBadAddress(merchantId)) return BAD_ADDRESS;
      const added = await programs.add({ name, role, merchantId: merchantId ?? null });
      return added.ok ? { status: 201, body: { ...programView(added.program), clientSecret: added.clientSecret } } : { problem: added.code };
    }),
    serve(ROUTES.getClient, async ({ params }) => {
      const program = await programs.get(params.clientId);
      return program === undefined ? { problem: 'not_found' } : { status: 200, body: programView(program) };
    }),
    serve(ROUTES.deleteClient, async ({ params }) => ((await programs.remove(params.clientId)) ? { status: 204, body: null } : { problem: 'not_found' })),
  ];
}

export function adminRoutes({ users, programs, logins, rotatePseudonyms }: AdminDeps): readonly Entry[] {
  return [
    ...userRoutes(users),
    ...clientRoutes(programs),
    serve(ROUTES.rotateKeys, async ({ body: { keys } }) => ({ status: 200, body: { kid: await (keys === 'tokens' ? logins.rotateKeys() : rotatePseudonyms()) } })),
  ];
}
