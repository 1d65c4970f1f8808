/** A client: where the API is, how to reach it, who asks. A plain value; every action is a free function that takes it. */
import { API_BASE } from '../api/route.ts';

/** A whole call, retries included. Validation may wait 3 s for finality on top of the network. */
export const CALL_TIMEOUT_MS = 10_000;

/**
 * Asked before every request, so it may be renewed. With `rejected` the server has just refused that token: another one
 * is wanted, once.
 */
export type AccessTokenSource = (rejected?: string) => string | undefined | Promise<string | undefined>;

export interface ClientOptions {
  /** `https://node.example:8443`, without the path of the API. */
  readonly baseUrl: string;
  /** The platform's fetch unless given; another transport has the same shape. */
  readonly fetch?: typeof fetch;
  /** Bound of a whole call in ms, retries included. */
  readonly timeoutMs?: number;
  /** Access token for routes with a login. `withLogin` gives one that keeps itself. */
  readonly accessToken?: AccessTokenSource;
  /** Language of titles in errors. */
  readonly language?: 'en' | 'ms';
}

export interface Client {
  readonly origin: string;
  readonly base: string;
  readonly fetch: typeof fetch;
  readonly timeoutMs: number;
  readonly accessToken: AccessTokenSource;
  readonly language: 'en' | 'ms';
}

/**
 * Makes a client. Opens no connection. A certificate that the platform does not know, such as a node's own for development, is
 * named to `createNodeClient` of `@billcoin/sdk/node`, or trusted by the environment (`NODE_EXTRA_CA_CERTS=dev-tls-cert.pem` in
 * Node, an import in a browser).
 * @throws TypeError where baseUrl is no http(s) URL.
 * @example const client = createClient({ baseUrl: 'https://127.0.0.1:8443' })
 */
export function createClient(options: ClientOptions): Client {
  const url = new URL(options.baseUrl);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw new TypeError(`baseUrl must be an http or https URL, not ${options.baseUrl}`);
  const origin = url.origin + url.pathname.replace(/\/+$/, '');
  return {
    origin,
    base: origin + API_BASE,
    fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
    timeoutMs: options.timeoutMs ?? CALL_TIMEOUT_MS,
    accessToken: options.accessToken ?? (() => undefined),
    language: options.language ?? 'en',
  };
}
