/**
 * Who calls, and what the HTTP API may ask of the logins (api page §2.1, §2.2). The API room turns a token into a Caller
 * before a handler runs; the campus room holds sessions, accounts and keys.
 */
/**
 * Who calls. Handlers decide with it which objects are the caller's own. `sub` is the API pseudonym of §4 or the id of an
 * account: it may stand in logs and limits, it names nobody.
 */
export type Caller =
  /** No login. */
  | { readonly role: 'public' }
  /** A wallet, linked or not. `studentRef` only of a linked one: all its wallets share limits and flags. */
  | { readonly role: 'student'; readonly sub: string; readonly sid: string; readonly address: Uint8Array; readonly studentRef: string | undefined }
  /** An enrolled device, by its own key. */
  | { readonly role: 'till'; readonly sub: string; readonly sid: string; readonly tillNo: number; readonly merchantId: string }
  /** A cashier, at one till. */
  | { readonly role: 'staff'; readonly sub: string; readonly sid: string; readonly tillNo: number; readonly merchantId: string; readonly cashierId: string }
  | { readonly role: 'manager'; readonly sub: string; readonly sid: string; readonly userId: string; readonly merchantId: string }
  | { readonly role: 'finance' | 'auditor' | 'admin'; readonly sub: string; readonly sid: string; readonly userId: string }
  /** A program of another organisation, for one merchant. */
  | { readonly role: 'partner'; readonly sub: string; readonly sid: string; readonly clientId: string; readonly merchantId: string }
  /** A program of the campus. */
  | { readonly role: 'service'; readonly sub: string; readonly sid: string; readonly clientId: string };

/** Somebody who has logged in. */
export type Identity = Exclude<Caller, { readonly role: 'public' }>;
export type TillCaller = Extract<Caller, { readonly role: 'till' }>;

/** A caller and when his access token ends. */
export interface Login {
  readonly caller: Identity;
  readonly expiresAtMs: number;
}

/** `refreshToken` is null where the access token is all there is (programs, cashiers). */
export interface Tokens {
  readonly accessToken: string;
  readonly expiresInS: number;
  readonly refreshToken: string | null;
}
export type LoggedIn<Code> = { readonly ok: true; readonly tokens: Tokens } | { readonly ok: false; readonly code: Code };

export interface SignedChallenge {
  /** Host and port the caller reached this server under; the text must have been made for it. */
  readonly domain: string;
  readonly message: string;
  readonly publicKey: Uint8Array;
  readonly signature: Uint8Array;
}
export type ChallengeFault = 'bad_login_signature' | 'challenge_expired' | 'challenge_used';

/** Ed25519 public keys as RFC 8037 and RFC 7517 write them. */
export interface PublicJwk {
  readonly kty: 'OKP';
  readonly crv: 'Ed25519';
  readonly x: string;
  readonly kid: string;
  readonly alg: 'EdDSA';
  readonly use: 'sig';
}

export interface Logins {
  /** Keys that verify access tokens which have not ended. */
  publicKeys(): readonly PublicJwk[];
  /** Whose token this is; undefined for any token that is not good now, whatever is wrong with it. */
  authenticate(accessToken: string): Promise<Login | undefined>;
  /** A wallet, or a till whose key is in force in the registry. */
  byKey(signed: SignedChallenge): Promise<LoggedIn<ChallengeFault>>;
  byPassword(account: { readonly username: string; readonly password: string }): Promise<LoggedIn<'bad_credentials'>>;
  bySecret(client: { readonly clientId: string; readonly clientSecret: string }): Promise<LoggedIn<'bad_credentials'>>;
  /** A cashier at this till. */
  byPin(till: TillCaller, cashier: { readonly cashierId: string; readonly pin: string }): Promise<LoggedIn<'bad_credentials'>>;
  /** A new pair for the old one; an old one that comes again ends the whole family. */
  refresh(refreshToken: string): Promise<LoggedIn<'unauthenticated' | 'refresh_reused'>>;
  logout(caller: Identity): Promise<void>;
  /** Ends every session of an account, program or cashier (`sub` of its callers). */
  revoke(sub: string): Promise<void>;
  /** A new signing key; the old one verifies until its tokens have ended. Resolves with the new key's id. */
  rotateKeys(): Promise<string>;
}

// ---- accounts (api page §2.13) -----------------------------------------------------------------------------------

export type UserRole = 'manager' | 'finance' | 'auditor' | 'admin';

export interface User {
  readonly userId: string;
  readonly username: string;
  readonly role: UserRole;
  /** Address text; of managers only. */
  readonly merchantId: string | null;
  readonly createdAtMs: number;
  readonly isDisabled: boolean;
  /** Why it was changed last. */
  readonly reason: string;
}
export interface NewUser {
  readonly username: string;
  readonly role: UserRole;
  readonly merchantId: string | null;
}
export interface UserChange {
  readonly role?: UserRole | undefined;
  readonly merchantId?: string | null | undefined;
  readonly isDisabled?: boolean | undefined;
  /** True: a new password in place of the old one. */
  readonly newPassword?: boolean | undefined;
  readonly reason: string;
}
export type UserRefusal = 'not_found' | 'username_taken' | 'last_admin' | 'merchant_missing';
/** The password is drawn by the server and told this once; null where it was not changed. */
export type Changed = { readonly ok: true; readonly user: User; readonly password: string | null } | { readonly ok: false; readonly code: UserRefusal };

/** A page: newest first, `next` to go on before. */
export interface Listed<T> {
  readonly data: readonly T[];
  readonly next: string | undefined;
}

export interface Users {
  add(user: NewUser): Promise<Changed>;
  /** Ends all sessions of the account. */
  change(userId: string, change: UserChange): Promise<Changed>;
  get(userId: string): Promise<User | undefined>;
  list(limit: number, before: string | undefined): Promise<Listed<User>>;
}

export interface Program {
  readonly clientId: string;
  readonly name: string;
  readonly role: 'partner' | 'service';
  readonly merchantId: string | null;
  readonly createdAtMs: number;
}

export interface Programs {
  /** The secret is told this once. `merchant_missing`: a partner without merchant. */
  add(program: Pick<Program, 'name' | 'role' | 'merchantId'>): Promise<{ readonly ok: true; readonly program: Program; readonly clientSecret: string } | { readonly ok: false; readonly code: 'merchant_missing' }>;
  get(clientId: string): Promise<Program | undefined>;
  list(limit: number, before: string | undefined): Promise<Listed<Program>>;
  /** false: there is none. Its tokens end with it. */
  remove(clientId: string): Promise<boolean>;
}
