/**
 * The small interfaces between the node's rooms. Adapters (storage, crypto, api, campus, mempool) import this file and
 * never each other; engine.ts and node.ts build them and hand each what it needs.
 */
import type { Certificate, ChainEvent, Fault, FlatState, Invoice, LightBlock, ParsedTx, PeerStatus, Proposal, StateProof, TxBody, ValidatorSet, Vote } from '@billcoin/protocol';

/** Wall clock in ms since 1970 (block times, receipts) and a monotonic one (timers, latencies). */
export interface Clock {
  nowMs(): number;
  monotonicMs(): number;
}

/** Fires once after a delay on the monotonic clock; the returned function cancels it (no-op once fired). */
export interface Timers {
  after(delayMs: number, fire: () => void): () => void;
}

export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  /** The operator must act. */
  error(fields: object, message: string): void;
  child(bindings: object): Log;
}

/** One transaction of a final block with what it did. */
export interface FinalTx {
  /** Lower-case hex of the 32-byte id. */
  readonly txHash: string;
  readonly bytes: Uint8Array;
  readonly body: TxBody;
  /** Of a Pay or VoidInvoice. */
  readonly invoice: Invoice | undefined;
  readonly index: number;
  /** 0 done, else the number of the fault (FAULTS). */
  readonly code: number;
  readonly resultBytes: Uint8Array;
  readonly events: readonly ChainEvent[];
}

/** A final block: decided, certificate durable. Times are ms, ids bytes. */
export interface FinalBlock {
  readonly height: number;
  readonly timeMs: number;
  readonly blockId: Uint8Array;
  readonly headerBytes: Uint8Array;
  readonly certificate: Certificate;
  readonly txs: readonly FinalTx[];
}

/** One transaction of the life of a batch, with its place in the chain. */
export interface BatchTx {
  readonly height: number;
  readonly index: number;
  readonly timeMs: number;
  readonly txHash: string;
  readonly body: TxBody;
  readonly events: readonly ChainEvent[];
}

/** The registries after a block: terms and status of who was registered, as a state that holds no other rows. */
export interface RegistryAt {
  readonly height: number;
  readonly timeMs: number;
  readonly blockId: Uint8Array;
  /** Devices, farms, plants, meters, oracles, reporters and roles; what counts milk in these rows is older than the block. */
  readonly state: FlatState;
}

export interface TipInfo {
  readonly height: number;
  readonly timeMs: number;
  readonly blockId: Uint8Array;
  readonly headerBytes: Uint8Array;
  /** Absent at height 0 (genesis). */
  readonly certificate: Certificate | undefined;
}

/** A row of state at a height, or that there is none, with its path in the state tree. */
export interface ProvenRow {
  readonly height: number;
  readonly proof: StateProof;
  /** Undefined: no such row. */
  readonly value: Uint8Array | undefined;
}

/** How an accepted transaction stands (consensus page §1.14): it ends as exactly one of final, superseded, expired. */
export type TxStatus =
  | { readonly status: 'pending'; readonly acceptedAtMs: number }
  | { readonly status: 'final'; readonly height: number; readonly index: number; readonly code: number; readonly timeMs: number; readonly blockId: Uint8Array }
  | { readonly status: 'superseded'; readonly by: string }
  | { readonly status: 'expired' };

export type Submitted =
  | { readonly ok: true; readonly txHash: string; /** false: known before */ readonly fresh: boolean; readonly status: TxStatus }
  | { readonly ok: false; readonly refusal: Fault | { readonly code: 'pool_full' | 'too_many_pending' | 'disk_low'; readonly text: string } };

