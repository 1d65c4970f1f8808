/**
 * An oracle put together: store, intake, broker, registry, lots, outbox, status. Built here in one visible place, in the
 * order in which the parts need each other; `close` takes them down in the opposite order.
 */
import { formatAddress, toHex, type Verifier } from '@billcoin/protocol';
import type { Signer } from '@billcoin/sdk';
import { verifyEd25519Native, verifyP256Native } from '../crypto/verifier.ts';
import { makeFloodGuard } from '../intake/floodGuard.ts';
import { makeIntake, type Intake } from '../intake/intake.ts';
import type { Desk, Taken } from '../intake/takeMessage.ts';
import { makeLots, type Lots } from '../lots/lots.ts';
import { openManifestPool, type ManifestPool } from '../lots/manifestPool.ts';
import { connectBroker, type Broker } from '../mqtt/connection.ts';
import { makeReceipts, type Receipts } from '../mqtt/receipts.ts';
import { sendOutbox } from '../outbox/outbox.ts';
import { ORACLE_FILTERS, parseManifestTopic } from '../reading/topic.ts';
import type { ChainReader } from '../registry/chainReader.ts';
import type { Registry } from '../registry/registry.ts';
import { makeBench, type Bench } from '../rules/judgeReading.ts';
import { MY_PROFILE, profileHash } from '../rules/profile.ts';
import { openStore, type Store } from '../store/store.ts';
import { makeAlarm, type Alarm } from './alarms.ts';
import type { OracleConfig } from './config.ts';
import type { Log } from './log.ts';
import { makeMetrics, type Metrics } from './metrics.ts';
import { makeStatusApi } from './statusApi.ts';
import { startWorker, type Worker } from './worker.ts';

/** What an oracle takes from outside. `verifiers` are the native ones unless a test gives others. */
export interface OracleDeps {
  readonly chain: ChainReader;
  readonly key: Signer;
  readonly log: Log;
  readonly nowMs?: () => number;
  readonly verifiers?: { readonly ed25519: Verifier; readonly p256: Verifier };
  /** The store failed: nothing is acknowledged any more and the process must end. */
  readonly onFatal?: (error: unknown) => void;
}

export interface RunningOracle {
  /** `http://127.0.0.1:port` of the status API. */
  readonly statusUrl: string;
  readonly address: Uint8Array;
  close(): Promise<void>;
}

type Config = Pick<OracleConfig, 'broker' | 'dataDir' | 'status' | 'pollMs'>;

/** Kept this long (oracle page §3). */
const QUARANTINE_LIFE_MS = 400 * 86_400_000;
const PRUNE_EVERY_MS = 86_400_000;

/** What the parts share. The few fields that change are changed by one owner each, named beside them. */
interface House {
  readonly config: Config;
  readonly chain: ChainReader;
  readonly key: Signer;
  readonly log: Log;
  readonly nowMs: () => number;
  readonly bench: Bench;
  readonly store: Store;
  readonly manifests: ManifestPool;
  readonly metrics: Metrics;
  readonly alarm: Alarm;
  readonly onFatal: (error: unknown) => void;
  /** Newest registry: the lots worker. */
  registry: Registry;
  /** A reading or manifest came that an open batch may wait for: set by intake, cleared by the lots worker. */
  lotsDue: boolean;
  closing: boolean;
  parts: Partial<Parts>;
}

interface Parts {
  readonly receipts: Receipts;
  readonly intake: Intake;
  readonly lots: Lots;
  readonly workers: Readonly<Record<'lots' | 'outbox' | 'prune', Worker>>;
  readonly broker: Broker;
}

/** The registry at the newest final block; `known` itself where no block came since. */
async function newestRegistry(chain: ChainReader, known?: Registry): Promise<Registry> {
  const { height } = await chain.latest();
  if (known?.height === height) return known;
  const registry = await chain.registryAt(height);
  if (registry === undefined) throw new Error(`The node tells height ${height} and then does not know it.`);
  return registry;
}

