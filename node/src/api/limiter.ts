/**
 * Which limits a call meets (SPEC §20): its caller's own before anything of it is read, those that depend on
 * its body before its handler runs, and what it turned out to be afterwards. Limits themselves are the campus's.
 */
import { fromBase64Url } from '@billcoin/protocol';
import { PROBLEMS, ROUTES, type ProblemCode, type Route } from '@billcoin/sdk';
import type { AbuseControl, Limits, LimitState, WindowPolicy } from '../abusePorts.ts';
import type { Call } from './call.ts';
import type { ApiRequest, Refusal, Reply } from './entry.ts';
import { limitRefusal } from './rateHeaders.ts';
import { isMachine, subjectOf, type LoggedInCaller } from './subject.ts';

export interface Limiter {
  /** Before the body is read. */
  enter(call: Call): Promise<Refusal | undefined>;
  /** Runs the handler under the limits that the body decides. */
  around(call: Call, request: ApiRequest, handle: (request: ApiRequest) => Promise<Reply<Route>>): Promise<Reply<Route>>;
  /** Before the answer leaves, whoever made it. */
  leave(call: Call, status: number): Promise<void>;
  /** A stream that is about to open; `release` when it has closed. */
  openStream(call: Call): Promise<Refusal | { readonly release: () => void }>;
}

/** What is refused costs a check and nobody a fee. */
const COSTLY_IF_REFUSED: ReadonlySet<Route> = new Set<Route>([ROUTES.postTransaction, ROUTES.postEvidence]);
const REFUSED: ReadonlySet<number> = new Set([400, 409, 422]);
/** Refused by the rules of the chain: neither its form nor the node's own trouble. */
const CONTENT_REFUSED: ReadonlySet<number> = new Set([409, 422]);

/** Limits by a key of the body or path. `failed`: what succeeds does not count. */
interface KeyLimit {
  readonly policy: WindowPolicy;
  readonly addressPolicy: WindowPolicy;
  readonly counts: 'failed' | 'all';
  /** The refusal of whoever did not prove that the key is his: it uses up none of the key's tries, or anybody could use up another's. */
  readonly unproven?: ProblemCode;
  /** Undefined where there is nothing to guess: only the address counts. */
  keyOf(request: ApiRequest): string | undefined;
}
const bodyOf = <K extends string>(request: ApiRequest): Readonly<Record<K, string>> => request.body as never;
const logins: Pick<KeyLimit, 'addressPolicy' | 'counts'> = { addressPolicy: 'login-address', counts: 'failed' };

const KEY_LIMITS: ReadonlyMap<Route, KeyLimit> = new Map<Route, KeyLimit>([
  [ROUTES.login, { ...logins, policy: 'login', keyOf: (request) => `user ${bodyOf<'username'>(request).username}` }],
  [ROUTES.loginClient, { ...logins, policy: 'login', keyOf: (request) => `client ${bodyOf<'clientId'>(request).clientId}` }],
  [ROUTES.loginCashier, { ...logins, policy: 'pin', keyOf: (request) => bodyOf<'cashierId'>(request).cashierId }],
  [ROUTES.verifyChallenge, { ...logins, policy: 'login', keyOf: () => undefined }],
  [ROUTES.refreshLogin, { ...logins, policy: 'login', keyOf: () => undefined }],
  [ROUTES.activateTill, { ...logins, policy: 'login', keyOf: () => undefined }],
  [ROUTES.linkWallet, { policy: 'link', addressPolicy: 'link-address', counts: 'all', unproven: 'bad_login_signature', keyOf: (request) => bodyOf<'publicKey'>(request).publicKey }],
]);

/** What limits are asked of, and who hears of those without room. */
interface Desk extends Pick<AbuseControl, 'limits' | 'flags'> {
  readonly onLimited: (state: LimitState) => void;
}

/** For the headers: as it stands now, whatever was told of it before. */
function tell(call: Call, state: LimitState): void {
  const told = call.limits.findIndex(({ policy }) => policy === state.policy);
  if (told === -1) call.limits.push(state);
  else call.limits[told] = state;
}

/** Notes a limit for the headers and the metrics. */
function note({ onLimited }: Desk, call: Call, state: LimitState): LimitState {
  tell(call, state);
  if (!state.ok) onLimited(state);
  return state;
}

async function failed({ limits, flags }: Desk, { caller, requestId }: Call, code: string): Promise<void> {
  if (caller.role !== 'public') await flags.failed({ person: await subjectOf(caller, limits), code, requestId });
}

/** The caller's own limits as they stand, counting nothing (SPEC §20.3). Those of his address are everybody's who stands behind it. */
export async function limitsOf(limits: Limits, caller: LoggedInCaller): Promise<readonly LimitState[]> {
  const subject = await subjectOf(caller, limits);
  const requests = limits.look(isMachine(caller) ? 'machine' : 'user', subject);
  const streams = limits.lookStreams('streams', subject);
  return isMachine(caller) ? [requests, streams] : [await limits.lookAttempts(subject), requests, streams];
}

