/** The slow reread of stored blocks: it goes round, finds what nobody has read, and stops the node. */
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { StateTree, makeChain, u64be, utf8, concat } from '@billcoin/protocol';
import { verifyEd25519Native } from '../../src/crypto/verifier.ts';
import type { Store } from '../../src/ports.ts';
import { makeBlockStore } from '../../src/storage/blockStore.ts';
import { makeChainIndex } from '../../src/storage/chainIndex.ts';
import { openDataFolder } from '../../src/storage/dataFolder.ts';
import { startScrub, type Scrub } from '../../src/storage/scrub.ts';
import type { StorageFailure } from '../../src/storageFailure.ts';
import { startBare } from '../support/bareNode.ts';
import { submitFinal } from '../support/runNode.ts';
import { TxMaker, makeTestFolders } from '../support/testNetwork.ts';

/** As if so many younger blocks stood above. */
const OLD = 1_000;

t.test('blocks are read again and again; damage in them or in the index stops the node', async (t) => {
  const folders = await makeTestFolders({ params: { minBlockIntervalMs: 0 } });
  t.teardown(folders.remove);
  const maker = new TxMaker(folders.genesis);
  const mint = maker.mint(1_000n);
  const node = await startBare(folders);
  for (const bytes of mint) await submitFinal(node.port, bytes);
  await node.stop();
  const folder = await openDataFolder(folders.config.dataDir, folders.genesis.genesisHash, () => undefined);
  t.teardown(folder.close);
  const chain = makeChain(folders.genesis, verifyEd25519Native, new StateTree());

  /** Scrubs a few steps at full speed and says what stopped it. */
  async function scrubbed(blocksStore: Store, tipHeight: () => number): Promise<{ readonly failure: StorageFailure | undefined; readonly heights: ReadonlySet<number> }> {
    let failure: StorageFailure | undefined;
    const heights = new Set<number>();
    const live: { scrub?: Scrub } = {};
    const timers = {
      after: (_ms: number, fire: () => void) => {
        heights.add(live.scrub?.height() ?? 0);
        const timer = setTimeout(fire, 1);
        return () => clearTimeout(timer);
      },
    };
    const scrub = startScrub({ chain, blocks: makeBlockStore(blocksStore), index: makeChainIndex(folder.index), firstBlock: 1, tipHeight, timers, halt: (error) => { failure = error as StorageFailure; } });
    live.scrub = scrub;
    await delay(60);
    await scrub.stop();
    return { failure, heights };
  }

  let asked = 0;
  const round = await scrubbed(folder.blocks, () => (asked++ % 3 === 2 ? 0 : OLD));
  t.equal(round.failure, undefined);
  t.same([...round.heights], [0], 'both blocks, then from the beginning');
  t.match((await scrubbed(folder.blocks, () => OLD)).failure, { code: 'lost_records', message: /Block 3 is missing/ });
  t.equal((await scrubbed(folder.blocks, () => 2)).failure, undefined, 'the newest are left alone');

  const txId = maker.parse(mint[1]).txId;
  const key = concat(utf8('i/tx/'), txId);
  const was = await folder.index.get(key);
  await folder.index.batch([{ type: 'del', key }], { sync: true });
  t.match((await scrubbed(folder.blocks, () => OLD)).failure, { code: 'damaged_value', message: /does not find transaction 0 of block 2.*Move that folder away/ });
  await folder.index.batch([{ type: 'put', key, value: was ?? new Uint8Array(0) }, { type: 'del', key: concat(utf8('r/'), u64be(1)) }], { sync: true });
  t.match((await scrubbed(folder.blocks, () => OLD)).failure, { code: 'damaged_value', message: /does not hold what block 1 did/ });

  const blocks = makeBlockStore(folder.blocks);
  const [first, second] = [await blocks.read(1), await blocks.read(2)];
  const swapped: Store = { ...folder.blocks, get: async (wanted) => (wanted[0] === utf8('b')[0] ? second?.blockBytes : folder.blocks.get(wanted)) };
  t.not(first, undefined);
  t.match((await scrubbed(swapped, () => OLD)).failure, { code: 'damaged_value', message: /Block 1 on disk is not the one/ });
});
