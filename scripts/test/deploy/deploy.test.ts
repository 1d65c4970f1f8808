/** The files of deploy/ and docker-compose.yml as far as they can be tried without a container engine; what was seen on one stands in OPERATING.md, "Not run here". */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { connectAsync, type MqttClient } from 'mqtt';
import t, { type Test } from 'tap';
import { parse } from 'yaml';
import { makeConfigDoc } from '@billcoin/node';
import { findCommand } from '../../src/tidy/debianParts.ts';

const root = resolve(import.meta.dirname, '../../..');
const path = process.env['PATH'] ?? '';
const NOT_AUTHORIZED = 135;
const START_TRIES = 50;
const START_WAIT_MS = 100;
const [compose, broker, passwords] = [await findCommand('docker-compose', path), await findCommand('mosquitto', path), await findCommand('mosquitto_passwd', path)];

void t.test('every variable of the compose file is an option of the node', async (test) => {
  const text = readFileSync(join(root, 'docker-compose.yml'), 'utf8');
  const known = makeConfigDoc();
  const variables = new Set(text.match(/BILLCOIN_[A-Z_]+/g));
  test.ok(variables.size >= 6);
  for (const name of variables) test.ok(known.includes(`\`${name}\``), name);
});

interface Service {
  readonly image: string;
  readonly build?: unknown;
  readonly profiles?: readonly string[];
  readonly restart: string;
  readonly read_only?: boolean;
  readonly cap_drop: readonly string[];
  readonly security_opt: readonly string[];
  readonly networks?: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly logging?: unknown;
}
const { services } = parse(readFileSync(join(root, 'docker-compose.yml'), 'utf8'), { merge: true }) as { readonly services: Readonly<Record<string, Service>> };
const OWN_IMAGE = 'billcoin:0.1.0';

