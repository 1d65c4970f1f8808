/**
 * Composition root: builds every part from the configuration, starts them in order and stops them in the reverse order.
 * The only file that knows all rooms of the node.
 */
import { readFile } from 'node:fs/promises';
import { StateTree, genesisTip, indexOfKey, loadGenesis, makeChain, toHex, useSha256, type Chain, type Genesis, type Tip, type Verifier } from '@billcoin/protocol';
import { startApi } from './api/server.ts';
import { openCampus } from './campus/campus.ts';
import type { Campus } from './campusPorts.ts';
import { makeChainService, storedTipInfo, type ChainService } from './chainPort.ts';
import { checkpointSource } from './checkpointFile.ts';
import { ConfigError, type Config } from './config.ts';
import { hashPairsNative, sha256Native } from './crypto/sha256.ts';
import { CONSENSUS_KEY_FILE, readKeyFile, type KeyPair } from './crypto/keyFiles.ts';
import { nativeSigner } from './crypto/nativeSigner.ts';
import { createSignGuard, openSignGuard, type SignGuard } from './crypto/signGuard.ts';
import { verifyEd25519Native } from './crypto/verifier.ts';
import { makeVerifyCache, type VerifyCache } from './crypto/verifyCache.ts';
import { createVerifyPool } from './crypto/verifyPool.ts';
import { Driver, type ResumeInfo } from './driver.ts';
import { storedFinalBlock } from './finalBlock.ts';
import { POOL_LIMITS } from './mempool/limits.ts';
import { Mempool } from './mempool/mempool.ts';
import { makeSignatureQueue, type VerifyMany } from './mempool/signatureQueue.ts';
import { makeMetrics, type Metrics } from './metrics.ts';
import { declareNodeMetrics } from './nodeMetrics.ts';
import { singleValidatorNetwork } from './network/singleValidator.ts';
import type { ChainPort, Clock, Log, Timers } from './ports.ts';
import { RecentStates } from './recentStates.ts';
import { makeBlockStore, type BlockStore } from './storage/blockStore.ts';
import { makeChainIndex, type ChainIndex } from './storage/chainIndex.ts';
import { openDataFolder, type DataFolder } from './storage/dataFolder.ts';
import { Flusher } from './storage/flusher.ts';
import { lockFolder } from './storage/folderLock.ts';
import { groupCommit } from './storage/groupCommit.ts';
import { openKeyValueLevel } from './storage/keyValueLevel.ts';
import { recover } from './storage/recovery.ts';
import { makeStateStore } from './storage/stateStore.ts';
import { REMEDY, StorageFailure } from './storageFailure.ts';

export interface NodeDeps {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  /** The process must end now: a write failed or the chain contradicts this node. Called once. */
  readonly onHalt: (error: Error) => void;
  readonly processMetrics: boolean;
}

export interface RunningNode {
  readonly port: ChainPort;
  readonly metrics: Metrics;
  /** Where the API listens. */
  readonly url: string;
  /** Height and round in progress. */
  progress(): { readonly height: number; readonly round: number; readonly step: string };
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
  readonly genesisTip: Tip;
}

/** Loads and checks the genesis file. Throws ConfigError where it does not hold. */
export async function readGenesis(path: string): Promise<Genesis> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new ConfigError(`The genesis file ${path} cannot be read.`, { cause: error });
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
  const cache = makeVerifyCache(verifyEd25519Native);
  const chain = makeChain(genesis, cache.verify, new StateTree(hashPairsNative));
  return { genesis, chain, cache, genesisTip: genesisTip(chain, genesis) };
}

/** The key, where this node is a validator. A chain of one validator runs only with its key. */
async function readOwnKey(config: Config, genesis: Genesis): Promise<KeyPair | undefined> {
  const pair = await readKeyFile(config.keyDir, CONSENSUS_KEY_FILE);
  const isMember = pair !== undefined && indexOfKey(genesis.validators, pair.publicKey) !== undefined;
  if (!isMember && genesis.validators.validators.length === 1) {
    throw new StorageFailure('no_key', `${config.keyDir} does not hold the key of the only validator of this chain.`, 'Point --key-dir at the key folder; without this key the chain cannot go on.');
  }
  return isMember ? pair : undefined;
}

