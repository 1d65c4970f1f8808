/**
 * The engine of a node: recovery, state, pool and consensus over the ports for disk, network, clock and signing. The same
 * in production (node.ts gives it LevelDB and the real clock) and in the simulator (which gives it everything else).
 */
import { indexOfKey, type Chain, type Genesis, type Tip, type TreeMemory } from '@billcoin/protocol';
import { makeChainService, storedTipInfo, type ChainSources } from './chainPort.ts';
import type { ValidatorGuard } from './crypto/lostGuard.ts';
import { PENDING_EVIDENCE_MAX } from './driver/evidencePool.ts';
import { Driver, isConsensusMessage, type Core } from './driver.ts';
import type { SnapshotMaker, SnapshotSource } from './join/snapshotMaker.ts';
import { POOL_LIMITS } from './mempool/limits.ts';
import { Mempool } from './mempool/mempool.ts';
import { TxGossip } from './mempool/txGossip.ts';
import type { ChainPort, Clock, FinalBlock, Log, Network, PeerMessage, Store, StoreOperation, Timers } from './ports.ts';
import { RecentStates } from './recentStates.ts';
import type { VerifyMany } from './signaturesOf.ts';
import { makeBlockStore, type BlockStore } from './storage/blockStore.ts';
import { makeChainIndex, type ChainIndex } from './storage/chainIndex.ts';
import { decidedReader, type DecidedReader } from './storage/decidedReader.ts';
import { Flusher } from './storage/flusher.ts';
import { groupCommit, type GroupCommit } from './storage/groupCommit.ts';
import { recover } from './storage/recovery.ts';
import { makeStateStore, type StateStore } from './storage/stateStore.ts';
import { REMEDY, StorageFailure } from './storageFailure.ts';

export interface EngineStores {
  readonly blocks: Store;
  readonly state: Store;
  readonly index: Store;
  readonly mempool: Store;
}

/** The key of a validator and its guard, opened once the tip is known. */
export interface Validator {
  readonly publicKey: Uint8Array;
  readonly sign: (message: Uint8Array) => Uint8Array;
  /** @param validators how many vote on the next block */
  readonly openGuard: (nextHeight: number, validators: number) => Promise<ValidatorGuard>;
}

export interface EngineDeps {
  readonly genesis: Genesis;
  readonly chain: Chain;
  /** Makes the tip before the first block; asked for only where the state begins there. */
  readonly genesisTip: () => Tip;
  readonly stores: EngineStores;
  /** Undefined: watch only. */
  readonly validator: Validator | undefined;
  readonly network: Network;
  readonly verifySignatures: VerifyMany;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly halt: (error: Error) => void;
  readonly measures: EngineMeasures;
  /** The disk is nearly full: nothing new is taken into the pool. */
  readonly isDiskLow?: () => boolean;
  /** Keeps snapshots for newcomers. */
  readonly snapshots?: Pick<SnapshotMaker, 'isDue' | 'make'>;
  readonly core?: Core | undefined;
}

/** What is measured while the engine runs. */
export interface EngineMeasures {
  timed<A extends readonly unknown[]>(what: 'body' | 'guard' | 'certificate', write: (...args: A) => Promise<void>): (...args: A) => Promise<void>;
  committed(block: FinalBlock): void;
  /** A validator has signed twice (Evidence bytes). */
  evidence(bytes: Uint8Array): void;
}

export interface Engine {
  readonly port: ChainPort;
  readonly tip: () => Tip;
  readonly tree: () => TreeMemory;
  readonly states: () => ReturnType<RecentStates['info']>;
  readonly undo: () => ReturnType<StateStore['undoInfo']>;
  /** Height and round in progress. */
  readonly progress: () => Driver['progress'];
  readonly load: () => Driver['load'];
  readonly clockOffsetMs: () => number;
  /** The height that each peer works on, as it says; peers that are gone included. */
  readonly peerHeights: () => Driver['peerHeights'];
  /** Begins to take part. */
  start(): void;
  /** A message of a peer, unchecked; what newcomers ask and are told is not the engine's and is dropped. */
  receive(from: string, message: PeerMessage): void;
  /** Takes no further part; resolves when what is under way is done. */
  stop(): Promise<void>;
  /** After `stop`: what was promised is on disk when it resolves. */
  close(): Promise<void>;
}

