/** The whole oracle against a real broker (aedes, MQTT 3.1.1) and a small honest chain. */
import mqtt from 'mqtt';
import t from 'tap';
import { addressOf, attestationId, decode, ed25519PublicKey, formatAddress, Receipt, ReceiptBody, signingBytes, toHex, verifyEd25519, type ReceiptBody as Body } from '@billcoin/protocol';
import { manifestTopic, readingTopic, receiptTopic, signBatch, startOracle, type RunningOracle } from '@billcoin/oracle';
import { keyFromSeed } from '@billcoin/sdk';
import { startBroker } from './support/broker.ts';
import { freshFolder, keepingLog, until, type Line } from './support/service.ts';
import { makeHonestChain, type HonestChain } from './support/honestChain.ts';
import { flow, makeLot, usualReadings, BATCH, type SignedReading } from './support/lot.ts';
import { accountOf, GENESIS, makeWorld, MINUTE_MS, NOON_MS, seedOf, SITE, type TestDevice, type World } from './support/world.ts';

const ORACLE = keyFromSeed(seedOf('oracle'));

/** A device or plant with its own client: publishes, and keeps the receipts it gets. */
interface Publisher {
  readonly receipts: Body[];
  publish(topic: string, payload: Uint8Array, retain?: boolean): Promise<void>;
  close(): Promise<void>;
}

async function startPublisher(url: string, device?: TestDevice): Promise<Publisher> {
  const client = await mqtt.connectAsync(url, { protocolVersion: 4 });
  const receipts: Body[] = [];
  if (device !== undefined) {
    await client.subscribeAsync(receiptTopic(device.identity.device, ORACLE.address), { qos: 1 });
    client.on('message', (_topic, payload) => {
      const receipt = decode(Receipt, new Uint8Array(payload));
      if (!receipt.ok) throw new Error('a receipt decodes');
      const { body, sig } = receipt.value;
      if (!verifyEd25519(ORACLE.publicKey, signingBytes('bill/receipt/1', GENESIS, body), sig)) throw new Error('a receipt is signed by its oracle');
      const decoded = decode(ReceiptBody, body);
      if (decoded.ok) receipts.push(decoded.value);
    });
  }
  return {
    receipts,
    async publish(topic, payload, retain = false) {
      await client.publishAsync(topic, Buffer.from(payload), { qos: 1, retain });
    },
    close: () => client.endAsync(true),
  };
}

interface Bench {
  readonly world: World;
  readonly chain: HonestChain;
  readonly dataDir: string;
  readonly lines: Line[];
  start(url: string): Promise<RunningOracle>;
}

async function makeBench(t: Parameters<typeof freshFolder>[0]): Promise<Bench> {
  const world = makeWorld();
  const chain = makeHonestChain(world.registry, NOON_MS + 2 * MINUTE_MS);
  const dataDir = await freshFolder(t);
  const log = keepingLog();
  return {
    world, chain, dataDir, lines: log.lines,
    start: (url) => startOracle({ broker: { url }, dataDir, status: { host: '127.0.0.1', port: 0 }, pollMs: 50 }, { chain, key: ORACLE, log, nowMs: () => NOON_MS }),
  };
}

/** What the tests look at of the status answers. */
interface Answer {
  readonly brokerConnected: boolean;
  readonly data: readonly { readonly findings: readonly { readonly rule: string }[] }[];
  readonly finished: readonly { readonly state: string }[];
}

const json = async (url: string): Promise<Answer> => (await fetch(url)).json() as Promise<Answer>;
const topicOf = (device: TestDevice, suffix: 'r' | 'rb' = 'r'): string => readingTopic(SITE, device.identity.device, suffix);
const milk = (device: TestDevice, volumeMl = 600_000): SignedReading => flow(device, 1, 'FA', volumeMl, NOON_MS);