/** Payment attempts are each validate call of a person, whatever its answer. */
async function enterCaller(desk: Desk, call: Call): Promise<void> {
  const { limits } = desk;
  const { route, caller, address } = call;
  if (caller.role === 'public') {
    if (route.method === 'GET' && address !== undefined) note(desk, call, limits.take('public', address));
    return;
  }
  const subject = await subjectOf(caller, limits);
  const own = note(desk, call, limits.take(isMachine(caller) ? 'machine' : 'user', subject));
  if (own.ok && route === ROUTES.validatePayment && !isMachine(caller)) note(desk, call, await limits.attempt(subject));
}

function countsForKey({ counts, unproven }: KeyLimit, refused: ProblemCode | undefined): boolean {
  return counts === 'failed' ? refused !== undefined : refused === undefined || refused !== unproven;
}

/** Places are taken before the outcome is known, so that guesses at the same time count; a success gives its place back. */
async function underKey(desk: Desk, call: Call, limit: KeyLimit, request: ApiRequest, handle: () => Promise<Reply<Route>>): Promise<Reply<Route>> {
  const { limits } = desk;
  const { address } = call;
  const key = limit.keyOf(request);
  // Many people log in from one address at once: there only what has failed counts, or all where all count.
  const ofAddress = address === undefined ? undefined : note(desk, call, limit.counts === 'all' ? limits.take(limit.addressPolicy, address) : limits.look(limit.addressPolicy, address));
  if (key !== undefined && ofAddress?.ok !== false) note(desk, call, limits.take(limit.policy, key));
  const refusal = limitRefusal(call.limits);
  if (refusal !== undefined) {
    // A try that was refused for its key is none of its address either.
    if (limit.counts === 'all' && ofAddress?.ok === true && address !== undefined) limits.giveBack(limit.addressPolicy, address);
    return refusal;
  }
  let refused: ProblemCode | undefined;
  try {
    const reply = await handle();
    refused = 'problem' in reply ? reply.problem : undefined;
    return reply;
  } finally {
    // Our own fault is nobody's failed login.
    if (limit.counts === 'failed' && refused !== undefined && address !== undefined) tell(call, limits.take(limit.addressPolicy, address));
    if (key !== undefined && !countsForKey(limit, refused)) {
      limits.giveBack(limit.policy, key);
      tell(call, limits.look(limit.policy, key));
    }
  }
}

/** A Pay is an attempt of whoever signed it; one of the caller's own that the chain's rules refuse is a failure of his. */
async function transaction(desk: Desk, call: Call, request: ApiRequest, handle: () => Promise<Reply<Route>>): Promise<Reply<Route>> {
  const { limits } = desk;
  const bytes = fromBase64Url(bodyOf<'tx'>(request).tx);
  const attempt = bytes === undefined ? undefined : await limits.attemptOfPay(bytes);
  if (attempt === undefined) return await handle();
  call.tx = attempt.tx;
  note(desk, call, attempt.state);
  const refusal = limitRefusal([attempt.state]);
  if (refusal !== undefined) return refusal;
  const reply = await handle();
  const isForContent = 'problem' in reply && CONTENT_REFUSED.has(PROBLEMS[reply.problem].status);
  if (isForContent && call.caller.role === 'student' && attempt.person === (await subjectOf(call.caller, limits))) await failed(desk, call, reply.problem);
  return reply;
}

async function validation(desk: Desk, call: Call, handle: () => Promise<Reply<Route>>): Promise<Reply<Route>> {
  const reply = await handle();
  const error = 'body' in reply ? (reply.body as { readonly error: string | null }).error : null;
  if (error !== null && error !== 'not_final') await failed(desk, call, error);
  return reply;
}

export function openLimiter({ limits, flags }: Pick<AbuseControl, 'limits' | 'flags'>, onLimited: (state: LimitState) => void): Limiter {
  const desk: Desk = { limits, flags, onLimited };
  return {
    async enter(call) {
      const { route, address } = call;
      if (route.atRoot === true) return undefined;
      await enterCaller(desk, call);
      if (address !== undefined && COSTLY_IF_REFUSED.has(route)) note(desk, call, limits.look('bad', address));
      return limitRefusal(call.limits);
    },
    async around(call, request, handle) {
      const limit = KEY_LIMITS.get(call.route);
      if (limit !== undefined) return await underKey(desk, call, limit, request, () => handle(request));
      if (call.route === ROUTES.postTransaction) return await transaction(desk, call, request, () => handle(request));
      return call.route === ROUTES.validatePayment ? await validation(desk, call, () => handle(request)) : await handle(request);
    },
    async leave(call, status) {
      const { route, address } = call;
      if (route === ROUTES.validatePayment && status === 400) await failed(desk, call, 'malformed_request');
      if (address !== undefined && COSTLY_IF_REFUSED.has(route) && REFUSED.has(status)) tell(call, limits.take('bad', address));
    },
    async openStream(call) {
      const { caller, address } = call;
      const isPublic = caller.role === 'public';
      if (isPublic && address === undefined) return { release: () => undefined };
      const { state, release } = isPublic ? limits.openStream('streams-address', address ?? '') : limits.openStream('streams', await subjectOf(caller, limits));
      note(desk, call, state);
      return limitRefusal([state]) ?? { release };
    },
  };
}
