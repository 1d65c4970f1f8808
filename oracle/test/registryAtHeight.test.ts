/** Registries change while oracles work: what they state depends on the height the manifest names, not on when they ask. */
import t from 'tap';
import { ed25519PublicKey, encode, OverrideBody, signEd25519, signingBytes, toHex } from '@billcoin/protocol';
import { makeHttpChain, MY_PROFILE, readingTopic, signReading, type Registry } from '@billcoin/oracle';
import { createClient, keyFromSeed } from '@billcoin/sdk';
import { makeIntake } from '../src/intake/intake.ts';
import { makeLots } from '../src/lots/lots.ts';
import { openManifestPool } from '../src/lots/manifestPool.ts';
import { lotKey, signKey } from '../src/store/keys.ts';
import type { LotRow, SignRow } from '../src/store/rows.ts';
import { openStore } from '../src/store/store.ts';
import { startNode, TIMES, type TestNode } from './support/httpNode.ts';
import { BATCH, makeLot, usualReadings, type TestLot } from './support/lot.ts';
import { deskOf, freshFolder } from './support/service.ts';
import { bench, GENESIS, makeWorld, NOON_MS, seedOf, SITE, withDevice, type World } from './support/world.ts';

const HEX = toHex(BATCH);
const OPENED = { openedAtMs: TIMES[30] as number };
/** The manifest names block 10, the batch is opened in block 30. */
const NAMED_HEIGHT = 10;

interface Said {
  readonly statement: string | undefined;
  readonly reject: number | undefined;
}

/** An oracle with a store of its own: readings come while `takenAt` is the newest block, then it judges what is open now. */
async function askOracle(t: Parameters<typeof freshFolder>[0], node: TestNode, name: string, { named, manifestBytes }: TestLot, takenAt = node.height): Promise<Said> {
  const store = await openStore(await freshFolder(t), toHex(GENESIS));
  const chain = makeHttpChain(createClient({ baseUrl: node.url }), GENESIS);
  const newest = await chain.registryAt(takenAt);
  if (newest === undefined) throw new Error('that block is final');
  const intake = makeIntake(store, () => deskOf(newest), () => undefined);
  for (const { device, payload } of named) await intake.offer({ topic: readingTopic(SITE, device.identity.device, 'r'), payload, receivedAtMs: NOON_MS });
  const manifests = await openManifestPool(store);
  await manifests.offer(manifestBytes);
  const lots = makeLots({
    store, chain, manifests, bench, oracle: keyFromSeed(seedOf(name)), profiles: [MY_PROFILE], nowMs: () => NOON_MS, onStated: () => undefined, onAlarm: () => undefined,
  });
  await lots.run();
  const said = { statement: store.getJson<SignRow>(signKey(HEX, 1))?.statement, reject: store.getJson<LotRow>(lotKey(HEX, 1))?.reject };
  await store.close();
  return said;
}

interface Dairy {
  readonly node: TestNode & { readonly registry: Registry };
  readonly world: World;
  /** The usual lot, its manifest naming this height. */
  lotAt(height: number, options?: Parameters<typeof makeLot>[2]): TestLot;
}

async function openDairy(t: Parameters<typeof freshFolder>[0]): Promise<Dairy> {
  const node = await startNode(t);
  const world = makeWorld();
  const named = usualReadings(world);
  return {
    node, world,
    lotAt(height, options = {}) {
      const test = makeLot(world, named, { ...options, manifest: { height, ...options.manifest }, lot: OPENED });
      node.lot = test.lot;
      return test;
    },
  };
}

t.test('a device revoked after the manifest’s height changes nothing for early, later and late oracles', async (t) => {
  const { node, world, lotAt } = await openDairy(t);
  const test = lotAt(NAMED_HEIGHT);
  node.height = 31;
  const early = await askOracle(t, node, 'early', test);
  t.equal(early.reject, 0, 'mints');
  t.ok(early.statement);
  // The key leaked before the milk was measured: from block 32 on every reading of the device is refused.
  node.changes.push({ height: 32, registry: withDevice(node.registry, world.milkA, { status: 3, untilMs: NOON_MS - 90 * 86_400_000 }) });
  for (const height of [32, 40]) {
    node.height = height;
    t.same(await askOracle(t, node, `at ${height}`, test), early, `asked at block ${height}`);
  }
});

