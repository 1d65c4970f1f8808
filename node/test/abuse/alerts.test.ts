/** US-006.3: alerts are sent to the Ops Slack channel. Threats 11 and 18. A real receiver on this machine fails, hangs, redirects and comes back. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { FlagRow } from '../../src/abusePorts.ts';
import { ALERT_LIFE_MS, openAlerts, type AlertDeps, type OpenedAlerts } from '../../src/campus/alerts/alerts.ts';
import { guardedPost, type PostOptions } from '../../src/campus/alerts/guardedPost.ts';
import { isLoopbackAddress, isPublicAddress } from '../../src/campus/alerts/publicAddress.ts';
import { escapeSlack, flagText } from '../../src/campus/alerts/slack.ts';
import { makeLog } from '../../src/log.ts';
import type { Clock, KeyValueStore } from '../../src/ports.ts';
import { openKeyValueMemory } from '../../src/storage/keyValueMemory.ts';
import type { Teardown } from '../support/campusWorld.ts';

type Manner = (request: IncomingMessage, response: ServerResponse) => void;
const ok: Manner = (_, response) => void response.end('ok');
const status = (code: number, headers: Readonly<Record<string, string>> = {}): Manner => (_, response) => void response.writeHead(code, headers).end('no');
const hang: Manner = () => undefined;
const SECRET = 'T000/B000/XXSECRETXX';

class Receiver {
  readonly server: Server;
  readonly texts: string[] = [];
  readonly hosts: string[] = [];
  requests = 0;
  manner: Manner = ok;
  #arrived: (() => void)[] = [];

  constructor() {
    this.server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => { body += chunk.toString(); });
      request.on('end', () => {
        this.requests++;
        this.texts.push((JSON.parse(body) as { text: string }).text);
        this.hosts.push(request.headers.host ?? '');
        this.manner(request, response);
        for (const wake of this.#arrived.splice(0)) wake();
      });
    });
  }
  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }
  get url(): string {
    return `http://127.0.0.1:${this.port}/services/${SECRET}`;
  }
  /** Resolves when so many requests have come. */
  async until(count: number): Promise<void> {
    while (this.requests < count) await new Promise<void>((resolve) => void this.#arrived.push(resolve));
  }
}

async function openReceiver(t: Teardown): Promise<Receiver> {
  const receiver = new Receiver();
  await new Promise<void>((resolve) => void receiver.server.listen(0, '127.0.0.1', resolve));
  t.teardown(async () => {
    receiver.server.closeAllConnections();
    await new Promise((resolve) => void receiver.server.close(resolve));
  });
  return receiver;
}

const realClock: Clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() };
let flags = 0;
const makeFlag = (over: Partial<FlagRow> = {}): FlagRow => ({ flagId: `flg_${String(flags++).padStart(26, '0')}`, rule: 'failed_validations', subject: 'student:00000000000000000000000000000001', firstAtMs: 0, count: 4, evidence: [], resolved: null, ...over });

interface Desk {
  readonly alerts: OpenedAlerts;
  readonly store: KeyValueStore;
  readonly logLines: string[];
  readonly heard: string[];
  raise(flag?: FlagRow): Promise<void>;
  /** Resolves when nothing waits. */
  drained(): Promise<void>;
  reopened(): Promise<Desk>;
}

