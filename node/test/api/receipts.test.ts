import t from 'tap';
import { makeReceipt, merklePath, merkleRoot, toHex } from '@billcoin/protocol';
import { merkleLevels, openReceipts, pathIn } from '../../src/api/receipts.ts';
import { openWorld, wallet } from '../support/campusWorld.ts';

t.test('levels give the roots and paths of the protocol for every size of list', async (t) => {
  for (let size = 1; size <= 33; size++) {
    const leaves = Array.from({ length: size }, (_, i) => Uint8Array.of(i, size));
    const levels = merkleLevels(leaves);
    t.equal(toHex(levels.at(-1)?.[0] ?? new Uint8Array(0)), toHex(merkleRoot(leaves)), `root of ${size}`);
    const same = leaves.every((_, index) => pathIn(levels, index).map(toHex).join() === merklePath(leaves, index).map(toHex).join());
    t.ok(same, `paths of ${size}`);
  }
});

t.test('a proof is byte for byte the one of the protocol; a block is read once', async (t) => {
  const world = await openWorld(t);
  const ali = wallet('ali');
  await world.fund(20_000n, ali);
  for (let i = 0; i < 7; i++) await world.pay(ali, world.order().invoice);
  const block = await world.block();
  let reads = 0;
  const receipts = openReceipts({ readFinal: async (height) => { reads++; return await world.chain.readFinal(height); } });
  const source = { headerBytes: block.headerBytes, certificate: block.certificate, txs: block.txs.map((tx) => tx.bytes), results: block.txs.map((tx) => tx.resultBytes) };
  for (const { index } of block.txs) t.same(await receipts.of(block.height, index), makeReceipt(source, index));
  t.equal(reads, 1);
  t.equal(await receipts.of(block.height, 99), undefined);
  t.equal(await receipts.of(99, 0), undefined);
  for (let height = 1; height <= block.height; height++) await receipts.of(height, 0);
});
