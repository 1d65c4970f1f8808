/**
 * The table "found at boot" (consensus page §1.10) where there are peers, n = 4: each row by its name. The rows of a single
 * validator are in recovery.test.ts, on real files, with those that do not differ: a wrong checksum, another format. Lost
 * blocks in the middle are refused here as they are with one validator, and the remedy is followed to its end: a data
 * folder made anew is filled by the peers. That a node fetches only what is lost into a damaged folder is not built.
 */
import t, { type Test } from 'tap';
import { StateTree, genesisTip, makeChain, toHex, utf8, type Genesis } from '@billcoin/protocol';
import { makeLog } from '../../src/log.ts';
import type { StoreOperation } from '../../src/ports.ts';
import type { SimDisk } from '../../src/sim/disk.ts';
import { HASH_SIGNATURES } from '../../src/sim/keys.ts';
import { makeBlockStore } from '../../src/storage/blockStore.ts';
import { makeChainIndex } from '../../src/storage/chainIndex.ts';
import { recover } from '../../src/storage/recovery.ts';
import { makeStateStore } from '../../src/storage/stateStore.ts';
import { StorageFailure } from '../../src/storageFailure.ts';
import { bodyKey, certificateKey } from '../../src/sim/wireRecord.ts';
import { Cluster } from '../support/cluster.ts';

const HEIGHT_MS = 15_000;
const VICTIM = 2;
const OTHERS = [0, 1, 3];
const BLOCKS = 4;

function open(disk: SimDisk, name: string) {
  return disk.open(name, {
    isAlive: () => true, mayRead: () => true, damaged: () => undefined,
    write(_what, _sync, done) {
      done();
      return Promise.resolve();
    },
  });
}

/** Four validators at height 4, the state of all flushed, and the victim without power. */
async function stopped(): Promise<Cluster> {
  const cluster = new Cluster({ size: 4 });
  cluster.boot();
  if (!(await cluster.run(() => cluster.isFinal(BLOCKS), BLOCKS * HEIGHT_MS))) throw new Error('four validators decide');
  await cluster.run(() => false, 1_500);
  cluster.crash(VICTIM);
  return cluster;
}

async function change(cluster: Cluster, name: 'blocks' | 'state', operations: readonly StoreOperation[]): Promise<void> {
  await open(cluster.nodes[VICTIM]!.disks[name], name).batch(operations, { sync: true });
}

const del = (key: Uint8Array): StoreOperation => ({ type: 'del', key });

function decidedId(cluster: Cluster, height: number): Uint8Array {
  return cluster.nodes[0]!.finals.find((block) => block.height === height)!.blockId;
}

/** The victim starts, follows to a height above the old tip, and signs there; nothing halts and no height has two blocks. */
async function goesOn(test: Test, cluster: Cluster): Promise<void> {
  const { seq } = cluster.nodes[VICTIM]!.guard.synced;
  cluster.boot([VICTIM]);
  const target = Math.max(...OTHERS.map((i) => cluster.nodes[i]!.height)) + 2;
  test.ok(await cluster.run(() => cluster.isFinal(target), 5 * HEIGHT_MS), `height ${cluster.nodes[VICTIM]!.height} of ${target}`);
  test.same(cluster.nodes.flatMap(({ halts }) => halts.map(({ message }) => message)), []);
  for (let height = 1; height <= target; height++) test.equal(cluster.idsAt(height).size, 1);
  test.ok(cluster.nodes[VICTIM]!.guard.synced.seq > seq, 'it signs again');
}

async function refuses(test: Test, cluster: Cluster, code: StorageFailure['code'], found: RegExp): Promise<void> {
  const before = cluster.nodes[VICTIM]!.points.filter((point) => point.startsWith('before send')).length;
  cluster.boot([VICTIM]);
  await cluster.run(() => cluster.nodes[VICTIM]!.diedAt !== undefined, 1_000);
  const failure = cluster.nodes[VICTIM]!.halts.pop();
  if (!(failure instanceof StorageFailure)) throw new Error(`it does not refuse: ${String(failure)}`);
  test.equal(failure.code, code);
  test.match(failure.message, found);
  test.match(failure.remedy, /backup|rebuild it from another node/);
  test.equal(cluster.nodes[VICTIM]!.points.filter((point) => point.startsWith('before send')).length, before, 'it has said nothing to anybody');
}

void t.test('found at boot, n = 4: state behind the tip, guard at most one above: replay, resume', async (test) => {
  const cluster = new Cluster({ size: 4 });
  cluster.boot();
  test.ok(await cluster.run(() => cluster.isFinal(2), 3 * HEIGHT_MS));
  cluster.crash(VICTIM); // within the second in which nothing is flushed
  const mark = await makeStateStore(open(cluster.nodes[VICTIM]!.disks.state, 'state')).mark();
  test.ok((mark?.height ?? 0) < 2, `state at ${mark?.height}, blocks at 2`);
  await goesOn(test, cluster);
});

void t.test('found at boot, n = 4: a body at tip + 1 without certificate is kept, and decided by the others’ votes', async (test) => {
  const cluster = await stopped();
  await change(cluster, 'blocks', [del(certificateKey(BLOCKS))]);
  await change(cluster, 'state', [del(utf8('m/tip'))]); // as if it had not been flushed either
  await goesOn(test, cluster);
  test.ok(cluster.nodes[VICTIM]!.finals.some(({ height, blockId }, i) => i > BLOCKS - 1 && height === BLOCKS && toHex(blockId) === toHex(decidedId(cluster, BLOCKS))), 'it calls that very block final again');
});

