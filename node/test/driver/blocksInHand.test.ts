/** Blocks of an undecided height: how many are held whole, and what the next one need not do again. */
import t from 'tap';
import { StateTree, buildBlock, genesisTip, makeChain, toHex, useSha256, verifyEd25519 } from '@billcoin/protocol';
import { hashPairsNative, sha256Native } from '../../src/crypto/sha256.ts';
import { makeVerifyCache } from '../../src/crypto/verifyCache.ts';
import { identifyBlock } from '../../src/driver/blockBytes.ts';
import { BLOCKS_WHOLE_MAX, BlocksInHand } from '../../src/driver/blocksInHand.ts';
import { HASH_SIGNATURES } from '../../src/sim/keys.ts';
import { START_MS, makeSimGenesis } from '../../src/sim/world.ts';
import { TxMaker, makeTestGenesis } from '../support/testNetwork.ts';

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

t.test('what a failed round brought is neither parsed nor verified again in the next one, also without a pool and without memory for signatures', async (t) => {
  const genesis = makeTestGenesis(Date.now() - 10_000);
  const theirs = makeChain(genesis, verifyEd25519, new StateTree());
  const maker = new TxMaker(genesis);
  const [open] = maker.mint(1_000n);
  const tip = genesisTip(theirs, genesis);
  let verified = 0;
  const { verify } = makeVerifyCache((...signed) => {
    verified += 1;
    return verifyEd25519(...signed);
  }, 0);
  const chain = makeChain(genesis, verify, new StateTree());
  const blocks = new BlocksInHand(chain, { saveBody: () => Promise.resolve(), readBody: () => Promise.resolve(undefined) });
  const own = genesisTip(chain, genesis);
  const proposals = [0, 1, 2].map((round) => buildBlock(theirs, tip, [maker.parse(open)], Date.now() + round, { proposerIndex: 0, round }));
  for (const { blockBytes, blockId } of proposals) {
    const read = identifyBlock(genesis.genesisHash, blockBytes.slice(), () => false);
    if (!read.ok || read.value.decoded === undefined) throw new Error('a whole block');
    const id = toHex(blockId);
    blocks.want(id, own);
    t.same(blocks.take('peer', id, read.value.decoded, own), { valid: true, why: '' });
  }
  t.equal(verified, 1);
  const nobodyAsked = buildBlock(theirs, tip, [], Date.now() + 9, { proposerIndex: 0, round: 9 });
  const early = identifyBlock(genesis.genesisHash, nobodyAsked.blockBytes, () => false);
  if (!early.ok || early.value.decoded === undefined) throw new Error('a whole block');
  t.equal(blocks.take('peer', early.value.id, early.value.decoded, own), undefined, 'it waits for the core to ask');
  const decided = await blocks.takeDecided(toHex(proposals[2]!.blockId), own);
  t.equal(blocks.want(early.value.id, own), undefined, 'what came early for the height is gone with it');
  t.equal(toHex(decided.blockId), toHex(proposals[2]!.blockId));
  t.equal(chain.parsed?.(decided.txs[0]!.leafHash), undefined, 'the chain of everybody else is untouched');
});
