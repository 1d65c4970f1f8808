/** Bytes on the socket that are no request, or could be read in two ways; requests that nobody waits for any more. */
import { readFile } from 'node:fs/promises';
import { connect as connectPlain } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Duplex } from 'node:stream';
import t from 'tap';
import { Value } from 'typebox/value';
import { Problem } from '@billcoin/sdk';
import { refusalOfHead } from '../../src/api/wireErrors.ts';
import { openHttps } from '../../src/api/https.ts';
import { systemTimers } from '../../src/clock.ts';
import { makeLog } from '../../src/log.ts';
import { openDevPair } from '../../src/tlsFiles.ts';
import { makeKeyFolder, openWorld } from '../support/campusWorld.ts';
import { KEYS } from '../support/testNetwork.ts';
import { toHex } from '@billcoin/protocol';

interface Heard {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** Writes the bytes and hears all that comes until the server closes. */
function tell(socket: Duplex, bytes: string): Promise<readonly Heard[]> {
  return new Promise((resolve, reject) => {
    let text = '';
    socket.on('data', (chunk: Buffer) => void (text += chunk.toString('latin1')));
    socket.once('error', reject);
    socket.once('close', () => resolve(text.split(/(?=HTTP\/1\.1 \d{3} )/).filter((part) => part !== '').map((part) => {
      const [head = '', body = ''] = part.split('\r\n\r\n');
      return { status: Number(head.slice(9, 12)), head, body };
    })));
    socket.write(Buffer.from(bytes, 'latin1'));
  });
}

const json = (host: string, more: string, body: string): string => `POST /api/v1/auth/challenge HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nConnection: close\r\n${more}\r\n${body}`;

t.test('what is no request gets a problem, and the connection ends', async (t) => {
  const world = await openWorld(t);
  const { port } = world.api;
  const host = `127.0.0.1:${port}`;
  const get = (more: string, path = '/api/v1/status', version = '1.1'): string => `GET ${path} HTTP/${version}\r\nHost: ${host}\r\nConnection: close\r\n${more}\r\n`;
  const cases: readonly (readonly [string, string, number, string])[] = [
    ['no HTTP', '\0\x01\x02\r\n\r\n', 400, 'malformed_request'],
    ['another HTTP', get('', '/api/v1/status', '3.0'), 400, 'malformed_request'],
    ['a method nobody has', `FOO / HTTP/1.1\r\nHost: ${host}\r\n\r\n`, 400, 'malformed_request'],
    ['NUL in the path', get('', '/api/v1/\0'), 400, 'malformed_request'],
    ['a space in a header name', get('a b: c\r\n'), 400, 'malformed_request'],
    ['a folded header', get('X: a\r\n b\r\n'), 400, 'malformed_request'],
    ['two lengths', json(host, 'Content-Length: 2\r\nContent-Length: 3\r\n', '{}'), 400, 'malformed_request'],
    ['length and chunks', json(host, 'Content-Length: 2\r\nTransfer-Encoding: chunked\r\n', '2\r\n{}\r\n0\r\n\r\n'), 400, 'malformed_request'],
    ['a head of 20 KB', get(`X: ${'a'.repeat(20_000)}\r\n`), 431, 'headers_too_large'],
    ['no Host', 'GET /api/v1/status HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'malformed_request'],
    ['two Hosts', get(`Host: ${host}\r\n`), 400, 'malformed_request'],
    ['a target that names another host', get('', 'http://evil.example/api/v1/status'), 400, 'malformed_request'],
    ['a compressed body', json(host, 'Content-Encoding: gzip\r\nContent-Length: 2\r\n', '{}'), 415, 'unsupported_media_type'],
    ['a compressed transfer', json(host, 'Transfer-Encoding: gzip, chunked\r\n', '2\r\n{}\r\n0\r\n\r\n'), 415, 'unsupported_media_type'],
    ['QUERY, which no route has', `QUERY /api/v1/status HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`, 405, 'method_not_allowed'],
  ];
  for (const [name, bytes, status, code] of cases) {
    const [heard] = await tell(connectPlain(port, '127.0.0.1'), bytes);
    t.equal(heard?.status, status, name);
    const problem = JSON.parse(heard?.body ?? '{}') as Problem;
    t.ok(Value.Check(Problem, problem), `${name}: a whole problem`);
    t.equal(problem.code, code, name);
    t.match(heard?.head, /content-type: application\/problem\+json; charset=utf-8/, name);
  }
  t.notMatch(world.logLines.join(''), /our own fault/, 'none of it is an error of ours');
});

t.test('clear requests in an old or odd form are served', async (t) => {
  const { port } = (await openWorld(t)).api;
  const host = `127.0.0.1:${port}`;
  const good = JSON.stringify({ publicKey: toHex(KEYS.plant.publicKey) });
  const status = async (bytes: string): Promise<readonly number[]> => (await tell(connectPlain(port, '127.0.0.1'), bytes)).map((heard) => heard.status);
  t.same(await status(`GET /api/v1/status HTTP/1.0\r\nHost: ${host}\r\n\r\n`), [200], 'HTTP/1.0');
  t.same(await status(`GET http://${host}/api/v1/status HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`), [200], 'absolute form');
  t.same(await status(json(host, `Expect: 100-continue\r\nContent-Length: ${good.length}\r\n`, good)), [100, 200]);
  t.same(await status(json(host, `Expect: a miracle\r\nContent-Length: ${good.length}\r\n`, good)), [200], 'an expectation nobody knows');
  t.same(await status(json(host, 'Transfer-Encoding: chunked\r\nTrailer: Authorization\r\n', `${good.length.toString(16)}\r\n${good}\r\n0\r\nAuthorization: Bearer x\r\n\r\n`)), [200], 'a trailer is no header');
  t.same(await status(`GET /api/v1/nothing HTTP/1.1\r\nHost: ${host}\r\n\r\nGET /api/v1/status HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`), [404, 200], 'pipelined');
  t.equal(refusalOfHead({ headers: { host: 'a' }, rawHeaders: ['HOST', 'a'], url: '/x' } as never), undefined);
});

t.test('nothing is written into the middle of an answer', async (t) => {
  const { port } = (await openWorld(t)).api;
  const socket = connectPlain(port, '127.0.0.1');
  const heard = tell(socket, `GET /api/v1/streams/headers HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
  socket.once('data', () => void socket.write('\0\0\0\r\n\r\n'));
  t.same((await heard).map(({ status }) => status), [200], 'the stream ends without a word');
});

t.test('whoever goes away in the middle of a body is no error of ours', async (t) => {
  const world = await openWorld(t);
  const { port } = world.api;
  const socket = connectPlain(port, '127.0.0.1');
  socket.write(json(`127.0.0.1:${port}`, 'Content-Length: 100\r\nExpect: 100-continue\r\n', '{'));
  await new Promise<void>((resolve) => void socket.once('data', () => resolve())); // 100: the server reads the body
  socket.destroy();
  for (let turn = 0; turn < 3; turn++) t.equal((await world.get('/status')).status, 200); // by then it was heard that the other is gone
  t.notMatch(world.logLines.join(''), /our own fault/);
});

t.test('over TLS the same', async (t) => {
  const { files } = await openDevPair(await makeKeyFolder(t), '127.0.0.1', Date.now());
  const log = makeLog({ level: 'silent', nodeName: 'test' });
  const { url, close } = await openHttps({ config: { host: '127.0.0.1', port: 0, files, timers: systemTimers }, requestTimeoutMs: 5_000, connectionsMax: 16, log, handle: (_request, response) => void response.end() });
  t.teardown(close);
  const ca = await readFile(files.certPath);
  const [heard] = await tell(connectTls({ host: '127.0.0.1', port: Number(new URL(url).port), ca }), 'rubbish\r\n\r\n');
  t.equal(heard?.status, 400);
  t.ok(Value.Check(Problem, JSON.parse(heard?.body ?? '{}')));
});
