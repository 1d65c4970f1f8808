/** What evidence about headers is judged by: the decided header of a height, and the commit of it that the next block holds. */
import t from 'tap';
import { Body, Block, Certificate, decode, toHex } from '@billcoin/protocol';
import { makeBlockStore } from '../../src/storage/blockStore.ts';
import { openDataFolder } from '../../src/storage/dataFolder.ts';
import { runMinted } from '../support/mintedNode.ts';
import { submitFinal } from '../support/runNode.ts';
import { KEYS } from '../support/testNetwork.ts';

t.test('the past of a node is read from its blocks, up to the block below the tip', async (t) => {
  const { folders, node, maker } = await runMinted(t);
  await submitFinal(node.port, maker.transfer(KEYS.farm, KEYS.treasury.address, 100n));
  const tip = node.port.tip().height;
  await node.stop();

  const folder = await openDataFolder(folders.config.dataDir, folders.genesis.genesisHash, () => undefined);
  const blocks = makeBlockStore(folder.blocks);
  for (let height = 1; height < tip; height++) {
    const past = blocks.past(height);
    const stored = await blocks.read(height);
    const block = stored === undefined ? undefined : decode(Block, stored.blockBytes);
    t.same(past?.header, block?.ok === true ? block.value.header : 'no block');
    const next = decode(Block, (await blocks.read(height + 1))?.blockBytes ?? new Uint8Array(0));
    const body = next.ok ? decode(Body, next.value.body) : undefined;
    t.same(past?.prevCommitOfNext, body?.ok === true ? body.value.prevCommit : 'no commit');
    const commit = decode(Certificate, past?.prevCommitOfNext ?? new Uint8Array(0));
    t.equal(commit.ok && toHex(commit.value.blockId), stored === undefined ? '' : toHex(stored.certificate.blockId), 'it names the block');
  }
  for (const height of [0, tip, tip + 1]) t.equal(blocks.past(height), undefined, `height ${height}`);
  await folder.close();
});
