/**
 * Composition root: builds every part from the configuration, starts them in order and stops them in the reverse order.
 * The only file that knows all rooms of the node.
 */
import { readFile } from 'node:fs/promises';
import { StateTree, genesisTip, indexOfKey, loadGenesis, makeChain, toHex, useSha256, type Chain, type Genesis, type Tip, type Verifier } from '@billcoin/protocol';
import type { HttpsConfig } from './api/https.ts';
import { isLoopback } from './api/loopback.ts';
import { openMetricsListener } from './api/metricsListener.ts';
import { startApi } from './api/server.ts';
import { openCampus } from './campus/campus.ts';
import type { Campus } from './campusPorts.ts';
import { checkpointSource } from './checkpointFile.ts';
import { ConfigError, type Config } from './config.ts';
import { readAuthorityKey } from './crypto/authorityKey.ts';
import { hashPairsNative, sha256Native } from './crypto/sha256.ts';
import { CONSENSUS_KEY_FILE, createKeyFile, EXPORT_KEY_FILE, NODE_KEY_FILE, readKeyFile, type KeyPair } from './crypto/keyFiles.ts';
import { nativeSigner } from './crypto/nativeSigner.ts';
import { makeLostGuard, type ValidatorGuard } from './crypto/lostGuard.ts';
import { createSignGuard, openSignGuard, readSignGuard } from './crypto/signGuard.ts';
import { verifyEd25519Native } from './crypto/verifier.ts';
import { VERIFY_CACHE_GENERATION, makeVerifyCache, type VerifyCache } from './crypto/verifyCache.ts';
import { createVerifyPool } from './crypto/verifyPool.ts';
import { openEngine, type Engine, type Validator } from './engine.ts';
import { makeSignatureQueue, skipKnown } from './mempool/signatureQueue.ts';
import type { VerifyMany } from './signaturesOf.ts';
import type { JoinProgress } from './join/join.ts';
import { joinFirst, openSnapshots } from './join/newcomers.ts';
import { isSnapshotQuestion, SnapshotServer } from './join/snapshotServer.ts';
import { lightBlockAt } from './lightBlock.ts';
import { makeMetrics, type Metrics } from './metrics.ts';
import { declareNodeMetrics } from './nodeMetrics.ts';
import { openNodeView, type NodeStatus } from './nodeView.ts';
import { singleValidatorNetwork } from './network/singleValidator.ts';
import type { ChainPort, Clock, Log, Network, PeerInfo, PeerMessage, Timers } from './ports.ts';
import { makeBlockStore } from './storage/blockStore.ts';
import { makeChainIndex } from './storage/chainIndex.ts';
import { STAGED_MAX } from './storage/commitTogether.ts';
import { openDataFolder, type DataFolder } from './storage/dataFolder.ts';
import { watchDiskSpace, type DiskSpace } from './storage/diskSpace.ts';
import { testDisk } from './storage/diskTest.ts';
import { startScrub } from './storage/scrub.ts';
import { lockFolder } from './storage/folderLock.ts';
import { openKeyValueLevel } from './storage/keyValueLevel.ts';
import { StorageFailure } from './storageFailure.ts';
import { openDevPair } from './tlsFiles.ts';

export interface NodeDeps {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  /** The process must end now: a write failed or the chain contradicts this node. Called once. */
  readonly onHalt: (error: Error) => void;
  readonly processMetrics: boolean;
  /** How a newcomer joins at a snapshot of its peers. */
  readonly onJoin?: ((progress: JoinProgress) => void) | undefined;
  /** Ends a start that waits for peers: it throws JoinStopped. */
  readonly signal?: AbortSignal | undefined;
}

