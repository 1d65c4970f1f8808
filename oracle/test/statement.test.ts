/** From an open batch to a statement on chain, through a crash at every point (kill points of the oracle page §4). */
import t from 'tap';
import { attestationId, toHex } from '@billcoin/protocol';
import { MY_PROFILE, readingTopic, signReading, type Profile } from '@billcoin/oracle';
import { keyFromSeed } from '@billcoin/sdk';
import { makeIntake } from '../src/intake/intake.ts';
import { makeLots, type Lots, type Stage } from '../src/lots/lots.ts';
import { MANIFESTS_MAX, openManifestPool, type ManifestPool } from '../src/lots/manifestPool.ts';
import { pendingRows, sendOutbox } from '../src/outbox/outbox.ts';
import { ROUND_LIFE_MS } from '../src/outbox/statement.ts';
import { finishedKey, lotKey, signKey } from '../src/store/keys.ts';
import type { LotRow, OutboxRow, SignRow } from '../src/store/rows.ts';
import { openStore, type Store } from '../src/store/store.ts';
import { deskOf, freshFolder } from './support/service.ts';
import { makeHonestChain, type HonestChain } from './support/honestChain.ts';
import { flow, makeLot, usualReadings, BATCH, type SignedReading, type TestLot } from './support/lot.ts';
import { bench, GENESIS, makeWorld, MINUTE_MS, NOON_MS, seedOf, SITE, type World } from './support/world.ts';

const ORACLE = keyFromSeed(seedOf('oracle'));
const BATCH_HEX = toHex(BATCH);

/** One oracle over a store that can be closed and opened again, as a process that is killed and started. */
interface Oracle {
  store: Store;
  lots: Lots;
  manifests: ManifestPool;
  readonly chain: HonestChain;
  readonly world: World;
  readonly alarms: string[];
  readonly stages: Stage[];
  restart(): Promise<void>;
  take(readings: readonly SignedReading[]): Promise<void>;
  /** The outbox pass of the service; a broken line is what the service tries again. */
  send(): Promise<boolean>;
}

async function makeOracle(t: Parameters<typeof freshFolder>[0], profiles: readonly Profile[] = [MY_PROFILE]): Promise<Oracle> {
  const folder = await freshFolder(t);
  const world = makeWorld();
  const chain = makeHonestChain(world.registry, NOON_MS + 2 * MINUTE_MS);
  const alarms: string[] = [];
  const stages: Stage[] = [];
  async function open(): Promise<Pick<Oracle, 'store' | 'lots' | 'manifests'>> {
    const store = await openStore(folder, toHex(GENESIS));
    const manifests = await openManifestPool(store);
    const lots = makeLots({
      store, chain, manifests, bench, oracle: ORACLE, profiles, nowMs: () => chain.timeMs, onStated: () => undefined, onAlarm: (_lot, stage) => void stages.push(stage),
    });
    return { store, manifests, lots };
  }
  const oracle: Oracle = {
    ...(await open()), chain, world, alarms, stages,
    async restart() {
      await oracle.store.close();
      Object.assign(oracle, await open());
    },
    async take(readings) {
      const intake = makeIntake(oracle.store, () => deskOf(world.registry), () => undefined);
      for (const { device, payload } of readings) await intake.offer({ topic: readingTopic(SITE, device.identity.device, 'r'), payload, receivedAtMs: NOON_MS });
    },
    async send() {
      try {
        await sendOutbox({ store: oracle.store, chain, oracle: ORACLE, nowMs: () => chain.timeMs, onDone: () => undefined, onAlarm: (_row, reason) => void alarms.push(reason) });
        return true;
      } catch {
        return false;
      }
    },
  };
  t.teardown(() => oracle.store.close());
  return oracle;
}

async function ready(t: Parameters<typeof freshFolder>[0]): Promise<{ oracle: Oracle; test: TestLot }> {
  const oracle = await makeOracle(t);
  const named = usualReadings(oracle.world);
  const test = makeLot(oracle.world, named);
  oracle.chain.open(test.lot);
  await oracle.take(named);
  await oracle.manifests.offer(test.manifestBytes);
  return { oracle, test };
}