t.test('a receipt comes only for what is durable, and again for what is delivered again', async (t) => {
  const broker = await startBroker();
  const bench = await makeBench(t);
  const { milkA } = bench.world;
  const oracle = await bench.start(broker.url);
  const device = await startPublisher(broker.url, milkA);
  t.teardown(async () => {
    await device.close();
    await oracle.close();
    await broker.close();
  });
  await until('connected', async () => (await json(`${oracle.statusUrl}/status`)).brokerConnected);
  const reading = milk(milkA);
  await device.publish(topicOf(milkA), reading.payload);
  await until('first receipt', () => device.receipts.length === 1);
  t.match(device.receipts[0], { epoch: 0, nextSeq: 1, results: [{ seq: 0, verdict: 0, rules: [] }] });
  await device.publish(topicOf(milkA), reading.payload);
  await until('receipt again', () => device.receipts.length === 2);
  t.match(device.receipts[1], { nextSeq: 1, results: [{ seq: 0, verdict: 0 }] });

  const lost = milk(milkA);
  const next = milk(milkA);
  await device.publish(topicOf(milkA), next.payload);
  await until('receipt with a hole', () => device.receipts.length === 3);
  t.same([device.receipts[2]?.nextSeq, [...(device.receipts[2]?.bitmap ?? [])]], [1, [1]], 'seq 1 is asked for, seq 2 is stored');
  await device.publish(topicOf(milkA, 'rb'), signBatch(milkA.identity, [lost.reading.evidence.body]));
  await until('the hole is filled', () => device.receipts.length === 4);
  t.equal(device.receipts[3]?.nextSeq, 3);
});

t.test('poison is acknowledged, kept with its reason and shown', async (t) => {
  const broker = await startBroker();
  const bench = await makeBench(t);
  const { milkA } = bench.world;
  const oracle = await bench.start(broker.url);
  const device = await startPublisher(broker.url, milkA);
  t.teardown(async () => {
    await device.close();
    await oracle.close();
    await broker.close();
  });
  await until('connected', async () => (await json(`${oracle.statusUrl}/status`)).brokerConnected);
  await device.publish(topicOf(milkA), new Uint8Array(5_000), true);
  await device.publish(topicOf(milkA), Uint8Array.of(1, 2, 3));
  await device.publish(`mmu/v1/Bad Site/${toHex(milkA.identity.device)}/r`, milk(milkA).payload);
  await device.publish('mmu/v1/site/bill1nobody/manifest/zz/9', Uint8Array.of(1));
  await device.publish(topicOf(milkA), milk(milkA).payload);
  await until('the good one after the poison', () => device.receipts.length === 1);
  const { data } = await json(`${oracle.statusUrl}/readings/rejected?limit=10`);
  t.same(data.map(({ findings }) => findings[0]?.rule).sort((a, b) => String(a).localeCompare(String(b))), ['R01', 'R01', 'R02', 'R02']);
  t.match(data[0], { state: 'rejected', findings: [{ text: /./ }] });
  const status = await json(`${oracle.statusUrl}/status`);
  t.match(status, { oracle: formatAddress(ORACLE.address), queued: 0, readings: { accepted: 1, rejected: 4 } });
  const metrics = await (await fetch(`${oracle.statusUrl}/metrics`)).text();
  t.match(metrics, /mmu_readings_total\{verdict="ok",rule="none"\} 1/);
  t.match(metrics, /mmu_readings_total\{verdict="reject",rule="R01"\} 2/);
  t.equal((await fetch(`${oracle.statusUrl}/readings/rejected?limit=501`)).status, 400);
});

t.test('a broker that goes away and comes back: the oracle takes what came meanwhile', async (t) => {
  const broker = await startBroker();
  const bench = await makeBench(t);
  const { milkA } = bench.world;
  const oracle = await bench.start(broker.url);
  await until('connected', async () => (await json(`${oracle.statusUrl}/status`)).brokerConnected);
  await broker.close();
  await until('it notices', async () => !(await json(`${oracle.statusUrl}/status`)).brokerConnected);
  const again = await startBroker(broker.port);
  const device = await startPublisher(again.url, milkA);
  t.teardown(async () => {
    await device.close();
    await oracle.close();
    await again.close();
  });
  await until('reconnected', async () => (await json(`${oracle.statusUrl}/status`)).brokerConnected);
  await device.publish(topicOf(milkA), milk(milkA).payload);
  await until('receipt', () => device.receipts.length === 1);
  t.ok(bench.lines.some(({ level, message }) => level === 'warn' && message.includes('reconnecting')));
});