/** What API and campus services may ask of the chain and the pool. Hashes in hex are lower case. */
export interface ChainPort {
  readonly network: string;
  /** `network-` + 8 hex digits of the genesis hash; for people. */
  readonly chainId: string;
  readonly genesisHash: Uint8Array;
  /** Genesis JSON text as loaded. */
  readonly genesisJson: string;
  readonly validators: ValidatorSet;
  /** Blocks below are not here: 1, or the one after the snapshot that this node was made from. */
  readonly firstBlock: number;
  tip(): TipInfo;
  /** Flat state after the tip. Synchronous reads; never changed by the reader. */
  state(): FlatState;
  /** At the newest height unless given. `dropped`: that state is no longer kept. `none`: there is no such block (yet). */
  proveRow(rowKey: Uint8Array, height?: number): ProvenRow | 'dropped' | 'none';
  /** A set that votes or voted here, by the hash that headers name; undefined where this node does not know it. */
  validatorSet(hash: Uint8Array): ValidatorSet | undefined;
  readFinal(height: number): Promise<FinalBlock | undefined>;
  /** Header and certificate alone: a page of them must not decode every transaction of a hundred blocks. */
  readHeader(height: number): Promise<Pick<FinalBlock, 'headerBytes' | 'certificate'> | undefined>;
  heightOfBlock(blockIdHex: string): Promise<number | undefined>;
  /** Newest first, at most `limit`, strictly before (height, index) where given. */
  accountHistory(address: Uint8Array, limit: number, before?: { readonly height: number; readonly index: number }): Promise<readonly { readonly height: number; readonly index: number; readonly txHash: string }[]>;
  /** Transactions whose events name the batch, oldest first, at most `limit`. The rows of an old batch die, these stay. */
  batchHistory(batchKey: Uint8Array, limit: number): Promise<readonly BatchTx[]>;
  /** Keys of the batches that were opened under a printed lot, newest first; a lot is a plant's own word, so there may be several. */
  batchesOfLot(lot: Uint8Array, limit: number): Promise<readonly Uint8Array[]>;
  /** Of a final height, 0 for genesis; the same answer whenever it is asked. Undefined above the tip, and where the block is not kept. */
  registryAt(height: number): Promise<RegistryAt | undefined>;
  /** Bytes of a client, or what was parsed of them for this chain. */
  submit(tx: Uint8Array | ParsedTx): Promise<Submitted>;
  /**
   * Proof of a lie, from anybody. kept: on disk, and offered to blocks; recorded: an attack for which nobody can be blamed for
   * sure, in the log; known: either of them before. Undefined: it proves nothing here.
   */
  offerEvidence(evidence: Uint8Array): Promise<'kept' | 'recorded' | 'known' | undefined>;
  /** undefined: never seen here and not on chain. */
  txStatus(txHash: string): Promise<TxStatus | undefined>;
  /** The same for a transaction that could still be included, of which the state says whether it was: mostly without asking the disk. */
  statusOf(tx: ParsedTx): Promise<TxStatus | undefined>;
  /** undefined: it does not wait in the pool of this node. */
  pendingTx(txHash: string): ParsedTx | undefined;
  /** The Pay of an invoice that waits there; one at a time. */
  pendingPayOf(invoice: Pick<Invoice, 'tillNo' | 'ref'>): ParsedTx | undefined;
  /** Who sent a transaction that waits in the pool of this node, or that ended there superseded or expired, as long as `txStatus` says so. */
  unfinalSender(txHash: string): Uint8Array | undefined;
  /** Final blocks in order, each exactly once from now on; returns the unsubscribe function. Listeners must not throw. */
  onFinal(listener: (block: FinalBlock) => void): () => void;
  /** A transaction was admitted to the pool (orders show "Payment seen"). */
  onAdmitted(listener: (tx: ParsedTx) => void): () => void;
  /** Pool sizes for metrics and status. */
  poolInfo(): { readonly transactions: number; readonly bytes: number; readonly limit: number };
}

/** A small ordered key-value store in which one batch is atomic; the campus services keep their rows in one. */
export interface KeyValueStore {
  /** No other process writes here while it is open: what this one has read or written stays true until it writes again. */
  readonly isExclusive: boolean;
  get(key: string): Promise<Uint8Array | undefined>;
  /** Keys in [gte, lt), ascending, or descending with reverse; at most limit rows. */
  list(range: { readonly gte: string; readonly lt: string; readonly limit: number; readonly reverse?: boolean }): Promise<readonly { readonly key: string; readonly value: Uint8Array }[]>;
  /** Atomic, and seen by reads from the call on; with sync it is on disk when the promise resolves. Batches reach the disk in the order of the calls. */
  batch(operations: readonly KeyValueOperation[], options: { readonly sync: boolean }): Promise<void>;
  /** What was deleted or overwritten in [gte, lt) leaves the disk: until then its bytes stay readable in the files. Slow. No row has the key `gte` or `lt`. */
  compact(range: { readonly gte: string; readonly lt: string }): Promise<void>;
  close(): Promise<void>;
}
export type KeyValueOperation = { readonly type: 'put'; readonly key: string; readonly value: Uint8Array } | { readonly type: 'del'; readonly key: string };

export interface StoreRange {
  /** Keys in [gte, lt). */
  readonly gte: Uint8Array;
  readonly lt: Uint8Array;
  readonly reverse?: boolean;
  readonly limit?: number;
}
export type StoreOperation = { readonly type: 'put'; readonly key: Uint8Array; readonly value: Uint8Array } | { readonly type: 'del'; readonly key: Uint8Array };

/**
 * An ordered store of bytes in which one batch is atomic: what the chain keeps its blocks, state, index and pool in.
 * A value that does not pass its checksum is thrown as StorageFailure; after any failure the process must stop.
 */
export interface Store {
  /** Name of the database, for messages. */
  readonly name: string;
  get(key: Uint8Array): Promise<Uint8Array | undefined>;
  /** As `get`, and the process waits for the disk: only for what is asked once in a blue moon inside a rule. */
  getSync(key: Uint8Array): Uint8Array | undefined;
  /** One answer for each key, in the order of the keys. A tenth of the time of as many `get`s. */
  getMany(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]>;
  entries(range: StoreRange): AsyncIterable<readonly [key: Uint8Array, value: Uint8Array]>;
  /** Keys alone; values are not read by the caller and not checked. */
  keys(range: StoreRange): AsyncIterable<Uint8Array>;
  /** Atomic. With sync it is on disk when the promise resolves, else it survives the end of the process, not of power. */
  batch(operations: readonly StoreOperation[], options: { readonly sync: boolean }): Promise<void>;
  /** Deletes a range, not atomically. */
  clear(range: StoreRange): Promise<void>;
  close(): Promise<void>;
}

