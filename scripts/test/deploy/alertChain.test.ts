/**
 * The whole way of an alert with the configurations of deploy/: a node whose validations fail, Prometheus and Alertmanager of
 * Debian, and a receiver where Slack would be. Only addresses and waiting times are other ones.
 */
import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import t, { type Test } from 'tap';
import { freePort } from '../../src/devnet/freePort.ts';
import { findCommand } from '../../src/tidy/debianParts.ts';

const deploy = resolve(import.meta.dirname, '../../../deploy');
const path = process.env['PATH'] ?? '';
const [prometheus, alertmanager] = [await findCommand('prometheus', path), await findCommand('prometheus-alertmanager', path)];
/** It takes some ten seconds on a quiet machine. */
const TIMEOUT_MS = 120_000;
const VALIDATE = '/api/v1/payments/validate';

async function serve(test: Test, listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

function run(test: Test, command: string, args: readonly string[]): void {
  const child = spawn(command, args, { stdio: 'ignore' });
  test.teardown(async () => {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  });
}

/** A configuration of deploy/ with some of its words replaced, each of which must be there. */
function adapt(from: string, to: string, replacements: readonly (readonly [RegExp, string])[]): void {
  let content = readFileSync(join(deploy, from), 'utf8');
  for (const [found, put] of replacements) {
    if (!found.test(content)) throw new Error(`${from} has no ${found.source}`);
    content = content.replace(found, put);
  }
  writeFileSync(to, content);
}

t.test('validations that fail are told to Slack', { timeout: TIMEOUT_MS, skip: (prometheus === undefined || alertmanager === undefined) && 'Prometheus or Alertmanager is missing' }, async (test) => {
  const folder = test.testdir({ prometheus: {}, data: {}, state: {} });
  let scrapes = 0;
  const node = await serve(test, (_request, response) => {
    scrapes += 1;
    response.setHeader('content-type', 'text/plain; version=0.0.4');
    response.end(`# TYPE http_requests_total counter\nhttp_requests_total{route="${VALIDATE}",status="200"} ${90 * scrapes}\nhttp_requests_total{route="${VALIDATE}",status="500"} ${10 * scrapes}\n`);
  });
  const heard = new EventEmitter();
  const told = once(heard, 'message');
  const slack = await serve(test, (request, response) => {
    void text(request).then((body) => {
      response.end('ok');
      heard.emit('message', JSON.parse(body));
    }, (error: unknown) => heard.emit('error', error));
  });
  const [web, alerts] = [await freePort(0), await freePort(0)];

  writeFileSync(join(folder, 'webhook'), `http://127.0.0.1:${slack}/services/x\n`);
  adapt('alertmanager/alertmanager.yml', join(folder, 'alertmanager.yml'), [[/\/run\/secrets\/slack-webhook/, join(folder, 'webhook')], [/group_wait: 10s/, 'group_wait: 0s']]);
  adapt('prometheus/rules.yml', join(folder, 'prometheus/rules.yml'), [[/for: 2m/, 'for: 0s']]);
  adapt('prometheus/prometheus.yml', join(folder, 'prometheus/prometheus.yml'), [[/(\w+_interval): 15s/g, '$1: 1s'], [/alertmanager:9093/, `127.0.0.1:${alerts}`], [/"validator-1:9600".*"validator-4:9600"/, ''], [/api:9600/, `127.0.0.1:${node}`], [/"oracle:8460"/, '']]);
  run(test, alertmanager ?? '', [`--config.file=${join(folder, 'alertmanager.yml')}`, `--storage.path=${join(folder, 'state')}`, `--web.listen-address=127.0.0.1:${alerts}`, '--cluster.listen-address=']);
  run(test, prometheus ?? '', [`--config.file=${join(folder, 'prometheus/prometheus.yml')}`, `--storage.tsdb.path=${join(folder, 'data')}`, `--web.listen-address=127.0.0.1:${web}`]);

  test.match((await told)[0], { attachments: [{ title: 'firing: PaymentValidationErrors (critical)', text: new RegExp(`^127\\.0\\.0\\.1:${node} fails at 10% of its payment validations\\nWhat to do: OPERATING\\.md, "Alerts"\\.$`) }] });
});
