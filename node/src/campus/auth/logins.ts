/**
 * Logins of people, devices and programs (SPEC §21). Each proves who it is in its own way and gets the same thing: a
 * session, an access token of 15 minutes and, where it may stay, a refresh token.
 */
import type { ChallengeFault, Identity, LoggedIn, Login, Logins, TillCaller, Tokens } from '../../authPorts.ts';
import type { ChainPort, KeyValueOperation } from '../../ports.ts';
import type { Challenges } from '../challenge.ts';
import { putNothing, type Lane, type Put } from '../lane.ts';
import { getRow, TABLES } from '../store.ts';
import { ACCESS_LIFE_MS, type AccessTokens } from './accessToken.ts';
import { identityOf, subjectOfKey, type IdentityDeps, type Subject } from './identity.ts';
import { isSecretOf } from './programs.ts';
import type { Secrets } from './secrets.ts';
import { FAMILY_LIFE_MS, type Sessions } from './sessions.ts';
import type { TokenKeys } from './tokenKeys.ts';

/** Looked up where nobody has the name, so that an unknown one costs what a known one does. */
const NOBODY = 'usr_00000000000000000000000000';

export interface LoginDeps extends IdentityDeps {
  readonly chain: ChainPort;
  readonly challenges: Challenges;
  readonly secrets: Secrets;
  readonly sessions: Sessions;
  readonly tokens: AccessTokens;
  readonly tokenKeys: TokenKeys;
  /** Whoever uses a challenge up: links and logins. */
  readonly challengeLane: Lane;
  /** All writes to sessions. */
  readonly sessionLane: Lane;
}

async function tokensOf({ tokens }: LoginDeps, caller: Identity, refreshToken: string | null): Promise<Tokens> {
  return { accessToken: await tokens.issue(caller), expiresInS: ACCESS_LIFE_MS / 1_000, refreshToken };
}

interface Opened {
  readonly caller: Identity;
  readonly refreshToken: string | null;
}

type RefusedByKey = Exclude<LoggedIn<ChallengeFault>, { readonly ok: true }>;

interface Opening {
  readonly isRefreshable?: boolean;
  /** Rows that are written with the session. */
  readonly use?: readonly KeyValueOperation[];
  /**
   * Asked as the session opens: whether what was proven still counts. Another password ends all sessions; a login by the old one
   * whose hash was computed meanwhile must not open one after that.
   */
  readonly stillCounts?: () => Promise<boolean>;
}

/** Puts a session for whoever has proven who it is; undefined where it may not act (any more). */
async function putSession(deps: LoginDeps, who: Subject, { isRefreshable = true, use = [], stillCounts = () => Promise.resolve(true) }: Opening = {}): Promise<Put<Opened | undefined>> {
  const lifeMs = isRefreshable ? FAMILY_LIFE_MS : ACCESS_LIFE_MS;
  return await deps.sessionLane.put(async () => {
    if (!(await stillCounts())) return putNothing(undefined);
    const { sid, refreshToken, rows } = await deps.sessions.open({ ...who, lifeMs, isRefreshable });
    const caller = await identityOf(deps, sid, who);
    if (caller === undefined) return putNothing(undefined);
    return { value: { caller, refreshToken }, written: deps.store.batch([...use, ...rows], { sync: true }) };
  });
}

/** The tokens of a session that is on disk. */
async function open(deps: LoginDeps, who: Subject, opening?: Opening): Promise<Tokens | undefined> {
  const { value, written } = await putSession(deps, who, opening);
  await written;
  return value === undefined ? undefined : await tokensOf(deps, value.caller, value.refreshToken);
}

function answer(tokens: Tokens | undefined): LoggedIn<'bad_credentials'> {
  return tokens === undefined ? { ok: false, code: 'bad_credentials' } : { ok: true, tokens };
}

