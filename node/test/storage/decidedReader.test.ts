/** Reading decided blocks back: what is lost stops the node, what is not there yet does not. */
import t from 'tap';
import { decidedReader } from '../../src/storage/decidedReader.ts';
import type { StoredBlock } from '../../src/finalBlock.ts';
import { StorageFailure } from '../../src/storageFailure.ts';
import { makeSignedChain } from '../support/signedChain.ts';

function setup() {
  const chain = makeSignedChain(4);
  const stored = new Map<number, StoredBlock>();
  const results = new Map<number, []>();
  const halts: string[] = [];
  const tip = { height: 0 };
  for (let height = 1; height <= 3; height++) {
    const block = chain.build();
    stored.set(height, { blockBytes: block.blockBytes, certificate: chain.decide(block) });
    results.set(height, []);
  }
  let beforeRead = (): void => undefined;
  const reader = decidedReader({
    chain: chain.chain, firstBlock: 1, tip: () => tip, halt: ({ code }) => void halts.push(code),
    blocks: {
      read(height) {
        const found = stored.get(height);
        beforeRead();
        return found === undefined && height < 0 ? Promise.reject(new StorageFailure('lost_records', 'The body is missing.', 'x')) : Promise.resolve(found);
      },
    },
    index: { results: (height) => Promise.resolve(results.get(height)) },
  });
  return {
    reader, stored, results, halts, tip,
    onRead(action: () => void) {
      beforeRead = action;
    },
  };
}

t.test('a block up to the tip that is not found stops the node; one above it is not there yet', async (t) => {
  const { reader, stored, halts, tip } = setup();
  tip.height = 2;
  t.equal((await reader.readFinal(2))?.height, 2);
  t.equal(await reader.readBlock(4), undefined);
  t.equal(await reader.readBlock(0), undefined, 'nor is one before the first that is kept');
  t.same(halts, []);
  stored.delete(1);
  await t.rejects(reader.readBlock(1), { code: 'lost_records', message: /Block 1 is not found any more\. Restore the newest backup/ });
  await t.rejects(reader.readFinal(1), { code: 'lost_records' });
  t.same(halts, ['lost_records', 'lost_records']);
  await t.rejects(reader.readBlock(-1), { code: 'lost_records' }, 'what the store finds missing stops it too');
  t.equal(halts.length, 3);
});

t.test('a block that is decided while it is read is no loss', async (t) => {
  const { reader, stored, halts, tip, onRead } = setup();
  tip.height = 3;
  stored.delete(4);
  onRead(() => {
    tip.height = 4;
  });
  t.equal(await reader.readBlock(4), undefined);
  t.same(halts, []);
});

t.test('results that are not written yet are waited for near the tip, and lost far below it', async (t) => {
  const { reader, results, halts, tip } = setup();
  tip.height = 3;
  results.delete(2);
  t.equal(await reader.readFinal(2), undefined);
  t.same(halts, []);
  tip.height = 2 + 512;
  await t.rejects(reader.readFinal(2), { code: 'damaged_value', message: /index does not hold what block 2 did/ });
  t.same(halts, ['damaged_value']);
});
