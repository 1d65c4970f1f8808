/**
 * Requests that reach no route: what is no HTTP, a head that is too long, a sender that is too slow. Node would say so in
 * words of its own; here they get a problem like every other refusal. And heads that two readers could read in two ways.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { PROBLEMS, type ProblemCode } from '@billcoin/sdk';
import type { Refusal } from './entry.ts';
import { PROBLEM_MEDIA_TYPE, problemBody } from './problem.ts';

/** What Node's own parser gives up on; all else is malformed. */
const CODES: Readonly<Record<string, ProblemCode>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large', HPE_CHUNK_EXTENSIONS_OVERFLOW: 'body_too_large', ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
};

function answerText(problem: ProblemCode): string {
  const id = `req_${randomUUID()}`;
  const body = JSON.stringify(problemBody({ problem, ...(problem === 'malformed_request' ? { detail: 'It is no HTTP request.' } : {}) }, id, 'en'));
  const head = [
    `HTTP/1.1 ${PROBLEMS[problem].status} ${PROBLEMS[problem].title.en}`, `request-id: ${id}`, `content-type: ${PROBLEM_MEDIA_TYPE}`, `content-length: ${Buffer.byteLength(body)}`,
    'cache-control: no-store', 'x-content-type-options: nosniff', 'connection: close',
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}

/** Answers what is no request, and closes. A request with an unknown expectation is one without it (RFC 9110 §10.1.1). */
export function answerWireErrors(server: HttpServer | HttpsServer): void {
  /** By socket, while it is being written: nothing is put into the middle of it. */
  const answers = new WeakMap<Duplex, ServerResponse>();
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    answers.set(request.socket, response);
    response.once('close', () => answers.delete(request.socket));
  });
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => void server.emit('request', request, response));
  server.removeAllListeners('clientError'); // Fastify's own answer is no problem
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (error.code === 'ECONNRESET' || !socket.writable || answers.get(socket)?.headersSent === true) {
      socket.destroy();
      return;
    }
    socket.end(answerText(CODES[error.code ?? ''] ?? 'malformed_request'), () => socket.destroy());
  });
}

const hostsOf = ({ rawHeaders }: IncomingMessage): number => rawHeaders.filter((name, i) => i % 2 === 0 && name.toLowerCase() === 'host').length;

/** Why a head is refused before anything else is read of it; undefined for a clear one. */
export function refusalOfHead(request: IncomingMessage): Refusal | undefined {
  const { headers, url = '' } = request;
  if (hostsOf(request) !== 1) return { problem: 'malformed_request', detail: 'A request has exactly one Host header.' };
  // Absolute form: whom it names must be whom Host names (RFC 9112 §3.2.2), for that is what is checked.
  const authority = /^[a-z]+:\/\/([^/?#]*)/i.exec(url)?.[1];
  if (authority !== undefined && authority !== headers.host) return { problem: 'malformed_request', detail: 'The request names two hosts.' };
  for (const [name, plain] of [['transfer-encoding', 'chunked'], ['content-encoding', 'identity']] as const) {
    if ((headers[name] ?? plain).toLowerCase() !== plain) return { problem: 'unsupported_media_type', detail: `Bodies are taken without ${name === 'transfer-encoding' ? 'a Transfer-Encoding other than chunked' : 'Content-Encoding'}.` };
  }
  return undefined;
}
