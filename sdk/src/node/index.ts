/**
 * `@billcoin/sdk/node`: a client for programs in Node that says itself whom it trusts. Apart from the SDK's own entry, which
 * is plain web platform: there the platform alone decides about certificates, and a browser asks nobody.
 */
import { Agent, request } from 'node:https';
import { Readable } from 'node:stream';
import { createClient, type Client, type ClientOptions } from '../client/client.ts';

export interface NodeClientOptions extends Omit<ClientOptions, 'fetch'> {
  /**
   * Certificates in PEM that are trusted, and no others: a node's own (`dev-tls-cert.pem` of its key folder), or a campus's
   * authority. The name in the URL must stand in the server's certificate all the same.
   */
  readonly ca: string;
}

export interface NodeClient extends Client {
  /** Ends its connections; requests and streams under way fail. Connections at rest keep no process alive. */
  close(): void;
}

/** As much of `fetch` as the SDK uses: text bodies, plain headers, streamed answers, a signal; no redirects, for the API has none. */
function fetchBy(agent: Agent): typeof fetch {
  return (input, init = {}) => new Promise((resolve, reject) => {
    const { method = 'GET', headers = {}, signal, body } = init;
    const asked = request(input as string, { agent, method, headers: headers as Record<string, string>, ...(signal === null || signal === undefined ? {} : { signal }) }, (answer) => {
      const status = answer.statusCode ?? 0;
      const pairs = Object.entries(answer.headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)] as [string, string]]));
      if (status === 204) answer.resume(); // as a browser's: it has no body
      resolve(new Response(status === 204 ? null : Readable.toWeb(answer) as ReadableStream<Uint8Array>, { status, headers: pairs }));
    });
    asked.on('error', reject);
    asked.end(body as string | null | undefined);
  });
}

/**
 * A client over TLS 1.3 that trusts `ca` alone. The process's own trust (`NODE_EXTRA_CA_CERTS`) is neither needed nor asked.
 * @throws TypeError where baseUrl is no https URL: without TLS there is nobody to trust.
 * @example const client = createNodeClient({ baseUrl: 'https://127.0.0.1:8443', ca: await readFile('keys/dev-tls-cert.pem', 'utf8') })
 */
export function createNodeClient({ ca, ...options }: NodeClientOptions): NodeClient {
  if (new URL(options.baseUrl).protocol !== 'https:') throw new TypeError(`ca is for https, not for ${options.baseUrl}`);
  const agent = new Agent({ ca, keepAlive: true, minVersion: 'TLSv1.3' });
  return { ...createClient({ ...options, fetch: fetchBy(agent) }), close: () => agent.destroy() };
}
