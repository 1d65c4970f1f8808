/** Intake on a real store: durability, duplicates, forks, quarantine, hostile bytes. */
import t from 'tap';
import { decode, encode, POINT, Signed, Stored, toHex, utf8 } from '@billcoin/protocol';
import { openEnvelope, readingTopic, signBatch, signReading, startEpoch } from '@billcoin/oracle';
import { KEPT_PER_HOUR_MAX, makeFloodGuard } from '../src/intake/floodGuard.ts';
import { readCursor } from '../src/intake/history.ts';
import { BATCH_MESSAGES_MAX, makeIntake, QUEUE_MESSAGES_MAX } from '../src/intake/intake.ts';
import type { Taken } from '../src/intake/takeMessage.ts';
import { findReading } from '../src/store/evidence.ts';
import { deviceKey, forkKey, readingKey } from '../src/store/keys.ts';
import type { QuarantineRow } from '../src/store/rows.ts';
import { openStore, parseJson, StoreError, type Store } from '../src/store/store.ts';
import { deskOf, freshFolder } from './support/service.ts';
import { flow, type SignedReading } from './support/lot.ts';
import { GENESIS, makeWorld, NOON_MS, seededBytes, SITE, withDevice, type TestDevice, type World } from './support/world.ts';

const GENESIS_HEX = toHex(GENESIS);

interface Bench {
  readonly world: World;
  readonly folder: string;
  store: Store;
  take(topic: string, payload: Uint8Array, atMs?: number): Promise<readonly Taken[]>;
  takeReading(reading: SignedReading): Promise<Taken>;
  kept(): Promise<QuarantineRow[]>;
}

async function makeBench(t: Parameters<typeof freshFolder>[0], change: (world: World) => World = (world) => world): Promise<Bench> {
  const world = change(makeWorld());
  const folder = await freshFolder(t);
  const store = await openStore(folder, GENESIS_HEX);
  t.teardown(() => bench.store.close());
  const bench: Bench = {
    world, folder, store,
    async take(topic, payload, atMs = NOON_MS) {
      return makeIntake(bench.store, () => deskOf(bench.world.registry), () => undefined).offer({ topic, payload, receivedAtMs: atMs });
    },
    async takeReading({ device, payload }) {
      const [taken] = await bench.take(readingTopic(SITE, device.identity.device, 'r'), payload);
      if (taken === undefined) throw new Error('a message gives one answer');
      return taken;
    },
    async kept() {
      return (await bench.store.list({ prefix: 'q', limit: 10_000 })).map(({ value }) => parseJson<QuarantineRow>(value));
    },
  };
  return bench;
}

const milk = (device: TestDevice, volumeMl = 600_000): SignedReading => flow(device, POINT.milking, 'FA', volumeMl, NOON_MS);

t.test('a good reading is stored once, in any number of deliveries', async (t) => {
  const bench = await makeBench(t);
  const { milkA } = bench.world;
  const reading = milk(milkA);
  t.match(await bench.takeReading(reading), { verdict: 0, fresh: true, receipt: { epoch: 0, result: { seq: 0, verdict: 0, rules: [] } } });
  t.match(await bench.takeReading(reading), { verdict: 0, fresh: false, findings: [{ rule: 6 }], receipt: { result: { seq: 0, verdict: 0 } } });
  t.equal((await bench.store.keys({ prefix: 'r', limit: 10 })).length, 1);
  t.equal(readCursor(bench.store, toHex(milkA.identity.device), 0).nextSeq, 1);
  const again = signBatch(milkA.identity, [reading.reading.evidence.body]);
  t.match(await bench.take(readingTopic(SITE, milkA.identity.device, 'rb'), again), [{ findings: [{ rule: 6 }] }], 'the same body in a batch is the same reading');
});