const stageOf = ({ lots }: Oracle): Stage | undefined => lots.progress()[0]?.stage;
const onChain = ({ chain }: Oracle) => chain.attestations.get(attestationId(BATCH, 1, ORACLE.address));
const statementOf = ({ store }: Oracle): string | undefined => store.getJson<SignRow>(signKey(BATCH_HEX, 1))?.statement;

/** Runs passes and blocks until the statement is on chain. */
async function settle(oracle: Oracle): Promise<void> {
  for (let round = 0; round < 5; round++) {
    await oracle.lots.run();
    await oracle.send();
    oracle.chain.makeBlock();
  }
  await oracle.send();
}

t.test('the statement waits for manifest and readings, in any order of arrival', async (t) => {
  const oracle = await makeOracle(t);
  const named = usualReadings(oracle.world);
  const { lot, manifestBytes } = makeLot(oracle.world, named);
  await oracle.lots.run();
  t.same(oracle.lots.progress(), [], 'nothing is open');
  oracle.chain.open(lot);
  await oracle.lots.run();
  t.equal(stageOf(oracle), 'waiting_manifest');
  await oracle.manifests.offer(manifestBytes);
  await oracle.lots.run();
  t.match(oracle.lots.progress()[0], { stage: 'waiting_readings', missing: 6 });
  await oracle.take([...named].reverse().slice(1));
  await oracle.lots.run();
  const missing = toHex((named.at(-1) as SignedReading).id);
  t.match(oracle.lots.progress()[0], { stage: 'waiting_readings', missing: 1, missingIds: [missing] });
  t.ok(oracle.lots.isWaitingFor([missing]));
  t.notOk(oracle.lots.isWaitingFor(['00']));
  await oracle.take(named.slice(-1));
  await settle(oracle);
  t.equal(stageOf(oracle), 'stated');
  t.match(onChain(oracle), { volumeMl: 990_000n, reject: 0 });
  t.match(oracle.store.getJson<LotRow>(lotKey(BATCH_HEX, 1)), { volumeMl: '990000', readings: 6, terms: { meterMl: '990000' } });
  t.same(await pendingRows(oracle.store), []);
  t.match(oracle.store.getJson<OutboxRow>(finishedKey(BATCH_HEX, 1)), { state: 'done', round: 1 });
});

t.test('kill point 4: judged, not written: the same statement after the restart', async (t) => {
  const { oracle } = await ready(t);
  const commit = oracle.store.commit;
  oracle.store.commit = () => Promise.reject(new Error('killed'));
  await t.rejects(oracle.lots.run(), /killed/);
  oracle.store.commit = commit;
  t.equal(statementOf(oracle), undefined, 'no signature has left the process');
  await oracle.restart();
  await settle(oracle);
  t.equal(onChain(oracle)?.volumeMl, 990_000n);
});

t.test('kill point 5: written, not sent: sent on start', async (t) => {
  const { oracle } = await ready(t);
  await oracle.lots.run();
  t.equal(oracle.chain.arrived.length, 0);
  await oracle.restart();
  await settle(oracle);
  t.equal(onChain(oracle)?.volumeMl, 990_000n);
  t.equal(oracle.chain.arrived.length, 1);
});

t.test('kill point 6: sent, inclusion unknown: the same bytes again while they live', async (t) => {
  const { oracle } = await ready(t);
  await oracle.lots.run();
  oracle.chain.cut = 'before';
  t.notOk(await oracle.send());
  await oracle.restart();
  oracle.chain.cut = 'after';
  t.notOk(await oracle.send(), 'it arrived, the answer is lost');
  await oracle.restart();
  oracle.chain.cut = 'none';
  await oracle.send();
  t.equal(oracle.chain.arrived.length, 1, 'the node knows it: nothing is sent');
  oracle.chain.makeBlock();
  await oracle.send();
  t.same(await pendingRows(oracle.store), []);
  t.equal(onChain(oracle)?.volumeMl, 990_000n);
});

