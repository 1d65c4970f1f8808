/**
 * An oracle put together: store, intake, broker, registry, lots, outbox, status. `startOracle` is the one visible place
 * where the parts are built, and `close` takes them down in the opposite order.
 */
import { formatAddress, toHex, type Verifier } from '@billcoin/protocol';
import type { Signer } from '@billcoin/sdk';
import { verifyEd25519Native, verifyP256Native } from '../crypto/verifier.ts';
import { makeFloodGuard } from '../intake/floodGuard.ts';
import { makeIntake } from '../intake/intake.ts';
import type { Desk, Taken } from '../intake/takeMessage.ts';
import { makeLots } from '../lots/lots.ts';
import { openManifestPool } from '../lots/manifestPool.ts';
import { connectBroker, type Broker } from '../mqtt/connection.ts';
import { makeReceipts } from '../mqtt/receipts.ts';
import { sendOutbox } from '../outbox/outbox.ts';
import { ORACLE_FILTERS, parseManifestTopic } from '../reading/topic.ts';
import type { ChainReader } from '../registry/chainReader.ts';
import type { Registry } from '../registry/registry.ts';
import { makeBench } from '../rules/judgeReading.ts';
import { MY_PROFILE, profileHash } from '../rules/profile.ts';
import { openStore } from '../store/store.ts';
import type { OracleConfig } from './config.ts';
import type { Log } from './log.ts';
import { makeMetrics } from './metrics.ts';
import { makeStatusApi } from './statusApi.ts';
import { startWorker } from './worker.ts';

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

/** Kept this long (oracle page §3). */
const QUARANTINE_LIFE_MS = 400 * 86_400_000;
const PRUNE_EVERY_MS = 86_400_000;

/**
 * Starts an oracle. Resolves once the registry was read and the status API listens; the broker connects in the
 * background and for ever. Rejects where the data folder belongs to another network or process.
 */