/** Opens the guard. The override of a lost guard is only for a chain of one validator and only for the very next height. */
async function openGuard(config: Config, genesis: Genesis, pair: KeyPair, nextHeight: number, onFailure: (failure: StorageFailure) => void): Promise<SignGuard> {
  const identity = { publicKey: pair.publicKey, genesisHash: genesis.genesisHash };
  try {
    return await openSignGuard(config.keyDir, identity, onFailure);
  } catch (error) {
    const isOverridden = error instanceof StorageFailure && error.code === 'no_guard' && genesis.validators.validators.length === 1 && config.signFromHeight === nextHeight;
    if (!isOverridden) throw error;
    await createSignGuard(config.keyDir, identity);
    return openSignGuard(config.keyDir, identity, onFailure);
  }
}

/** What the guard remembers must not be ahead of the blocks (§1.10): with one validator nobody can bring the missing ones. */
function checkGuard(guard: SignGuard, tipHeight: number): void {
  const { height } = guard.current();
  if (height <= tipHeight + 1) return;
  throw new StorageFailure('older_than_guard', `The sign guard has signed block ${height}, but the blocks end at ${tipHeight}: blocks ${tipHeight + 1} to ${height - 1} are lost.`, REMEDY.restoreBackup);
}

/** What of the next height is on disk already. */
async function resumeInfo(guard: SignGuard | undefined, blocks: BlockStore, tip: Tip): Promise<ResumeInfo | undefined> {
  const hardState = guard?.current();
  return hardState?.height === tip.height + 1 ? { hardState, bodies: await blocks.bodies(tip.height + 1) } : undefined;
}

