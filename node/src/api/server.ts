/**
 * The HTTP API of a node. What it serves stands in routes/index.ts; how requests are checked and answered in mount.ts.
 * The plain port is for this machine alone; others come over TLS 1.3 (https.ts). Web pages of other origins are turned away.
 */
import { randomUUID } from 'node:crypto';
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { assert } from '@billcoin/protocol';
import { BODY_MAX_BYTES, ROUTES } from '@billcoin/sdk';
import { CampusBusy, type Campus } from '../campusPorts.ts';
import type { Log } from '../ports.ts';
import { boundConnections } from './connections.ts';
import { mountDocs } from './docs.ts';
import type { Entry, Refusal, StreamEntry } from './entry.ts';
import { hookIntake } from './intake.ts';
import { isOverTls, openHttps, type HttpsConfig, type HttpsListener } from './https.ts';
import { isLoopback, refusalOfCaller, refusalOfSecureCaller } from './loopback.ts';
import type { ApiMetrics } from './metrics.ts';
import { internalCodeOf, mount, mountStream, refuse, urlOf } from './mount.ts';
import { campusPart, chainOnlyPart, type PartDeps } from './parts.ts';
import { JsonRefused, parseStrictJson } from './strictJson.ts';
import { answerWireErrors, refusalOfHead } from './wireErrors.ts';

/** A slow sender gets this long for a whole request; a roster of 8 MiB comes in one second on a campus network. */
const REQUEST_TIMEOUT_MS = 30_000;
/** Sockets at once: every till and screen with a stream and room for bursts. */
const CONNECTIONS_MAX = 4_096;

export interface ApiConfig {
  /** A loopback address. */
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Where everybody else is served, over TLS 1.3. */
  readonly https?: HttpsConfig | undefined;
}

export interface ApiDeps extends PartDeps {
  /** Undefined: the chain alone is served, to programs of this machine. */
  readonly campus: Campus | undefined;
  readonly config: ApiConfig;
}

export interface Api {
  readonly url: string;
  /** Undefined without TLS. */
  readonly httpsUrl: string | undefined;
  readonly port: number;
  /** Ends streams, lets running requests finish, frees the port. */
  close(): Promise<void>;
}

/** Paths and the methods each has, to tell a wrong method (405) from a wrong path (404). */
function methodsAt(entries: readonly (Entry | StreamEntry)[], url: string): readonly string[] {
  const path = url.split('?')[0] ?? '';
  return entries.filter(({ declaration }) => new RegExp(`^${urlOf(declaration).replace(/:\w+/g, '[^/]+')}$`).test(path)).map(({ declaration }) => declaration.method);
}

function validationRefusal(error: FastifyError): Refusal {
  const errors = (error.validation ?? []).map(({ instancePath, keyword, params }) => {
    const name = params['missingProperty'] ?? params['additionalProperty'];
    return { pointer: `${instancePath}${typeof name === 'string' ? `/${name}` : ''}`, code: keyword };
  });
  return { problem: 'malformed_request', detail: `${error.validationContext ?? 'request'} ${error.validation?.[0]?.message ?? 'is not of the declared form'}.`, errors };
}

/** Errors of Fastify, of its plugins and of our own, as refusals; undefined for what nobody expected. */
function refusalOf(error: FastifyError | Error): Refusal | undefined {
  // Files of the documentation: a name outside of its folder, bytes beyond the end.
  const isOfCaller = 'statusCode' in error && error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500;
  return knownRefusalOf(error) ?? (isOfCaller ? { problem: 'malformed_request' } : undefined);
}

function knownRefusalOf(error: FastifyError | Error): Refusal | undefined {
  if (error instanceof JsonRefused) return { problem: 'malformed_request', detail: error.message };
  if (error instanceof CampusBusy) return { problem: 'pool_full', detail: 'More orders and links wait for the disk than this node takes.' };
  if (!('code' in error)) return undefined;
  if (error.validation !== undefined) return validationRefusal(error);
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return { problem: 'body_too_large' };
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return { problem: 'unsupported_media_type' };
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
    case 'FST_ERR_BAD_URL':
      return { problem: 'malformed_request' };
    default:
      return undefined;
  }
}

function setErrors(server: FastifyInstance, log: Log, entries: readonly (Entry | StreamEntry)[]): void {
  function refusePlace(request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const methods = methodsAt(entries, request.url);
    if (methods.length === 0) return refuse(request, reply, { problem: 'not_found' });
    return refuse(request, reply, { problem: 'method_not_allowed', headers: { allow: methods.join(', ') } });
  }
  server.setErrorHandler<FastifyError>((error, request, reply) => {
    // A method that Fastify wants a body of, though no route has it.
    if (error.code === 'FST_ERR_ROUTE_MISSING_CONTENT_TYPE') return refusePlace(request, reply);
    // Nobody hears this, but the metrics and the log should not call it our fault.
    if (error === request.raw.errored) return refuse(request, reply, { problem: 'malformed_request', detail: 'The sender went away in the middle of the request.' });
    const refusal = refusalOf(error);
    if (refusal !== undefined) return refuse(request, reply, refusal);
    log.error({ error, requestId: request.id, route: request.routeOptions.url }, 'a request failed by our own fault');
    return refuse(request, reply, { problem: internalCodeOf(request) });
  });
  server.setNotFoundHandler(refusePlace);
}

