/**
 * Connections of a listener: where all places are taken, the one that has asked nothing for longest gives way to a new one. Else
 * whoever opens some thousand sockets and says nothing, or half a request, would keep everybody else out for a minute.
 */
import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';

/** Sockets that are closed count until the system has closed them; so many may come in between. */
const CLOSING_MAX = 256;

/** Over TLS a request knows its own end of the connection, not the socket below: both have the same other end. */
const nameOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress ?? ''} ${remotePort ?? 0}`;

const hasBody = ({ headers }: IncomingMessage): boolean => headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

/** Keeps `server` at `max` connections; those with a whole request that has no whole answer yet are never closed for others. */
export function boundConnections(server: HttpServer | HttpsServer, max: number): void {
  /** Of longest first. */
  const idle = new Map<string, Socket>();
  let open = 0;
  server.maxConnections = max + CLOSING_MAX;
  server.on('connection', (socket: Socket) => {
    const name = nameOf(socket);
    open++;
    idle.set(name, socket);
    socket.once('close', () => {
      open--;
      if (idle.get(name) === socket) idle.delete(name);
    });
    const [longest] = idle.values();
    if (open > max) longest?.destroy();
  });
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const name = nameOf(request.socket);
    const socket = idle.get(name);
    if (socket === undefined) return; // the next request of one that has no answer yet
    let isAnswered = false;
    const isWhole = (): void => { if (!isAnswered) idle.delete(name); };
    if (hasBody(request)) request.once('end', isWhole);
    else isWhole();
    response.once('close', () => {
      isAnswered = true;
      idle.delete(name);
      if (!socket.destroyed) idle.set(name, socket);
    });
  });
}