void t.test('every container is confined, has bounded logs, comes back with the machine and is reached from this machine alone', async (test) => {
  for (const [name, service] of Object.entries(services)) {
    test.match(service, { cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'], restart: 'unless-stopped', logging: { options: { 'max-size': /m$/, 'max-file': /^\d+$/ } } }, name);
    if (service.profiles === undefined) test.equal(service.read_only, true, `${name} writes into its volumes only`);
    // Without networks of its own it would be in that of another container, and in nobody's once that one has started anew.
    test.ok((service.networks ?? []).length > 0, `${name} has networks of its own`);
    for (const port of service.ports ?? []) test.match(port, /^127\.0\.0\.1:/, name);
  }
});

void t.test('the image is built once, from every workspace, without the keys of the network', async (test) => {
  test.same(Object.values(services).filter(({ build }) => build !== undefined).map(({ image }) => image), [OWN_IMAGE]);
  const { workspaces } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly workspaces: readonly string[] };
  const copied = [...readFileSync(join(root, 'deploy/Dockerfile'), 'utf8').matchAll(/^COPY (\w+) \1$/gm)].map(([, folder]) => folder ?? '');
  test.same(copied.toSorted(), workspaces.toSorted());
  test.ok(readFileSync(join(root, '.dockerignore'), 'utf8').split('\n').includes('network'));
});

void t.test('the oracle shares a network with the API and trusts the certificate that the API shows there', async (test) => {
  const [api, oracle] = [services['api'], services['oracle']];
  if (api === undefined || oracle === undefined) throw new Error('the compose file has no API node or no oracle');
  test.ok(oracle.networks?.some((name) => api.networks?.includes(name) === true) === true);
  const shown = api.environment?.['BILLCOIN_TLS_CERT']?.replace('/keys', './network/api');
  test.ok(api.volumes.includes('./network/api:/keys'));
  test.ok(oracle.volumes.includes(`${shown ?? ''}:${oracle.environment?.['NODE_EXTRA_CA_CERTS'] ?? ''}:ro`));
});

void t.test('the compose file holds to the schema of docker-compose', { skip: compose === undefined && 'docker-compose is missing' }, async (test) => {
  const folder = test.testdir({ network: { 'peers.env': 'BILLCOIN_PEERS=\n' } });
  cpSync(join(root, 'docker-compose.yml'), join(folder, 'docker-compose.yml'));
  cpSync(join(root, 'deploy'), join(folder, 'deploy'), { recursive: true });
  const { status, stderr } = spawnSync(compose ?? '', ['--profile', 'observability', 'config', '-q'], { cwd: folder, encoding: 'utf8' });
  test.equal(status, 0, stderr);
});

function freePort(): Promise<number> {
  return new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => done(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

/** Mosquitto with the configuration of deploy/, its paths and port put where a test may have them. */
async function startBroker(test: Test, users: readonly string[]): Promise<string> {
  const folder = test.testdir({ data: {} });
  // As root Mosquitto changes to a user of its own.
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, 'secrets'));
  const file = join(folder, 'secrets/passwords');
  for (const [i, user] of users.entries()) {
    const { status } = spawnSync(passwords ?? '', ['-b', ...(i === 0 ? ['-c'] : []), file, user, `secret of ${user}`]);
    if (status !== 0) throw new Error('mosquitto_passwd failed');
  }
  const port = await freePort();
  cpSync(join(root, 'deploy/mosquitto/acl'), join(folder, 'acl'));
  const text = readFileSync(join(root, 'deploy/mosquitto/mosquitto.conf'), 'utf8')
    .replace('listener 1883', `listener ${port} 127.0.0.1`).replace('/mosquitto/data/', `${folder}/data/`).replace('/mosquitto/secrets/', `${folder}/secrets/`).replace('/mosquitto/config/', `${folder}/`);
  writeFileSync(join(folder, 'mosquitto.conf'), `${text}user ${process.getuid?.() === 0 ? 'root' : 'nobody'}\n`);
  const running = spawn(broker ?? '', ['-c', join(folder, 'mosquitto.conf')], { stdio: 'ignore' });
  test.teardown(async () => {
    const ended = once(running, 'exit');
    running.kill();
    await ended;
  });
  return `mqtt://127.0.0.1:${port}`;
}

async function signIn(url: string, username: string, password = `secret of ${username}`): Promise<MqttClient> {
  for (let tries = 1; ; tries++) {
    try {
      return await connectAsync(url, { protocolVersion: 5, username, password, reconnectPeriod: 0 }, false);
    } catch (error) {
      if ((error as { readonly code?: unknown }).code !== 'ECONNREFUSED' || tries === START_TRIES) throw error;
      await new Promise((done) => void setTimeout(done, START_WAIT_MS));
    }
  }
}

void t.test('the broker lets devices write under their own id, oracles read, and nobody else in', { skip: (broker === undefined || passwords === undefined) && 'Mosquitto is missing' }, async (test) => {
  const [device, oracle] = ['51'.repeat(16), `bill1${'q'.repeat(38)}`];
  const url = await startBroker(test, [device, oracle]);
  const [sensor, reader] = [await signIn(url, device), await signIn(url, oracle)];
  const heard: string[] = [];
  reader.on('message', (topic) => void heard.push(topic));
  await reader.subscribeAsync(['mmu/v1/+/+/r', 'mmu/v1/+/+/rb', 'mmu/v1/+/+/manifest/+/+'], { qos: 1 });
  const refused = (client: MqttClient, topic: string): Promise<unknown> => client.publishAsync(topic, 'x', { qos: 1 }).then(() => 'published', (error: { readonly code?: unknown }) => error.code);

  await sensor.publishAsync(`mmu/v1/farm-1/${device}/r`, 'reading', { qos: 1 });
  test.equal(await refused(sensor, `mmu/v1/farm-1/${'52'.repeat(16)}/r`), NOT_AUTHORIZED, 'not in the name of another device');
  test.equal(await refused(sensor, `mmu/v1/rcpt/${device}/${oracle}`), NOT_AUTHORIZED, 'no receipts to itself');
  test.equal(await refused(reader, `mmu/v1/farm-1/${device}/r`), NOT_AUTHORIZED, 'an oracle makes no readings');
  const receipt = new Promise<string>((done) => void sensor.once('message', done));
  await sensor.subscribeAsync(`mmu/v1/rcpt/${device}/+`, { qos: 1 });
  await reader.publishAsync(`mmu/v1/rcpt/${device}/${oracle}`, 'receipt', { qos: 1 });
  test.equal(await receipt, `mmu/v1/rcpt/${device}/${oracle}`);
  test.same(heard, [`mmu/v1/farm-1/${device}/r`]);
  await test.rejects(signIn(url, device, 'guess'), 'a wrong password');
  await test.rejects(connectAsync(url, { protocolVersion: 5, reconnectPeriod: 0 }, false), 'no anonymous guests');
  await Promise.all([sensor.endAsync(), reader.endAsync()]);
});