export interface RunningNode {
  readonly port: ChainPort;
  readonly metrics: Metrics;
  /** Where the API listens for this machine. */
  readonly url: string;
  /** Where it listens for everybody, over TLS; undefined without. */
  readonly httpsUrl: string | undefined;
  /** Where the metrics are for the internal network; undefined without. */
  readonly metricsUrl: string | undefined;
  /** Height and round in progress. */
  progress(): { readonly height: number; readonly round: number; readonly step: string };
  /** Height, peers, sync: what an operator looks at. */
  status(): NodeStatus;
  /** Stops in order; what was promised is on disk when it resolves. */
  stop(): Promise<void>;
}

/** Things to close, newest first. */
class StopList {
  readonly #steps: { readonly name: string; readonly stop: () => Promise<void> }[] = [];
  add(name: string, stop: () => Promise<void>): void {
    this.#steps.unshift({ name, stop });
  }
  async run(log: Log): Promise<void> {
    for (const { name, stop } of this.#steps.splice(0)) {
      try {
        await stop();
      } catch (error) {
        log.error({ error, part: name }, 'A part did not stop cleanly; recovery at the next start deals with it');
      }
    }
  }
}

interface ChainParts {
  readonly genesis: Genesis;
  readonly chain: Chain;
  readonly cache: VerifyCache;
  readonly genesisTip: () => Tip;
}

/** Loads and checks the genesis file. Throws ConfigError where it does not hold. */
export async function readGenesis(path: string): Promise<Genesis> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new ConfigError(`The genesis file ${path} cannot be read. Put the file of your network there, or name it with --genesis.`, { cause: error });
  }
  const genesis = loadGenesis(text, verifyEd25519Native);
  if (genesis.ok) return genesis.value;
  const { code, ...data } = genesis.fault;
  throw new ConfigError(`The genesis file ${path} is refused (${code}): ${Object.values(data).map(String).join(' ')}.`);
}

/** Once at the start of the process: every hash of the protocol is made natively from then on. */
export function useNativeHashing(): void {
  useSha256(sha256Native);
}

async function makeChainParts(config: Config): Promise<ChainParts> {
  const genesis = await readGenesis(config.genesis);
  const cache = makeVerifyCache(verifyEd25519Native, config.chainOnly ? 0 : VERIFY_CACHE_GENERATION);
  const chain = makeChain(genesis, cache.verify, new StateTree(hashPairsNative));
  return { genesis, chain, cache, genesisTip: () => genesisTip(chain, genesis) };
}

/** The key of a node that is a validator or may become one. A chain that begins with one validator runs only with its key. */
async function readOwnKey(config: Config, genesis: Genesis): Promise<KeyPair | undefined> {
  const pair = await readKeyFile(config.keyDir, CONSENSUS_KEY_FILE);
  const isMember = pair !== undefined && indexOfKey(genesis.validators, pair.publicKey) !== undefined;
  if (!isMember && genesis.validators.validators.length === 1 && config.peers === undefined) {
    throw new StorageFailure('no_key', `${config.keyDir} does not hold the key of the only validator of this chain.`, 'Point --key-dir at the key folder; without this key the chain cannot go on.');
  }
  return pair;
}

/**
 * Opens the guard; a lost one is made anew for the height that the operator states, else its key only observes. The only
 * validator would wait for ever: it is refused, and its operator may state the very next height and no other.
 */
async function openGuard(config: Config, genesis: Genesis, pair: KeyPair, nextHeight: number, validators: number, onFailure: (failure: StorageFailure) => void): Promise<ValidatorGuard> {
  const identity = { publicKey: pair.publicKey, genesisHash: genesis.genesisHash };
  const { keyDir, signFromHeight } = config;
  if ((await readSignGuard(keyDir, identity)) !== undefined) return openSignGuard(keyDir, identity, onFailure);
  if (signFromHeight === undefined && validators > 1) return makeLostGuard(keyDir, identity, config.iAmTheOnlyOne, onFailure);
  // The next line throws what is wrong with the guard.
  if (signFromHeight === undefined || (validators === 1 && signFromHeight !== nextHeight)) return openSignGuard(keyDir, identity, onFailure);
  await createSignGuard(keyDir, identity, signFromHeight - 1);
  return openSignGuard(keyDir, identity, onFailure);
}