/**
 * What the guard remembers must not be ahead of the blocks (§1.10) where nobody can bring the missing ones. A lock on a body
 * that is nowhere is such a gap too: the key would never vote for another block of that height.
 */
async function checkGuard(guard: ValidatorGuard, tip: Tip, blocks: BlockStore): Promise<void> {
  const record = guard.current();
  if (record === undefined) return;
  const { height, lockedId } = record;
  if (tip.validators.validators.length > 1 || height <= tip.height) return;
  if (height === tip.height + 1) {
    if (lockedId === undefined || (await blocks.readBody(height, lockedId)) !== undefined) return;
    throw new StorageFailure('lost_records', `The sign guard has voted for a block ${height} that is not on this disk any more.`, REMEDY.restoreBackup);
  }
  throw new StorageFailure('older_than_guard', `The sign guard has signed block ${height}, but the blocks end at ${tip.height}: blocks ${tip.height + 1} to ${height - 1} are lost.`, REMEDY.restoreBackup);
}

/** The guard, or none for a node without a key; closed again where it does not fit the blocks. */
async function openCheckedGuard(validator: Validator | undefined, tip: Tip, blocks: BlockStore): Promise<ValidatorGuard | undefined> {
  const guard = await validator?.openGuard(tip.height + 1, tip.validators.validators.length);
  try {
    if (guard !== undefined) await checkGuard(guard, tip, blocks);
    return guard;
  } catch (error) {
    await guard?.close();
    throw error;
  }
}

/** Offences that wait for a block. Damaged rows cost what they say, not the start of the node. */
async function storedEvidence(blocks: BlockStore, log: Log): Promise<readonly Uint8Array[]> {
  try {
    return await blocks.evidence(PENDING_EVIDENCE_MAX);
  } catch (error) {
    if (!(error instanceof StorageFailure) || error.code !== 'damaged_value') throw error;
    log.warn({ found: error.message }, 'Stored evidence is damaged and is dropped');
    await blocks.clearEvidence();
    return [];
  }
}

interface Parts {
  readonly firstBlock: number;
  readonly reader: DecidedReader;
  readonly index: ChainIndex;
  readonly states: RecentStates;
  readonly tip: () => Tip;
  readonly offerEvidence: ChainPort['offerEvidence'];
}

/** Where the chain port reads. */
function sourcesOf({ genesis, log }: EngineDeps, { firstBlock, reader, index, states, tip, offerEvidence }: Parts): ChainSources {
  return {
    genesis, firstBlock, tip, log, offerEvidence, ...reader,
    proveRow: (rowKey, height) => states.proveRow(rowKey, height),
    positionOf: async (txId) => (await index.positionsOf([txId]))[0],
    heightOf: index.heightOf,
    history: index.history,
    batchHistory: index.batchHistory,
    batchesOfLot: index.batchesOfLot,
    registryAt: index.registryAt,
  };
}

