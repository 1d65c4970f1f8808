/** Peer bugs 7 and 19 (consensus page §4): evidence is judged alike by everybody, and a key that runs twice splits nobody. */
import t from 'tap';
import { Block, Body, decode, encode, Certificate, applyBlock, offenceIn, toHex, votePreimage, wireVote, type Tip, type VoteFields } from '@billcoin/protocol';
import { HASH_SIGNATURES } from '../../src/sim/keys.ts';
import { bodyKey } from '../../src/sim/wireRecord.ts';
import { Cluster } from '../support/cluster.ts';
import { makeSignedChain } from '../support/signedChain.ts';

const HEIGHT_MS = 15_000;
const THREE = [0, 1, 2];

t.test('peer bug 7, Mulberry CVE-2021-21271: nodes that committed in different rounds judge the same evidence alike', async (t) => {
  const chain = makeSignedChain(4);
  for (let i = 0; i < 3; i++) chain.decide(chain.build());
  const tip = chain.tip();
  // The same block, seen final by other precommits and in another round: nothing a validator chose may matter.
  const views: readonly Tip[] = [tip, ...[[0, 1, 2], [1, 2, 3]].flatMap((signers) => [0, 1, 7].map((round) => ({ ...tip, certificateBytes: encode(Certificate, chain.commit(tip.height, tip.blockId, signers, round)) })))];
  const evidence = chain.doublePrevote(2, 2);
  t.equal(new Set(views.map((view) => JSON.stringify({ ...offenceIn(chain.chain, view, evidence), publicKey: undefined }))).size, 1);
  const block = chain.build([evidence]);
  t.equal(block.evidence.length, 1);
  for (const view of views) {
    const verdict = applyBlock(chain.chain, view, block.blockBytes);
    t.ok(verdict.ok, 'valid to a node with another commit');
    if (verdict.ok) chain.chain.tree.release(verdict.value.treeVersion);
  }
});

t.test('peer bug 7, Mulberry CVE-2021-21271: evidence of a height that is not final proves nothing yet and stops nobody', async (t) => {
  const chain = makeSignedChain(4);
  chain.decide(chain.build());
  for (const height of [2, 3, 1_000, Number.MAX_SAFE_INTEGER]) {
    const evidence = chain.doublePrevote(1, height);
    t.equal(offenceIn(chain.chain, chain.tip(), evidence), undefined, `height ${height}`);
    t.equal(chain.build([evidence]).evidence.length, 0, 'a proposer leaves it out');
  }
});

/** The fourth validator, played by the test. */
function votesOfFourth(cluster: Cluster, fields: VoteFields) {
  const { key } = cluster.nodes[3]!;
  const validatorIndex = cluster.genesis.validators.validators.findIndex(({ publicKey }) => toHex(publicKey) === toHex(key!.publicKey));
  return wireVote({ ...fields, validatorIndex, signature: HASH_SIGNATURES.sign(key!, votePreimage(cluster.genesis.genesisHash, fields)) });
}

/** Heights whose block holds evidence, as they lie on the disk of a node. */
function heightsWithEvidence(cluster: Cluster, i: number): readonly number[] {
  return cluster.nodes[i]!.finals.filter(({ height, blockId }) => {
    const block = decode(Block, cluster.nodes[i]!.disks.blocks.read(bodyKey(height, blockId)) ?? new Uint8Array(0));
    const body = block.ok ? decode(Body, block.value.body) : block;
    return body.ok && body.value.evidence.length > 0;
  }).map(({ height }) => height);
}

t.test('peer bug 7, Mulberry CVE-2021-21271: an offence that one node saw, in the height in progress, stands in one block that all accept', async (t) => {
  const cluster = new Cluster({ size: 4 });
  cluster.boot(THREE);
  t.ok(await cluster.run(() => cluster.isFinal(2, THREE), 4 * HEIGHT_MS));
  const height = cluster.nodes[0]!.engine!.progress().height;
  // Only one node is told both votes, of the height that is not final; the others are told one each.
  for (const [i, digit] of [[0, 'a'], [0, 'b'], [1, 'a'], [2, 'b']] as const) {
    cluster.nodes[i]!.engine!.receive('3', { kind: 'vote', vote: votesOfFourth(cluster, { type: 'prevote', height, round: 0, blockId: digit.repeat(64) }) });
  }
  t.ok(await cluster.run(() => cluster.isFinal(height + 5, THREE), 8 * HEIGHT_MS));
  const found = THREE.map((i) => heightsWithEvidence(cluster, i));
  t.equal(found[0]!.length, 1, `in block ${found[0]!.join()}`);
  t.ok(found[0]![0]! > height, 'after its height was final');
  t.same(found[1], found[0]);
  t.same(found[2], found[0]);
  t.same(cluster.nodes.flatMap(({ halts }) => halts), []);
});

/** Three slow hops make a decision; 7 hears of the proposal after its timeout, and its NIL is there before the decision. */
const lateUs = (from: number, to: number): number => (to === 7 ? 900_000 : from === 7 ? 500 : 180_000);

t.test('peer bug 19, Jepsen 2017: of seven validators one runs its key twice, on both sides of a partition: no split', async (t) => {
  const left = [0, 1, 2, 3]; // on the other side 4, 5, 6, and 7 with the key of 0
  let [isCut, isLate] = [true, false];
  const cluster = new Cluster({ size: 7, twins: [0], link: (from, to) => (isCut && left.includes(from) !== left.includes(to) ? undefined : isLate ? lateUs(from, to) : 500) });
  cluster.boot();
  t.notOk(await cluster.run(() => cluster.nodes.some(({ height }) => height > 0), 4 * HEIGHT_MS), 'four of seven are no quorum, on either side');
  isCut = false;
  const honest = [1, 2, 3, 4, 5, 6];
  t.ok(await cluster.run(() => cluster.isFinal(3, honest), 5 * HEIGHT_MS), 'in step with each other they say the same, and nobody could tell');
  isLate = true;
  t.ok(await cluster.run(() => cluster.isFinal(12, honest), 30 * HEIGHT_MS), `heights ${cluster.nodes.map(({ height }) => height).join()}`);
  for (let height = 1; height <= 12; height++) t.equal(cluster.idsAt(height).size, 1, `one block at height ${height}`);
  t.same(honest.flatMap((i) => cluster.nodes[i]!.halts), []);
  t.ok(heightsWithEvidence(cluster, 1).length > 0, 'two of its votes stand in a block as evidence');
  const signed = (): number => cluster.nodes[0]!.guard.synced.height + cluster.nodes[7]!.guard.synced.height;
  const before = signed();
  t.ok(await cluster.run(() => cluster.isFinal(16, honest), 10 * HEIGHT_MS));
  t.equal(signed(), before, 'and both processes have fallen silent');
});