export async function startOracle(config: Pick<OracleConfig, 'broker' | 'dataDir' | 'status' | 'pollMs'>, deps: OracleDeps): Promise<RunningOracle> {
  const { chain, key, log } = deps;
  const nowMs = deps.nowMs ?? Date.now;
  const address = formatAddress(key.address);
  const bench = makeBench(chain.genesisHash, deps.verifiers ?? { ed25519: verifyEd25519Native, p256: verifyP256Native });
  const store = await openStore(config.dataDir, toHex(chain.genesisHash));
  const manifests = await openManifestPool(store);
  let registry = await newestRegistry(chain);
  let broker: Broker | undefined;
  /** A reading or manifest came that an open batch may wait for. */
  let lotsDue = true;
  let closing = false;

  function fatal(error: unknown): void {
    if (closing) return;
    log.error({ err: error }, 'the store failed: stop, check the disk, start again');
    deps.onFatal?.(error);
  }

  const guard = makeFloodGuard();
  const desk = (): Desk => ({
    bench, profile: MY_PROFILE, profileHashHex: toHex(profileHash(MY_PROFILE)), registry,
    mayKeep(device, atMs) {
      const admitted = guard.admit(device, atMs);
      if (admitted === 'alarm') alarm('quarantine_flood', { device });
      return admitted === 'keep';
    },
  });
  const receipts = makeReceipts(store, { genesisHash: chain.genesisHash, oracle: key, nowMs, publish: (topic, payload) => broker?.publish(topic, payload) ?? false });
  const intake = makeIntake(store, desk, (taken) => onCommitted(taken));
  const lots = makeLots({
    store, chain, manifests, bench, oracle: key, profiles: [MY_PROFILE], nowMs,
    onStated(lot, { volumeMl, reject, why }) {
      metrics.statement(reject === 0 ? 'volume' : 'reject');
      log.info({ batch: toHex(lot.batch), attempt: lot.attempt, volumeMl: volumeMl.toString(), reject, why }, 'statement signed');
      outboxWorker.nudge();
    },
    onAlarm: (lot, stage) => alarm(stage, { batch: toHex(lot.batch), attempt: lot.attempt }),
  });
  const metrics = makeMetrics({
    queued: intake.queued, receiptsOwed: receipts.owed, brokerConnected: () => broker?.connected() ?? false,
    lotsWaiting: () => lots.progress().filter(({ stage }) => stage !== 'stated').length,
  });

  function alarm(kind: string, fields: object): void {
    metrics.alarm(kind);
    log.error({ alarm: kind, ...fields }, ALARM_TEXTS[kind] ?? kind);
  }
  function onCommitted(taken: readonly Taken[]): void {
    metrics.count(taken);
    receipts.send(taken);
    for (const { fork, id, receipt } of taken) if (fork === true) alarm('fork', { id, device: receipt?.device });
    if (lots.isWaitingFor(taken.filter(({ fresh }) => fresh).map(({ id }) => id))) nudgeLots();
  }
  async function onMessage(topic: string, payload: Uint8Array): Promise<void> {
    metrics.message();
    if (parseManifestTopic(topic) === undefined) {
      await intake.offer({ topic, payload, receivedAtMs: nowMs() });
      return;
    }
    if (await manifests.offer(payload)) nudgeLots();
  }
  function nudgeLots(): void {
    lotsDue = true;
    lotsWorker.nudge();
  }

  const failing = (part: string) => (error: unknown, retryMs: number): void => log.warn({ part, err: error, retryMs }, 'a step failed and is tried again');
  const outboxWorker = startWorker({
    everyMs: config.pollMs, onFailure: failing('outbox'),
    run: () => sendOutbox({
      store, chain, oracle: key, nowMs,
      onDone: ({ batch, attempt, round }) => log.info({ batch, attempt, round }, 'statement is on chain'),
      onAlarm: ({ batch, attempt }, reason) => alarm('outbox', { batch, attempt, reason }),
    }),
  });
  const lotsWorker = startWorker({
    everyMs: config.pollMs, onFailure: failing('lots'),
    async run() {
      const newest = await newestRegistry(chain, registry);
      if (newest === registry && !lotsDue) return;
      registry = newest;
      lotsDue = false;
      await lots.run().catch((error: unknown) => {
        lotsDue = true;
        throw error;
      });
    },
  });
  const pruneWorker = startWorker({
    everyMs: PRUNE_EVERY_MS, onFailure: failing('prune'),
    run: () => store.removeRange('q/', `q/${(nowMs() - QUARANTINE_LIFE_MS).toString().padStart(15, '0')}`),
  });

  await receipts.oweAll();
  broker = connectBroker({ ...config.broker, clientId: `o-${address}-0`, filters: ORACLE_FILTERS }, {
    onMessage,
    onReady() {
      log.info({ broker: config.broker.url }, 'connected to the broker');
      receipts.repeatOwed().catch(fatal);
    },
    onDown: (why) => log.warn({ broker: config.broker.url, why }, 'broker is away; reconnecting'),
    onFatal: fatal,
  });

  const api = makeStatusApi({
    store, metrics, nowMs,
    status: () => ({
      oracle: address, genesisHash: toHex(chain.genesisHash), height: registry.height, brokerConnected: broker?.connected() ?? false,
      queued: intake.queued(), receiptsOwed: receipts.owed(), manifests: manifests.size(), devices: registry.devices.size, lots: lots.progress(),
    }),
  });
  async function close(): Promise<void> {
    closing = true;
    await api.close();
    await broker?.close();
    await intake.close();
    await Promise.all([lotsWorker.close(), outboxWorker.close(), pruneWorker.close()]);
    await store.close();
  }
  try {
    const statusUrl = await api.listen({ host: config.status.host, port: config.status.port });
    log.info({ oracle: address, statusUrl }, 'oracle started');
    return { statusUrl, address: key.address, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What an operator reads beside an alarm. */
const ALARM_TEXTS: Readonly<Record<string, string>> = {
  fork: 'two readings share one number: the device is locked, tell the regulator',
  quarantine_flood: 'a device fills the quarantine: bar its certificate at the broker',
  withheld: 'a fork of a named reading is held but not named: no statement, tell the regulator',
  unknown_profile: 'the batch was opened under a profile this program does not know: update the oracle',
  outbox: 'a statement cannot reach the chain',
};

/** The registry at the newest final block; `known` itself where no block came since. */
async function newestRegistry(chain: ChainReader, known?: Registry): Promise<Registry> {
  const { height } = await chain.latest();
  if (known?.height === height) return known;
  const registry = await chain.registryAt(height);
  if (registry === undefined) throw new Error(`The node tells height ${height} and then does not know it.`);
  return registry;
}
