/**
 * The port without TLS serves this machine alone. Binding to loopback keeps other machines out; these
 * checks keep web pages out that run in a browser on this machine: a name that resolves to 127.0.0.1 (DNS rebinding)
 * shows in Host, a page of another site shows in Origin and Sec-Fetch-Site.
 */

const LOOPBACK_NAMES = ['127.0.0.1', 'localhost', '[::1]'] as const;
const LOOPBACK_ADDRESSES: ReadonlySet<string> = new Set(['127.0.0.1', '::1', 'localhost']);

export function isLoopback(host: string): boolean {
  return LOOPBACK_ADDRESSES.has(host);
}

export interface CallerHeaders {
  readonly host?: string | undefined;
  readonly origin?: string | undefined;
  readonly 'sec-fetch-site'?: string | string[] | undefined;
}

/** Over TLS the certificate has proven the name to the browser; pages of other origins stay out. */
export function refusalOfSecureCaller({ host, origin, 'sec-fetch-site': site }: CallerHeaders): string | undefined {
  if (host === undefined || (origin !== undefined && origin !== `https://${host}`)) return 'Web pages of other origins may not call this API.';
  return site === undefined || site === 'same-origin' || site === 'none' ? undefined : 'Web pages of other sites may not call this API.';
}

/** Why a caller is turned away; undefined lets him in. `port` is the one this server listens on. */
export function refusalOfCaller(headers: CallerHeaders, port: number): string | undefined {
  const { host, origin } = headers;
  const hosts = LOOPBACK_NAMES.flatMap((name) => (port === 80 ? [name, `${name}:80`] : [`${name}:${port}`]));
  if (host === undefined || !hosts.some((own) => own === host)) return `The Host header names another server than this one on ${hosts.join(' or ')}.`;
  if (origin !== undefined && origin !== `http://${host}`) return 'Web pages of other origins may not call this API.';
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return 'Web pages of other sites may not call this API.';
  return undefined;
}