t.test('what was acknowledged survives a crash; what was not is not there', async (t) => {
  const bench = await makeBench(t);
  const { milkA } = bench.world;
  const first = milk(milkA);
  await bench.takeReading(first);
  const lost = bench.store.begin();
  lost.putBytes(readingKey(toHex(milkA.identity.device), 0, 1), new Uint8Array(1));
  await bench.store.close();
  bench.store = await openStore(bench.folder, GENESIS_HEX);
  t.equal(findReading(bench.store, toHex(first.id))?.proven, true);
  t.equal(bench.store.getBytes(readingKey(toHex(milkA.identity.device), 0, 1)), undefined, 'an uncommitted unit left nothing');
  t.match(await bench.takeReading(first), { findings: [{ rule: 6 }] });
  t.match(await bench.takeReading(milk(milkA)), { verdict: 0, fresh: true });
});

t.test('a store belongs to one process, one network and one format', async (t) => {
  const bench = await makeBench(t);
  await t.rejects(openStore(bench.folder, GENESIS_HEX), StoreError);
  await bench.store.close();
  await t.rejects(openStore(bench.folder, '00'.repeat(32)), /belongs to genesis/);
  bench.store = await openStore(bench.folder, GENESIS_HEX);
});

t.test('a batch of 64 is one message: every reading judged against the one before', async (t) => {
  const bench = await makeBench(t);
  const { milkA } = bench.world;
  const bodies = Array.from({ length: 64 }, () => milk(milkA, 5_000).reading.evidence.body);
  const taken = await bench.take(readingTopic(SITE, milkA.identity.device, 'rb'), signBatch(milkA.identity, bodies));
  t.equal(taken.filter(({ verdict, fresh }) => verdict === 0 && fresh).length, 64);
  const jump = { ...milkA, state: { ...milkA.state, totalMl: milkA.state.totalMl + 7 } };
  const held = flow({ ...jump, next: (input) => { milkA.state = jump.state; return milkA.next(input); } }, POINT.milking, 'FA', 5_000, NOON_MS);
  t.match(await bench.takeReading(held), { verdict: 2, findings: [{ rule: 14 }], receipt: { result: { seq: 64, verdict: 2, rules: [14] } } });
  t.equal(readCursor(bench.store, toHex(milkA.identity.device), 0).nextSeq, 65, 'a held reading is stored: the device need not send it again');
  t.match(await bench.kept(), [{ id: toHex(held.id), verdict: 2, form: 'stored' }]);
});

t.test('a fork locks the device; both bodies are kept', async (t) => {
  const bench = await makeBench(t);
  const { milkA } = bench.world;
  const before = milkA.state;
  const one = milk(milkA);
  const after = milkA.state;
  milkA.state = before;
  const twin = milk(milkA, 700_000);
  await bench.takeReading(one);
  t.match(await bench.takeReading(twin), { verdict: 3, fork: true, findings: [{ rule: 7 }], receipt: { result: { rules: [7] } } });
  const device = toHex(milkA.identity.device);
  t.same(bench.store.getJson(forkKey(device, 0, 0)), { ids: [toHex(one.id), toHex(twin.id)] });
  t.same(bench.store.getJson(deviceKey(device)), { newestEpoch: 0, locked: true });
  for (const { id } of [one, twin]) t.ok(findReading(bench.store, toHex(id))?.reading.body !== undefined);
  t.match(await bench.takeReading(twin), { fresh: false, findings: [{ rule: 6 }], receipt: { result: { verdict: 3, rules: [7] } } }, 'the twin again: its first verdict');
  milkA.state = after;
  t.match(await bench.takeReading(milk(milkA)), { verdict: 2, findings: [{ rule: 7, verdict: 2 }] }, 'later readings wait');
});

t.test('epochs: one back is late, two back is held', async (t) => {
  const bench = await makeBench(t);
  const { milkA } = bench.world;
  for (const [epoch, verdict] of [[5, 0], [4, 0], [3, 2]] as const) {
    milkA.state = startEpoch(epoch);
    t.equal((await bench.takeReading(milk(milkA))).verdict, verdict, `epoch ${epoch}`);
  }
});

