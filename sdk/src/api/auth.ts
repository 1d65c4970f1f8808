/** Logins: wallets and tills by their key, people by password, programs by secret, cashiers by PIN at their till. */
import { Type, type Static } from 'typebox';
import { RATE_POLICIES, type RatePolicy } from './ratePolicies.ts';
import { ROLES, route, type Role } from './route.ts';
import { CashierId, ClientId, closed, nullable, PublicKey, Signature, TillNo, Time } from './values.ts';

/** The text of a login names domain, address, statement, uri, version, chain id, nonce and both times. */
export const challengeMessage = Type.String({ minLength: 1, maxLength: 1_024, description: 'domain, address, statement, uri, version, chain id, nonce, issued-at, expiration' });

/** Everybody who has logged in. */
export const LOGGED_IN = ROLES.filter((role): role is Exclude<Role, 'public'> => role !== 'public');

const accessToken = Type.String({ description: 'JWT (RFC 9068), EdDSA; its keys stand at /.well-known/jwks.json' });
const tokens = {
  accessToken,
  expiresIn: Type.Integer({ minimum: 1, description: 'Seconds until the access token ends' }),
  tokenType: Type.Literal('Bearer'),
};
export const TokenPair = closed({ ...tokens, refreshToken: Type.String({ description: 'Good once; ends 30 days after the login' }) });
export type TokenPair = Static<typeof TokenPair>;
export const AccessToken = closed(tokens);
export type AccessToken = Static<typeof AccessToken>;

export const Username = Type.String({ pattern: '^[a-z0-9][a-z0-9._-]{1,31}$', description: 'Lower-case letters, digits, dot, underscore, hyphen' });
/** Long enough for a sentence; more is an attack on the hash. */
const password = Type.String({ minLength: 1, maxLength: 128 });

export const createChallenge = route({
  method: 'POST',
  path: '/auth/challenge',
  summary: 'A text to sign with a wallet or till key; ends after 2 minutes, used once.',
  who: ['public'],
  body: closed({ publicKey: PublicKey }),
  responses: { 200: closed({ message: challengeMessage, expiresAt: Time }) },
});

export const verifyChallenge = route({
  method: 'POST',
  path: '/auth/verify',
  summary: 'Log in by key: message from POST /auth/challenge, signature over it with tag bill/login/1. Role till if the key is a till’s in force, else student.',
  who: ['public'],
  body: closed({ message: challengeMessage, publicKey: PublicKey, signature: Signature }),
  responses: { 200: TokenPair },
  problems: ['bad_login_signature', 'challenge_expired', 'challenge_used'],
});

export const login = route({
  method: 'POST',
  path: '/auth/login',
  summary: 'Log in as a person with an account: manager, finance, auditor, admin.',
  who: ['public'],
  body: closed({ username: Username, password }),
  responses: { 200: TokenPair },
  problems: ['bad_credentials'],
});

export const loginClient = route({
  method: 'POST',
  path: '/auth/client',
  summary: 'Log in as a program: partner or service. There is no refresh token; log in again.',
  who: ['public'],
  body: closed({ clientId: ClientId, clientSecret: Type.String({ minLength: 1, maxLength: 128 }) }),
  responses: { 200: AccessToken },
  problems: ['bad_credentials'],
});

export const refreshLogin = route({
  method: 'POST',
  path: '/auth/refresh',
  summary: 'A new pair of tokens for a refresh token, which ends. One that was used before ends its whole login.',
  who: ['public'],
  body: closed({ refreshToken: Type.String({ pattern: '^ses_[0-9A-HJKMNP-TV-Z]{26}\\.[A-Za-z0-9_-]{22}\\.[A-Za-z0-9_-]{22}$' }) }),
  responses: { 200: TokenPair },
  problems: ['refresh_reused'],
});

export const logout = route({
  method: 'POST', path: '/auth/logout', summary: 'End this login: access and refresh tokens of it are good for nothing from now on.', who: LOGGED_IN, responses: { 204: Type.Null() },
});

/** How one policy stands for the caller. */
const OwnLimit = closed({
  policy: Type.Unsafe<RatePolicy>({ type: 'string', enum: RATE_POLICIES }),
  q: Type.Integer({ minimum: 1, description: 'At most so many' }),
  w: Type.Integer({ minimum: 0, description: 'In any so many seconds; 0: at the same time' }),
  remaining: Type.Integer({ minimum: 0, description: 'How many more fit now' }),
  resetS: Type.Integer({ minimum: 0, description: 'Seconds until there is more room; 0: none is taken' }),
});
export const Me = closed({
  sub: Type.String({ description: 'Pseudonym of a student, or id of the account' }),
  role: Type.Unsafe<(typeof LOGGED_IN)[number]>({ type: 'string', enum: LOGGED_IN }),
  merchantId: nullable(Type.String()),
  tillNo: nullable(TillNo),
  linked: nullable(Type.Boolean({ description: 'Of a wallet: linked to a student' })),
  expiresAt: Time,
  limits: Type.Array(OwnLimit, { description: 'Booked on the caller: payment attempts of a person, requests, open streams. Asking takes one request and nothing else' }),
});
export type Me = Static<typeof Me>;
export const getMe = route({ method: 'GET', path: '/auth/me', summary: 'Who this login is, when its access token ends, and what is left of its limits.', who: LOGGED_IN, responses: { 200: Me } });

export const loginCashier = route({
  method: 'POST',
  path: '/tills/{tillNo}/cashier',
  summary: 'A cashier takes this till over by PIN: an access token of role staff, for this till only.',
  who: ['till'],
  own: 'its own till number',
  params: closed({ tillNo: TillNo }),
  body: closed({ cashierId: CashierId, pin: Type.String({ pattern: '^[0-9]{4,8}$' }) }),
  responses: { 200: AccessToken },
  problems: ['not_found', 'bad_credentials'],
});

export const Jwks = closed({
  keys: Type.Array(closed({ kty: Type.Literal('OKP'), crv: Type.Literal('Ed25519'), x: Type.String(), kid: Type.String(), alg: Type.Literal('EdDSA'), use: Type.Literal('sig') })),
});
export type Jwks = Static<typeof Jwks>;
export const getJwks = route({ method: 'GET', path: '/.well-known/jwks.json', summary: 'Keys that verify access tokens.', who: ['public'], atRoot: true, responses: { 200: Jwks }, etag: true });
