/** `billcoin rollback`: state, index and blocks of a stopped node go back together; what was final comes again the same. */
import { cp, rm } from 'node:fs/promises';
import { PassThrough } from 'node:stream';
import t, { type Test } from 'tap';
import { toHex } from '@billcoin/protocol';
import { runCli } from '../../src/cli/cli.ts';
import type { Config } from '../../src/config.ts';
import { headerOfBlock } from '../../src/finalBlock.ts';
import { makeLog } from '../../src/log.ts';
import { rollback } from '../../src/offline/rollback.ts';
import { verifyDatabase } from '../../src/offline/verifyDb.ts';
import { makeBlockStore } from '../../src/storage/blockStore.ts';
import { openDataFolder } from '../../src/storage/dataFolder.ts';
import { loseRows } from '../support/damage.ts';
import { runNode, submitFinal } from '../support/runNode.ts';
import { KEYS, TxMaker, makeTestFolders, type TestFolders } from '../support/testNetwork.ts';

const LIVES = 4;
const silent = makeLog({ level: 'silent', nodeName: 'test' });

interface Chain extends TestFolders {
  readonly tip: number;
  /** Ids and state roots by height. */
  readonly ids: readonly string[];
  readonly roots: readonly string[];
  /** Puts back what the node had when it stopped. */
  restore(): Promise<void>;
}

/** A node that lived several times, so that its state was flushed several times. */
async function makeChainOnDisk(test: Test): Promise<Chain> {
  const folders = await makeTestFolders({ params: { minBlockIntervalMs: 0 } });
  test.teardown(folders.remove);
  const { config, genesis, root } = folders;
  const maker = new TxMaker(genesis);
  const [open, attest] = maker.mint(1_000_000n);
  for (let life = 0; life < LIVES; life++) {
    const node = await runNode(config);
    for (const bytes of life === 0 ? [open, attest] : [1n, 2n].map((amount) => maker.transfer(KEYS.farm, KEYS.treasury.address, amount))) await submitFinal(node.port, bytes);
    await node.stop();
  }
  const folder = await openDataFolder(config.dataDir, genesis.genesisHash, () => undefined);
  const blocks = makeBlockStore(folder.blocks);
  const tip = await blocks.checkedTip();
  const [ids, roots] = [[''], ['']];
  for (let height = 1; height <= tip; height++) {
    const block = await blocks.read(height);
    ids.push(toHex(block?.certificate.blockId ?? new Uint8Array(0)));
    roots.push(toHex(headerOfBlock(block?.blockBytes ?? new Uint8Array(0)).header.stateRoot));
  }
  await folder.close();
  await cp(root, `${root}-kept`, { recursive: true });
  test.teardown(() => rm(`${root}-kept`, { recursive: true, force: true }));
  return {
    ...folders, tip, ids, roots,
    async restore() {
      await rm(root, { recursive: true });
      await cp(`${root}-kept`, root, { recursive: true });
    },
  };
}

const back = (config: Config, to: number): Config => ({ ...config, to });

async function problemsOf({ config, genesis }: TestFolders): Promise<readonly string[]> {
  return (await verifyDatabase(config, genesis, () => undefined)).problems;
}

void t.test('a rollback to any height leaves the state of that height, its root verified', async (test) => {
  const chain = await makeChainOnDisk(test);
  const { config, genesis, tip, roots } = chain;
  for (let to = tip - 1; to >= 0; to--) {
    const done = await rollback({ ...back(config, to), pastGuard: tip }, genesis, silent);
    test.match(done, { from: tip, to, by: 'undo', guardHeight: tip });
    if (to > 0) test.equal(done.stateRoot, roots[to], `root of block ${to}`);
    test.same(await problemsOf(chain), [], `to ${to}`);
    await chain.restore();
  }
});

void t.test('one block back: the validator decides the very same block again', async (test) => {
  const chain = await makeChainOnDisk(test);
  const { config, genesis, tip, ids } = chain;
  const done = await rollback({ ...config, rollbackBlocks: 1 }, genesis, silent);
  test.match(done, { from: tip, to: tip - 1, guardHeight: tip });
  const node = await runNode(config);
  const final = await submitFinal(node.port, new TxMaker(genesis).transfer(KEYS.farm, KEYS.treasury.address, 3n));
  test.equal(final.height, tip + 1);
  test.equal(await node.port.heightOfBlock(ids[tip] ?? ''), tip);
  test.equal((await node.port.accountHistory(KEYS.treasury.address, 1))[0]?.height, tip + 1);
  await node.stop();
  test.same(await problemsOf(chain), []);
});

void t.test('below the sign guard only for whoever says what it has signed; then one validator alone refuses to start', async (test) => {
  const chain = await makeChainOnDisk(test);
  const { config, genesis, tip } = chain;
  const refused = rollback(back(config, tip - 3), genesis, silent);
  await test.rejects(refused, { name: 'ConfigError', message: new RegExp(`guard has signed block ${tip}.*only validator.*blocks ${tip - 2} to ${tip - 1}.*older_than_guard.*--past-guard ${tip}`) });
  await test.rejects(rollback({ ...back(config, tip - 3), pastGuard: tip + 1 }, genesis, silent), { name: 'ConfigError' });
  test.same(await problemsOf(chain), [], 'a refusal touches nothing');
  await rollback({ ...back(config, tip - 3), pastGuard: tip }, genesis, silent);
  await test.rejects(runNode(config), { code: 'older_than_guard' });
});

void t.test('without undo rows the blocks are executed again', async (test) => {
  const chain = await makeChainOnDisk(test);
  await loseRows(chain.config.dataDir, 'state', 'u/');
  const done = await rollback({ ...back(chain.config, chain.tip - 4), pastGuard: chain.tip }, chain.genesis, silent);
  test.match(done, { by: 'replay', to: chain.tip - 4, stateRoot: chain.roots[chain.tip - 4] });
  test.same(await problemsOf(chain), []);
});

void t.test('heights that cannot be, and a running node, are refused', async (test) => {
  const chain = await makeChainOnDisk(test);
  const { config, genesis, tip } = chain;
  await test.rejects(rollback(config, genesis, silent), /either --to <height> or --blocks/);
  await test.rejects(rollback({ ...config, to: 1, rollbackBlocks: 1 }, genesis, silent), /either --to/);
  await test.rejects(rollback(back(config, tip), genesis, silent), new RegExp(`blocks end at ${tip}`));
  await test.rejects(rollback({ ...config, rollbackBlocks: tip + 1 }, genesis, silent), /below block 0/);
  const node = await runNode(config);
  await test.rejects(rollback(back(config, tip - 1), genesis, silent), { code: 'locked' });
  await node.stop();
});

void t.test('the command says what it did and what follows', async (test) => {
  const { config, tip, roots } = await makeChainOnDisk(test);
  const lines: string[] = [];
  const flags = ['--genesis', config.genesis, '--data-dir', config.dataDir, '--key-dir', config.keyDir, '--log-level', 'silent'];
  const code = await runCli(['rollback', '--to', String(tip - 2), '--past-guard', String(tip), ...flags], {}, { print: (line) => void lines.push(line), complain: (line) => void lines.push(line), output: new PassThrough(), stopAsked: () => Promise.resolve() });
  test.equal(code, 0, lines.join('\n'));
  test.match(lines.join('\n'), new RegExp(`from block ${tip} to ${tip - 2}, by the undo rows. State root ${roots[tip - 2]}[^]*guard has signed block ${tip}`));
});
