/** The one place where declarations and handlers meet Fastify: strict bodies, checked input, replies, problems. */
import { hash } from 'node:crypto';
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { isDeepStrictEqual } from 'node:util';
import type { FastifyInstance, FastifyReply, FastifyRequest, FastifySchema } from 'fastify';
import { assert } from '@billcoin/protocol';
import { API_BASE, BODY_MAX_BYTES, type ProblemCode, type Route } from '@billcoin/sdk';
import type { Clock } from '../ports.ts';
import type { ApiRequest, Entry, Refusal, Reply, StreamEntry } from './entry.ts';
import type { Admitted, Guard } from './guard.ts';
import { languageOf, PROBLEM_MEDIA_TYPE, problemBody, problemHeaders } from './problem.ts';
import { rateHeaders } from './rateHeaders.ts';

/** Printable ASCII, as long as the SDK lets it be. */
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,128}$/;
const JSON_TYPE = 'application/json; charset=utf-8';

declare module 'fastify' {
  interface FastifyRequest {
    /** Exact text of a JSON body. */
    bodyText: string;
    admitted: Admitted;
  }
  interface FastifyContextConfig {
    entry?: Entry | StreamEntry;
  }
}

/** `/orders/{orderId}` below the base as Fastify writes it. */
export function urlOf({ path, atRoot }: Route): string {
  return (atRoot === true ? '' : API_BASE) + path.replace(/\{(\w+)\}/g, ':$1');
}

/** Query and path parameters are text: whole numbers of the schema become numbers, anything else stays and is refused. */
function readIntegers(values: unknown, schema: Route['query']): void {
  if (schema === undefined || typeof values !== 'object' || values === null) return;
  const record = values as Record<string, unknown>;
  for (const [name, property] of Object.entries(schema.properties)) {
    const text = record[name];
    if ((property as { readonly type?: unknown }).type === 'integer' && typeof text === 'string' && /^(0|[1-9]\d{0,15})$/.test(text)) record[name] = Number(text);
  }
}

function schemaOf({ params, query, body }: Route): FastifySchema {
  return { ...(params === undefined ? {} : { params }), ...(query === undefined ? {} : { querystring: query }), ...(body === undefined ? {} : { body }) };
}

export function refuse(request: FastifyRequest, reply: FastifyReply, refusal: Refusal): FastifyReply {
  // Where the path could not be decoded there is no route.
  const entry = (request.routeOptions.config as FastifyRequest['routeOptions']['config'] | undefined)?.entry;
  const extension = entry !== undefined && 'extendProblem' in entry ? entry.extendProblem?.(refusal.problem) : undefined;
  const body = { ...problemBody(refusal, request.id, languageOf(request.headers['accept-language'])), ...extension };
  return reply.status(body.status).headers({ 'request-id': request.id, ...problemHeaders(refusal) }).type(PROBLEM_MEDIA_TYPE).send(JSON.stringify(body));
}

/** The code of an unexpected error on this route. */
export function internalCodeOf(request: FastifyRequest): ProblemCode {
  const entry = request.routeOptions.config.entry;
  return (entry !== undefined && 'internalCode' in entry ? entry.internalCode : undefined) ?? 'internal';
}

function etagMatches(request: FastifyRequest, etag: string): boolean {
  return (request.headers['if-none-match'] ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, '')).some((tag) => tag === etag || tag === '*');
}

/**
 * Where the declaration says so the answer is known by a name that stays, or else by the hash of its text, so that asking again is
 * cheap. What not everybody may read is kept by no shared cache.
 */
function sendText(request: FastifyRequest, reply: FastifyReply, text: string, { etag: isTagged, who }: Route, immutable?: string): FastifyReply {
  assert(immutable === undefined || isTagged === true, 'a declaration says that its answers carry an ETag');
  if (isTagged !== true) return reply.send(text);
  const etag = `"${immutable ?? hash('sha256', text, 'hex').slice(0, 32)}"`;
  void reply.headers({ etag, 'cache-control': `${who.includes('public') ? 'public' : 'private'}, ${immutable === undefined ? 'no-cache' : 'max-age=31536000, immutable'}` });
  return etagMatches(request, etag) ? reply.status(304).send() : reply.send(text);
}

function send(request: FastifyRequest, reply: FastifyReply, answer: Reply<Route>, declaration: Route): FastifyReply {
  if ('problem' in answer) return refuse(request, reply, answer);
  void reply.status(answer.status).headers(answer.headers ?? {});
  if (answer.status === 204) return reply.send();
  if ('stream' in answer) return reply.send(answer.stream);
  if ('bytes' in answer) return reply.type(answer.type).send(Buffer.from(answer.bytes));
  if ('other' in answer) return sendText(request, reply.type(answer.type), JSON.stringify(answer.other), declaration);
  if ('body' in answer) return sendText(request, reply.type(JSON_TYPE), JSON.stringify(answer.body), declaration, answer.immutable);
  // A stored answer may be a problem.
  return sendText(request, reply.type(answer.status >= 400 ? PROBLEM_MEDIA_TYPE : (answer.type ?? JSON_TYPE)), answer.text, declaration, answer.immutable);
}

function idempotencyRefusal(declaration: Route, key: string | string[] | undefined): Refusal | undefined {
  if (declaration.idempotencyKey !== true) return undefined;
  if (key === undefined || key === '') return { problem: 'idempotency_key_missing' };
  return typeof key === 'string' && IDEMPOTENCY_KEY.test(key) ? undefined : { problem: 'malformed_request', detail: 'Idempotency-Key is not 1 to 128 printable characters.' };
}

