/** Four real validator processes over libp2p on loopback: blocks become final, one is killed and comes back, a node without key follows. */
import { setTimeout as delay } from 'node:timers/promises';
import { formatAddress } from '@billcoin/protocol';
import t from 'tap';
import { makeProcesses } from '../support/processes.ts';
import { KEYS, TxMaker } from '../support/testNetwork.ts';

const WAIT_MS = 60_000;

void t.test('four validators finalise blocks, lose one by kill -9 and take it back', { timeout: 240_000 }, async (test) => {
  const { genesis, nodes: all, remove } = await makeProcesses({ validators: 4, followers: 1, params: { idleBlockIntervalMs: 500 } });
  test.teardown(remove);
  const [first, second, third, fourth, follower] = all;
  if (first === undefined || second === undefined || third === undefined || fourth === undefined || follower === undefined) throw new Error('there are five');
  const nodes = [first, second, third, fourth];
  await Promise.all(nodes.map((node) => node.start()));

  await Promise.all(nodes.map((node) => node.reach(3, WAIT_MS)));
  test.equal(new Set(await Promise.all(nodes.map((node) => node.blockId(3)))).size, 1, 'all have the same block 3');
  test.same(await Promise.all(nodes.map((node) => node.metric('billcoin_network_peers'))), [3, 3, 3, 3], 'a full mesh');
  test.same(await Promise.all(nodes.map((node) => node.metric('billcoin_network_streams'))), [9, 9, 9, 9], 'three streams a peer');

  const maker = new TxMaker(genesis);
  const [open, attest] = maker.mint(1_000_000n);
  await second.submit(open);
  const balance = async (): Promise<string> => (await third.get<{ balance: string }>(`/api/v1/accounts/${formatAddress(KEYS.farm.address)}`)).balance;
  await until(async () => (await third.metric('billcoin_chain_transactions_total{result="done"}')) >= 1, 'the batch is open');
  await third.submit(attest);
  await until(async () => (await balance()) !== '0', 'the farm has its BILL at every node');

  await fourth.end('SIGKILL');
  const killedAt = await first.height();
  await Promise.all([first, second, third].map((node) => node.reach(killedAt + 4, WAIT_MS)));
  await fourth.start();
  const tip = await first.height();
  await fourth.reach(tip + 2, WAIT_MS);
  test.equal(new Set(await Promise.all(nodes.map((node) => node.blockId(tip + 1)))).size, 1, 'the one that was killed has the same blocks');

  await follower.start();
  await follower.reach(await first.height(), WAIT_MS);
  test.equal(await follower.blockId(tip), await first.blockId(tip), 'a node without key has caught up');
  await follower.reach((await first.height()) + 2, WAIT_MS);
  test.equal(await follower.metric('billcoin_network_peers'), 4, 'and follows with four peers');
  for (const node of all) test.comment(`node ${node.index}: ${Math.round(await node.metric('billcoin_process_resident_memory_bytes') / 2 ** 20)} MiB resident, ${Math.round(await node.metric('billcoin_nodejs_heap_size_used_bytes') / 2 ** 20)} MiB heap`);

  test.equal(await fourth.end('SIGTERM'), 0, 'a node with peers stops in order');
  test.same(await Promise.all([first, second, third].map((node) => node.metric('billcoin_network_bans_total'))), [0, 0, 0], 'nobody was banned');

  async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
    const endMs = Date.now() + WAIT_MS;
    while (!(await condition())) {
      if (Date.now() > endMs) throw new Error(`not in time: ${what}`);
      await delay(50);
    }
  }
});
