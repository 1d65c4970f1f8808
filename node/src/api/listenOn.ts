/** What the listeners of a node have in common: they resolve once they listen, and free the port when they close. */
import type { Server } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import { formatHostPort, type HostPort } from '../peerAddress.ts';

export interface Listening {
  /** `127.0.0.1:8443`, with the port that the system chose where 0 was asked for. */
  readonly at: string;
  /** Ends open connections, too. */
  close(): Promise<void>;
}

/** Rejects where the address is not of this machine or the port is taken. */
export async function listenOn(server: Server | TlsServer, { host, port }: HostPort): Promise<Listening> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
  const address = server.address();
  return {
    at: formatHostPort({ host, port: address !== null && typeof address === 'object' ? address.port : port }),
    close: () => new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
  };
}