function apiRequest(request: FastifyRequest): ApiRequest {
  const key = request.headers['idempotency-key'];
  return {
    id: request.id, caller: request.admitted.caller, expiresAtMs: request.admitted.expiresAtMs, call: request.call, params: request.params as never, query: request.query as never, body: request.body as never, bodyText: request.bodyText, host: request.headers.host ?? '',
    language: languageOf(request.headers['accept-language']), idempotencyKey: typeof key === 'string' ? key : undefined,
    accept: request.headers.accept ?? '',
  };
}

/** A body of another media type than the declared one is refused before it is looked at. */
function mediaTypeRefusal({ body, bodyType = 'application/json' }: Route, contentType: string | undefined): Refusal | undefined {
  if (body === undefined) return undefined;
  const given = (contentType ?? '').split(';')[0]?.trim().toLowerCase();
  return given === bodyType ? undefined : { problem: 'unsupported_media_type', detail: `The body must be ${bodyType}.` };
}

/** The policy of the route, asked before anything of the request is read; undefined lets it in. */
async function refusalOfPolicy(guard: Guard, declaration: Route, request: FastifyRequest): Promise<Refusal | undefined> {
  const admitted = await guard.admit(declaration, request.headers.authorization);
  if ('problem' in admitted) return admitted;
  request.admitted = admitted;
  return undefined;
}

export function mount(server: FastifyInstance, entry: Entry, guard: Guard): void {
  const { declaration, handle } = entry;
  server.route({
    method: declaration.method, url: urlOf(declaration), schema: schemaOf(declaration), bodyLimit: declaration.bodyMaxBytes ?? BODY_MAX_BYTES, config: { entry },
    async onRequest(request, reply) {
      const refusal = (await refusalOfPolicy(guard, declaration, request)) ?? mediaTypeRefusal(declaration, request.headers['content-type']) ?? idempotencyRefusal(declaration, request.headers['idempotency-key']);
      if (refusal !== undefined) return refuse(request, reply, refusal);
      return undefined;
    },
    async preValidation(request) {
      readIntegers(request.params, declaration.params);
      readIntegers(request.query, declaration.query);
    },
    handler: async (request, reply) => send(request, reply, await handle(apiRequest(request)), declaration),
  });
}

const STREAM_HEADERS = { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' };
/** So soon a stream hears of a logout, a stolen till or another link. With all 3,000 streams open, 100 looks a second. */
export const STREAM_CHECK_MS = 30_000;

/**
 * A stream ends with the access token it was opened by, and with the login behind it: who was logged out, or is somebody else
 * since, opens it again with a fresh token or not at all.
 */
function endWithLogin(raw: ServerResponse, { caller, expiresAtMs }: Admitted, admitNow: () => Promise<Admitted | Refusal>, clock: Clock, checkMs: number): void {
  if (expiresAtMs === undefined) return;
  const end = (): void => {
    if (!raw.writableEnded) raw.end('event: reauth\ndata: {}\n\n');
  };
  const atExpiry = setTimeout(end, Math.max(0, expiresAtMs - clock.nowMs()));
  const checking = setInterval(() => {
    admitNow().then((now) => {
      if ('problem' in now || !isDeepStrictEqual(now.caller, caller)) end();
    }, end);
  }, checkMs);
  atExpiry.unref();
  checking.unref();
  raw.once('close', () => {
    clearTimeout(atExpiry);
    clearInterval(checking);
  });
}

/** Mounts a route that keeps its connection: Fastify lets go of the socket once the head is sent. */
export function mountStream(server: FastifyInstance, entry: StreamEntry, guard: Guard, clock: Clock, checkMs = STREAM_CHECK_MS): void {
  const { declaration, open } = entry;
  server.route({
    method: declaration.method, url: urlOf(declaration), schema: schemaOf(declaration), config: { entry }, exposeHeadRoute: false,
    async onRequest(request, reply) {
      const refusal = await refusalOfPolicy(guard, declaration, request);
      return refusal === undefined ? undefined : refuse(request, reply, refusal);
    },
    async preValidation(request) {
      readIntegers(request.query, declaration.query);
    },
    handler: async (request, reply) => {
      const { raw } = reply;
      const lastEventId = request.headers['last-event-id'];
      const refusal = open({
        caller: request.admitted.caller,
        query: request.query as Readonly<Record<string, string | number | undefined>>,
        lastEventId: typeof lastEventId === 'string' ? lastEventId : undefined,
        begin: () => {
          reply.hijack();
          // What hooks set before, and what an answer that they do not see would lack.
          raw.writeHead(200, { ...(reply.getHeaders() as OutgoingHttpHeaders), ...rateHeaders(request.call?.limits ?? []), ...STREAM_HEADERS });
          endWithLogin(raw, request.admitted, () => guard.admit(declaration, request.headers.authorization), clock, checkMs);
          return {
            // Ended with its token or destroyed, it is in no hub a moment later.
            write: (text) => {
              if (!raw.writableEnded && !raw.destroyed) raw.write(text);
            },
            pendingBytes: () => raw.writableLength,
            end: () => void raw.destroy(),
            onClose: (listener) => void raw.once('close', listener),
          };
        },
      });
      return refusal === undefined ? reply : refuse(request, reply, refusal);
    },
  });
}
