/** `billcoin start --from-snapshot`: when it joins, when it has nothing to do, and how it ends while it waits. */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { sha256, toHex } from '@billcoin/protocol';
import { runCli } from '../../src/cli/cli.ts';
import { NODE_KEY_FILE, createKeyFile, keyPairOf } from '../../src/crypto/keyFiles.ts';
import { joiningPath } from '../../src/join/join.ts';
import { runNode } from '../support/runNode.ts';
import { makeTestFolders, type TestFolders } from '../support/testNetwork.ts';

const PEER = `${toHex(keyPairOf(sha256(new Uint8Array([9]))).publicKey)}@127.0.0.1:9`;

async function folders(test: Test): Promise<TestFolders> {
  const made = await makeTestFolders();
  test.teardown(made.remove);
  await createKeyFile(made.config.keyDir, NODE_KEY_FILE, sha256(new Uint8Array([1])));
  return made;
}

interface Started {
  readonly code: number;
  readonly lines: readonly string[];
  readonly painted: readonly string[];
}

/** Runs `start` and asks it to stop after a while. */
async function start({ config }: TestFolders, ...more: readonly string[]): Promise<Started> {
  const [lines, painted]: [string[], string[]] = [[], []];
  const print = (line: string): void => void lines.push(line);
  const flags = ['--genesis', config.genesis, '--data-dir', config.dataDir, '--key-dir', config.keyDir, '--http-port', '0', '--verify-threads', '0', '--from-snapshot'];
  const code = await runCli(['start', ...flags, ...more], { BILLCOIN_LOG_LEVEL: 'silent' }, { print, complain: print, paint: (line) => painted.push(line), output: new PassThrough(), stopAsked: () => delay(700) });
  return { code, lines, painted };
}

t.test('a start that waits for peers says so, and ends when it is asked to', async (test) => {
  const world = await folders(test);
  const { code, lines, painted } = await start(world, '--peers', PEER);
  test.equal(code, 0);
  test.match(lines, ['The node was stopped while it joined; the next start goes on.']);
  test.equal(painted[0], 'joining: waiting for peers that offer a snapshot · no peers');
  test.equal(painted.at(-1), '', 'and takes its line away');
  test.same(await readdir(world.config.dataDir), ['FORMAT'], 'nothing was begun');
});

t.test('somebody has to give the snapshot, and the checkpoint has to be one', async (test) => {
  const world = await folders(test);
  test.match(await start(world), { code: 2, lines: ['--from-snapshot needs --peers: somebody has to give the snapshot.'] });
  const path = join(world.root, 'checkpoint.json');
  await writeFile(path, '{}');
  test.match(await start(world, '--peers', PEER, '--checkpoint', path), { code: 2, lines: [/The checkpoint .*checkpoint\.json is refused \(malformed\)/] });
});

t.test('a folder that holds data is left alone, and what an earlier join left is cleared away', async (test) => {
  const world = await folders(test);
  const first = await runNode(world.config);
  await first.stop();
  await mkdir(join(joiningPath(world.config.dataDir), 'ab'), { recursive: true });
  const { code, lines } = await start(world, '--peers', PEER);
  test.equal(code, 0);
  test.match(lines, [/^BillCoin node-test-.* at height 0\./]);
  await test.rejects(readdir(joiningPath(world.config.dataDir)), { code: 'ENOENT' });
});
