/**
 * Who may call a route, decided in one place: the `who` of its declaration is the policy, and nothing else is. A token
 * that is sent must be good, on public routes too, so that a client learns at once that it must log in again.
 */
import type { Role, Route } from '@billcoin/sdk';
import type { Login, Logins } from '../authPorts.ts';
import { PUBLIC, type Caller } from './caller.ts';
import type { Refusal } from './entry.ts';

/** The caller, and when his token ends; nobody's never does. */
export interface Admitted {
  readonly caller: Caller;
  readonly expiresAtMs: number | undefined;
}

const NOBODY: Admitted = { caller: PUBLIC, expiresAtMs: undefined };
const BEARER = /^Bearer ([A-Za-z0-9._~+/-]+=*)$/i;

/** RFC 6750: what a 401 says about how to log in. */
export function unauthenticated(detail: string, error?: 'invalid_token'): Refusal {
  return { problem: 'unauthenticated', detail, headers: { 'www-authenticate': `Bearer realm="billcoin"${error === undefined ? '' : `, error="${error}"`}` } };
}

/** Whether the policy of a route lets a role in; what is public is for everybody. */
export function mayCall({ who }: Pick<Route, 'who'>, role: Role): boolean {
  return who.includes('public') || who.includes(role);
}

export interface Guard {
  /** The caller of a request that may go on, or why it may not. */
  admit(route: Route, authorization: string | undefined): Promise<Admitted | Refusal>;
}

export function openGuard(logins: Pick<Logins, 'authenticate'>): Guard {
  async function loginOf(authorization: string): Promise<Login | Refusal> {
    const token = BEARER.exec(authorization)?.[1];
    if (token === undefined) return unauthenticated('The Authorization header holds no bearer token.', 'invalid_token');
    return (await logins.authenticate(token)) ?? unauthenticated('The access token has ended or is not one of this network.', 'invalid_token');
  }

  return {
    async admit(route, authorization) {
      const login = authorization === undefined ? NOBODY : await loginOf(authorization);
      if ('problem' in login) return login;
      if (mayCall(route, login.caller.role)) return login;
      if (login.caller.role === 'public') return unauthenticated(`This is for ${route.who.join(', ')}.`);
      return { problem: 'forbidden', detail: `This is for ${route.who.join(', ')}; you are ${login.caller.role}.` };
    },
  };
}
