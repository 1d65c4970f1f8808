/**
 * One POST to a URL that a person configured, without letting it reach what only this server can reach (threat 18): the
 * name is resolved once, every address it has must be public, the connection goes to the address that was checked, and no
 * redirect is followed. https only, 5 s for all of it, 64 KiB of answer.
 */
import { lookup } from 'node:dns/promises';
import { request as requestHttp, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP } from 'node:net';
import type { AlertOutcome } from '@billcoin/sdk';
import { isLoopbackAddress, isPublicAddress } from './publicAddress.ts';

export const POST_TIMEOUT_MS = 5_000;
export const ANSWER_MAX_BYTES = 65_536;

export interface PostOptions {
  /** Also http, and addresses of this machine: for receivers of tests. */
  readonly allowLoopback: boolean;
  readonly timeoutMs?: number;
  readonly answerMaxBytes?: number;
  readonly resolve?: (hostname: string) => Promise<readonly { readonly address: string; readonly family: number }[]>;
}
export type PostOutcome = AlertOutcome & { /** What Retry-After asks for. */ readonly retryAfterS?: number };

const failure = (error: NonNullable<AlertOutcome['error']>, status: number | null = null): PostOutcome => ({ delivered: false, status, error });

async function resolveAll(hostname: string): Promise<readonly { readonly address: string; readonly family: number }[]> {
  return await lookup(hostname, { all: true, verbatim: true });
}

/** The answer's size counts, its text does not. */
async function outcomeOf(response: IncomingMessage, answerMaxBytes: number): Promise<PostOutcome> {
  const status = response.statusCode ?? 0;
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > answerMaxBytes) return failure('too_large', status);
  }
  if (status >= 200 && status < 300) return { delivered: true, status, error: null };
  const retryAfter = response.headers['retry-after'] ?? '';
  return { ...failure(status >= 300 && status < 400 ? 'redirect' : 'status', status), ...(/^\d{1,5}$/.test(retryAfter) ? { retryAfterS: Number(retryAfter) } : {}) };
}

function send(url: URL, address: string, body: string, signal: AbortSignal): Promise<IncomingMessage> {
  const hostname = url.hostname.replace(/^\[|\]$/g, '');
  const options: RequestOptions & { readonly servername: string } = {
    host: address, family: isIP(address), port: url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port), path: url.pathname + url.search, method: 'POST', agent: false, signal,
    // The certificate must be that of the name; an address literal has no server name.
    servername: isIP(hostname) === 0 ? hostname : '',
    headers: { host: url.host, 'content-type': 'application/json; charset=utf-8', 'content-length': String(Buffer.byteLength(body)), connection: 'close' },
  };
  return new Promise((resolve, reject) => {
    (url.protocol === 'https:' ? requestHttps : requestHttp)(options, resolve).on('error', reject).end(body);
  });
}

/** Rejects when the time is over, whatever still runs: a look-up cannot be stopped. */
function orTimeout<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    work.then(resolve, reject);
  });
}

/** Never rejects: what went wrong is the outcome. Neither URL nor answer stands in it. */
export async function guardedPost(url: URL, body: string, options: PostOptions): Promise<PostOutcome> {
  const { allowLoopback, timeoutMs = POST_TIMEOUT_MS, answerMaxBytes = ANSWER_MAX_BYTES, resolve = resolveAll } = options;
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && allowLoopback)) return failure('not_https');
  const ending = new AbortController();
  const timer = setTimeout(() => ending.abort(new Error('the time is over')), timeoutMs);
  try {
    const addresses = await orTimeout(resolve(url.hostname.replace(/^\[|\]$/g, '')), ending.signal);
    const isAllowed = ({ address }: { readonly address: string }): boolean => (url.protocol === 'https:' && isPublicAddress(address)) || (allowLoopback && isLoopbackAddress(address));
    const [first] = addresses;
    // One address that is not public is enough: the name is made to lead inside.
    if (first === undefined || !addresses.every(isAllowed)) return failure('not_public');
    return await orTimeout(send(url, first.address, body, ending.signal).then((response) => outcomeOf(response, answerMaxBytes)), ending.signal);
  } catch {
    return failure(ending.signal.aborted ? 'timeout' : 'unreachable');
  } finally {
    clearTimeout(timer);
    ending.abort();
  }
}
