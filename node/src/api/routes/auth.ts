/** /auth: logins by key, password, secret and PIN (api page §2.2). What a login proves stands in campus/auth. */
import { assert, fromHex } from '@billcoin/protocol';
import { ROUTES, type AccessToken, type Me, type TokenPair } from '@billcoin/sdk';
import type { Limits, LimitState } from '../../abusePorts.ts';
import type { LoggedIn, Logins, Tokens } from '../../authPorts.ts';
import type { Wallets } from '../../campusPorts.ts';
import { rfc3339 } from '../../rfc3339.ts';
import { merchantOf, tillOf } from '../caller.ts';
import { serve, type Answer, type ApiRequest, type Entry, type Refusal } from '../entry.ts';
import { unauthenticated } from '../guard.ts';
import { limitsOf } from '../limiter.ts';
import type { LoggedInCaller } from '../subject.ts';

/** Bytes of a field whose declaration lets only hex of one length through. */
function hexBytes(text: string): Uint8Array {
  const bytes = fromHex(text);
  assert(bytes !== undefined, 'the declaration lets only hex through');
  return bytes;
}

function accessTokenOf({ accessToken, expiresInS }: Tokens): AccessToken {
  return { accessToken, expiresIn: expiresInS, tokenType: 'Bearer' };
}

function pairOf(tokens: Tokens): TokenPair {
  assert(tokens.refreshToken !== null, 'this login can be refreshed');
  return { ...accessTokenOf(tokens), refreshToken: tokens.refreshToken };
}

type LoginCode = 'bad_credentials' | 'bad_login_signature' | 'challenge_expired' | 'challenge_used' | 'unauthenticated' | 'refresh_reused';

/** Every login is answered here, so that what limits or counts logins has one place to stand. */
async function answer<B>(attempt: Promise<LoggedIn<LoginCode>>, view: (tokens: Tokens) => B): Promise<Answer<B> | Refusal> {
  const result = await attempt;
  if (result.ok) return { status: 200, body: view(result.tokens) };
  return result.code === 'unauthenticated' ? unauthenticated('The refresh token has ended or is none of this node.') : { problem: result.code };
}

function meOf(caller: LoggedInCaller, expiresAtMs: number, limits: readonly LimitState[]): Me {
  return {
    sub: caller.sub, role: caller.role, merchantId: merchantOf(caller) ?? null, tillNo: tillOf(caller) ?? null,
    linked: caller.role === 'student' ? caller.studentRef !== undefined : null, expiresAt: rfc3339(expiresAtMs),
    limits: limits.map(({ policy, q, windowS, left, resetS }) => ({ policy, q, w: windowS, remaining: left, resetS })),
  };
}

export interface AuthRouteDeps {
  readonly logins: Logins;
  readonly wallets: Wallets;
  readonly limits: Limits;
}

async function cashier(logins: Logins, { caller, params, body }: ApiRequest<typeof ROUTES.loginCashier>): Promise<Answer<AccessToken> | Refusal> {
  assert(caller.role === 'till', 'the policy lets only tills in');
  return caller.tillNo === params.tillNo ? await answer(logins.byPin(caller, body), accessTokenOf) : { problem: 'not_found' };
}

export function authRoutes({ logins, wallets, limits }: AuthRouteDeps): readonly Entry[] {
  return [
    serve(ROUTES.createChallenge, async ({ body, host }) => {
      const { message, expiresAtMs } = wallets.challenge(hexBytes(body.publicKey), host);
      return { status: 200, body: { message, expiresAt: rfc3339(expiresAtMs) } };
    }),
    serve(ROUTES.verifyChallenge, ({ body, host }) =>
      answer(logins.byKey({ domain: host, message: body.message, publicKey: hexBytes(body.publicKey), signature: hexBytes(body.signature) }), pairOf)),
    serve(ROUTES.login, ({ body }) => answer(logins.byPassword(body), pairOf)),
    serve(ROUTES.loginClient, ({ body }) => answer(logins.bySecret(body), accessTokenOf)),
    serve(ROUTES.refreshLogin, ({ body }) => answer(logins.refresh(body.refreshToken), pairOf)),
    serve(ROUTES.logout, async ({ caller }) => {
      assert(caller.role !== 'public', 'the policy lets nobody else in');
      await logins.logout(caller);
      return { status: 204, body: null };
    }),
    serve(ROUTES.getMe, async ({ caller, expiresAtMs }) => {
      assert(caller.role !== 'public' && expiresAtMs !== undefined, 'the policy lets nobody else in');
      return { status: 200, body: meOf(caller, expiresAtMs, await limitsOf(limits, caller)) };
    }),
    serve(ROUTES.loginCashier, (request) => cashier(logins, request)),
    serve(ROUTES.getJwks, async () => ({ status: 200, body: { keys: [...logins.publicKeys()] } })),
  ];
}
