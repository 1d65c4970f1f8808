/** How a transaction gets to all validators, also from a node that sees only some of them. */
import t from 'tap';
import { Cluster } from '../support/cluster.ts';
import { PUSH_TOGETHER_MS } from '../../src/mempool/txGossip.ts';
import type { PeerMessage } from '../../src/ports.ts';
import { HASH_SIGNATURES } from '../../src/sim/keys.ts';
import { Random } from '../../src/sim/random.ts';
import { TxMaker } from '../../src/sim/world.ts';

const HOP_US = 500;
const VALIDATORS = [0, 1, 2, 3];

/** Links that note what pushes of transactions went over them. */
function noting(got: string[], isCut: (from: number, to: number) => boolean): (from: number, to: number, message: PeerMessage) => number | undefined {
  return (from, to, { kind }) => {
    if (isCut(from, to)) return undefined;
    if (kind === 'txs') got.push(`${from} > ${to}`);
    return HOP_US;
  };
}

void t.test('what a full node with two peers takes is at every validator after two hops, and no further', async (test) => {
  const pushes: { readonly from: number; readonly told: readonly string[] }[] = [];
  const got: string[] = [];
  const cluster = new Cluster({
    size: 4, watchers: 1,
    sent: (node, message) => (message.kind === 'txs' ? void pushes.push({ from: node.index, told: message.told }) : undefined),
    link: noting(got, (from, to) => (from === 4 && to > 1) || (to === 4 && from > 1)),
  });
  cluster.boot();
  test.ok(await cluster.run(() => cluster.isFinal(1), 60_000));
  const maker = new TxMaker(cluster.genesis, HASH_SIGNATURES, new Random('gossip'));
  const [{ txHash, bytes }] = maker.mint(1_000n);
  const startMs = cluster.nowMs;
  const submitted = await cluster.result(cluster.nodes[4]!.engine!.port.submit(bytes));
  test.ok(submitted.ok);
  const place = (): boolean => VALIDATORS.every((i) => cluster.nodes[i]!.finals.some(({ txs }) => txs.some((tx) => tx.txHash === txHash)));
  test.ok(await cluster.run(place, 10_000));
  test.ok(cluster.nowMs - startMs < 300, `final after ${cluster.nowMs - startMs} ms: no proposer had to time out`);
  test.same(pushes.filter(({ from }) => from === 4), [{ from: 4, told: ['0', '1'] }]);
  test.same(pushes.filter(({ from }) => from !== 4), [{ from: 0, told: [] }, { from: 1, told: [] }], 'those that heard it tell others, once');
  test.same(got.sort(), ['0 > 2', '0 > 3', '1 > 2', '1 > 3', '4 > 0', '4 > 1'], 'and nobody who has it');
});

void t.test('what a full node tells all validators, none of them repeats', async (test) => {
  const got: string[] = [];
  const cluster = new Cluster({ size: 4, watchers: 1, link: noting(got, () => false) });
  cluster.boot();
  test.ok(await cluster.run(() => cluster.isFinal(1), 60_000));
  const [{ bytes }] = new TxMaker(cluster.genesis, HASH_SIGNATURES, new Random('gossip')).mint(1_000n);
  test.ok((await cluster.result(cluster.nodes[4]!.engine!.port.submit(bytes))).ok);
  test.ok(await cluster.run(() => cluster.isFinal(2), 10_000));
  test.same(got, VALIDATORS.map((i) => `4 > ${i}`));
});

void t.test('a validator tells all, and nobody repeats it', async (test) => {
  const pushes: number[] = [];
  const cluster = new Cluster({ size: 4, sent: (node, message) => (message.kind === 'txs' ? void pushes.push(node.index) : undefined) });
  cluster.boot();
  test.ok(await cluster.run(() => cluster.isFinal(1), 60_000));
  const maker = new TxMaker(cluster.genesis, HASH_SIGNATURES, new Random('gossip'));
  const [{ bytes }] = maker.mint(1_000n);
  test.ok((await cluster.result(cluster.nodes[2]!.engine!.port.submit(bytes))).ok);
  test.ok(await cluster.run(() => cluster.isFinal(2), 10_000));
  test.same(pushes, [2]);
});

void t.test('the first is told at once, those that follow it go together', async (test) => {
  const pushes: { readonly atMs: number; readonly count: number }[] = [];
  const cluster: Cluster = new Cluster({ size: 4, sent: (_node, message) => (message.kind === 'txs' ? void pushes.push({ atMs: cluster.nowMs, count: message.txs.length }) : undefined) });
  cluster.boot();
  test.ok(await cluster.run(() => cluster.isFinal(1), 60_000));
  const maker = new TxMaker(cluster.genesis, HASH_SIGNATURES, new Random('gossip'));
  const mint = async (): Promise<void> => {
    const [{ bytes }] = maker.mint(1_000n);
    test.ok((await cluster.result(cluster.nodes[2]!.engine!.port.submit(bytes))).ok);
  };
  const startMs = cluster.nowMs;
  for (let i = 0; i < 5; i++) await mint();
  test.ok(await cluster.run(() => pushes.reduce((sum, { count }) => sum + count, 0) === 5, 10_000));
  test.equal(pushes[0]?.atMs, startMs);
  test.ok(pushes.length < 5, `${pushes.length} pushes`);
  test.ok((pushes[1]?.atMs ?? 0) - startMs >= PUSH_TOGETHER_MS);
});
