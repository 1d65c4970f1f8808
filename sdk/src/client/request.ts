/** One request of a declared route: URL, headers, deadline, retries where they are safe, and the answer or an error. */
import type { AnswerOf, BodyOf, ParamsOf, QueryOf, Route } from '../api/route.ts';
import type { Client } from './client.ts';
import { ApiError, ConnectionError, TimeoutError } from './errors.ts';
import { problemOf } from './problemOf.ts';
import { asError, backoffMs, startDeadline, waitMs, type Deadline } from './wait.ts';

/** Three tries in all: a node that restarts is back, and a dead one is not hammered. */
export const ATTEMPTS_MAX_PER_CALL = 3;
const RETRY_FIRST_MS = 200;
const RETRY_MAX_MS = 2_000;
/** A server that asks for more patience than this is answered by an error: the caller decides. */
const RETRY_AFTER_MAX_MS = 5_000;
/** Answers that pass by themselves and changed nothing: too many requests, and gateways or nodes that restart. */
const PASSING = new Set([429, 502, 503, 504]);

/** What a caller may set for one call. */
export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

/** Largest answer unless the caller says less: a month of a busy campus as CSV. A server cannot make us hold more. */
export const ANSWER_MAX_BYTES = 33_554_432;

export interface RequestParts<R extends Route> {
  readonly params?: ParamsOf<R>;
  readonly query?: QueryOf<R>;
  readonly body?: BodyOf<R>;
  readonly headers?: Readonly<Record<string, string>>;
  /** True where sending it twice does no more than sending it once. */
  readonly idempotent: boolean;
  readonly answerMaxBytes?: number;
  /** Of a transaction that is on its way: a timeout tells it. */
  readonly txHash?: string;
}

/**
 * Calls a route. `method` and `path` are those of its declaration; the types hold them together.
 * @throws ApiError the server's refusal · ConnectionError no answer of this API · TimeoutError
 */
export async function request<R extends Route>(client: Client, method: R['method'], path: R['path'], parts: RequestParts<R>, options: CallOptions = {}): Promise<AnswerOf<R>> {
  const deadline = startDeadline(options.timeoutMs ?? client.timeoutMs, options.signal);
  try {
    return await attempts(client, method, path, parts, deadline) as AnswerOf<R>;
  } catch (error) {
    if (!deadline.signal.aborted || error instanceof ApiError) throw error;
    if (!deadline.timedOut()) throw asError(options.signal?.reason);
    throw new TimeoutError(`${method} ${path}: ${asError(deadline.signal.reason).message}`, { cause: error, ...(parts.txHash === undefined ? {} : { txHash: parts.txHash }) });
  } finally {
    deadline.done();
  }
}

async function attempts<R extends Route>(client: Client, method: string, path: string, parts: RequestParts<R>, deadline: Deadline): Promise<unknown> {
  const url = urlOf(client.base, path, parts.params, parts.query);
  for (let attempt = 1; ; attempt++) {
    try {
      return await once(client, method, url, parts, deadline.signal);
    } catch (error) {
      const pauseMs = retryPauseMs(error, attempt);
      if (!parts.idempotent || attempt >= ATTEMPTS_MAX_PER_CALL || pauseMs === undefined || Date.now() + pauseMs >= deadline.endMs) throw error;
      await waitMs(pauseMs, deadline.signal);
    }
  }
}

/** How long to wait before the next try, or undefined where another try cannot help. */
function retryPauseMs(error: unknown, attempt: number): number | undefined {
  if (error instanceof ApiError) {
    if (!PASSING.has(error.status)) return undefined;
    if (error.retryAfterS !== undefined) return error.retryAfterS * 1_000 <= RETRY_AFTER_MAX_MS ? error.retryAfterS * 1_000 : undefined;
  } else if (!(error instanceof ConnectionError) || (error.status !== undefined && !PASSING.has(error.status))) return undefined;
  return backoffMs(attempt, RETRY_FIRST_MS, RETRY_MAX_MS);
}

async function once<R extends Route>(client: Client, method: string, url: string, parts: RequestParts<R>, signal: AbortSignal): Promise<unknown> {
  const { response, text } = await asCaller(client, async (headers) => {
    const answer = await exchange(client, method, url, parts, headers, signal);
    if (!answer.response.ok) throw problemOf(answer.response, answer.text);
    return answer;
  });
  if (response.status === 204) return null;
  if (response.headers.get('content-type')?.startsWith('text/') === true) return text;
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new ConnectionError(`${method} ${url}: the answer is no JSON`, { cause, status: response.status });
  }
}

async function exchange<R extends Route>(client: Client, method: string, url: string, parts: RequestParts<R>, callerHeaders: Headers, signal: AbortSignal): Promise<{ response: Response; text: string }> {
  const { headers, body } = headersAndBody(callerHeaders, parts);
  try {
    const response = await client.fetch(url, { method, headers, signal, ...(body === undefined ? {} : { body }) });
    return { response, text: await boundedText(response, parts.answerMaxBytes ?? ANSWER_MAX_BYTES) };
  } catch (cause) {
    if (cause instanceof ConnectionError) throw cause;
    throw new ConnectionError(`${method} ${url}: ${asError(cause).message}`, { cause });
  }
}

/** The text of an answer of at most `maxBytes`; a longer one is cut off and refused. */
async function boundedText(response: Response, maxBytes: number): Promise<string> {
  if (response.body === null) return '';
  const reader = response.body.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  const decoder = new TextDecoder();
  let bytes = 0;
  let text = '';
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    bytes += part.value.length;
    if (bytes > maxBytes) {
      await reader.cancel();
      throw new ConnectionError(`the answer has more than ${maxBytes} bytes`, { status: response.status });
    }
    text += decoder.decode(part.value, { stream: true });
  }
  return text + decoder.decode();
}

function headersAndBody<R extends Route>(callerHeaders: Headers, parts: RequestParts<R>): { headers: Headers; body: string | undefined } {
  const headers = { ...callerHeaders, ...parts.headers };
  const { body } = parts;
  if (body === undefined) return { headers, body: undefined };
  if (typeof body === 'string') return { headers: { 'content-type': 'text/csv', ...headers }, body };
  return { headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) };
}

type Headers = Readonly<Record<string, string>>;

/**
 * Sends with language and login of the caller. A token that the server refuses is renewed and the request sent again, once:
 * a 401 has changed nothing.
 */
export async function asCaller<T>(client: Client, send: (headers: Headers) => Promise<T>): Promise<T> {
  const headersOf = (token: string | undefined): Headers => ({ 'accept-language': client.language, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) });
  const token = await client.accessToken();
  try {
    return await send(headersOf(token));
  } catch (error) {
    if (token === undefined || !(error instanceof ApiError) || error.code !== 'unauthenticated') throw error;
    const renewed = await client.accessToken(token);
    if (renewed === undefined || renewed === token) throw error;
    return await send(headersOf(renewed));
  }
}

/** The URL of a route: parameters in place of braces, query keys that are set. */
export function urlOf(base: string, path: string, params: object | undefined, query: object | undefined): string {
  const values = new Map<string, unknown>(Object.entries(params ?? {}));
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(values.get(name))));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries((query ?? {}) as Readonly<Record<string, string | number | undefined>>)) if (value !== undefined) search.set(name, String(value));
  const text = search.toString();
  return text === '' ? base + filled : `${base}${filled}?${text}`;
}