t.test('kill point 6: expired: the same statement in a new transaction, signed before it is sent', async (t) => {
  const { oracle } = await ready(t);
  await oracle.lots.run();
  const [first] = await pendingRows(oracle.store);
  const statement = statementOf(oracle);
  oracle.chain.cut = 'before';
  await oracle.send();
  oracle.chain.cut = 'none';
  oracle.chain.makeBlock(ROUND_LIFE_MS);
  t.ok(await oracle.send());
  t.equal((await pendingRows(oracle.store))[0]?.round, 1, 'exactly at its end it still lives');
  oracle.chain.refuseWith = 'ceiling_reached';
  oracle.chain.makeBlock(1);
  await oracle.send();
  oracle.chain.refuseWith = undefined;
  const [second] = await pendingRows(oracle.store);
  t.same([second?.round, second?.txHash === first?.txHash], [2, false]);
  t.equal(statementOf(oracle), statement, 'the statement never changes');
  await oracle.restart();
  await settle(oracle);
  t.equal(onChain(oracle)?.volumeMl, 990_000n);
});

t.test('kill point 7: included, not marked: the lookup says done', async (t) => {
  const { oracle } = await ready(t);
  await oracle.lots.run();
  await oracle.send();
  oracle.chain.makeBlock();
  t.equal((await pendingRows(oracle.store)).length, 1);
  await oracle.restart();
  await oracle.send();
  t.same(await pendingRows(oracle.store), []);
  t.equal(oracle.chain.arrived.length, 1);
});

t.test('kill point 8: disk lost: our own statement is read back and never signed again', async (t) => {
  const { oracle, test } = await ready(t);
  oracle.chain.implant({ batch: BATCH, attempt: 1, volumeMl: 5n, reject: 0, readingsRoot: new Uint8Array(32), profileHash: test.lot.profileHash }, ORACLE.address);
  await settle(oracle);
  t.equal(oracle.chain.arrived.length, 0);
  t.equal(oracle.store.getJson<SignRow>(signKey(BATCH_HEX, 1))?.from, 'chain');
  t.equal(stageOf(oracle), 'stated');
});

t.test('the register is sign-once: a changed registry after signing changes nothing', async (t) => {
  const { oracle } = await ready(t);
  await oracle.lots.run();
  const statement = statementOf(oracle);
  oracle.chain.registry = { ...oracle.chain.registry, devices: new Map() };
  await oracle.restart();
  await settle(oracle);
  t.equal(statementOf(oracle), statement);
  t.match(onChain(oracle), { volumeMl: 990_000n, reject: 0 });
});

t.test('a refusal is stated like a volume', async (t) => {
  const oracle = await makeOracle(t);
  const named = usualReadings(oracle.world);
  const test = makeLot(oracle.world, named, { lot: { totalTo: 990_001n } });
  oracle.chain.open(test.lot);
  await oracle.take(named);
  await oracle.manifests.offer(test.manifestBytes);
  await settle(oracle);
  t.match(onChain(oracle), { volumeMl: 0n, reject: 99 });
  t.match(oracle.store.getJson<LotRow>(lotKey(BATCH_HEX, 1)), { reject: 99, why: /cover/ });
});

t.test('a held ceiling waits; a final refusal closes the row with an alarm; another statement of ours is an alarm', async (t) => {
  const { oracle, test } = await ready(t);
  await oracle.lots.run();
  oracle.chain.refuseWith = 'ceiling_reached';
  await oracle.send();
  t.equal((await pendingRows(oracle.store)).length, 1);
  t.same(oracle.alarms, []);
  oracle.chain.refuseWith = 'attempt_not_open';
  await oracle.send();
  t.same([oracle.alarms, (await pendingRows(oracle.store)).length], [['refused: attempt_not_open'], 0]);

  const other = await ready(t);
  await other.oracle.lots.run();
  other.oracle.chain.implant({ batch: BATCH, attempt: 1, volumeMl: 5n, reject: 0, readingsRoot: new Uint8Array(32), profileHash: test.lot.profileHash }, ORACLE.address);
  await other.oracle.send();
  t.match(other.oracle.alarms, [/another statement/]);
  t.equal(other.oracle.chain.arrived.length, 0);
});