function setParsers(server: FastifyInstance): void {
  server.decorateRequest('bodyText', '');
  // Set by the guard before a handler runs; a route that is mounted without it has nobody to answer.
  server.decorateRequest('admitted');
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, bytes: Buffer, done) => {
    try {
      const { value, text } = parseStrictJson(bytes);
      request.bodyText = text;
      done(null, value);
    } catch (error) {
      done(error as Error);
    }
  });
  server.addContentTypeParser('text/csv', { parseAs: 'string' }, (_request, text: string, done) => done(null, text));
}

function setHooks(server: FastifyInstance, log: Log, metrics: ApiMetrics, portOf: () => number): void {
  server.addHook('onRequest', async (request: FastifyRequest, reply: FastifyReply) => {
    void reply.headers({ 'request-id': request.id, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', 'content-security-policy': "default-src 'none'; frame-ancestors 'none'" });
    const unclear = refusalOfHead(request.raw);
    if (unclear !== undefined) return refuse(request, reply, unclear);
    const why = isOverTls(request.raw) ? refusalOfSecureCaller(request.headers) : refusalOfCaller(request.headers, portOf());
    if (why !== undefined) return refuse(request, reply, { problem: 'forbidden', detail: why });
    return undefined;
  });
  server.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none';
    const ms = reply.elapsedTime;
    metrics.httpRequests.inc({ route, status: String(reply.statusCode) });
    if (route === urlOf(ROUTES.validatePayment)) metrics.validationLatency.observe(ms / 1_000);
    // The pattern, never the path: paths hold addresses and transaction ids.
    log.debug({ requestId: request.id, method: request.method, route, status: reply.statusCode, ms: Math.round(ms) }, 'answered');
  });
}

/** Answers are our own values: JSON.stringify is exact, a schema that drops keys would hide mistakes. */
const asJson = () => (body: unknown): string => JSON.stringify(body);

function makeServer(): FastifyInstance {
  return Fastify({
    logger: false, bodyLimit: BODY_MAX_BYTES, requestTimeout: REQUEST_TIMEOUT_MS, requestIdHeader: false, genReqId: () => `req_${randomUUID()}`,
    routerOptions: { maxParamLength: 128 }, forceCloseConnections: true, http: { requireHostHeader: false }, // refusalOfHead says it, as a problem
    // Paths that cannot be decoded never reach a route or a hook.
    frameworkErrors: (_error, request, reply) => void refuse(request, reply, { problem: 'malformed_request', detail: 'The path cannot be decoded.' }),
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, useDefaults: true, allErrors: false, strict: true } },
  });
}

/** Listens for this machine and, where the configuration says so, for others; for both or for nobody. */
async function listen(server: FastifyInstance, { host, port, https }: ApiConfig, log: Log): Promise<HttpsListener | undefined> {
  await server.ready();
  const secure = https === undefined ? undefined : await openHttps({ config: https, handle: (request, response) => server.routing(request, response), requestTimeoutMs: REQUEST_TIMEOUT_MS, connectionsMax: CONNECTIONS_MAX, log });
  try {
    await server.listen({ host, port });
  } catch (error) {
    await secure?.close();
    throw error;
  }
  return secure;
}

/**
 * Starts the API. Resolves when it listens; rejects where the address is not loopback or the port is taken.
 * Close it before the campus services.
 */
export async function startApi(deps: ApiDeps): Promise<Api> {
  const { campus, clock, log, config, registry } = deps;
  if (!isLoopback(config.host)) throw new Error(`without TLS the API may only listen on 127.0.0.1 or ::1, not on ${config.host}; others reach it at --https-host and --https-port`);
  assert(campus !== undefined || config.https === undefined, 'what has no logins serves this machine alone');
  const server = makeServer();
  const part = campus === undefined ? chainOnlyPart(deps) : campusPart(deps, campus);
  let port = config.port;

  server.setSerializerCompiler(asJson);
  boundConnections(server.server, CONNECTIONS_MAX);
  answerWireErrors(server.server);
  setParsers(server);
  setErrors(server, log, [...part.entries, ...part.streams]);
  hookIntake(server, registry);
  setHooks(server, log, part.metrics, () => port);
  part.hook(server);
  for (const entry of part.entries) mount(server, entry, part.guard);
  for (const entry of part.streams) mountStream(server, entry, part.guard, clock);
  server.get('/metrics', async (request, reply) => (isOverTls(request.raw) ? refuse(request, reply, { problem: 'not_found' }) : reply.type(registry.contentType).send(await registry.metrics())));
  await mountDocs(server);
  const https = await listen(server, config, log);
  const listening = server.server.address();
  port = listening !== null && typeof listening === 'object' ? listening.port : port;
  const url = `http://${config.host === '::1' ? '[::1]' : config.host}:${port}`;
  log.info({ url, docs: `${url}/api/v1/docs` }, 'the API listens for this machine');
  return {
    url, port, httpsUrl: https?.url,
    async close() {
      part.close();
      await https?.close();
      await server.close();
    },
  };
}