/**
 * Starts a node: genesis, key and guard, databases, recovery, pool, consensus. Throws ConfigError or StorageFailure with
 * the remedy; whatever was opened is closed again.
 */
export async function startNode(config: Config, deps: NodeDeps): Promise<RunningNode> {
  const stops = new StopList();
  try {
    return await buildNode(config, deps, stops);
  } catch (error) {
    await stops.run(deps.log);
    throw error;
  }
}

/** A failure while the node runs ends it, once; before that the start itself throws it. */
function makeHalt({ log, onHalt }: NodeDeps): { readonly halt: (error: Error) => void; readonly arm: () => void } {
  let state: 'starting' | 'running' | 'halted' = 'starting';
  return {
    arm: () => {
      state = 'running';
    },
    halt: (error) => {
      if (state !== 'running') return;
      state = 'halted';
      log.error({ error }, 'The node stops');
      onHalt(error);
    },
  };
}

/** The key and its guard; the key folder is locked as long as the node runs. */
async function lockValidator(config: Config, genesis: Genesis, stops: StopList, halt: (error: Error) => void): Promise<Validator | undefined> {
  const pair = await readOwnKey(config, genesis);
  if (pair === undefined) return undefined;
  const keyLock = await lockFolder(config.keyDir);
  stops.add('key folder', keyLock.release);
  return { publicKey: pair.publicKey, sign: nativeSigner(pair), openGuard: (nextHeight, validators) => openGuard(config, genesis, pair, nextHeight, validators, halt) };
}

/** Signature checks of submissions: on worker threads where the configuration wants them. */
function makeSubmissionVerifier(config: Config, cache: VerifyCache, stops: StopList): VerifyMany {
  const pool = config.verifyThreads === 0 ? undefined : createVerifyPool({ threads: config.verifyThreads });
  if (pool !== undefined) stops.add('verify pool', pool.close);
  const inline: VerifyMany = (items) => Promise.resolve(items.map(({ publicKey, message, signature }) => verifyEd25519Native(publicKey, message, signature)));
  const engine = pool?.verifyMany ?? inline;
  // The limits of a campus have verified who signed a Pay before the pool gets it; a node of the chain alone has none.
  const verifyMany = config.chainOnly ? engine : skipKnown(engine, ({ publicKey, message, signature }) => cache.knows(publicKey, message, signature));
  return makeSignatureQueue(verifyMany, ({ publicKey, message, signature }) => cache.remember(publicKey, message, signature));
}

/** Orders, wallets and exports: they follow the chain from before its first new block. */
async function openCampusParts(config: Config, { clock, log }: NodeDeps, folder: DataFolder, chain: ChainPort, verify: Verifier, metrics: Metrics, stops: StopList, halt: (error: Error) => void): Promise<Campus> {
  const store = await openKeyValueLevel(folder.campusPath, halt);
  metrics.measured('billcoin_campus_staged_rows', `Rows of the campus that are put and not on disk yet; above ${STAGED_MAX} every writer waits for the disk`, store.staged);
  stops.add('campus store', store.close);
  const exportKey = (await readKeyFile(config.keyDir, EXPORT_KEY_FILE)) ?? (await createKeyFile(config.keyDir, EXPORT_KEY_FILE));
  const exportSigner = { publicKey: exportKey.publicKey, sign: nativeSigner(exportKey) };
  const campus = await openCampus({ chain, store, clock, log: log.child({ part: 'campus' }), keyFolder: config.keyDir, exportSigner, verify, ...(await readAuthorityKey(config.campusAuthorityKey, chain)), alerts: { webhookFile: config.slackWebhookFile, allowLoopback: config.alertsToLoopback } });
  stops.add('campus', campus.close);
  return campus;
}