t.test('a wrong signature is counted and not kept; the right one is taken after it', async (t) => {
  const bench = await makeBench(t);
  const { milkA, milkB } = bench.world;
  const reading = milk(milkA);
  const forged = signReading({ ...milkA.identity, seed: milkB.identity.seed }, reading.reading.evidence.body);
  const [taken] = await bench.take(readingTopic(SITE, milkA.identity.device, 'r'), forged);
  t.match(taken, { verdict: 3, fresh: false, findings: [{ rule: 5 }] });
  t.equal(taken?.receipt, undefined);
  t.same(await bench.kept(), []);
  t.match(await bench.takeReading(reading), { verdict: 0, fresh: true });
});

t.test('an unknown device is kept without a receipt, and taken once it is registered', async (t) => {
  const bench = await makeBench(t);
  const { milkA, registry } = bench.world;
  const reading = milk(milkA);
  (bench as { world: World }).world = { ...bench.world, registry: { ...registry, devices: new Map() } };
  t.match(await bench.takeReading(reading), { verdict: 3, fresh: true, findings: [{ rule: 4 }] });
  t.equal((await bench.takeReading(reading)).fresh, false, 'one row an id');
  t.match(findReading(bench.store, toHex(reading.id)), { proven: false });
  await bench.store.removeRange('q/', 'q0');
  t.equal(findReading(bench.store, toHex(reading.id)), undefined, 'after the quarantine was pruned it counts as missing and stops no other lot');
  (bench as { world: World }).world = { ...bench.world, registry };
  t.match(await bench.takeReading(reading), { verdict: 0, fresh: true, receipt: { result: { verdict: 0 } } });
  t.match(findReading(bench.store, toHex(reading.id)), { proven: true });
});

t.test('a suspended device is rejected, stored and told so', async (t) => {
  const bench = await makeBench(t, (world) => ({ ...world, registry: withDevice(world.registry, world.milkA, { status: 2 }) }));
  const reading = milk(bench.world.milkA);
  t.match(await bench.takeReading(reading), { verdict: 3, findings: [{ rule: 4 }], receipt: { result: { rules: [4] } } });
  t.match(await bench.kept(), [{ findings: [{ rule: 4 }], verdict: 3 }]);
  t.ok(findReading(bench.store, toHex(reading.id))?.proven);
});

t.test('hostile payloads end in the quarantine with their bytes, never in an exception', async (t) => {
  const bench = await makeBench(t);
  const topic = readingTopic(SITE, bench.world.milkA.identity.device, 'r');
  const random = seededBytes(7);
  const good = milk(bench.world.milkA).payload;
  const twice = Uint8Array.from([...good, ...encode(Signed, (decode(Signed, good) as { value: Signed }).value)]);
  const hostile = [
    new Uint8Array(0), random(1), random(100), random(4_096), random(4_097), random(200_000), good.slice(0, -1), good.slice(1), twice,
    Uint8Array.from([...good, 0x28, 0x01]), Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f), new Uint8Array(3_000).fill(0x0a),
    ...Array.from({ length: 50 }, (_, index) => good.map((byte, at) => (at === (index * 7) % good.length ? byte ^ (1 << index % 8) : byte))),
  ];
  for (const payload of hostile) {
    for (const suffix of ['r', 'rb'] as const) {
      const taken = await bench.take(topic.replace(/r$/, suffix), payload);
      if (!taken.every(({ verdict }) => verdict === 3)) t.fail(`accepted ${toHex(payload).slice(0, 40)}`);
    }
  }
  await bench.take('mmu/v1/UPPER/zz/r', good);
  const rows = await bench.kept();
  t.ok(rows.length > 10);
  const large = rows.find(({ totalBytes }) => totalBytes === 200_000);
  t.equal(large?.bytes.length, 65_536 * 2, 'cut at 64 KiB, its whole length is known');
  t.match(rows.find(({ topic: own }) => own.includes('UPPER')), { findings: [{ rule: 1 }], form: 'stored' });
  const [stored] = rows.filter(({ form }) => form === 'stored');
  t.ok(decode(Stored, Buffer.from(stored?.bytes ?? '', 'hex')).ok);
  t.match(await bench.take(topic, good), [{ verdict: 0 }], 'and the good one is still taken');
});