async function openDesk(t: Teardown, url: string, over: Partial<AlertDeps> = {}, store: KeyValueStore = openKeyValueMemory()): Promise<Desk> {
  const folder = await mkdtemp(join(tmpdir(), 'billcoin-slack-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const webhookFile = join(folder, 'webhook');
  await writeFile(webhookFile, `${url}\n`);
  await chmod(webhookFile, 0o600);
  const logLines: string[] = [];
  const log = makeLog({ level: 'debug', nodeName: 'test', write: (line) => void logLines.push(line) });
  const alerts = await openAlerts({ store, clock: realClock, log, webhookFile, post: { allowLoopback: true, timeoutMs: 200 }, retryMs: [20], spacingMs: 0, ...over });
  t.teardown(alerts.close);
  const heard: string[] = [];
  alerts.onOutcome((outcome) => void heard.push(outcome === 'dropped' ? outcome : (outcome.error ?? 'delivered')));
  return {
    alerts, store, logLines, heard,
    async raise(flag = makeFlag()) {
      await store.batch(alerts.rowsOf(flag), { sync: true });
      alerts.wake();
    },
    async drained() {
      while ((await store.list({ gte: 'xl/', lt: 'xl0', limit: 1 })).length > 0) await new Promise<void>((resolve) => void setTimeout(resolve, 5));
    },
    async reopened() {
      await alerts.close();
      return await openDesk(t, url, over, store);
    },
  };
}

t.test('US-006: one message for each flag with rule, pseudonym, count and flag id, in order', async (t) => {
  const receiver = await openReceiver(t);
  const desk = await openDesk(t, receiver.url);
  const [a, b] = [makeFlag(), makeFlag({ subject: 'till:7', count: 5 })];
  await desk.raise(a);
  await desk.raise(b);
  await receiver.until(2);
  await desk.drained();
  t.same(receiver.texts, [`BillCoin flag: failed_validations, student:00000000000000000000000000000001, count 4, ${a.flagId}`, `BillCoin flag: failed_validations, till:7, count 5, ${b.flagId}`]);
  t.equal(desk.alerts.waiting(), 0);
  t.same(await desk.alerts.test(), { delivered: true, status: 200, error: null });
  t.match(receiver.texts.at(-1), /test/);
});

t.test('US-006: a receiver that fails, hangs, redirects and comes back gets every message once', async (t) => {
  const receiver = await openReceiver(t);
  const elsewhere = await openReceiver(t);
  const desk = await openDesk(t, receiver.url);
  const manners: Manner[] = [status(500), hang, status(302, { location: elsewhere.url }), status(404), (request) => void request.socket.destroy(), ok];
  receiver.manner = (request, response) => (manners.shift() ?? ok)(request, response);
  const all = [makeFlag(), makeFlag(), makeFlag()];
  for (const flag of all) await desk.raise(flag);
  await receiver.until(8);
  await desk.drained();
  t.same(desk.heard, ['status', 'timeout', 'redirect', 'status', 'unreachable', 'delivered', 'delivered', 'delivered']);
  t.equal(elsewhere.requests, 0, 'no redirect is followed');
  t.same(receiver.texts.slice(5), all.map(flagText));
  t.notOk(desk.logLines.join('').includes('SECRET'), 'the URL is in no log');
  t.ok(desk.logLines.join('').includes('was not delivered'));
});

t.test('messages survive a restart', async (t) => {
  const receiver = await openReceiver(t);
  receiver.manner = status(503);
  const desk = await openDesk(t, receiver.url);
  const all = [makeFlag(), makeFlag()];
  for (const flag of all) await desk.raise(flag);
  await receiver.until(2);
  const again = await desk.reopened();
  t.equal(again.alerts.waiting(), 2);
  receiver.manner = ok;
  await again.drained();
  t.same(receiver.texts.slice(-2), all.map(flagText));
});

t.test('threat 11: the queue is bounded; what finds no place is counted', async (t) => {
  const receiver = await openReceiver(t);
  receiver.manner = hang;
  const desk = await openDesk(t, receiver.url, { waitingMax: 3, retryMs: [60_000] });
  for (let i = 0; i < 10; i++) await desk.raise();
  t.equal(desk.alerts.waiting(), 3);
  t.equal((await desk.store.list({ gte: 'xl/', lt: 'xl0', limit: 100 })).length, 3);
  t.equal(desk.heard.filter((heard) => heard === 'dropped').length, 7);
});

t.test('a message that nobody took for three days is given up', async (t) => {
  const receiver = await openReceiver(t);
  receiver.manner = status(500);
  let nowMs = 1_000;
  const desk = await openDesk(t, receiver.url, { clock: { nowMs: () => nowMs, monotonicMs: () => nowMs } });
  await desk.raise();
  await receiver.until(1);
  nowMs += ALERT_LIFE_MS + 1;
  await desk.drained();
  t.equal(desk.alerts.waiting(), 0);
  t.ok(desk.heard.includes('dropped'));
  t.ok(desk.logLines.some((line) => line.includes('given up')));
});

t.test('Retry-After of the receiver is kept to, within an hour', async (t) => {
  const receiver = await openReceiver(t);
  receiver.manner = status(429, { 'retry-after': '99999' });
  const desk = await openDesk(t, receiver.url);
  await desk.raise();
  await receiver.until(1);
  await desk.alerts.close();
  const [row] = await desk.store.list({ gte: 'xl/', lt: 'xl0', limit: 1 });
  const { nextAtMs, tries } = JSON.parse(new TextDecoder().decode(row?.value)) as { nextAtMs: number; tries: number };
  t.equal(tries, 1);
  t.ok(nextAtMs > Date.now() + 3_500_000 && nextAtMs <= Date.now() + 3_600_000);
});

t.test('without a webhook nothing is queued; a wrong file stops the start and is not shown', async (t) => {
  const alerts = await openAlerts({ store: openKeyValueMemory(), clock: realClock, log: makeLog({ level: 'error', nodeName: 'test', write: () => undefined }), webhookFile: undefined, post: { allowLoopback: false } });
  t.same(alerts.rowsOf(makeFlag()), []);
  t.equal(alerts.isConfigured, false);
  for (const url of ['not a url SECRET', 'file:///etc/passwd', 'https://user:SECRET@hooks.example/x', '']) await t.rejects(openDesk(t, url), { message: /^the Slack webhook file \S+ does not hold a URL and nothing else$/ });
});

const post = async (url: string, over: Partial<PostOptions> = {}): Promise<string> => {
  const { error, status: code } = await guardedPost(new URL(url), '{"text":"x"}', { allowLoopback: false, timeoutMs: 500, ...over });
  return error ?? String(code);
};
const names = (...addresses: readonly string[]) => async () => await Promise.resolve(addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })));