/** Free space watched from now on, and what is wrong with the disks said once. */
async function openDisk(config: Config, { timers, log }: NodeDeps, stops: StopList, halt: (error: Error) => void): Promise<DiskSpace> {
  const folders = [config.dataDir, config.keyDir];
  const disk = await watchDiskSpace({ folders, floorMib: config.diskFloorMib, timers, log, halt });
  stops.add('disk space', async () => disk.stop());
  for (const folder of folders) for (const warning of (await testDisk(folder)).warnings) log.warn({ folder }, warning);
  return disk;
}

/** The listener over TLS where the configuration wants one, with the operator's certificate or one for development. */
async function httpsConfig({ chainOnly, httpsHost, httpsPort, tlsCert, tlsKey, keyDir }: Config, { clock, timers, log }: NodeDeps): Promise<HttpsConfig | undefined> {
  if ((tlsCert === undefined) !== (tlsKey === undefined)) throw new ConfigError('--tls-cert and --tls-key go together.');
  if (httpsPort === undefined) return undefined;
  if (chainOnly) throw new ConfigError('--chain-only has no logins and serves this machine alone: leave --https-port out, or let an API node serve others.');
  if (tlsCert !== undefined && tlsKey !== undefined) return { host: httpsHost, port: httpsPort, timers, files: { certPath: tlsCert, keyPath: tlsKey } };
  const { files, isNew } = await openDevPair(keyDir, httpsHost, clock.nowMs());
  if (isNew) log.info({ path: files.certPath }, 'Made a certificate for development; programs trust it with NODE_EXTRA_CA_CERTS');
  if (!isLoopback(httpsHost)) log.warn({ host: httpsHost, path: files.certPath }, 'Other machines are served with a certificate for development, which nobody vouches for; give --tls-cert and --tls-key');
  return { host: httpsHost, port: httpsPort, timers, files };
}

interface Peering {
  readonly network: Network;
  readonly peers: () => readonly Omit<PeerInfo, 'height'>[];
  /** Messages of peers come from now on; called again, they go elsewhere. */
  start(receive: Receive): Promise<void>;
  /** As often as it is called. */
  close(): Promise<void>;
}
type Receive = (from: string, message: PeerMessage) => void;

/** Peers over libp2p, where the configuration speaks of any. */
async function openPeering(config: Config, { clock, timers, log }: NodeDeps, genesisHash: Uint8Array, metrics: Metrics): Promise<Peering> {
  const { listen, peers = [], keyDir } = config;
  if (listen === undefined && peers.length === 0) return { network: singleValidatorNetwork, peers: () => [], start: () => Promise.resolve(), close: () => Promise.resolve() };
  const pair = await readKeyFile(keyDir, NODE_KEY_FILE);
  if (pair === undefined) throw new StorageFailure('no_key', `${keyDir} does not hold the key that peers know this node by.`, 'Run: billcoin node-key. Then tell the other institutions the key that it prints.');
  const { openNetwork } = await import('./network/openNetwork.ts');
  const partLog = log.child({ part: 'network' });
  const others = peers.filter(({ key }) => key !== toHex(pair.publicKey)).length;
  metrics.measured('billcoin_network_named_peers', 'Peers that the configuration names', () => others);
  const { network, listenPort } = await openNetwork({ seed: pair.seed, genesisHash, listen, peers, clock, timers, log: partLog, metrics });
  let sink: Receive | undefined;
  let closing: Promise<void> | undefined;
  return {
    network, peers: () => network.peers(),
    close: () => (closing ??= network.close()),
    async start(receive) {
      const isRunning = sink !== undefined;
      sink = receive;
      if (isRunning) return;
      try {
        await network.start((from, message) => sink?.(from, message));
      } catch (error) {
        throw new ConfigError(`The node cannot listen for its peers at ${listen?.host ?? ''}:${listen?.port ?? ''}.`, { cause: error });
      }
      partLog.info({ nodeKey: toHex(pair.publicKey), port: listenPort(), peers: peers.length }, 'Listening for peers');
    },
  };
}

