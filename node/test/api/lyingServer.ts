/** A server between the SDK and a real API that changes what it is told to: the answers of an honest chain, made lies. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { decode, encode, ExecutionReceipt, fromBase64Url, LightBlock, PaymentReceipt, RowProof, toBase64Url, type Message } from '@billcoin/protocol';
import { createClient, type Client } from '@billcoin/sdk';
import type { Teardown } from '../support/campusWorld.ts';

export type Json = { [key: string]: unknown };
/** Changes an answer; or takes over the response and writes what it likes. */
export type Lie = (body: Json, path: string, response: ServerResponse) => Json | 'written' | Promise<Json | 'written'>;

export interface LyingServer {
  readonly client: Client;
  /** What is asked for, newest last. */
  readonly asked: string[];
  lie: Lie | undefined;
}

export async function startLyingServer(t: Teardown, honestUrl: string, accessToken?: () => Promise<string>): Promise<LyingServer> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    asked.push(path);
    const answer = async (): Promise<void> => {
      const { authorization } = request.headers;
      const honest = await fetch(honestUrl + path, authorization === undefined ? {} : { headers: { authorization } });
      const text = await honest.text();
      const said = state.lie === undefined || !honest.ok ? JSON.parse(text) as Json : await state.lie(JSON.parse(text) as Json, path, response);
      if (said === 'written') return;
      response.writeHead(honest.status, { 'content-type': honest.headers.get('content-type') ?? 'application/json' });
      response.end(JSON.stringify(said));
    };
    answer().catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => new Promise<void>((resolve) => {
    server.closeAllConnections();
    server.close(() => resolve());
  }));
  const client = createClient({ baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, accessToken: accessToken ?? (() => undefined) });
  const state: LyingServer = { client, asked, lie: undefined };
  return state;
}

function change<T>(type: Message<T>, text: unknown, edit: (value: T) => T): string {
  const decoded = decode(type, fromBase64Url(String(text)) ?? new Uint8Array(0));
  if (!decoded.ok) throw new Error('an honest answer decodes');
  return toBase64Url(encode(type, edit(decoded.value)));
}

/** Lies about one kind of answer; the others stay honest. */
export const inRows = (edit: (proof: RowProof) => RowProof): Lie => (body) => ('proof' in body ? { ...body, proof: change(RowProof, body['proof'], edit) } : body);
export const inReceipts = (edit: (receipt: PaymentReceipt) => PaymentReceipt): Lie => (body) => ('receipt' in body ? { ...body, receipt: change(PaymentReceipt, body['receipt'], edit) } : body);
export const inExecutions = (edit: (receipt: ExecutionReceipt) => ExecutionReceipt): Lie => (body) => ('execution' in body ? { ...body, execution: change(ExecutionReceipt, body['execution'], edit) } : body);
export const inHeaders = (edit: (block: LightBlock) => LightBlock): Lie => (body) => (Array.isArray(body['data']) ? { ...body, data: (body['data'] as Json[]).map((item) => ({ ...item, lightBlock: change(LightBlock, item['lightBlock'], edit) })) } : body);
