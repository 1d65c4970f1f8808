/** Proofs of recent heights. Peer bug 22 (iavl #1142, #773, #925, #970): versions pruned while others read, commit and reopen. */
import t, { type Test } from 'tap';
import { buildBlock, decode, encode, genesisTip, Header, makeChain, ROWS, rowKeyBytes, StateTree, stateRows, toHex, verifyEd25519, verifyStateProof } from '@billcoin/protocol';
import { RecentStates, STATES_MAX } from '../src/recentStates.ts';
import { MemoryChain } from './support/memoryChain.ts';
import { runNode, submitFinal } from './support/runNode.ts';
import { KEYS, keyOf, makeTestFolders, makeTestGenesis, TxMaker } from './support/testNetwork.ts';

const ali = keyOf('ali');
const aliKey = rowKeyBytes(ROWS.account, toHex(ali.address));
const nobodyKey = rowKeyBytes(ROWS.account, toHex(keyOf('nobody').address));
const GIFT_ML = 100n;
/** The first block mints; from the second on every block gives Ali 100 mL. */
const balanceAt = (height: number): bigint => BigInt(height - 1) * GIFT_ML;

async function giving(): Promise<{ readonly chain: MemoryChain; readonly give: () => Promise<void> }> {
  const chain = new MemoryChain(makeTestGenesis(Date.now()));
  const maker = new TxMaker(chain.genesis);
  const submit = async (bytes: Uint8Array): Promise<void> => {
    const submitted = await chain.submit(bytes);
    if (!submitted.ok) throw new Error(submitted.refusal.code);
  };
  const [open, attest] = maker.mint(1_000_000n);
  chain.force(open);
  chain.force(attest);
  chain.block(1);
  return {
    chain,
    async give() {
      await submit(maker.transfer(KEYS.farm, ali.address, GIFT_ML));
      chain.block(1);
    },
  };
}

/** The row at a height is what it was, under that height's own root. */
async function check(t: Test, chain: Pick<MemoryChain, 'proveRow' | 'readFinal'>, height: number, balanceMl = balanceAt(height)): Promise<void> {
  const [row, nobody] = [chain.proveRow(aliKey, height), chain.proveRow(nobodyKey, height)];
  const block = await chain.readFinal(height);
  const header = decode(Header, block?.headerBytes ?? new Uint8Array(0));
  if (typeof row === 'string' || typeof nobody === 'string' || !header.ok) throw new Error(`height ${height} is not served`);
  const value = balanceMl === 0n ? undefined : encode(stateRows.AccountRow, { balanceMl, policy: undefined });
  const { stateRoot } = header.value;
  t.ok(verifyStateProof(stateRoot, row.proof, aliKey, value === undefined ? 'absent' : { value }), `height ${height}`);
  t.same(row.value, value);
  t.ok(verifyStateProof(stateRoot, nobody.proof, nobodyKey, 'absent'));
  t.equal(row.height, height);
}

t.test('every kept height proves its own past; older ones are dropped, later ones not there', async (t) => {
  const { chain, give } = await giving();
  t.equal(chain.proveRow(aliKey, 2), 'none');
  for (let i = 0; i < STATES_MAX + 10; i++) await give();
  const tip = chain.tip().height;
  t.equal(tip, STATES_MAX + 11);
  for (const height of [tip, tip - 1, tip - 60, tip - STATES_MAX + 1]) await check(t, chain, height);
  t.equal(chain.proveRow(aliKey, tip - STATES_MAX), 'dropped');
  t.equal(chain.proveRow(aliKey, 1), 'dropped');
  t.equal(chain.proveRow(aliKey, tip + 1), 'none');
  t.equal(chain.proveRow(aliKey, 0), 'none');
  const unknown = chain.proveRow(Uint8Array.of(0xee, 1));
  t.ok(typeof unknown !== 'string' && unknown.value === undefined, 'a prefix nobody knows is absent');
});

t.test('peer bug 22, iavl #1142 #773 #925 #970: reads between commits and prunes see one height each', async (t) => {
  const { chain, give } = await giving();
  // Readers that hold on to a height while blocks are committed and old versions go.
  for (let round = 0; round < STATES_MAX + 30; round++) {
    await give();
    const tip = chain.tip().height;
    const before = chain.proveRow(aliKey, tip);
    if (round % 10 !== 0) continue;
    const held = Math.max(2, tip - (round % 50));
    await Promise.all([check(t, chain, held), give(), check(t, chain, tip), give()]);
    t.same(chain.proveRow(aliKey, tip), before, 'later commits change nothing of an earlier height');
  }
});

t.test('peer bug 22, iavl #1142 #773 #925 #970: abandoned proposals and pruned versions give every node of the tree back', async (t) => {
  const genesis = makeTestGenesis(Date.now());
  const chain = makeChain(genesis, verifyEd25519, new StateTree());
  let tip = genesisTip(chain, genesis);
  const states = new RecentStates(chain, tip);
  const maker = new TxMaker(genesis);
  const first = maker.mint(1_000_000n).map((bytes) => maker.parse(bytes));
  const certificate = { type: 2, height: 1, round: 0, blockId: new Uint8Array(32), bitmap: Uint8Array.of(0x80), signatures: [new Uint8Array(64)] };
  for (let height = 1; height <= STATES_MAX + 20; height++) {
    const txs = height === 1 ? first : [maker.parse(maker.transfer(KEYS.farm, ali.address, GIFT_ML))];
    const abandoned = buildBlock(chain, tip, [], tip.timeMs + 2, { proposerIndex: 0, round: 1 });
    const executed = buildBlock(chain, tip, txs, tip.timeMs + 1, { proposerIndex: 0, round: 0 });
    chain.tree.release(abandoned.treeVersion);
    tip = states.commit(tip, executed, { ...certificate, height, blockId: executed.blockId });
  }
  t.match(states.info(), { states: STATES_MAX, oldest: tip.height - STATES_MAX + 1 });
  t.equal(chain.tree.memory().versions, STATES_MAX + 1, 'the kept ones and the tip');
  states.close();
  const { versions, leaves } = chain.tree.memory();
  t.equal(versions, 1);
  t.equal(leaves, tip.treeVersion.leafCount, 'no leaf is left behind');
});

t.test('peer bug 22, iavl #1142 #773 #925 #970: a node that is opened again proves the newest height and goes on; earlier heights are dropped, not wrong', async (t) => {
  const folders = await makeTestFolders();
  t.teardown(() => folders.remove());
  const maker = new TxMaker(folders.genesis);
  const first = await runNode(folders.config);
  for (const bytes of maker.mint(1_000_000n)) await submitFinal(first.port, bytes);
  const given = await submitFinal(first.port, maker.transfer(KEYS.farm, ali.address, GIFT_ML));
  await check(t, first.port, given.height, GIFT_ML);
  await check(t, first.port, given.height - 1, 0n);
  await first.stop();
  const second = await runNode(folders.config);
  t.teardown(() => second.stop());
  const height = second.port.tip().height;
  await check(t, second.port, height, GIFT_ML);
  t.equal(second.port.proveRow(aliKey, given.height - 1), 'dropped');
  const again = await submitFinal(second.port, maker.transfer(KEYS.farm, ali.address, GIFT_ML));
  await check(t, second.port, again.height, 2n * GIFT_ML);
  await check(t, second.port, height, GIFT_ML);
});
