/** The key that a node is known by: made once, kept to its owner, asked for where peers are configured. */
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { makeConfig } from '../../src/config.ts';
import { NODE_KEY_FILE } from '../../src/crypto/keyFiles.ts';
import { openNodeKey } from '../../src/offline/keys.ts';
import { systemClock, systemTimers } from '../../src/clock.ts';
import { makeLog } from '../../src/log.ts';
import { startNode } from '../../src/node.ts';
import { makeTestFolders } from '../support/testNetwork.ts';

void t.test('a node key is made once and only its owner may read it', async (test) => {
  const folder = await mkdtemp(join(tmpdir(), 'billcoin-node-key-'));
  test.teardown(() => rm(folder, { recursive: true, force: true }));
  const keyDir = join(folder, 'keys');
  const { publicKey: key, isNew } = await openNodeKey(keyDir);
  test.ok(isNew);
  test.match(key, /^[0-9a-f]{64}$/);
  test.same(await openNodeKey(keyDir), { publicKey: key, isNew: false });
  test.equal((await stat(join(keyDir, NODE_KEY_FILE))).mode & 0o777, 0o600);
});

void t.test('a node with peers does not start without its key, nor on a port that is taken', async (test) => {
  const folders = await makeTestFolders();
  test.teardown(folders.remove);
  const config = { ...folders.config, listen: { host: '127.0.0.1', port: 0 } };
  const deps = { clock: systemClock, timers: systemTimers, log: makeLog({ level: 'silent', nodeName: 'test' }), processMetrics: false, onHalt: (error: Error): void => void test.fail(error.message) };
  await test.rejects(startNode(config, deps), { code: 'no_key' });
  await openNodeKey(config.keyDir);
  const node = await startNode(config, deps);
  const port = Number(new URL(node.url).port);
  const metrics = await (await fetch(`${node.url}/metrics`)).text();
  test.match(metrics, /^billcoin_network_peers 0$/m);
  test.match(metrics, /^billcoin_network_queued_messages\{class="vote"\} 0$/m);
  const other = await makeTestFolders();
  test.teardown(other.remove);
  await openNodeKey(other.config.keyDir);
  await test.rejects(startNode({ ...other.config, listen: { host: '127.0.0.1', port } }, deps), { name: 'ConfigError', message: /cannot listen for its peers at 127\.0\.0\.1/ });
  await node.stop();
  test.equal(makeConfig({ listen: '127.0.0.1:0' }, {}).listen?.port, 0);
});
