/** How many blocks of an undecided height are held whole. */
import t from 'tap';
import { StateTree, buildBlock, genesisTip, makeChain, toHex, useSha256 } from '@billcoin/protocol';
import { hashPairsNative, sha256Native } from '../../src/crypto/sha256.ts';
import { BLOCKS_WHOLE_MAX, BlocksInHand } from '../../src/driver/blocksInHand.ts';
import { HASH_SIGNATURES } from '../../src/sim/keys.ts';
import { START_MS, makeSimGenesis } from '../../src/sim/world.ts';

t.test('a restart after many rounds holds no more blocks than memory is meant for, and can still decide each', async (t) => {
  useSha256(sha256Native);
  const genesis = makeSimGenesis(1);
  const chain = makeChain(genesis, HASH_SIGNATURES.verify, new StateTree(hashPairsNative));
  const tip = genesisTip(chain, genesis);
  const bodies = Array.from({ length: BLOCKS_WHOLE_MAX + 8 }, (_, i) => {
    const { blockId, blockBytes, treeVersion } = buildBlock(chain, tip, [], START_MS + i, { proposerIndex: 0, round: 0 });
    chain.tree.release(treeVersion);
    return { blockId, blockBytes };
  });
  const blocks = new BlocksInHand(chain, { saveBody: () => Promise.resolve(), readBody: (_height, blockId) => Promise.resolve(bodies.find((body) => toHex(body.blockId) === toHex(blockId))?.blockBytes) });
  t.equal(blocks.takeFromDisk(bodies, tip).length, bodies.length, 'all of them count');
  t.equal(blocks.wholeCount, BLOCKS_WHOLE_MAX);
  const first = toHex(bodies[0]!.blockId);
  t.equal(toHex((await blocks.takeDecided(first, tip)).blockId), first);
});
