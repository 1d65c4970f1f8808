/** ChainPort: what API and campus services may ask of the running node. */
import { fromHex, ROLE, roleId, ROWS, setOfHash, toHex, type FlatState, type Genesis, type Tip, type ParsedTx } from '@billcoin/protocol';
import { headerOfBlock, type StoredBlock } from './finalBlock.ts';
import { HeldBlocks } from './heldBlocks.ts';
import type { ChainPort, FinalBlock, Log, RegistryAt, Submitted, TipInfo, TxStatus } from './ports.ts';

/** Where the port reads; node.ts fills it in. */
export interface ChainSources {
  readonly genesis: Genesis;
  readonly firstBlock: number;
  readonly tip: () => Tip;
  readonly proveRow: ChainPort['proveRow'];
  readonly readBlock: (height: number) => Promise<StoredBlock | undefined>;
  /** Read back from disk; undefined above the tip. */
  readonly readFinal: (height: number) => Promise<FinalBlock | undefined>;
  readonly positionOf: (txId: Uint8Array) => Promise<{ readonly height: number; readonly index: number } | undefined>;
  readonly heightOf: (blockId: Uint8Array) => Promise<number | undefined>;
  readonly history: ChainPort['accountHistory'];
  readonly offerEvidence: ChainPort['offerEvidence'];
  readonly batchHistory: ChainPort['batchHistory'];
  readonly batchesOfLot: ChainPort['batchesOfLot'];
  readonly registryAt: (height: number) => Promise<FlatState>;
  readonly log: Log;
}

export interface ChainService {
  readonly port: ChainPort;
  /** The status of a transaction that is on chain. */
  finalStatus(txHash: string): Promise<TxStatus | undefined>;
  /** Tells listeners of a final block; the tip is already the block's. */
  publish(block: FinalBlock): void;
  publishAdmitted(tx: ParsedTx): void;
}

export interface PoolPort {
  submit(tx: Uint8Array | ParsedTx): Promise<Submitted>;
  status(txHash: string): Promise<TxStatus | undefined>;
  statusOf(tx: ParsedTx): Promise<TxStatus | undefined>;
  pending(txHash: string): ParsedTx | undefined;
  senderOf(txHash: string): Uint8Array | undefined;
  pendingPayOf: ChainPort['pendingPayOf'];
  info(): ReturnType<ChainPort['poolInfo']>;
}

/** Header bytes and certificate of the tip, for a node that has just started. */
export async function storedTipInfo(tip: Tip, readBlock: ChainSources['readBlock']): Promise<TipInfo> {
  const block = tip.height === 0 ? undefined : await readBlock(tip.height);
  const headerBytes = block === undefined ? new Uint8Array(0) : headerOfBlock(block.blockBytes).headerBytes;
  return { height: tip.height, timeMs: tip.timeMs, blockId: tip.blockId, headerBytes, certificate: block?.certificate };
}

/** Calls each listener; one that throws is a bug of its room and must not stop the chain. */
function tell<T extends readonly unknown[]>(listeners: ReadonlySet<(...args: T) => void>, log: Log, ...args: T): void {
  for (const listener of listeners) {
    try {
      listener(...args);
    } catch (error) {
      log.error({ error }, 'A listener of the chain threw');
    }
  }
}

function subscribe<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** Genesis has no block: its time and an id of zeros stand for it. A node that began at a snapshot knows no registry before it. */
async function readRegistry({ genesis, registryAt }: ChainSources, newest: TipInfo, readFinal: ChainPort['readFinal'], height: number): Promise<RegistryAt | undefined> {
  const atGenesis = { timeMs: genesis.spec.timeMs, blockId: new Uint8Array(32) };
  const block = height === newest.height ? newest : height === 0 ? atGenesis : await readFinal(height);
  const state = block === undefined ? undefined : await registryAt(height);
  const isKnown = state?.get(ROWS.role, roleId(ROLE.regulator)) !== undefined;
  return block === undefined || state === undefined || !isKnown ? undefined : { height, timeMs: block.timeMs, blockId: block.blockId, state };
}

async function readHeader({ tip, readBlock }: ChainSources, height: number): ReturnType<ChainPort['readHeader']> {
  const stored = Number.isSafeInteger(height) && height >= 1 && height <= tip().height ? await readBlock(height) : undefined;
  return stored === undefined ? undefined : { headerBytes: headerOfBlock(stored.blockBytes).headerBytes, certificate: stored.certificate };
}

async function heightOfBlock({ heightOf }: ChainSources, blockIdHex: string): Promise<number | undefined> {
  const blockId = fromHex(blockIdHex);
  return blockId?.length === 32 ? heightOf(blockId) : undefined;
}

/** `first` is the tip at start; `pool` may be built after this service, so it is asked for late. */
export function makeChainService(sources: ChainSources, first: TipInfo, pool: () => PoolPort): ChainService {
  const { genesis: { spec: { network }, chainId, genesisHash, text: genesisJson }, tip, log } = sources;
  const held = new HeldBlocks(sources.readFinal);
  const onFinal = new Set<(block: FinalBlock) => void>();
  const onAdmitted = new Set<Parameters<ChainPort['onAdmitted']>[0]>();
  let newest = first;

  async function readFinal(height: number): Promise<FinalBlock | undefined> {
    if (!Number.isSafeInteger(height) || height < 1 || height > tip().height) return undefined;
    return held.get(height);
  }

  async function finalStatus(txHash: string): Promise<TxStatus | undefined> {
    const txId = fromHex(txHash);
    const position = txId === undefined ? undefined : await sources.positionOf(txId);
    const block = position === undefined ? undefined : await readFinal(position.height);
    const tx = position === undefined ? undefined : block?.txs[position.index];
    if (block === undefined || tx === undefined) return undefined;
    return { status: 'final', height: block.height, index: tx.index, code: tx.code, timeMs: block.timeMs, blockId: block.blockId };
  }

  const port: ChainPort = {
    network, chainId, genesisHash, genesisJson,
    get validators() {
      return tip().validators;
    },
    firstBlock: sources.firstBlock,
    tip: () => newest,
    state: () => tip().state,
    proveRow: sources.proveRow,
    validatorSet: (hash) => setOfHash(tip().state, hash),
    readFinal,
    readHeader: async (height) => held.peek(height) ?? readHeader(sources, height),
    heightOfBlock: (blockIdHex) => heightOfBlock(sources, blockIdHex),
    accountHistory: sources.history,
    batchHistory: sources.batchHistory,
    batchesOfLot: sources.batchesOfLot,
    registryAt: (height) => readRegistry(sources, newest, readFinal, height),
    submit: (tx) => pool().submit(tx),
    offerEvidence: sources.offerEvidence,
    txStatus: (txHash) => pool().status(txHash),
    statusOf: (tx) => pool().statusOf(tx),
    pendingTx: (txHash) => pool().pending(txHash),
    pendingPayOf: (invoice) => pool().pendingPayOf(invoice),
    unfinalSender: (txHash) => pool().senderOf(txHash),
    onFinal: (listener) => subscribe(onFinal, listener),
    onAdmitted: (listener) => subscribe(onAdmitted, listener),
    poolInfo: () => pool().info(),
  };

  return {
    port,
    finalStatus,
    publish(block) {
      const { height, timeMs, blockId, headerBytes, certificate } = block;
      newest = { height, timeMs, blockId, headerBytes, certificate };
      held.add(block);
      tell(onFinal, log, block);
    },
    publishAdmitted: (tx) => tell(onAdmitted, log, tx),
  };
}

export function shortId(blockId: Uint8Array): string {
  return toHex(blockId.subarray(0, 6));
}