/** A block with the certificate that decided it. */
export interface DecidedBlock {
  readonly blockBytes: Uint8Array;
  readonly certificate: Certificate;
}

/** A snapshot that a peer offers; the id is the hash of its manifest. */
export interface SnapshotOffer {
  readonly height: number;
  readonly id: Uint8Array;
}

export type SnapshotQuestion =
  | { readonly kind: 'getSnapshots'; readonly above: number }
  | { readonly kind: 'getManifest'; readonly id: Uint8Array }
  /** Part 0 is the block, part n the chunk n − 1. */
  | { readonly kind: 'getPart'; readonly id: Uint8Array; readonly index: number }
  | { readonly kind: 'getLightBlocks'; readonly from: number; readonly count: number };
export type SnapshotAnswer =
  | { readonly kind: 'snapshots'; readonly offers: readonly SnapshotOffer[] }
  /** SnapshotManifest bytes: their hash is the id that was asked for. */
  | { readonly kind: 'manifest'; readonly bytes: Uint8Array }
  | { readonly kind: 'part'; readonly id: Uint8Array; readonly index: number; readonly content: Uint8Array }
  | { readonly kind: 'lightBlocks'; readonly from: number; readonly blocks: readonly LightBlock[] };

/** What validators tell each other, as it comes in: nothing of it is checked yet, and no receiver changes it. */
export type PeerMessage =
  | { readonly kind: 'vote'; readonly vote: Vote }
  | { readonly kind: 'proposal'; readonly proposal: Proposal }
  | { readonly kind: 'certificate'; readonly certificate: Certificate }
  /** Why a round was entered. */
  | { readonly kind: 'roundCert'; readonly votes: readonly Vote[] }
  | { readonly kind: 'block'; readonly blockBytes: Uint8Array }
  | { readonly kind: 'needBlock'; readonly height: number; readonly blockId: Uint8Array }
  /** `tip`: certificate of the height below. */
  | { readonly kind: 'status'; readonly status: PeerStatus; readonly tip: Certificate | undefined }
  /** Decided blocks from a height on are asked for, and given: fewer than asked, or none, where there are no more. */
  | { readonly kind: 'getBlocks'; readonly from: number; readonly count: number }
  | { readonly kind: 'blocks'; readonly from: number; readonly blocks: readonly DecidedBlock[] }
  /** The network's own: it answers them and hands them to nobody. */
  | { readonly kind: 'ping'; readonly nonce: number }
  | { readonly kind: 'pong'; readonly nonce: number }
  /** Proof of a lie that somebody brought to a node (Evidence bytes): it tells its peers once. */
  | { readonly kind: 'evidence'; readonly evidence: Uint8Array }
  /** What a newcomer asks for, and is given (SPEC §18). */
  | SnapshotQuestion | SnapshotAnswer
  /** `told`: the sender is no validator, and these are the peers that it tells (names as in `Network`); empty: it is one and tells all. */
  | { readonly kind: 'txs'; readonly txs: readonly Uint8Array[]; readonly told: readonly string[] };

/** One admitted peer as this node sees it now. */
export interface PeerInfo {
  /** Node key, hex. */
  readonly key: string;
  /** Where the configuration says that it listens; undefined: it is waited for. */
  readonly at: { readonly host: string; readonly port: number } | undefined;
  readonly state: 'connected' | 'banned' | 'away';
  /** Who dialled: out, this node. Undefined while not connected, as the two below. */
  readonly direction: 'in' | 'out' | undefined;
  readonly connectedForMs: number | undefined;
  /** Blocks that are final there, as it says; nobody has checked it. Undefined until it has said so. */
  readonly height: number | undefined;
  /** To the peer and back, the waiting on both sides included; undefined until it was measured. */
  readonly roundTripMs: number | undefined;
  readonly streams: number;
  /** Messages that wait to be sent to it. */
  readonly queuedBytes: number;
  /** Points for offences; at 100 it is banned. */
  readonly score: number;
  /** 0: it is not banned. */
  readonly bannedForMs: number;
}

/** Peers of this node. Calls hand over and return at once; what does not get through is sent again by Status. */
export interface Network {
  send(to: string, message: PeerMessage): void;
  /** @param except names of peers that are not sent it; those that are no peers do no harm. */
  sendAll(message: PeerMessage, except?: readonly string[]): void;
  /** Names of the peers that would be sent something now. */
  connected(): readonly string[];
  /** A message of this peer was not valid, whatever else is true: the peer is cut and scored. */
  blame(peer: string, why: 'malformed' | 'bad_signature'): void;
  close(): Promise<void>;
}