t.test('decoding random bodies inside valid envelopes never throws', async (t) => {
  const random = seededBytes(11);
  for (let run = 0; run < 300; run++) {
    const body = random(1 + (run % 200));
    const opened = openEnvelope('r', encode(Signed, { body, alg: 1, keyId: random(8), sig: random(64) }));
    if (!opened.ok || opened.readings[0]?.body !== undefined) t.fail('random bytes are no reading');
  }
  t.pass('300 bodies');
});

t.test('many messages become durable together, and each resolves after its batch', async (t) => {
  const bench = await makeBench(t);
  const { milkA } = bench.world;
  const topic = readingTopic(SITE, milkA.identity.device, 'r');
  const messages = Array.from({ length: BATCH_MESSAGES_MAX + 10 }, () => ({ topic, payload: milk(milkA, 5_000).payload, receivedAtMs: NOON_MS }));
  const batches: number[] = [];
  const intake = makeIntake(bench.store, () => deskOf(bench.world.registry), (taken) => batches.push(taken.length));
  await Promise.all(messages.map((message) => intake.offer(message)));
  t.same(batches, [BATCH_MESSAGES_MAX, 10]);
  t.equal(readCursor(bench.store, toHex(milkA.identity.device), 0).nextSeq, BATCH_MESSAGES_MAX + 10);
});

t.test('the queue is bounded: further messages wait for room', async (t) => {
  const bench = await makeBench(t);
  const topic = readingTopic(SITE, bench.world.milkA.identity.device, 'r');
  const intake = makeIntake(bench.store, () => deskOf(bench.world.registry), () => undefined);
  const offers = Array.from({ length: QUEUE_MESSAGES_MAX + 200 }, (_, index) => intake.offer({ topic, payload: utf8(`junk ${index}`), receivedAtMs: NOON_MS }));
  t.equal(intake.queued(), QUEUE_MESSAGES_MAX);
  t.equal((await Promise.all(offers)).length, QUEUE_MESSAGES_MAX + 200);
  await intake.close();
  t.equal(intake.queued(), 0);
});

t.test('a store that fails stops intake: nothing is acknowledged any more', async (t) => {
  const bench = await makeBench(t);
  const failing: Store = { ...bench.store, commit: () => Promise.reject(new StoreError('disk full')) };
  const intake = makeIntake(failing, () => deskOf(bench.world.registry), () => t.fail('nothing was committed'));
  const message = { topic: readingTopic(SITE, bench.world.milkA.identity.device, 'r'), payload: milk(bench.world.milkA).payload, receivedAtMs: NOON_MS };
  await t.rejects(intake.offer(message), /disk full/);
  await t.rejects(intake.offer(message), /disk full/, 'and stays stopped');
});

t.test('a device that floods the quarantine is cut off for the hour', async (t) => {
  const guard = makeFloodGuard();
  for (let count = 0; count < KEPT_PER_HOUR_MAX; count++) if (guard.admit('a', NOON_MS) !== 'keep') t.fail('kept below the limit');
  t.equal(guard.admit('a', NOON_MS), 'alarm');
  t.equal(guard.admit('a', NOON_MS), 'drop');
  t.equal(guard.admit('b', NOON_MS), 'keep', 'others are not touched');
  t.equal(guard.admit('a', NOON_MS + 3_600_000), 'keep', 'a new hour');
});