t.test('from readings and manifest on the broker to a statement on chain; after a restart the receipts are repeated', async (t) => {
  const broker = await startBroker();
  const bench = await makeBench(t);
  const { world, chain } = bench;
  let oracle = await bench.start(broker.url);
  const plant = await startPublisher(broker.url, world.filler);
  t.teardown(async () => {
    await plant.close();
    await oracle.close();
    await broker.close();
  });
  await until('connected', async () => (await json(`${oracle.statusUrl}/status`)).brokerConnected);
  const named = usualReadings(world);
  const { lot, manifestBytes } = makeLot(world, named);
  for (const { device, payload } of named) await plant.publish(topicOf(device), payload);
  await plant.publish(manifestTopic(SITE, accountOf('plant'), BATCH, 1), manifestBytes, true);
  chain.open(lot);
  chain.makeBlock();
  await until('sent', () => chain.arrived.length === 1);
  chain.makeBlock();
  await until('on chain', () => chain.attestations.get(attestationId(BATCH, 1, ORACLE.address)));
  t.match(chain.attestations.get(attestationId(BATCH, 1, addressOf(ed25519PublicKey(seedOf('oracle'))))), { volumeMl: 990_000n, reject: 0 });
  await until('marked', async () => (await json(`${oracle.statusUrl}/lots`)).finished[0]?.state === 'done');
  t.match((await json(`${oracle.statusUrl}/lots`)).data[0], { volumeMl: '990000', reject: 0 });
  await oracle.close();

  const seen = plant.receipts.length;
  oracle = await bench.start(broker.url);
  await until('the cursor is repeated', () => plant.receipts.length > seen);
  t.match(plant.receipts.at(-1), { nextSeq: 2, results: [] });
  t.equal(chain.arrived.length, 1, 'nothing is signed or sent again');
});

t.test('a second oracle on the same folder, and another network, are refused', async (t) => {
  const broker = await startBroker();
  const bench = await makeBench(t);
  const oracle = await bench.start(broker.url);
  t.teardown(() => broker.close());
  await t.rejects(bench.start(broker.url), /cannot be opened/);
  await oracle.close();
  const other = { ...bench.chain, genesisHash: new Uint8Array(32) };
  await t.rejects(startOracle({ broker: { url: broker.url }, dataDir: bench.dataDir, status: { host: '127.0.0.1', port: 0 }, pollMs: 50 }, { chain: other, key: ORACLE, log: keepingLog() }), /belongs to genesis/);
});

t.test('a fork is an alarm; a node that is away is tried again', async (t) => {
  const broker = await startBroker();
  const bench = await makeBench(t);
  const { milkA } = bench.world;
  const oracle = await bench.start(broker.url);
  const device = await startPublisher(broker.url, milkA);
  t.teardown(async () => {
    await device.close();
    await oracle.close();
    await broker.close();
  });
  await until('connected', async () => (await json(`${oracle.statusUrl}/status`)).brokerConnected);
  bench.chain.cut = 'all';
  await until('the pass fails', () => bench.lines.some(({ level, message }) => level === 'warn' && message.includes('tried again')));
  bench.chain.cut = 'none';
  const before = milkA.state;
  await device.publish(topicOf(milkA), milk(milkA).payload);
  milkA.state = before;
  await device.publish(topicOf(milkA), milk(milkA, 700_000).payload);
  await until('both receipts', () => device.receipts.length === 2);
  t.match(device.receipts[1], { results: [{ seq: 0, verdict: 3, rules: [7] }] });
  t.match(bench.lines.filter(({ level }) => level === 'error'), [{ fields: { alarm: 'fork' }, message: /regulator/ }]);
  t.match(await (await fetch(`${oracle.statusUrl}/metrics`)).text(), /mmu_alarms_total\{kind="fork"\} 1/);
});