t.test('threat 18: addresses that are not of everybody are refused, under every name', async (t) => {
  const receiver = await openReceiver(t);
  t.equal(await post(receiver.url), 'not_https', 'http');
  for (const host of ['127.0.0.1', '[::1]', '10.0.0.1', '172.31.255.255', '192.168.1.1', '169.254.169.254', '100.64.0.1', '0.0.0.0', '[fd00::1]', '[fe80::1]', '[::ffff:127.0.0.1]', '[64:ff9b::7f00:1]', '[2002:7f00:1::]', '224.0.0.1', '2130706433', '0x7f.1', 'localhost']) {
    t.equal(await post(`https://${host}:${receiver.port}/`), 'not_public', host);
  }
  t.equal(await post('https://hooks.example/', { resolve: names('93.184.216.34', '127.0.0.1') }), 'not_public', 'one of its addresses is enough');
  t.equal(await post('https://hooks.example/', { resolve: names() }), 'not_public', 'no address at all');
  t.equal(await post('https://10.0.0.1/', { allowLoopback: true }), 'not_public', 'the option for receivers of tests opens this machine alone');
  t.equal(await post('http://93.184.216.34/', { allowLoopback: true }), 'not_public', 'and http to nowhere else');
  t.equal(receiver.requests, 0);
});

t.test('threat 18: a name that is bound anew after the check changes nothing: it is resolved once', async (t) => {
  const receiver = await openReceiver(t);
  let asked = 0;
  const resolve = async () => await Promise.resolve([{ address: asked++ === 0 ? '127.0.0.1' : '10.0.0.1', family: 4 }]);
  t.equal(await post(`http://rebinding.example:${receiver.port}/`, { allowLoopback: true, resolve }), '200');
  t.equal(asked, 1);
  t.same(receiver.hosts, [`rebinding.example:${receiver.port}`], 'the name is still told');
});

t.test('threat 18: time and size are bounded', async (t) => {
  const receiver = await openReceiver(t);
  const local = { allowLoopback: true };
  t.equal(await post('http://slow.example/', { ...local, resolve: () => new Promise(() => { /* never */ }), timeoutMs: 50 }), 'timeout', 'a look-up that never ends');
  receiver.manner = hang;
  t.equal(await post(receiver.url, { ...local, timeoutMs: 50 }), 'timeout');
  receiver.manner = (_, response) => {
    response.writeHead(200);
    const timer = setInterval(() => void response.write('x'), 10);
    response.on('close', () => clearInterval(timer));
  };
  t.equal(await post(receiver.url, { ...local, timeoutMs: 100 }), 'timeout', 'an answer that drips');
  receiver.manner = (_, response) => void response.end('x'.repeat(70_000));
  t.equal(await post(receiver.url, local), 'too_large');
  receiver.manner = (_, response) => void response.end('x'.repeat(65_536));
  t.equal(await post(receiver.url, local), '200');
  receiver.server.closeAllConnections();
  await new Promise((resolve) => void receiver.server.close(resolve));
  t.equal(await post('http://127.0.0.1:1/', local), 'unreachable');
});

t.test('public addresses', async (t) => {
  for (const address of ['1.1.1.1', '93.184.216.34', '172.32.0.1', '100.128.0.1', '2606:4700::1', '2a00:1450::1']) t.ok(isPublicAddress(address), address);
  for (const address of ['', 'hooks.example', '::', '::1', 'ff02::1', '2001:db8::1', '198.18.0.1', '203.0.113.9', '255.255.255.255']) t.notOk(isPublicAddress(address), address);
  t.ok(isLoopbackAddress('127.8.8.8') && isLoopbackAddress('::1') && !isLoopbackAddress('::2') && !isLoopbackAddress('10.0.0.1'));
});

t.test('threat 11: nothing in a message is markup, a line break or hidden', async (t) => {
  t.equal(escapeSlack('<!channel> & <https://evil.example|click>'), '&lt;!channel&gt; &amp; &lt;https://evil.example|click&gt;');
  t.equal(escapeSlack('a\nb\r\u0000c\u202ed\u200be'), 'a b  c d e');
  t.equal(escapeSlack('x'.repeat(9_999)).length, 500);
});
