/**
 * The API over TLS 1.3, beside the plain port of this machine: the same routes behind another listener. Certificate and key
 * are read again when their files change; connections go on with what they began with.
 */
import { stat } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { Log, Timers } from '../ports.ts';
import { readTlsPair, type TlsFiles } from '../tlsFiles.ts';
import { boundConnections } from './connections.ts';
import { listenOn } from './listenOn.ts';
import { answerWireErrors } from './wireErrors.ts';

/** Looks at the files; a certificate lives for months. */
const LOOK_EVERY_MS = 10_000;
/** A client that says hello so slowly is none. */
const HANDSHAKE_TIMEOUT_MS = 10_000;

export interface HttpsConfig {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly files: TlsFiles;
  readonly timers: Timers;
  readonly lookEveryMs?: number | undefined;
}

export interface HttpsDeps {
  readonly config: HttpsConfig;
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void;
  readonly requestTimeoutMs: number;
  readonly connectionsMax: number;
  readonly log: Log;
}

export interface HttpsListener {
  readonly url: string;
  close(): Promise<void>;
}

/** True for a request that came over TLS. */
export function isOverTls({ socket }: { readonly socket: unknown }): boolean {
  return (socket as Partial<TLSSocket>).encrypted === true;
}

/** When the files were changed last, as one text. */
async function stampOf({ certPath, keyPath }: TlsFiles): Promise<string> {
  try {
    return (await Promise.all([certPath, keyPath].map(async (path) => String((await stat(path)).mtimeMs)))).join(' ');
  } catch {
    return 'away'; // a file that is being replaced; reading it says what is wrong
  }
}

/** Calls `reload` once the files have changed and stood still for a look: a renewal writes one after the other. */
function watchFiles({ files, timers, lookEveryMs = LOOK_EVERY_MS }: HttpsConfig, first: string, reload: () => Promise<void>): () => void {
  let [used, seen, stopped] = [first, first, false];
  let cancel: () => void = () => undefined;
  async function look(): Promise<void> {
    const stamp = await stampOf(files);
    if (stamp !== used && stamp === seen) {
      used = stamp;
      await reload();
    }
    seen = stamp;
    if (!stopped) cancel = timers.after(lookEveryMs, () => void look());
  }
  cancel = timers.after(lookEveryMs, () => void look());
  return () => {
    stopped = true;
    cancel();
  };
}

/** Listens. Throws StorageFailure `no_key` where the files are no pair, and the system's error where the port is taken. */
export async function openHttps(deps: HttpsDeps): Promise<HttpsListener> {
  const { config: { host, port, files }, log } = deps;
  const stamp = await stampOf(files);
  const { cert, key, names, validToMs } = await readTlsPair(files);
  const server = createServer({ cert, key, minVersion: 'TLSv1.3', handshakeTimeout: HANDSHAKE_TIMEOUT_MS, requestTimeout: deps.requestTimeoutMs, requireHostHeader: false }, deps.handle);
  boundConnections(server, deps.connectionsMax);
  answerWireErrors(server);
  const { at, close } = await listenOn(server, { host, port });
  const stop = watchFiles(deps.config, stamp, async () => {
    try {
      const pair = await readTlsPair(files);
      server.setSecureContext({ cert: pair.cert, key: pair.key, minVersion: 'TLSv1.3' });
      log.info({ names: pair.names, validTo: new Date(pair.validToMs).toISOString() }, 'New connections get the new certificate');
    } catch (error) {
      log.error({ error }, 'The changed certificate is not used; the one before stays. Put a pair that belongs together in place');
    }
  });
  const url = `https://${at}`;
  log.info({ url, names, validTo: new Date(validToMs).toISOString() }, 'the API listens for everybody over TLS 1.3');
  return {
    url,
    async close() {
      stop();
      await close();
    },
  };
}
