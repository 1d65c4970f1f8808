/** The API over TLS 1.3: what it refuses, whom it serves, and certificates that change under it. */
import { chmod, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import t, { type Test } from 'tap';
import { systemTimers } from '../../src/clock.ts';
import { openHttps, type HttpsListener } from '../../src/api/https.ts';
import type { Log } from '../../src/ports.ts';
import { openDevPair, readTlsPair, type TlsFiles } from '../../src/tlsFiles.ts';
import { makeLog } from '../../src/log.ts';
import { get } from './httpsGet.ts';

const LOOK_EVERY_MS = 20;

async function makeFolder(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'billcoin-tls-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

const makePair = async (folder: string): Promise<TlsFiles> => (await openDevPair(folder, '127.0.0.1', Date.now())).files;

interface Listening extends HttpsListener {
  readonly port: number;
  readonly lines: readonly string[];
  /** Resolves once a line of the log has this text. */
  said(text: string): Promise<void>;
}

async function listen(t: Test, files: TlsFiles): Promise<Listening> {
  const lines: string[] = [];
  const waiting: { readonly text: string; readonly resolve: () => void }[] = [];
  const log: Log = makeLog({ level: 'info', nodeName: 'test', write: (line) => {
    lines.push(line);
    for (const { text, resolve } of waiting) if (line.includes(text)) resolve();
  } });
  const listener = await openHttps({
    config: { host: '127.0.0.1', port: 0, files, timers: systemTimers, lookEveryMs: LOOK_EVERY_MS }, requestTimeoutMs: 5_000, connectionsMax: 16, log,
    handle: (_request, response) => void response.end('hello'),
  });
  t.teardown(() => listener.close());
  return { ...listener, port: Number(new URL(listener.url).port), lines, said: (text) => new Promise((resolve) => void waiting.push({ text, resolve })) };
}

function handshake(port: number, options: ConnectionOptions): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, ...options }, () => resolve(socket));
    socket.once('error', reject);
  });
}

t.test('TLS 1.3 and nothing older; a client that does not know the certificate does not talk', async (t) => {
  const files = await makePair(await makeFolder(t));
  const ca = await readFile(files.certPath, 'utf8');
  const { port, url } = await listen(t, files);
  const socket = await handshake(port, { ca });
  t.equal(socket.getProtocol(), 'TLSv1.3');
  socket.destroy();
  for (const maxVersion of ['TLSv1.2', 'TLSv1.1'] as const) await t.rejects(handshake(port, { ca, maxVersion, minVersion: maxVersion }), maxVersion);
  await t.rejects(handshake(port, {}), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
  await t.rejects(handshake(port, { ca, servername: 'elsewhere.example' }), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' }, 'another name');
  t.same(await get(url, ca), { status: 200, text: 'hello' });
  for (const name of ['localhost', '127.0.0.1']) t.equal((await get(`https://${name}:${port}`, ca)).status, 200, name);
});

t.test('new files are used by new connections; old ones go on; a pair that does not fit changes nothing', async (t) => {
  const [folder, other] = [await makeFolder(t), await makeFolder(t)];
  const [files, next] = [await makePair(folder), await makePair(other)];
  const [oldCa, newCa] = [await readFile(files.certPath, 'utf8'), await readFile(next.certPath, 'utf8')];
  const { url, port, said, lines } = await listen(t, files);
  const kept = await handshake(port, { ca: oldCa });
  const replace = async (from: string, to: string): Promise<void> => {
    const content = await readFile(from);
    await writeFile(`${to}.new`, content, { mode: 0o600 });
    await rename(`${to}.new`, to);
  };

  const refused = said('is not used');
  await replace(next.certPath, files.certPath);
  await refused;
  t.match(lines.at(-1), /is not the one of the certificate/);
  t.equal((await get(url, oldCa)).status, 200, 'the certificate of before');

  const used = said('get the new certificate');
  await replace(next.keyPath, files.keyPath);
  await used;
  t.equal((await get(url, newCa)).status, 200);
  await t.rejects(get(url, oldCa));
  const answer = new Promise<string>((resolve) => void kept.once('data', (bytes: Buffer) => resolve(String(bytes))));
  kept.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
  t.match(await answer, /200 OK/, 'the connection of before');
});

t.test('files that cannot be used are refused with what to do', async (t) => {
  const [folder, other] = [await makeFolder(t), await makeFolder(t)];
  const [files, foreign] = [await makePair(folder), await makePair(other)];
  t.match(await readTlsPair(files), { names: /DNS:localhost/ });
  t.equal((await stat(files.keyPath)).mode & 0o777, 0o600);
  const refused = (path: Partial<TlsFiles>, message: RegExp): Promise<unknown> => t.rejects(readTlsPair({ ...files, ...path }), { code: 'no_key', message });
  await refused({ keyPath: foreign.keyPath }, /is not the one of the certificate .* Point --tls-cert and --tls-key at files of one pair/);
  await refused({ certPath: files.keyPath }, /is no certificate in PEM form/);
  await writeFile(join(folder, 'text.pem'), 'no key', { mode: 0o600 });
  await refused({ keyPath: join(folder, 'text.pem') }, /is no private key in PEM form/);
  await refused({ certPath: join(folder, 'none.pem') }, /cannot be read/);
  await chmod(files.keyPath, 0o604);
  await refused({}, /may be read by everybody \(mode 604\).* Run: chmod o= /);
});

t.test('the development pair is made once, and again when it has ended', async (t) => {
  const folder = await makeFolder(t);
  const [first, second] = [await openDevPair(folder, 'node.example', Date.now()), await openDevPair(folder, 'node.example', Date.now())];
  t.same([first.isNew, second.isNew], [true, false]);
  const { names, validToMs } = await readTlsPair(first.files);
  t.match(names, /node\.example/);
  t.equal((await openDevPair(folder, 'node.example', validToMs + 1)).isNew, true);
});
