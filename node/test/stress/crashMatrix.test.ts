/**
 * The crash matrix (consensus page §1.10) for one validator and for four: the power goes between any two of body put, guard
 * record, send, certificate put, state flush and index write, and the node is started again. Each point that the process
 * passes in its first heights is a case, with both ends that a write under way can have. Cases (a) to (e) of TR6 are among
 * them; (f), a proposal whose body is lost, is in driver/crashPoints.test.ts.
 */
import t, { type Test } from 'tap';
import { ProposalBody, decode, parseVote, toHex } from '@billcoin/protocol';
import type { PeerMessage } from '../../src/ports.ts';
import { HASH_SIGNATURES } from '../../src/sim/keys.ts';
import { Random } from '../../src/sim/random.ts';
import { TxMaker } from '../../src/sim/world.ts';
import { bodyKey } from '../../src/sim/wireRecord.ts';
import { Cluster, type ClusterNode } from '../support/cluster.ts';

/** So that each of four validators proposes once. */
const HEIGHTS = 4;
const SEEDS = [1, 2];
const VICTIM = 0;
/** Status is sent at every tick and says nothing that must be durable. */
const isCase = (point: string): boolean => point !== 'before send status' && !point.endsWith('other');

/** Everything ever put on the wire, in all lives: place → bodies. */
type Wire = Map<string, Set<string>>;

function note(wire: Wire, message: PeerMessage): void {
  const add = (place: string, body: Uint8Array): void => void wire.set(place, (wire.get(place) ?? new Set()).add(toHex(body)));
  if (message.kind === 'vote') {
    const vote = parseVote(message.vote);
    if (vote.ok) add(`${vote.value.type} ${vote.value.height} ${vote.value.round} of ${vote.value.validatorIndex}`, message.vote.body);
  }
  if (message.kind === 'proposal') {
    const body = decode(ProposalBody, message.proposal.body);
    if (body.ok) add(`proposal ${body.value.height} ${body.value.round}`, message.proposal.body);
  }
}

interface Run {
  readonly cluster: Cluster;
  readonly victim: ClusterNode;
  readonly wire: Wire;
  /** Locks that were written before the body they are on was on disk. */
  readonly wedged: readonly string[];
  readonly txHash: string;
  start(): Promise<void>;
}

function makeRun(size: number, seed: number): Run {
  const wire: Wire = new Map();
  const wedged: string[] = [];
  const cluster = new Cluster({
    size, seed,
    sent: (_node, message) => note(wire, message),
    recorded(node, { height, lockedId }) {
      if (lockedId !== undefined && node.disks.blocks.durable(bodyKey(height, lockedId)) === undefined) wedged.push(`height ${height}: ${toHex(lockedId)}`);
    },
  });
  const [open] = new TxMaker(cluster.genesis, HASH_SIGNATURES, new Random('transactions')).mint(1_000n);
  const last = cluster.nodes.at(-1)!;
  const submit = (): void => void last.engine?.port.submit(open.bytes).catch(() => undefined);
  return {
    cluster, wire, wedged, victim: cluster.nodes[VICTIM]!, txHash: open.txHash,
    async start() {
      cluster.boot();
      await cluster.run(() => cluster.nodes.every(({ engine, diedAt }) => engine !== undefined || diedAt !== undefined), 1_000);
      submit();
    },
  };
}

async function crashAt(test: Test, size: number, fuse: number, seed: number): Promise<string> {
  const run = makeRun(size, seed);
  const { cluster, victim, wire, wedged, txHash } = run;
  victim.fuse = fuse;
  await run.start();
  test.ok(await cluster.run(() => victim.diedAt !== undefined, 120_000));
  const { diedAt = '' } = victim;
  const what = `n = ${size}, ${diedAt} (point ${fuse}, seed ${seed})`;
  // The others go on for a while, or stand still with too few.
  await cluster.run(() => false, 1_500);
  cluster.boot([VICTIM]);
  await cluster.run(() => victim.engine !== undefined, 1_000);
  const [open] = new TxMaker(cluster.genesis, HASH_SIGNATURES, new Random('transactions')).mint(1_000n);
  const submitted = await cluster.result(victim.engine!.port.submit(open.bytes));
  if (!submitted.ok) test.fail(`${what}: ${submitted.refusal.code}`);
  test.ok(await cluster.run(() => cluster.isFinal(HEIGHTS + 1), 240_000), `${what}: everybody goes on, ${cluster.nodes.map(({ height }) => height).join()}`);
  test.same(cluster.nodes.flatMap(({ halts }) => halts.map(({ message }) => message)), [], `${what}: nobody halts`);
  for (let height = 1; height <= HEIGHTS; height++) {
    const ids = new Set(cluster.idsAt(height));
    for (const node of cluster.nodes) ids.add(toHex((await cluster.result(node.engine!.port.readFinal(height)))!.blockId));
    test.equal(ids.size, 1, `${what}: one block at height ${height}, whoever heard of it and whenever`);
  }
  for (const [place, bodies] of wire) if (bodies.size !== 1) test.fail(`${what}: ${bodies.size} bodies at ${place}`);
  test.same(wedged, [], `${what}: no lock without its body`);
  const places = new Set<string>();
  for (const node of cluster.nodes) {
    const status = await cluster.result(node.engine!.port.txStatus(txHash));
    places.add(status?.status === 'final' ? `${status.height}/${status.index}` : `${status?.status}`);
  }
  test.equal(places.size, 1, `${what}: the transaction is executed once, ${[...places].join()}`);
  test.match([...places][0], /^\d/);
  return diedAt;
}

for (const size of [1, 4]) {
  void t.test(`TR6, peer bug 23, bsc #2598: n = ${size}, the power goes at every point between two durable steps`, { timeout: 500_000 }, async (test) => {
    const whole = makeRun(size, 0);
    await whole.start();
    // A second more: the state is flushed behind.
    test.ok(await whole.cluster.run(() => whole.cluster.isFinal(HEIGHTS), 240_000));
    await whole.cluster.run(() => false, 1_100);
    const { points } = whole.victim;
    const first = points.lastIndexOf('after state', points.indexOf('before body'));
    const cases = points.flatMap((point, i) => (i > first && isCase(point) ? [i] : []));
    const died = new Set<string>();
    for (const fuse of cases) for (const seed of SEEDS) died.add(await crashAt(test, size, fuse, seed));
    test.comment(`${cases.length * SEEDS.length} crashes at ${[...died].sort().join(', ')}`);
    for (const kind of ['body', 'guard', 'certificate', 'state']) for (const side of ['before', 'after']) test.ok(died.has(`${side} ${kind}`), `${side} ${kind}`);
    test.ok(died.has('before index') && died.has('after index'), 'the index is written behind, and synced before the state');
    test.ok([...died].some((point) => point.startsWith('before send')));
  });
}
