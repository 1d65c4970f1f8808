/** A real node over TLS: whom it serves how, and a program with the SDK that logs in. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { Registry } from 'prom-client';
import t from 'tap';
import { getMe, getStatus, getTransaction, keyFromSeed, logout, streamHeaders, withLogin } from '@billcoin/sdk';
import { createNodeClient } from '@billcoin/sdk/node';
import { openMetricsListener } from '../../src/api/metricsListener.ts';
import { runCli } from '../../src/cli/cli.ts';
import { makeLog } from '../../src/log.ts';
import { runNode, submitFinal } from '../support/runNode.ts';
import { KEYS, makeTestFolders, TxMaker } from '../support/testNetwork.ts';
import { get } from './httpsGet.ts';

const CLIENT = fileURLToPath(new URL('httpsClient.ts', import.meta.url));

t.test('a node serves others over TLS and this machine without; metrics are for this machine', async (t) => {
  const { config, remove } = await makeTestFolders();
  t.teardown(remove);
  const node = await runNode({ ...config, httpsPort: 0 });
  t.teardown(() => node.stop());
  const ca = await readFile(join(config.keyDir, 'dev-tls-cert.pem'), 'utf8');
  const https = node.httpsUrl ?? '';
  t.match(https, /^https:\/\/127\.0\.0\.1:\d+$/);
  t.match(JSON.parse((await get(`${https}/api/v1/status`, ca)).text), { network: 'node-test' });
  t.equal((await get(`${https}/health/live`, ca)).status, 200);
  t.equal((await get(`${https}/metrics`, ca)).status, 404);
  t.equal((await fetch(`${node.url}/metrics`)).status, 200);
  t.equal((await get(`${https}/api/v1/status`, ca, { origin: 'https://evil.example' })).status, 403, 'a page of another origin');
  t.equal((await get(`${https}/api/v1/transactions/${'00'.repeat(32)}/no`, ca)).status, 404);
});

t.test('the internal network reads metrics where the operator says so, and nothing else', async (t) => {
  const { config, remove } = await makeTestFolders();
  t.teardown(remove);
  const node = await runNode({ ...config, chainOnly: true, metricsListen: { host: '127.0.0.1', port: 0 } });
  const url = node.metricsUrl ?? '';
  const answer = await fetch(url);
  t.match(answer.headers.get('content-type'), /^text\/plain/);
  const body = await answer.text();
  t.match(body, /^billcoin_mempool_limit_transactions [1-9]\d*$/m);
  t.match(body, new RegExp(`^billcoin_disk_floor_bytes ${config.diskFloorMib * 2 ** 20}$`, 'm'));
  for (const path of ['/', '/api/v1/status', '/health/live', '/metrics/x']) t.equal((await fetch(new URL(path, url))).status, 404, path);
  t.equal((await fetch(url, { method: 'POST' })).status, 404);
  const again = openMetricsListener(new Registry(), { host: '127.0.0.1', port: Number(new URL(url).port) }, makeLog({ level: 'silent', nodeName: 'test' }));
  await t.rejects(again, { code: 'EADDRINUSE' });
  await node.stop();
  await t.rejects(fetch(url), 'the port is free again');
});

t.test('a program with the SDK logs in over TLS once it is told whom to trust', async (t) => {
  const { config, remove } = await makeTestFolders();
  t.teardown(remove);
  const node = await runNode({ ...config, httpsPort: 0 });
  t.teardown(() => node.stop());
  const child = spawn(process.execPath, ['--import', 'tsx', '--conditions=development', CLIENT, node.httpsUrl ?? ''], { env: { ...process.env, NODE_EXTRA_CA_CERTS: join(config.keyDir, 'dev-tls-cert.pem') } });
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  t.same(JSON.parse(out), { network: 'node-test', role: 'student' }, err);
});

t.test('a program that names the certificate needs nothing of its environment: calls, login, stream, close', async (t) => {
  const { config, genesis, remove } = await makeTestFolders();
  t.teardown(remove);
  const node = await runNode({ ...config, httpsPort: 0 });
  t.teardown(() => node.stop());
  const baseUrl = node.httpsUrl ?? '';
  const ca = await readFile(join(config.keyDir, 'dev-tls-cert.pem'), 'utf8');
  const client = createNodeClient({ baseUrl, ca, timeoutMs: 5_000 });
  t.match(await getStatus(client), { network: 'node-test' });
  await t.rejects(getTransaction(client, { txHash: '0'.repeat(64) }), { name: 'ApiError', status: 404 }, 'a refusal is one');
  const till = withLogin(client, { key: keyFromSeed(KEYS.till.seed), genesisHash: genesis.genesisHash });
  t.match(await getMe(till), { role: 'till', tillNo: 1 }, 'bodies go out and come back');
  const over = new AbortController();
  const states: string[] = [];
  const events = streamHeaders(client, { signal: over.signal, onConnection: (state) => { states.push(state); } });
  const told = events.next();
  await submitFinal(node.port, new TxMaker(genesis).mint(1_000n)[0]);
  t.match((await told).value, { event: 'header.final' }, 'answers are streamed');
  over.abort();
  t.same(await events.next(), { done: true, value: undefined });
  t.equal(states[0], 'open');
  await t.resolves(logout(till), 'an answer without a body');

  const { config: others, remove: removeOthers } = await makeTestFolders();
  t.teardown(removeOthers);
  const other = await runNode({ ...others, httpsPort: 0 });
  t.teardown(() => other.stop());
  const wrong = createNodeClient({ baseUrl: other.httpsUrl ?? '', ca, timeoutMs: 2_000 });
  await t.rejects(getStatus(wrong), { name: 'ConnectionError', message: /certificate/ }, 'no other certificate is trusted');
  t.throws(() => createNodeClient({ baseUrl: node.url, ca }), TypeError, 'without TLS there is nobody to trust');
  for (const each of [client, wrong]) each.close();
});

t.test('options that do not fit are refused', async (t) => {
  const { config, remove } = await makeTestFolders();
  t.teardown(remove);
  await t.rejects(runNode({ ...config, tlsCert: 'cert.pem' }), { name: 'ConfigError', message: /go together/ });
  await t.rejects(runNode({ ...config, httpsPort: 0, tlsCert: join(config.keyDir, 'none.pem'), tlsKey: join(config.keyDir, 'none.pem') }), { code: 'no_key' });
  const said: string[] = [];
  const code = await runCli(['start', '--https-port', 'many'], {}, { print: () => undefined, complain: (line) => void said.push(line), output: process.stdout, stopAsked: () => Promise.resolve() });
  t.equal(code, 2);
  t.match(said, [/--https-port is "many"; it takes integer 0…65535/]);
});