function makeReaders({ parts: { chain, genesis }, blocks, index }: OpenChain, states: RecentStates, tip: () => Tip, log: Log): Parameters<typeof makeChainService>[0] {
  return {
    genesis, tip, log,
    proveRow: (rowKey, height) => states.proveRow(rowKey, height),
    readBlock: blocks.read,
    positionOf: index.positionOf,
    heightOf: index.heightOf,
    history: index.history,
    batchHistory: index.batchHistory,
    batchesOfLot: index.batchesOfLot,
    registryAt: index.registryAt,
    async readFinal(height) {
      const [block, results] = [await blocks.read(height), await index.results(height)];
      return block === undefined || results === undefined ? undefined : storedFinalBlock(chain, block, results);
    },
  };
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

interface OpenChain {
  readonly parts: ChainParts;
  readonly pair: KeyPair | undefined;
  readonly guard: SignGuard | undefined;
  readonly folder: DataFolder;
  readonly blocks: BlockStore;
  readonly index: ChainIndex;
  readonly flusher: Flusher;
  readonly recovered: Tip;
}

/** Genesis, key, databases, recovery, guard: everything from disk, checked against each other. */
async function openChain(config: Config, { timers, log }: NodeDeps, stops: StopList, halt: (error: Error) => void): Promise<OpenChain> {
  const parts = await makeChainParts(config);
  const { genesis, chain } = parts;
  const pair = await readOwnKey(config, genesis);
  if (pair !== undefined) {
    const keyLock = await lockFolder(config.keyDir);
    stops.add('key folder', keyLock.release);
  }
  const folder = await openDataFolder(config.dataDir, genesis.genesisHash, halt);
  stops.add('data folder', folder.close);
  const blocks = makeBlockStore(folder.blocks);
  const index = makeChainIndex(folder.index);
  const state = makeStateStore(folder.state);
  const { tip: recovered, flushNo } = await recover({ chain, genesis: parts.genesisTip, blocks, state, index, log });
  const guard = pair === undefined ? undefined : await openGuard(config, genesis, pair, recovered.height + 1, halt);
  if (guard !== undefined) {
    stops.add('sign guard', guard.close);
    checkGuard(guard, recovered.height);
  }
  const flusher = new Flusher({ state, index, timers, stateRoot: (version) => chain.tree.root(version), flushNo, validatorsSince: recovered.validatorsSince });
  stops.add('state', () => flusher.flush());
  return { parts, pair, guard, folder, blocks, index, flusher, recovered };
}

/** Signature checks of submissions: on worker threads where the configuration wants them. */
function makeSubmissionVerifier(config: Config, cache: VerifyCache, stops: StopList): ReturnType<typeof makeSignatureQueue> {
  const pool = config.verifyThreads === 0 ? undefined : createVerifyPool({ threads: config.verifyThreads });
  if (pool !== undefined) stops.add('verify pool', pool.close);
  const inline: VerifyMany = (items) => Promise.resolve(items.map(({ publicKey, message, signature }) => verifyEd25519Native(publicKey, message, signature)));
  return makeSignatureQueue(pool?.verifyMany ?? inline, ({ publicKey, message, signature }) => cache.remember(publicKey, message, signature));
}

/** Orders, wallets and exports: they follow the chain from before its first new block. */
async function openCampusParts(config: Config, { clock, log }: NodeDeps, folder: DataFolder, chain: ChainPort, verify: Verifier, stops: StopList): Promise<Campus> {
  const store = await openKeyValueLevel(folder.campusPath);
  stops.add('campus store', store.close);
  const campus = await openCampus({ chain, store, clock, log: log.child({ part: 'campus' }), keyFolder: config.keyDir, verify });
  stops.add('campus', campus.close);
  return campus;
}

async function buildNode(config: Config, deps: NodeDeps, stops: StopList): Promise<RunningNode> {
  const { clock, timers, log } = deps;
  const { halt, arm } = makeHalt(deps);
  const opened = await openChain(config, deps, stops, halt);
  const { parts, pair, guard, folder, blocks, flusher, recovered } = opened;
  const { genesis, chain, cache } = parts;
  const metrics = makeMetrics({ processMetrics: deps.processMetrics });
  const poolWriter = groupCommit(folder.mempool);
  stops.add('pool writes', poolWriter.drain);

  const live: { driver?: Driver } = {};
  const tip = (): Tip => live.driver?.tip ?? recovered;
  const states = new RecentStates(chain, recovered);
  const readers = makeReaders(opened, states, tip, log);
  const service: ChainService = makeChainService(readers, await storedTipInfo(recovered, blocks.read), () => mempool);
  const mempool: Mempool = await Mempool.open({
    chain, tip, clock, log, limits: POOL_LIMITS,
    store: folder.mempool,
    writeDurable: poolWriter.write,
    verifySignatures: makeSubmissionVerifier(config, cache, stops),
    finalStatus: service.finalStatus,
    onWork: () => live.driver?.workAvailable(),
    onAdmitted: (tx) => service.publishAdmitted(tx.txHash, tx.body),
  });

  const campus = await openCampusParts(config, deps, folder, service.port, cache.verify, stops);
  const measures = declareNodeMetrics(metrics, { tip, pool: () => mempool.info(), tree: () => chain.tree.memory(), states: () => states.info(), clock });
  const signing = guard === undefined || pair === undefined ? undefined : { current: guard.current, write: measures.timed('guard', guard.write), sign: nativeSigner(pair) };
  const driver = new Driver({
    chain, tip: recovered, publicKey: pair?.publicKey, signing, clock, timers, log, halt,
    source: mempool,
    network: singleValidatorNetwork,
    saveBody: measures.timed('body', blocks.saveBody),
    saveCertificate: measures.timed('certificate', blocks.saveCertificate),
    commit: (before, executed, certificate) => states.commit(before, executed, certificate),
    async onCommitted(block, executed, newTip, bodies) {
      // Before anything waits: the state has the block already, its spends must not be set aside a second time.
      mempool.afterBlock(block);
      await flusher.add(block, executed.byteChanges, newTip);
      measures.committed(block);
      service.publish(block);
      if (bodies > 1) await blocks.dropUndecided(block.height, block.blockId);
    },
  });
  live.driver = driver;
  stops.add('consensus', () => driver.stop());
  arm();
  driver.start(await resumeInfo(guard, blocks, recovered));
  log.info({ chainId: genesis.chainId, height: recovered.height, validator: pair === undefined ? 'none' : toHex(pair.publicKey).slice(0, 12) }, 'Node started');
  const { host, port } = { host: config.httpHost, port: config.httpPort };
  const api = await startApi({ chain: service.port, campus, clock, log: log.child({ part: 'api' }), config: { host, port }, registry: metrics.registry, checkpoint: checkpointSource(config.checkpoint, genesis, verifyEd25519Native, log) });
  stops.add('api', api.close);
  return { port: service.port, metrics, url: api.url, progress: () => driver.progress, stop: () => stops.run(log) };
}
