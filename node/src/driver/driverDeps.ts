/** What the driver stands on: the pure core, and every port and room it needs, handed in by engine.ts. */
import {
  maySign, recordSigned, step, type Certificate, type Chain, type Executed, type Tip,
} from '@billcoin/protocol';
import type { StoredBlock } from '../finalBlock.ts';
import type { Clock, FinalBlock, Log, Network, PeerMessage, SnapshotAnswer, SnapshotQuestion, Timers } from '../ports.ts';
import type { BlockDisk } from './blocksInHand.ts';
import type { BlockSource } from './building.ts';
import type { EvidenceDisk } from './evidencePool.ts';
import type { SigningPort } from './signing.ts';

/** Messages that the driver takes; transactions go to the pool, what newcomers ask to the snapshot server. */
export type ConsensusMessage = Exclude<PeerMessage, { readonly kind: 'txs' } | { readonly kind: 'ping' } | { readonly kind: 'pong' } | SnapshotQuestion | SnapshotAnswer>;

const OTHERS: ReadonlySet<PeerMessage['kind']> = new Set<Exclude<PeerMessage, ConsensusMessage>['kind']>([
  'txs', 'ping', 'pong', 'getSnapshots', 'getManifest', 'getPart', 'getLightBlocks', 'snapshots', 'manifest', 'part', 'lightBlocks',
]);

export function isConsensusMessage(message: PeerMessage): message is ConsensusMessage {
  return !OTHERS.has(message.kind);
}

/** The pure parts the shell runs, together, so that the simulator can run broken ones. */
export interface Core {
  readonly step: typeof step;
  readonly maySign: typeof maySign;
  readonly recordSigned: typeof recordSigned;
}
export const CORE: Core = { step, maySign, recordSigned };

export interface DriverDeps {
  readonly chain: Chain;
  readonly tip: Tip;
  readonly publicKey: Uint8Array | undefined;
  /** Undefined: watch only. */
  readonly signing: SigningPort | undefined;
  readonly source: BlockSource;
  readonly network: Network;
  /** Bodies of the height in progress; durable when saved. */
  readonly disk: BlockDisk & EvidenceDisk;
  /** Evidence on disk that no block was known to hold. */
  readonly storedEvidence: readonly Uint8Array[];
  /** Bodies of a height on disk, decided or not. */
  readonly bodies: (height: number) => Promise<readonly { readonly blockId: Uint8Array; readonly blockBytes: Uint8Array }[]>;
  readonly readBlock: (height: number) => Promise<StoredBlock | undefined>;
  /** Durable when it resolves. */
  readonly saveCertificate: (certificate: Certificate) => Promise<void>;
  /** Makes an executed block the tip: `commitBlock`, and whatever must see the state before it. */
  readonly commit: (tip: Tip, executed: Executed, certificate: Certificate) => Tip;
  /** A block is final and its certificate durable: index, state, pool, listeners. `bodies` counts bodies of that height on disk. */
  readonly onCommitted: (block: FinalBlock, executed: Executed, tip: Tip, bodies: number) => Promise<void>;
  /** A validator has signed twice (Evidence bytes); a block will hold it. */
  readonly onEvidence: (evidence: Uint8Array) => void;
  /** The process must stop: storage failed, a bug, or the chain contradicts this node. */
  readonly halt: (error: Error) => void;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly core?: Core | undefined;
}
