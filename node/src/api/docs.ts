/** /api/v1/openapi.json and a page to read it, /api/v1/docs: all files come from this server, none from the network. */
import type { FastifyInstance } from 'fastify';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { API_BASE } from '@billcoin/sdk';
import { makeOpenApi } from './openapi.ts';

/** The page's own scripts and styles and nothing else; Swagger UI sets styles on elements. */
const CSP = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export async function mountDocs(server: FastifyInstance): Promise<void> {
  const document = makeOpenApi();
  const text = JSON.stringify(document);
  server.get(`${API_BASE}/openapi.json`, async (_request, reply) => reply.header('cache-control', 'no-cache').type('application/json; charset=utf-8').send(text));
  await server.register(swagger, { mode: 'static', specification: { document: document as never } });
  await server.register(swaggerUi, {
    routePrefix: `${API_BASE}/docs`,
    // Without a validator badge the page asks no other server for anything.
    uiConfig: { docExpansion: 'none', validatorUrl: null } as never,
    staticCSP: CSP,
    theme: { title: 'BillCoin API' },
  });
}
