/** Which final blocks are in memory: 5,000 payments that are asked for one after the other must not read a block for each. */
import t from 'tap';
import { ASKED_BLOCKS, HeldBlocks } from '../src/heldBlocks.ts';
import type { FinalBlock } from '../src/ports.ts';

const blockOf = (height: number, txs: number): FinalBlock => ({ height, txs: new Array<unknown>(txs) }) as unknown as FinalBlock;

/** What is held over a disk with blocks of so many transactions, and the heights read from it. */
function heldOver(txsEach: number, tip = 10_000): { readonly held: HeldBlocks; readonly reads: number[] } {
  const reads: number[] = [];
  const held = new HeldBlocks(async (height) => {
    reads.push(height);
    await new Promise(setImmediate);
    return height > tip ? undefined : blockOf(height, txsEach);
  });
  return { held, reads };
}

void t.test('a block is read once for all who ask for it, also at the same time', async (t) => {
  const { held, reads } = heldOver(40);
  const all = await Promise.all(Array.from({ length: 50 }, () => held.get(7)));
  t.equal(new Set(all).size, 1);
  t.equal((await held.get(7))?.height, 7);
  t.same(reads, [7]);
});

void t.test('the newest are there unread; of those nobody asked for soon only the last is', async (t) => {
  const { held, reads } = heldOver(400);
  for (let height = 1; height <= 5; height++) held.add(blockOf(height, 400));
  t.same([1, 2, 3, 4, 5].map((height) => held.peek(height)?.height), [undefined, undefined, undefined, undefined, 5]);
  await held.get(5);
  held.add(blockOf(6, 100_000)); // larger than all that has room
  t.equal(held.peek(6)?.height, 6);
  t.equal((await held.get(5))?.height, 5, 'who was asked for stays');
  t.same(reads, []);
  await held.get(4);
  t.same(reads, [4]);
});

void t.test('what is asked for in turn stays while it has room together, and no longer', async (t) => {
  const few = heldOver(40);
  for (let round = 0; round < 3; round++) for (let height = 1; height <= 126; height++) await few.held.get(height);
  t.equal(few.reads.length, 126, 'a crowd of 5,000 payments');
  const full = heldOver(3_000);
  for (const height of [1, 2, 1, 3, 1]) await full.held.get(height);
  t.same(full.reads, [1, 2, 3]);
  await full.held.get(2);
  t.same(full.reads, [1, 2, 3, 2], 'forgotten first: not asked for longest');
});

void t.test('more readers at once than blocks have room: each is answered', async (t) => {
  const { held } = heldOver(1);
  const heights = Array.from({ length: ASKED_BLOCKS * 2 }, (_, i) => i + 1);
  const blocks = await Promise.all(heights.map((height) => held.get(height)));
  t.same(blocks.map((block) => block?.height), heights);
});

void t.test('a block that is not there yet, or cannot be read, is asked for again', async (t) => {
  const { held, reads } = heldOver(1, 2);
  t.same([await held.get(3), await held.get(3)], [undefined, undefined]);
  t.same(reads, [3, 3]);
  let fails = true;
  const failing = new HeldBlocks((height) => (fails ? Promise.reject(new Error('disk')) : Promise.resolve(blockOf(height, 1))));
  await t.rejects(failing.get(1), { message: 'disk' });
  fails = false;
  t.equal((await failing.get(1))?.height, 1);
});
