/**
 * GET /metrics on an address of the internal network, for a Prometheus on another machine (api page §2.14). Nothing else is
 * served there: sums and counts without a person in them, and no way to change anything.
 */
import { createServer } from 'node:http';
import type { Registry } from 'prom-client';
import type { HostPort } from '../peerAddress.ts';
import type { Log } from '../ports.ts';
import { listenOn } from './listenOn.ts';

/** A few collectors and a person with curl; each scrape walks every gauge. */
const CONNECTIONS_MAX = 16;
/** A scrape is one short request. */
const REQUEST_TIMEOUT_MS = 10_000;

export interface MetricsListener {
  readonly url: string;
  close(): Promise<void>;
}

/** Resolves when it listens; rejects where the address is not of this machine or the port is taken. */
export async function openMetricsListener(registry: Registry, where: HostPort, log: Log): Promise<MetricsListener> {
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    registry.metrics().then(
      (text) => void response.writeHead(200, { 'content-type': registry.contentType, 'cache-control': 'no-store' }).end(text),
      (error: unknown) => {
        log.error({ error }, 'the metrics could not be read');
        response.writeHead(500).end();
      });
  });
  server.maxConnections = CONNECTIONS_MAX;
  const { at, close } = await listenOn(server, where);
  const url = `http://${at}/metrics`;
  log.info({ url }, 'metrics are read there');
  return { url, close };
}
