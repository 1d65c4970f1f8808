/** Threat 28: sockets that ask nothing keep nobody out, over TLS or not. */
import { createServer as createHttp, get, type ServerResponse } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import t, { type Test } from 'tap';
import { boundConnections } from '../../src/api/connections.ts';
import { openDevPair } from '../../src/tlsFiles.ts';
import { until } from '../support/until.ts';

const MAX = 4;

interface Listening {
  readonly port: number;
  /** Answers whoever waits, in the order of their requests. */
  readonly waiting: ServerResponse[];
}

/** A listener that answers /slow when the test says so, and everything else at once. */
async function listen(t: Test, tls?: { readonly cert: Buffer; readonly key: Buffer }): Promise<Listening> {
  const waiting: ServerResponse[] = [];
  const handle = (request: { readonly url?: string; resume(): unknown }, response: ServerResponse): void => {
    request.resume();
    if (request.url === '/slow') waiting.push(response);
    else response.end('at once');
  };
  const server = tls === undefined ? createHttp(handle) : createHttps(tls, handle);
  boundConnections(server, MAX);
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, waiting };
}

interface Client {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  isClosed(): boolean;
  /** Resolves with the next thing said to it; '' at its end. */
  ask(text: string): Promise<string>;
}

async function client(t: Test, port: number, open: (port: number) => Socket = (at) => connect(at, '127.0.0.1'), ready = 'connect'): Promise<Client> {
  const socket = open(port);
  t.teardown(() => void socket.destroy());
  let isClosed = false;
  const closed = new Promise<void>((resolve) => void socket.on('error', () => undefined).on('close', () => { isClosed = true; resolve(); }));
  await new Promise<void>((resolve) => void socket.once(ready, resolve));
  const ask = async (text: string): Promise<string> => await new Promise((resolve) => {
    socket.once('data', (data: Buffer) => void resolve(data.toString('latin1')));
    void closed.then(() => resolve(''));
    socket.write(text);
  });
  return { socket, closed, isClosed: () => isClosed, ask };
}

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
const SLOW = 'GET /slow HTTP/1.1\r\nHost: x\r\n\r\n';

t.test('threat 28: where all places are taken, who has asked nothing for longest gives way; who waits for an answer keeps its place', async (t) => {
  const { port, waiting } = await listen(t);
  const busy = await client(t, port);
  const answer = busy.ask(SLOW);
  await until(() => waiting.length === 1);
  const silent = await client(t, port);
  const half = await client(t, port);
  half.socket.write('GET / HTTP/1.1\r\nHost:');
  const posting = await client(t, port);
  posting.socket.write('POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345');
  const newcomers = [];
  for (const victim of [silent, half, posting]) {
    const newcomer = await client(t, port);
    newcomers.push(newcomer);
    await victim.closed;
    t.match(await newcomer.ask(GET), /^HTTP\/1\.1 200/, 'a newcomer is served');
  }
  t.notOk(busy.isClosed() || newcomers.some(({ isClosed }) => isClosed()));
  waiting[0]?.end('late');
  t.match(await answer, /^HTTP\/1\.1 200/);
  const last = await client(t, port);
  await newcomers[0]?.closed;
  t.match(await last.ask(GET), /200/);
  t.notOk(busy.isClosed(), 'whoever was answered last goes last');
});

t.test('threat 28: where all places wait for answers, it is the newcomer that goes', async (t) => {
  const { port, waiting } = await listen(t);
  const answers = [];
  for (let i = 0; i < MAX; i++) answers.push((await client(t, port)).ask(SLOW));
  await until(() => waiting.length === MAX);
  t.equal(await (await client(t, port)).ask(GET), '');
  for (const response of waiting) response.end();
  for (const answer of answers) t.match(await answer, /^HTTP\/1\.1 200/);
  const status = await new Promise<number | undefined>((resolve, reject) => void get({ port, host: '127.0.0.1' }, (response) => { response.resume(); resolve(response.statusCode); }).on('error', reject));
  t.equal(status, 200, 'then there is room again');
});

t.test('threat 28: over TLS those that do not even greet give way, and requests are seen through it', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'billcoin-connections-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const { files: { certPath, keyPath } } = await openDevPair(folder, '127.0.0.1', Date.now());
  const { port, waiting } = await listen(t, { cert: await readFile(certPath), key: await readFile(keyPath) });
  const overTls = (at: number): Socket => connectTls({ port: at, host: '127.0.0.1', rejectUnauthorized: false });
  const busy = await client(t, port, overTls, 'secureConnect');
  const answer = busy.ask(SLOW);
  await until(() => waiting.length === 1);
  const silent = [];
  for (let i = 1; i < MAX; i++) silent.push(await client(t, port));
  for (const victim of silent) {
    t.match(await (await client(t, port, overTls, 'secureConnect')).ask(GET), /^HTTP\/1\.1 200/);
    await victim.closed;
  }
  waiting[0]?.end('late');
  t.match(await answer, /^HTTP\/1\.1 200/);
});