t.test('a device revoked before the manifest’s height refuses the lot, and all say so', async (t) => {
  const { node, world, lotAt } = await openDairy(t);
  node.changes.push({ height: 20, registry: withDevice(node.registry, world.milkA, { status: 3, untilMs: NOON_MS - 90 * 86_400_000 }) });
  // Registered again later: too late for this manifest, in time for one that names a later height.
  node.changes.push({ height: 25, registry: node.registry });
  const said = [];
  for (const height of [31, 40]) {
    node.height = height;
    said.push(await askOracle(t, node, `at ${height}`, lotAt(22)));
  }
  t.same([said[0]?.reject, said[1]], [4, said[0]]);
  for (const [height, reject] of [[19, 0], [20, 4], [24, 4], [25, 0]] as const) t.equal((await askOracle(t, node, `names ${height}`, lotAt(height))).reject, reject, `manifest at ${height}`);
});

t.test('a revocation in force at the manifest’s height refuses what was measured from its time on, and nothing before', async (t) => {
  const { node, world, lotAt } = await openDairy(t);
  const test = lotAt(NAMED_HEIGHT);
  const measuredAtMs = Math.max(...test.named.flatMap(({ device, body }) => (device === world.milkA ? [body.timeMs] : [])));
  for (const [fromMs, reject] of [[measuredAtMs + 1, 0], [measuredAtMs, 4]] as const) {
    node.changes.push({ height: NAMED_HEIGHT, registry: withDevice(node.registry, world.milkA, { status: 3, untilMs: fromMs }) });
    t.equal((await askOracle(t, node, 'oracle of a revocation', test)).reject, reject);
  }
});

t.test('a reading counts by the key of the manifest’s height, however early an oracle took it', async (t) => {
  const { node, world, lotAt } = await openDairy(t);
  const newKey = ed25519PublicKey(seedOf('milk meter A, repaired'));
  node.changes.push({ height: 20, registry: withDevice(node.registry, world.milkA, { publicKey: newKey }) });
  t.equal((await askOracle(t, node, 'before', lotAt(19), 19)).reject, 0, 'the old key');
  const after = lotAt(22);
  t.same(await askOracle(t, node, 'early', after, 19), { statement: undefined, reject: undefined }, 'it holds a copy that the new key did not sign: it waits, as one does that holds none');
  const signedAgain = after.named.map((reading) => (reading.device === world.milkA ? { ...reading, payload: signReading({ ...world.milkA.identity, seed: seedOf('milk meter A, repaired') }, reading.reading.evidence.body) } : reading));
  t.equal((await askOracle(t, node, 'late', { ...after, named: signedAgain })).reject, 0, 'the new key');
});

t.test('an override of plant and regulator applies over HTTP, with the regulator of the manifest’s height', async (t) => {
  const { node, world, lotAt } = await openDairy(t);
  const expired = withDevice(node.registry, world.milkA, { calibratedUntilMs: NOON_MS - 10 * 86_400_000 });
  node.changes.push({ height: 1, registry: expired }, { height: 20, registry: { ...expired, regulator: keyFromSeed(seedOf('new regulator')).address } });
  const [milk] = usualReadings(makeWorld());
  const body = encode(OverrideBody, { reading: milk!.id, rule: 15, reason: 1, batch: BATCH });
  const overrides = (signers: readonly string[]) => [{ body, sigs: signers.map((name) => ({ publicKey: ed25519PublicKey(seedOf(name)), signature: signEd25519(seedOf(name), signingBytes('bill/override/1', GENESIS, body)) })) }];
  const asked = async (height: number, signers: readonly string[]): Promise<number | undefined> => (await askOracle(t, node, 'third', lotAt(height, { manifest: { overrides: overrides(signers) } }))).reject;
  t.equal(await asked(10, ['plant']), 15, 'the regulator did not sign');
  t.equal(await asked(10, ['plant', 'regulator']), 0);
  t.equal(await asked(10, ['plant', 'new regulator']), 15, 'not yet in office');
  t.equal(await asked(20, ['plant', 'new regulator']), 0);
});