function openMetrics(parts: Partial<Parts>): Metrics {
  return makeMetrics({
    queued: () => parts.intake?.queued() ?? 0, receiptsOwed: () => parts.receipts?.owed() ?? 0, brokerConnected: () => parts.broker?.connected() ?? false,
    lotsWaiting: () => parts.lots?.progress().filter(({ stage }) => stage !== 'stated').length ?? 0,
  });
}

async function openHouse(config: Config, deps: OracleDeps): Promise<House> {
  const { chain, key, log } = deps;
  const store = await openStore(config.dataDir, toHex(chain.genesisHash));
  try {
    const parts: Partial<Parts> = {};
    const metrics = openMetrics(parts);
    const house: House = {
      config, chain, key, log, nowMs: deps.nowMs ?? Date.now, store, metrics, parts, alarm: makeAlarm(log, metrics), lotsDue: true, closing: false,
      bench: makeBench(chain.genesisHash, deps.verifiers ?? { ed25519: verifyEd25519Native, p256: verifyP256Native }),
      manifests: await openManifestPool(store), registry: await newestRegistry(chain),
      onFatal(error) {
        if (house.closing) return;
        log.error({ err: error }, 'the store failed: stop, check the disk, start again');
        deps.onFatal?.(error);
      },
    };
    return house;
  } catch (error) {
    await store.close();
    throw error;
  }
}

function nudgeLots(house: House): void {
  house.lotsDue = true;
  house.parts.workers?.lots.nudge();
}

function openIntake(house: House, receipts: Receipts): Intake {
  const { bench, metrics, alarm, parts } = house;
  const guard = makeFloodGuard();
  const profileHashHex = toHex(profileHash(MY_PROFILE));
  function mayKeep(device: string, atMs: number): boolean {
    const admitted = guard.admit(device, atMs);
    if (admitted === 'alarm') alarm('quarantine_flood', { device });
    return admitted === 'keep';
  }
  function onCommitted(taken: readonly Taken[]): void {
    metrics.count(taken);
    receipts.send(taken);
    for (const { fork, id, receipt } of taken) if (fork === true) alarm('fork', { id, device: receipt?.device });
    if (parts.lots?.isWaitingFor(taken.filter(({ fresh }) => fresh).map(({ id }) => id)) === true) nudgeLots(house);
  }
  const desk = (): Desk => ({ bench, profile: MY_PROFILE, profileHashHex, registry: house.registry, mayKeep });
  return makeIntake(house.store, desk, onCommitted);
}

function openLots({ store, chain, manifests, bench, key, nowMs, metrics, log, alarm, parts }: House): Lots {
  return makeLots({
    store, chain, manifests, bench, oracle: key, profiles: [MY_PROFILE], nowMs,
    onStated(lot, { volumeMl, reject, why }) {
      metrics.statement(reject === 0 ? 'volume' : 'reject');
      log.info({ batch: toHex(lot.batch), attempt: lot.attempt, volumeMl: volumeMl.toString(), reject, why }, 'statement signed');
      parts.workers?.outbox.nudge();
    },
    onAlarm: (lot, stage) => alarm(stage === 'withheld' ? 'withheld' : 'unknown_profile', { batch: toHex(lot.batch), attempt: lot.attempt }),
  });
}

async function runLots(house: House, lots: Lots): Promise<void> {
  const newest = await newestRegistry(house.chain, house.registry);
  if (newest === house.registry && !house.lotsDue) return;
  house.registry = newest;
  house.lotsDue = false;
  try {
    await lots.run();
  } catch (error) {
    house.lotsDue = true;
    throw error;
  }
}

