/** Blocks that sync holds are read before their turn, and nothing is believed that does not hold. */
import t from 'tap';
import { StateTree, applyBlock, buildBlock, genesisTip, makeChain, merkleLeafHash, type Chain, type Verifier } from '@billcoin/protocol';
import { verifyEd25519Native } from '../../src/crypto/verifier.ts';
import { makeVerifyCache } from '../../src/crypto/verifyCache.ts';
import { ReadAhead } from '../../src/driver/readAhead.ts';
import type { VerifyMany } from '../../src/signaturesOf.ts';
import { KEYS, TxMaker, keyOf, makeTestGenesis } from '../support/testNetwork.ts';

const genesis = makeTestGenesis(Date.now() - 60_000);
const maker = new TxMaker(genesis);
const student = keyOf('student');
let orders = 0;

function newChain(verify: Verifier, parsed?: Chain['parsed']): Chain {
  return { ...makeChain(genesis, verify, new StateTree()), parsed };
}

/** A block of height 1, whatever its signatures are: milk is minted, handed on and spent at till 1. */
function blockOf(change: (txs: Uint8Array[]) => void = () => undefined): { readonly blockBytes: Uint8Array; readonly txs: readonly Uint8Array[] } {
  const chain = newChain(() => true);
  const txs = [...maker.mint(100_000n), maker.transfer(KEYS.farm, student.address, 5_000n), maker.pay(student, maker.invoice(`order ${orders++}`))];
  change(txs);
  const built = buildBlock(chain, genesisTip(chain, genesis), txs.map((bytes) => maker.parse(bytes)), Date.now(), { proposerIndex: 0, round: 0 });
  if (built.txs.length !== txs.length) throw new Error('a transaction of the sample was left out');
  return { blockBytes: built.blockBytes, txs };
}

/** What a node does with the block when its turn comes, and which signatures its own thread had to verify. */
async function readAndApply(blockBytes: Uint8Array, isRead: boolean): Promise<{ readonly verdict: string; readonly onThread: number; readonly beside: number }> {
  let [onThread, beside] = [0, 0];
  const cache = makeVerifyCache((publicKey, message, signature) => {
    onThread += 1;
    return verifyEd25519Native(publicKey, message, signature);
  });
  const verify: VerifyMany = async (items) => items.map(({ publicKey, message, signature }) => {
    beside += 1;
    const holds = verifyEd25519Native(publicKey, message, signature);
    if (holds) cache.remember(publicKey, message, signature);
    return holds;
  });
  const chain: Chain = newChain(cache.verify, (leafHash) => ahead.byLeaf(leafHash));
  const tip = genesisTip(chain, genesis);
  const ahead = new ReadAhead({ chain, state: () => tip.state, verify });
  if (isRead) ahead.after(0, (height) => (height === 1 ? blockBytes : undefined));
  await new Promise(setImmediate);
  const verdict = applyBlock(chain, tip, blockBytes);
  return { verdict: verdict.ok ? 'valid' : verdict.fault.code === 'invalid_block' ? verdict.fault.why : verdict.fault.code, onThread, beside };
}

void t.test('what was read ahead is executed without verifying or parsing again', async (test) => {
  const { blockBytes } = blockOf();
  test.same(await readAndApply(blockBytes, false), { verdict: 'valid', onThread: 5, beside: 0 });
  test.same(await readAndApply(blockBytes, true), { verdict: 'valid', onThread: 0, beside: 5 }, 'the till\'s signature under its invoice too');
});

void t.test('a wrong signature is found in its turn, read ahead or not', async (test) => {
  const { blockBytes } = blockOf((txs) => {
    const bent = txs[2]!.slice();
    bent[bent.length - 1]! ^= 1;
    txs[2] = bent;
  });
  const plain = await readAndApply(blockBytes, false);
  test.not(plain.verdict, 'valid');
  test.equal((await readAndApply(blockBytes, true)).verdict, plain.verdict);
});

void t.test('bytes that are no block, and threads that are gone, are left to its turn', async (test) => {
  const chain = newChain(() => true);
  const { state } = genesisTip(chain, genesis);
  const ahead = new ReadAhead({ chain, state: () => state, verify: () => Promise.reject(new Error('the verify pool is closed')) });
  ahead.after(0, (height) => (height === 1 ? new Uint8Array(40).fill(9) : blockOf().blockBytes));
  await new Promise(setImmediate);
  test.pass('no rejection is left over');
});

void t.test('it reads as much as it may hold, two blocks at a time, and forgets what is executed', async (test) => {
  const { blockBytes, txs } = blockOf();
  const asked: number[] = [];
  const chain = newChain(() => true);
  const state = genesisTip(chain, genesis).state;
  const ahead = new ReadAhead({ chain, state: () => state, verify: async (items) => items.map(() => true), txsMax: txs.length + 1 });
  const other = blockOf((all) => all.push(maker.transfer(KEYS.farm, student.address, 7n)));
  const held = (height: number): Uint8Array | undefined => {
    asked.push(height);
    return height === 1 ? blockBytes : other.blockBytes;
  };
  const knows = (bytes: Uint8Array): boolean => ahead.byLeaf(merkleLeafHash(bytes)) !== undefined;
  ahead.after(0, held);
  test.same(asked, [1, 2], 'two at once');
  ahead.after(1, held);
  test.same(asked, [1, 2], 'then it is full');
  test.ok(knows(txs[0]!), 'the block that is executed now is still here');
  ahead.after(2, held);
  test.notOk(knows(txs[0]!));
  test.ok(knows(other.txs.at(-1)!));
  test.same(asked, [1, 2], 'still full');
  ahead.after(9, held);
  test.same(asked, [1, 2, 10], 'blocks that came otherwise are passed over');
  test.notOk(knows(txs[0]!));
});
