/** Where limits meet Fastify: after the caller is known and before the body is read; and before an answer leaves. */
import type { IncomingMessage } from 'node:http';
import { assert } from '@billcoin/protocol';
import type { FastifyInstance } from 'fastify';
import type { Call } from './call.ts';
import type { Entry, Refusal } from './entry.ts';
import type { Limiter } from './limiter.ts';
import { refuse } from './mount.ts';
import { rateHeaders } from './rateHeaders.ts';
import { addressKey } from './subject.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** What limits know of the request; undefined while nobody has been let in. */
    call: Call | undefined;
  }
}

export type RemoteAddress = (request: IncomingMessage) => string | undefined;

export function hookLimits(server: FastifyInstance, limiter: Limiter, remoteAddress: RemoteAddress): void {
  server.decorateRequest('call', undefined);
  server.addHook('preParsing', async (request, reply, payload) => {
    const { entry } = request.routeOptions.config;
    if (entry === undefined) return payload;
    const call: Call = { route: entry.declaration, caller: request.admitted.caller, address: addressKey(remoteAddress(request.raw)), requestId: request.id, limits: [] };
    request.call = call;
    let refusal: Refusal | undefined = await limiter.enter(call);
    if (refusal === undefined && 'open' in entry) {
      const opened = await limiter.openStream(call);
      if ('problem' in opened) refusal = opened;
      else reply.raw.once('close', opened.release);
    }
    return refusal === undefined ? payload : refuse(request, reply, refusal);
  });
  server.addHook('onSend', async (request, reply, payload) => {
    const { call } = request;
    if (call === undefined) return payload;
    await limiter.leave(call, reply.statusCode);
    void reply.headers(rateHeaders(call.limits));
    return payload;
  });
}

/** The entry with the limits that its body decides. */
export function underLimits(entry: Entry, limiter: Limiter): Entry {
  return {
    ...entry,
    handle(request) {
      assert(request.call !== undefined, 'limits have let the request in');
      return limiter.around(request.call, request, entry.handle);
    },
  };
}
