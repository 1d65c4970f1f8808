/** A block has at most 2,000 transactions and 1 MiB; what does not fit waits, and what is smaller still gets in. */
import t from 'tap';
import { applyBlock, BLOCK_MAX_BYTES, BLOCK_MAX_TXS, buildBlock, encodePolicy, policyAddress } from '../../src/index.ts';
import { KEYS, keyOf, World } from '../support/world.ts';
import { randomOf } from '../support/random.ts';

/** Without fees an empty account may send: its transfers stand in the block with a fault. */
const free = (): World => new World({ params: { minFeeMl: 0n } });
const to = KEYS.vet.address;
const sender = keyOf('sender');

t.test('2,000 transactions', (t) => {
  const world = free();
  const offered = Array.from({ length: BLOCK_MAX_TXS + 1 }, () => world.parse(world.transfer(sender, to, 1n)));
  const built = buildBlock(world.chain, world.tip, offered, world.tip.timeMs + 1_000, { proposerIndex: 0, round: 0 });
  t.equal(built.txs.length, BLOCK_MAX_TXS);
  t.equal(built.header.txCount, BLOCK_MAX_TXS);
  t.ok(built.codes.every((code) => code === 9), 'each says that the balance is too small');
  world.chain.tree.release(built.treeVersion);
  t.ok(applyBlock(world.chain, world.tip, built.blockBytes).ok);
  t.end();
});

t.test('1 MiB', (t) => {
  const world = free();
  const random = randomOf(36);
  const large = Array.from({ length: 1_450 }, () => {
    const policy = encodePolicy(1, [sender.publicKey, ...Array.from({ length: 15 }, () => random.bytes(32))]);
    const body = world.body(policyAddress(policy), { case: 'transfer', value: { to, amountMl: 1n } }, { policies: [policy] });
    return world.parse(world.sign(body, sender));
  });
  const [first, last] = [world.parse(world.transfer(sender, to, 1n)), world.parse(world.transfer(sender, to, 1n))];
  const built = buildBlock(world.chain, world.tip, [first, ...large, last], world.tip.timeMs + 1_000, { proposerIndex: 0, round: 0 });
  t.ok(built.txs.length < large.length, `${built.txs.length} of ${large.length} fit`);
  t.equal(built.txs.at(-1)?.txHash, last.txHash, 'and a small one after them');
  t.ok(built.blockBytes.length <= BLOCK_MAX_BYTES && built.blockBytes.length > BLOCK_MAX_BYTES * 0.95, `${built.blockBytes.length} bytes`);
  t.end();
});