async function buildNode(config: Config, deps: NodeDeps, stops: StopList): Promise<RunningNode> {
  const { clock, timers, log } = deps;
  const { halt, arm } = makeHalt(deps);
  const parts = await makeChainParts(config);
  const { genesis, chain, cache } = parts;
  const validator = await lockValidator(config, genesis, stops, halt);
  const metrics = makeMetrics({ processMetrics: deps.processMetrics });
  const peering = await openPeering(config, deps, genesis.genesisHash, metrics);
  if (config.fromSnapshot) {
    stops.add('network', peering.close);
    await joinFirst(config, deps, genesis, peering);
  }
  const folder = await openDataFolder(config.dataDir, genesis.genesisHash, halt);
  stops.add('data folder', folder.close);
  const disk = await openDisk(config, deps, stops, halt);
  const measures = declareNodeMetrics(metrics, { tip: () => engine.tip(), pool: () => engine.port.poolInfo(), tree: () => engine.tree(), states: () => engine.states(), undo: () => engine.undo(), diskFreeBytes: disk.freeBytes, diskFloorBytes: config.diskFloorMib * 2 ** 20, load: () => engine.load(), clockOffsetMs: () => engine.clockOffsetMs(), clock });
  const snapshots = await openSnapshots(config, deps, metrics);
  const engine: Engine = await openEngine({
    genesis, chain, genesisTip: parts.genesisTip, stores: folder, validator, network: peering.network,
    verifySignatures: makeSubmissionVerifier(config, cache, stops), clock, timers, log, halt, measures, isDiskLow: disk.isLow,
    ...(snapshots.maker === undefined ? {} : { snapshots: snapshots.maker }),
  });
  stops.add('engine', engine.close);
  stops.add('snapshots', async () => snapshots.maker?.settled());
  const campus = config.chainOnly ? undefined : await openCampusParts(config, deps, folder, engine.port, cache.verify, metrics, stops, halt);
  const scrub = startScrub({
    chain, blocks: makeBlockStore(folder.blocks), index: makeChainIndex(folder.index), firstBlock: engine.port.firstBlock, tipHeight: () => engine.tip().height, timers, halt,
  });
  metrics.measured('billcoin_scrub_height', 'Stored block that was read again last; goes round and round', scrub.height);
  stops.add('scrub', scrub.stop);
  stops.add('consensus', engine.stop);
  stops.add('network', peering.close);
  arm();
  engine.start();
  const server = new SnapshotServer({ shelf: snapshots.shelf, lightBlock: (height) => lightBlockAt(engine.port, height), network: peering.network, clock, fail: (error) => halt(error instanceof Error ? error : new Error('A snapshot could not be served.', { cause: error })) });
  await peering.start((from, message) => (isSnapshotQuestion(message) ? server.receive(from, message) : engine.receive(from, message)));
  log.info({ chainId: genesis.chainId, height: engine.tip().height, validator: validator === undefined ? 'none' : toHex(validator.publicKey).slice(0, 12) }, 'Node started');
  const view = openNodeView({ tip: engine.tip, networkPeers: peering.peers, peerHeights: engine.peerHeights, clock, timers });
  stops.add('view', async () => view.stop());
  const apiConfig = { host: config.httpHost, port: config.httpPort, https: await httpsConfig(config, deps) };
  const api = await startApi({ chain: engine.port, campus, clock, log: log.child({ part: 'api' }), config: apiConfig, registry: metrics.registry, disk, peers: view.peers, sync: () => view.status().sync, checkpoint: checkpointSource(config.checkpoint, genesis, verifyEd25519Native, log) });
  stops.add('api', api.close);
  const watched = config.metricsListen === undefined ? undefined : await openMetricsListener(metrics.registry, config.metricsListen, log.child({ part: 'metrics' }));
  if (watched !== undefined) stops.add('metrics', watched.close);
  return { port: engine.port, metrics, url: api.url, httpsUrl: api.httpsUrl, metricsUrl: watched?.url, progress: engine.progress, status: view.status, stop: () => stops.run(log) };
}
