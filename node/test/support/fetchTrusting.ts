/** A `fetch` over TLS 1.3 that trusts one root alone: the platform's own learns whom to trust only when its process starts. */
import { Agent, request as httpsRequest } from 'node:https';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';

export interface TrustingFetch {
  readonly fetch: typeof fetch;
  /** Ends its connections. */
  close(): void;
}

/** As much of `fetch` as the SDK uses: text bodies, plain headers, streamed answers, a signal. @param ca PEM */
export function fetchTrusting(ca: string): TrustingFetch {
  const agent = new Agent({ ca, keepAlive: true, minVersion: 'TLSv1.3' });
  return {
    fetch: (input, init = {}) => new Promise((resolve, reject) => {
      const { method = 'GET', headers = {}, signal, body } = init;
      const asked = httpsRequest(input as string | URL, { agent, method, headers: headers as Record<string, string>, ...(signal === null || signal === undefined ? {} : { signal }) }, (answer) => {
        const status = answer.statusCode ?? 0;
        const pairs = Object.entries(answer.headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)] as [string, string]]));
        // As a browser's: an answer of 204 has no body.
        resolve(new Response(status === 204 ? null : Readable.toWeb(answer) as ReadableStream<Uint8Array> as never, { status, headers: pairs }));
      });
      asked.once('error', reject);
      asked.end(body as string | undefined);
    }),
    close: () => agent.destroy(),
  };
}