for (const [what, keys, found] of [
  ['a certificate without its body', (id: Uint8Array) => [bodyKey(2, id)], /body of block 2/],
  ['a gap in the certificates', () => [certificateKey(2)], /blocks 2 to 2/],
  ['a gap of bodies and certificates', (id: Uint8Array) => [certificateKey(2), bodyKey(2, id)], /blocks 2 to 2/],
] as const) {
  void t.test(`found at boot, n = 4: ${what} is refused with its range; a data folder made anew is filled by the peers`, async (test) => {
    const cluster = await stopped();
    await change(cluster, 'blocks', keys(decidedId(cluster, 2)).map(del));
    await refuses(test, cluster, 'lost_records', found);
    cluster.wipe(VICTIM);
    await goesOn(test, cluster);
  });
}

void t.test('found at boot, n = 4: state above the blocks, which have lost their end: refused; made anew it is filled by the peers', async (test) => {
  const cluster = await stopped();
  for (let height = 3; height <= BLOCKS; height++) await change(cluster, 'blocks', [del(certificateKey(height)), del(bodyKey(height, decidedId(cluster, height)))]);
  await refuses(test, cluster, 'lost_records', /blocks 3 to 4 are lost/);
  cluster.wipe(VICTIM);
  await goesOn(test, cluster);
});

void t.test('found at boot, n = 4: guard above the blocks: the peers bring them, and nothing is signed that was signed before', async (test) => {
  const cluster = await stopped();
  for (let height = 3; height <= BLOCKS; height++) await change(cluster, 'blocks', [del(certificateKey(height)), del(bodyKey(height, decidedId(cluster, height)))]);
  const { state } = cluster.nodes[VICTIM]!.disks;
  state.wipe();
  const { seq, height } = cluster.nodes[VICTIM]!.guard.synced;
  test.equal(height, BLOCKS);
  let firstSigned: number | undefined;
  cluster.boot([VICTIM]);
  test.ok(await cluster.run(() => {
    const { synced } = cluster.nodes[VICTIM]!.guard;
    if (synced.seq > seq) firstSigned ??= synced.height;
    return firstSigned !== undefined && cluster.isFinal(BLOCKS + 2);
  }, 5 * HEIGHT_MS));
  test.ok((firstSigned ?? 0) > BLOCKS, `the first new record is of height ${firstSigned}`);
  test.same(cluster.nodes.flatMap(({ halts }) => halts.map(({ message }) => message)), []);
});

void t.test('found at boot, n = 4: a flat state that does not give its root is dropped and replayed', async (test) => {
  const cluster = await stopped();
  const store = open(cluster.nodes[VICTIM]!.disks.state, 'state');
  let row: readonly [key: Uint8Array, value: Uint8Array] | undefined;
  for await (const entry of store.entries({ gte: utf8('s/'), lt: utf8('s0') })) row ??= entry;
  await change(cluster, 'state', [{ type: 'put', key: row![0], value: row![1].map((byte, i) => (i === 1 ? byte ^ 1 : byte)) }]);
  await goesOn(test, cluster);
});

void t.test('found at boot: a block whose execution gives other roots stops the node, names height and both roots, and nothing is signed', async (test) => {
  const cluster = await stopped();
  const { disks, guard } = cluster.nodes[VICTIM]!;
  disks.state.wipe();
  disks.index.wipe();
  // The same chain under other rules: a node of a release whose parameters differ.
  const { spec } = cluster.genesis;
  const other: Genesis = { ...cluster.genesis, spec: { ...spec, params: { ...spec.params, pointsPerDay: spec.params.pointsPerDay + 1 } } };
  const chain = makeChain(other, HASH_SIGNATURES.verify, new StateTree());
  const { seq } = guard.synced;
  const failure = await recover({
    chain, genesis: () => genesisTip(chain, other), blocks: makeBlockStore(open(disks.blocks, 'blocks')), state: makeStateStore(open(disks.state, 'state')), index: makeChainIndex(open(disks.index, 'index')), log: makeLog({ level: 'silent', nodeName: 'test' }),
  }).then(() => undefined, (error: unknown) => error);
  if (!(failure instanceof StorageFailure)) throw new Error(`it does not refuse: ${String(failure)}`);
  test.equal(failure.code, 'diverged');
  test.match(failure.message, /Block 1 .*stateRoot: block has [0-9a-f]{64}, execution gives [0-9a-f]{64}/);
  test.match(failure.remedy, /do not start it as validator/);
  test.equal(guard.synced.seq, seq);
});

void t.test('found at boot, n = 4: data without a key: the node follows and signs nothing', async (test) => {
  const cluster = new Cluster({ size: 4, watchers: 1 });
  cluster.boot();
  test.ok(await cluster.run(() => cluster.isFinal(3), 4 * HEIGHT_MS), 'five processes, four keys');
  const watcher = cluster.nodes[4]!;
  test.same(watcher.points.filter((point) => point.endsWith('guard') || point === 'before send proposal'), []);
  cluster.crash(4);
  cluster.boot([4]);
  test.ok(await cluster.run(() => cluster.isFinal(5), 4 * HEIGHT_MS), 'after a restart too');
  test.equal(watcher.guard.synced.height, 0);
  test.ok(watcher.disks.blocks.durable(certificateKey(5)) !== undefined, 'with the certificates on its own disk');
});