function startWorkers(house: House, lots: Lots): Parts['workers'] {
  const { config: { pollMs }, store, chain, key, nowMs, log, alarm } = house;
  const onFailure = (part: string) => (error: unknown, retryMs: number): void => log.warn({ part, err: error, retryMs }, 'a step failed and is tried again');
  const outboxDesk = {
    store, chain, oracle: key, nowMs,
    onDone: ({ batch, attempt, round }: { batch: string; attempt: number; round: number }) => log.info({ batch, attempt, round }, 'statement is on chain'),
    onAlarm: ({ batch, attempt }: { batch: string; attempt: number }, reason: string) => alarm('outbox', { batch, attempt, reason }),
  };
  const oldest = (): string => `q/${(nowMs() - QUARANTINE_LIFE_MS).toString().padStart(15, '0')}`;
  return {
    outbox: startWorker({ everyMs: pollMs, onFailure: onFailure('outbox'), run: () => sendOutbox(outboxDesk) }),
    lots: startWorker({ everyMs: pollMs, onFailure: onFailure('lots'), run: () => runLots(house, lots) }),
    prune: startWorker({ everyMs: PRUNE_EVERY_MS, onFailure: onFailure('prune'), run: () => store.removeRange('q/', oldest()) }),
  };
}

function openBroker(house: House, intake: Intake, receipts: Receipts): Broker {
  const { config, key, log, nowMs, metrics, manifests } = house;
  const { url } = config.broker;
  return connectBroker({ ...config.broker, clientId: `o-${formatAddress(key.address)}-0`, filters: ORACLE_FILTERS }, {
    async onMessage(topic, payload) {
      metrics.message();
      if (parseManifestTopic(topic) === undefined) await intake.offer({ topic, payload, receivedAtMs: nowMs() });
      else if (await manifests.offer(payload)) nudgeLots(house);
    },
    onReady() {
      log.info({ broker: url }, 'connected to the broker');
      receipts.repeatOwed().catch(house.onFatal);
    },
    onDown: (why) => log.warn({ broker: url, why }, 'broker is away; reconnecting'),
    onFatal: house.onFatal,
  });
}

function statusOf({ key, chain, registry, manifests, parts }: House): object {
  return {
    oracle: formatAddress(key.address), genesisHash: toHex(chain.genesisHash), height: registry.height, brokerConnected: parts.broker?.connected() ?? false,
    queued: parts.intake?.queued() ?? 0, receiptsOwed: parts.receipts?.owed() ?? 0, manifests: manifests.size(), devices: registry.devices.size, lots: parts.lots?.progress() ?? [],
  };
}

async function closeHouse(house: House): Promise<void> {
  house.closing = true;
  const { broker, intake, workers } = house.parts;
  await broker?.close();
  await intake?.close();
  await Promise.all(Object.values(workers ?? {}).map((worker) => worker.close()));
  await house.store.close();
}

/**
 * Starts an oracle. Resolves once the registry was read and the status API listens; the broker connects in the
 * background and for ever. Rejects where the data folder belongs to another network or process.
 */
export async function startOracle(config: Config, deps: OracleDeps): Promise<RunningOracle> {
  const house = await openHouse(config, deps);
  const { store, chain, key, log, nowMs, metrics, parts } = house;
  const api = makeStatusApi({ store, metrics, nowMs, status: () => statusOf(house) });
  async function close(): Promise<void> {
    await api.close();
    await closeHouse(house);
  }
  try {
    const receipts = makeReceipts(store, { genesisHash: chain.genesisHash, oracle: key, nowMs, publish: (topic, payload) => parts.broker?.publish(topic, payload) ?? false });
    await receipts.oweAll();
    const intake = openIntake(house, receipts);
    const lots = openLots(house);
    Object.assign(parts, { receipts, intake, lots });
    Object.assign(parts, { workers: startWorkers(house, lots), broker: openBroker(house, intake, receipts) });
    const statusUrl = await api.listen({ host: config.status.host, port: config.status.port });
    log.info({ oracle: formatAddress(key.address), statusUrl }, 'oracle started');
    return { statusUrl, address: key.address, close };
  } catch (error) {
    await close();
    throw error;
  }
}
