/** A newcomer among real processes: it begins at a snapshot of the others, verified, and goes on with them. */
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { checkpointJson, checkpointPreimage, decode, fromBase64Url, fromHex, LightBlock, signEd25519, toHex, validatorsHash } from '@billcoin/protocol';
import { listPeers, withLogin, type Status } from '@billcoin/sdk';
import { withAccounts } from '../../src/offline/accounts.ts';
import { makeProcesses } from '../support/processes.ts';
import type { TestProcess } from '../support/testProcess.ts';
import { KEYS, TxMaker, keyOf } from '../support/testNetwork.ts';

/** Above 22: snapshots of blocks 10 and 20 are kept, and there is something left to sync. */
const HEIGHT = 26;
const WAIT_MS = 60_000;

/** The checkpoint of a block, signed by the only key of the network, in a file. */
async function checkpointOf(node: TestProcess, genesisHash: Uint8Array, height: number, path: string): Promise<string> {
  const { data } = await node.get<{ data: { lightBlock: string }[] }>(`/api/v1/light/headers?from=${height}&limit=1`);
  const block = decode(LightBlock, fromBase64Url(data[0]?.lightBlock ?? '') ?? new Uint8Array(0));
  const { hash, time } = await node.get<{ hash: string; time: string }>(`/api/v1/blocks/${height}`);
  if (!block.ok) throw new Error('no header');
  const checkpoint = { height, blockId: fromHex(hash) ?? new Uint8Array(0), validatorsHash: validatorsHash(block.value.nextValidators ?? block.value.validators), timeMs: Date.parse(time) };
  const signature = signEd25519(KEYS.validator.seed, checkpointPreimage(genesisHash, checkpoint));
  await writeFile(path, checkpointJson({ checkpoint, signatures: [{ publicKey: KEYS.validator.publicKey, signature }] }));
  return path;
}

// Five starts of real processes on a machine that others use too.
t.setTimeout(180_000);

t.test('two validators and newcomers', { timeout: 170_000 }, async (test) => {
  const network = await makeProcesses({ validators: 2, followers: 2, hasCampus: true, params: { minBlockIntervalMs: 0 } });
  test.teardown(() => network.remove());
  const [first, second, newcomer, late] = network.nodes as readonly [TestProcess, TestProcess, TestProcess, TestProcess];
  await Promise.all([first.start('--snapshot-blocks', '10'), second.start('--snapshot-blocks', '10')]);
  const maker = new TxMaker(network.genesis);
  for (const tx of maker.mint(1_000_000n)) {
    const height = await first.height();
    await first.submit(tx);
    await first.reach(height + 1, WAIT_MS);
  }
  for (let i = 0, height = await first.height(); height < HEIGHT; i++) {
    await first.submit(maker.transfer(KEYS.farm, keyOf(`account ${i}`).address, 100n));
    await first.reach(height + 1, WAIT_MS);
    height = await first.height();
  }
  await first.until('keeps a snapshot', WAIT_MS, async () => (await first.metric('billcoin_snapshots_bytes')) > 0);
  await second.until('keeps a snapshot', WAIT_MS, async () => (await second.metric('billcoin_snapshots_bytes')) > 0);

  const path = await checkpointOf(first, network.genesis.genesisHash, 5, join(newcomer.folder, 'checkpoint.json'));
  const admin = await withAccounts({ dataDir: join(newcomer.folder, 'data'), keyDir: join(newcomer.folder, 'keys') }, network.genesis, (users) => users.add({ username: 'operator', role: 'admin', merchantId: null }));
  await newcomer.start('--from-snapshot', '--checkpoint', path, '--snapshot-blocks', '10');
  await newcomer.reach(HEIGHT, WAIT_MS);
  test.match(newcomer.output.join('\n'), /begins with a snapshot of peers; its state root is that of the verified header/);
  test.equal(await newcomer.blockId(HEIGHT), await first.blockId(HEIGHT));
  await test.rejects(newcomer.get('/api/v1/blocks/5'), /410/, 'what came before is not there');
  const { peers, sync } = await newcomer.get<Status>('/api/v1/status');
  test.same({ peers, sync }, { peers: 2, sync: null });
  const operator = withLogin(newcomer.client, { username: 'operator', password: admin.ok ? admin.password ?? '' : '' });
  test.match(await listPeers(operator), { data: [{ state: 'connected', streams: 3, score: 0 }, { state: 'connected' }, { state: 'away', height: null }] }, 'an account made before it joined is there after');

  // A restart is a start like any other; and who joined serves the next one, with one validator gone.
  await newcomer.end('SIGTERM');
  await newcomer.start('--from-snapshot', '--snapshot-blocks', '10');
  test.match(newcomer.output.join('\n'), /There is data already/);
  const [, kept] = [await second.end('SIGKILL'), await readdir(join(newcomer.folder, 'data', 'snapshots'))];
  test.ok(kept.length > 0, 'it keeps what it began with');
  await late.start('--from-snapshot', '--snapshot-blocks', '10');
  await late.reach(HEIGHT, WAIT_MS);
  test.match(late.output.join('\n'), /begins with a snapshot of peers/);
  test.equal(await late.blockId(HEIGHT), await first.blockId(HEIGHT));
  test.match(await readFile(join(late.folder, 'data', 'FORMAT'), 'utf8'), new RegExp(toHex(network.genesis.genesisHash)));
});
