/** A client that is logged in: it keeps its tokens, renews them before they end, and logs in again where they are refused. */
import { login, loginByKey, loginClient, refreshLogin, type KeyLogin } from '../actions/auth.ts';
import type { AccessToken, TokenPair } from '../api/auth.ts';
import type { Client } from './client.ts';
import { ApiError } from './errors.ts';

/** Before the end of an access token, so that none ends on its way; a quarter of a very short one. */
const RENEW_BEFORE_MS = 60_000;

/** How a program proves who it is. Kept in memory as long as the client: a screen should rather ask for a password again. */
export type Credentials = KeyLogin | { readonly username: string; readonly password: string } | { readonly clientId: string; readonly clientSecret: string };

interface Held {
  readonly accessToken: string;
  readonly refreshToken: string | undefined;
  /** Clock of this machine. */
  readonly renewAtMs: number;
}

function heldOf(tokens: AccessToken | TokenPair): Held {
  const lifeMs = tokens.expiresIn * 1_000;
  return { accessToken: tokens.accessToken, refreshToken: 'refreshToken' in tokens ? tokens.refreshToken : undefined, renewAtMs: Date.now() + lifeMs - Math.min(RENEW_BEFORE_MS, lifeMs / 4) };
}

function logIn(client: Client, credentials: Credentials): Promise<AccessToken | TokenPair> {
  if ('key' in credentials) return loginByKey(client, credentials);
  return 'username' in credentials ? login(client, credentials) : loginClient(client, credentials);
}

/** The refresh token where there is one, else a login; a refresh token that is refused costs a login, never an error. */
async function renew(client: Client, credentials: Credentials, refreshToken: string | undefined): Promise<Held> {
  if (refreshToken === undefined) return heldOf(await logIn(client, credentials));
  try {
    return heldOf(await refreshLogin(client, { refreshToken }));
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401) throw error;
    return heldOf(await logIn(client, credentials));
  }
}

/**
 * The same client, logged in. Nothing is sent until the first request; requests at the same time share one login.
 * @throws what the login throws, at the request that needed it
 * @example const till = withLogin(createClient({ baseUrl }), { key, genesisHash })
 */
export function withLogin(client: Client, credentials: Credentials): Client {
  const nobody: Client = { ...client, accessToken: () => undefined };
  let held: Held | undefined;
  let renewing: Promise<Held> | undefined;

  /** A refresh token is good once: it is gone before it is sent, whatever becomes of the answer. */
  async function renewed(refreshToken: string | undefined): Promise<Held> {
    held = undefined;
    renewing ??= renew(nobody, credentials, refreshToken);
    try {
      held = await renewing;
      return held;
    } finally {
      renewing = undefined;
    }
  }

  return {
    ...client,
    async accessToken(rejected) {
      if (renewing !== undefined) return (await renewing).accessToken;
      if (held === undefined) return (await renewed(undefined)).accessToken;
      // What the server refused is not worth a refresh: its session is over.
      if (rejected === held.accessToken) return (await renewed(undefined)).accessToken;
      return (Date.now() < held.renewAtMs ? held : await renewed(held.refreshToken)).accessToken;
    },
  };
}