/** Recovers what is on disk and builds the parts; nothing is sent or signed before `start`. Throws StorageFailure. */
export async function openEngine(deps: EngineDeps): Promise<Engine> {
  const { stores, validator, clock, timers, log, halt, network, measures } = deps;
  const [blocks, index, state] = [makeBlockStore(stores.blocks), makeChainIndex(stores.index), makeStateStore(stores.state)];
  const live: { driver?: Driver; mempool?: Mempool } = {};
  const chain: Chain = { ...deps.chain, past: blocks.past, parsed: (leafHash) => live.mempool?.byLeaf(leafHash) };
  const { tip: recovered, flushNo } = await recover({ chain, genesis: deps.genesisTip, blocks, state, index, log });
  const guard = await openCheckedGuard(validator, recovered, blocks);
  const flusher = new Flusher({ state, index, timers, stateRoot: (version) => chain.tree.root(version), flushNo, validatorsSince: recovered.validatorsSince });
  const poolWriter = groupCommit(stores.mempool);
  const states = new RecentStates(chain, recovered);

  const keepSnapshot = snapshotKeeper(deps, flusher, state, recovered.timeMs);
  const tip = (): Tip => live.driver?.tip ?? recovered;
  const firstBlock = (await blocks.base()) + 1;
  const reader = decidedReader({ firstBlock, blocks, index, chain, tip, halt });
  const service = makeChainService(sourcesOf(deps, { firstBlock, reader, index, states, tip, offerEvidence: (evidence) => driver.offerEvidence(evidence) }), await storedTipInfo(recovered, blocks.read), () => mempool);
  const gossip = new TxGossip({ chain, network, timers, halt, isFollower: () => validator === undefined || indexOfKey(tip().validators, validator.publicKey) === undefined, pool: () => mempool });
  const mempool: Mempool = await Mempool.open({
    chain, tip, clock, log, limits: POOL_LIMITS, store: stores.mempool, writeDurable: poolWriter.write,
    isDiskLow: deps.isDiskLow, verifySignatures: deps.verifySignatures, finalStatus: service.finalStatus,
    onWork: () => live.driver?.workAvailable(),
    onAdmitted(tx) {
      gossip.admitted(tx);
      service.publishAdmitted(tx);
    },
  });
  live.mempool = mempool;
  const driver = new Driver({
    chain, tip: recovered, publicKey: validator?.publicKey, clock, timers, log, halt, network, core: deps.core, onEvidence: measures.evidence,
    signing: guard === undefined || validator === undefined ? undefined : { current: guard.current, write: measures.timed('guard', guard.write), sign: validator.sign, lost: guard.lost },
    source: mempool,
    disk: { saveBody: measures.timed('body', blocks.saveBody), readBody: blocks.readBody, saveEvidence: blocks.saveEvidence, dropEvidence: blocks.dropEvidence },
    storedEvidence: await storedEvidence(blocks, log),
    bodies: blocks.bodies,
    readBlock: reader.readBlock,
    saveCertificate: measures.timed('certificate', blocks.saveCertificate),
    commit: (before, executed, certificate) => states.commit(before, executed, certificate),
    async onCommitted(block, executed, newTip, bodies) {
      // Before anything waits: the state has the block already, its spends must not be set aside a second time.
      mempool.afterBlock(block);
      await flusher.add(block, executed.byteChanges, newTip);
      await keepSnapshot({ genesisHash: chain.genesisHash, block, blockBytes: executed.blockBytes, tip: newTip });
      measures.committed(block);
      service.publish(block);
      if (bodies > 1) await blocks.dropUndecided(block.height, block.blockId);
    },
  });
  live.driver = driver;

  return {
    port: service.port, tip,
    tree: () => chain.tree.memory(), states: () => states.info(), undo: () => state.undoInfo(),
    progress: () => driver.progress, load: () => driver.load, clockOffsetMs: () => driver.clockOffsetMs, peerHeights: () => driver.peerHeights,
    start: () => start(driver, gossip),
    receive: (from, message) => receive(driver, gossip, from, message),
    async stop() {
      gossip.stop();
      await driver.stop();
    },
    close: () => close(flusher, poolWriter, guard),
  };
}

/** Called after each block. Where a snapshot is due the chain waits for one flush, so that what is on disk is the state after this very block. */
function snapshotKeeper({ snapshots }: EngineDeps, flusher: Flusher, state: StateStore, tipTimeMs: number): (source: SnapshotSource) => Promise<void> {
  let previousTimeMs = tipTimeMs;
  return async (source) => {
    const isDue = snapshots?.isDue(source.block, previousTimeMs) === true;
    previousTimeMs = source.block.timeMs;
    if (!isDue) return;
    await flusher.flush();
    snapshots.make(source, state);
  };
}

function receive(driver: Driver, gossip: TxGossip, from: string, message: PeerMessage): void {
  if (message.kind === 'txs') gossip.take(from, message.txs, message.told);
  else if (isConsensusMessage(message)) driver.receive(from, message);
}

async function close(flusher: Flusher, poolWriter: GroupCommit<StoreOperation>, guard: ValidatorGuard | undefined): Promise<void> {
  try {
    await flusher.flush();
    await poolWriter.drain();
  } finally {
    await guard?.close();
  }
}

function start(driver: Driver, gossip: TxGossip): void {
  driver.start();
  gossip.start();
}