async function byPassword(deps: LoginDeps, username: string, password: string): Promise<LoggedIn<'bad_credentials'>> {
  const userId = await getRow(deps.store, TABLES.userByName, username);
  const row = await getRow(deps.store, TABLES.user, userId ?? NOBODY);
  const isRight = await deps.secrets.matches(row?.passwordHash, password);
  if (userId === undefined || !isRight) return answer(undefined);
  const stillCounts = async (): Promise<boolean> => (await getRow(deps.store, TABLES.user, userId))?.passwordHash === row?.passwordHash;
  return answer(await open(deps, { of: { kind: 'user', userId }, subject: userId }, { stillCounts }));
}

/** Whether this is the PIN of a cashier of this till; one of elsewhere and an unknown one cost the same. */
async function byPin(deps: LoginDeps, { tillNo, merchantId }: TillCaller, cashierId: string, pin: string): Promise<LoggedIn<'bad_credentials'>> {
  const row = await getRow(deps.store, TABLES.cashier, cashierId);
  const mayHere = row?.merchantId === merchantId && row.tills.includes(tillNo);
  const isRight = await deps.secrets.matches(mayHere ? row.pinHash : undefined, pin);
  if (!isRight) return answer(undefined);
  const stillCounts = async (): Promise<boolean> => (await getRow(deps.store, TABLES.cashier, cashierId))?.pinHash === row?.pinHash;
  return answer(await open(deps, { of: { kind: 'cashier', cashierId, tillNo }, subject: cashierId }, { isRefreshable: false, stillCounts }));
}

async function authenticate(deps: LoginDeps, accessToken: string): Promise<Login | undefined> {
  const token = await deps.tokens.verify(accessToken);
  const session = token === undefined ? undefined : await deps.sessions.get(token.sid);
  const caller = token === undefined || session === undefined ? undefined : await identityOf(deps, token.sid, session);
  return token === undefined || caller === undefined ? undefined : { caller, expiresAtMs: token.expiresAtMs };
}

async function byKey(deps: LoginDeps, signed: Parameters<Logins['byKey']>[0]): ReturnType<Logins['byKey']> {
  const opened = await deps.challengeLane.commit(async (): Promise<Put<Opened | RefusedByKey>> => {
    const challenge = await deps.challenges.check(signed);
    if (!challenge.ok) return putNothing(challenge);
    const { value, written } = await putSession(deps, subjectOfKey(deps, signed.publicKey, challenge.address), { use: challenge.use });
    // A till that was revoked in this very moment.
    return { value: value ?? { ok: false, code: 'bad_login_signature' }, written };
  });
  return 'ok' in opened ? opened : { ok: true, tokens: await tokensOf(deps, opened.caller, opened.refreshToken) };
}

export function openLogins(deps: LoginDeps): Logins {
  const { store, keys, sessions, tokenKeys } = deps;
  return {
    publicKeys: () => tokenKeys.publicKeys(),
    authenticate: (accessToken) => authenticate(deps, accessToken),
    byKey: (signed) => byKey(deps, signed),
    byPassword: ({ username, password }) => byPassword(deps, username, password),
    async bySecret({ clientId, clientSecret }) {
      const row = await getRow(store, TABLES.client, clientId);
      return answer(isSecretOf(keys, row, clientSecret) ? await open(deps, { of: { kind: 'client', clientId }, subject: clientId }, { isRefreshable: false }) : undefined);
    },
    byPin: (till, { cashierId, pin }) => byPin(deps, till, cashierId, pin),
    async refresh(refreshToken) {
      const turned = await sessions.turn(refreshToken);
      if (!turned.ok) return turned;
      const caller = await identityOf(deps, turned.sid, turned.row);
      if (caller !== undefined) return { ok: true, tokens: await tokensOf(deps, caller, turned.refreshToken) };
      await sessions.end(turned.sid);
      return { ok: false, code: 'unauthenticated' };
    },
    logout: ({ sid }) => sessions.end(sid),
    revoke: (sub) => sessions.endAll(sub),
    rotateKeys: () => deps.sessionLane.run(() => tokenKeys.rotate()),
  };
}