t.test('contrary evidence that is not named: the oracle withholds and alarms once', async (t) => {
  const oracle = await makeOracle(t);
  const before = oracle.world.milkA.state;
  const named = usualReadings(oracle.world);
  const test = makeLot(oracle.world, named);
  oracle.world.milkA.state = before;
  const twin = flow(oracle.world.milkA, 1, 'FA-0410', 777, NOON_MS - 300 * MINUTE_MS);
  oracle.chain.open(test.lot);
  await oracle.take([...named, twin]);
  await oracle.manifests.offer(test.manifestBytes);
  await oracle.lots.run();
  await oracle.lots.run();
  t.same([stageOf(oracle), oracle.stages], ['withheld', ['withheld']]);
  t.equal(statementOf(oracle), undefined);
});

t.test('a profile this program does not know is an alarm, not a verdict', async (t) => {
  const oracle = await makeOracle(t, []);
  const test = makeLot(oracle.world, usualReadings(oracle.world));
  oracle.chain.open(test.lot);
  await oracle.lots.run();
  t.same([stageOf(oracle), oracle.stages], ['unknown_profile', ['unknown_profile']]);
  oracle.chain.close(BATCH);
  await oracle.lots.run();
  oracle.chain.open(test.lot);
  await oracle.lots.run();
  t.equal(oracle.stages.length, 2, 'told again when it comes again');
});

t.test('a body under somebody else’s signature is missing, not a refusal', async (t) => {
  const oracle = await makeOracle(t);
  const named = usualReadings(oracle.world);
  const test = makeLot(oracle.world, named);
  const [milk, ...others] = named as [SignedReading, ...SignedReading[]];
  const { registry } = oracle.world;
  // The device is unknown when the forged copy comes, so it is kept unproven; registered, it is evidence of nothing.
  Object.assign(oracle.world, { registry: { ...registry, devices: new Map([...registry.devices].filter(([id]) => id !== toHex(milk.device.identity.device))) } });
  const payload = signReading({ ...milk.device.identity, seed: seedOf('thief') }, milk.reading.evidence.body);
  await oracle.take([{ ...milk, payload }]);
  Object.assign(oracle.world, { registry });
  await oracle.take(others);
  oracle.chain.open(test.lot);
  await oracle.manifests.offer(test.manifestBytes);
  await oracle.lots.run();
  t.match(oracle.lots.progress()[0], { stage: 'waiting_readings', missingIds: [toHex(milk.id)] });
  await oracle.take([milk]);
  await settle(oracle);
  t.match(onChain(oracle), { reject: 0 });
});

t.test('manifests wait bounded; what open batches name stays', async (t) => {
  const { oracle, test } = await ready(t);
  await oracle.lots.run();
  for (let index = 0; index < MANIFESTS_MAX + 5; index++) await oracle.manifests.offer(Uint8Array.of(index & 0xff, index >> 8, 1));
  t.equal(oracle.manifests.size(), MANIFESTS_MAX);
  t.ok(oracle.manifests.find(test.lot.manifestHash) !== undefined);
  t.notOk(await oracle.manifests.offer(new Uint8Array(0)), 'a cleared retained message');
  t.notOk(await oracle.manifests.offer(new Uint8Array(262_145)));
  t.ok(await oracle.manifests.offer(test.manifestBytes), 'again');
  await oracle.restart();
  t.equal(oracle.manifests.size(), MANIFESTS_MAX);
});

t.test('an unreachable node is an error of the pass, and nothing is lost', async (t) => {
  const { oracle } = await ready(t);
  oracle.chain.cut = 'all';
  await t.rejects(oracle.lots.run(), /does not answer/);
  oracle.chain.cut = 'none';
  await settle(oracle);
  t.equal(onChain(oracle)?.volumeMl, 990_000n);
});
