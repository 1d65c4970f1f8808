/**
 * What this node tells its peers unasked and gives them when they lack it (consensus page §1.13): Status, blocks of
 * decided heights, bodies. Everything lost on the way comes again through here.
 */
import { peerMessages, toHex, wireBlockId, type PeerStatus } from '@billcoin/protocol';
import type { StoredBlock } from '../finalBlock.ts';
import type { Clock, DecidedBlock, Network, PeerMessage } from '../ports.ts';

/** Between two Status while a round is on. */
export const STATUS_MS = 200;
/** Between two Status while a height waits to start: nothing is on its way, only a restarted peer could lack something. */
export const IDLE_STATUS_MS = 1_000;
/** Least time between two answers to one peer: a flood of Status costs it, not us. */
const ANSWER_MS = 20;
/** Requests of one peer that are served at once. */
const SERVING_MAX = 4;
/**
 * Bodies given to one peer in a second: the eight it may miss at each of five Status, and some that it fetches at once. A
 * request of 50 bytes is answered with up to 1 MiB from disk.
 */
export const BODIES_PER_S = 64;
/** Room that a block and its certificate take in an answer beside their own bytes: certificates have 8 KiB at most. */
const DECIDED_EXTRA_BYTES = 8_192 + 64;
/** Peers whose answers are timed; more than validators and full nodes of one network. */
const PEERS_MAX = 256;

export interface PeersDeps {
  readonly network: Network;
  readonly clock: Clock;
  /** A decided block, or undefined above the tip. */
  readonly readBlock: (height: number) => Promise<StoredBlock | undefined>;
  /** A block of the height in progress that was found valid. */
  readonly bytesInHand: (id: string) => Promise<Uint8Array | undefined>;
  readonly fail: (error: unknown) => void;
}

export type StatusMessage = Extract<PeerMessage, { readonly kind: 'status' }>;

interface Peer {
  height: number;
  answeredMs: number;
  serving: number;
  /** A range is being read for it. */
  isSyncing: boolean;
  /** Bodies given since then. */
  givenFromMs: number;
  given: number;
}

export class Peers {
  readonly #deps: PeersDeps;
  readonly #peers = new Map<string, Peer>();

  constructor(deps: PeersDeps) {
    this.#deps = deps;
  }

  /** The height that each peer works on, as it says. */
  get heights(): ReadonlyMap<string, number> {
    return new Map([...this.#peers].map(([name, { height }]) => [name, height]));
  }

  /** Some peer says it is at a higher height than this one. */
  isBehind(height: number): boolean {
    for (const peer of this.#peers.values()) if (peer.height > height) return true;
    return false;
  }

  /**
   * A peer's Status. True: it is of our height and may be answered by the core. A lower one is served the decided block
   * it waits for; a higher one serves us once it knows where we are, which `own` says.
   */
  hear(from: string, status: PeerStatus, height: number, own: () => StatusMessage): boolean {
    const peer = this.#peerOf(from);
    if (peer === undefined) return false;
    peer.height = status.height;
    const nowMs = this.#deps.clock.monotonicMs();
    if (nowMs - peer.answeredMs < ANSWER_MS) return false;
    peer.answeredMs = nowMs;
    if (status.height < height) this.#serve(peer, from, status.height, undefined);
    if (status.height > height) this.#deps.network.send(from, own());
    return status.height === height;
  }

  /** A peer asks for a body. */
  giveBlock(from: string, height: number, blockId: Uint8Array): void {
    const peer = this.#peerOf(from);
    if (peer === undefined) return;
    const nowMs = this.#deps.clock.monotonicMs();
    if (nowMs - peer.givenFromMs >= 1_000) [peer.givenFromMs, peer.given] = [nowMs, 0];
    peer.given += 1;
    if (peer.given <= BODIES_PER_S) this.#serve(peer, from, height, toHex(blockId));
  }

  /** A peer asks for decided blocks: one answer at a time, as many as fit into it. */
  giveBlocks(from: string, first: number, count: number): void {
    const peer = this.#peerOf(from);
    if (peer === undefined || peer.isSyncing) return;
    peer.isSyncing = true;
    void this.#giveRange(from, first, Math.min(count, peerMessages.SYNC_RANGE_MAX)).catch(this.#deps.fail).finally(() => {
      peer.isSyncing = false;
    });
  }

  async #giveRange(to: string, first: number, count: number): Promise<void> {
    const blocks: DecidedBlock[] = [];
    let bytes = 0;
    while (blocks.length < count) {
      const decided = await this.#deps.readBlock(first + blocks.length);
      if (decided === undefined) break;
      bytes += decided.blockBytes.length + DECIDED_EXTRA_BYTES;
      if (bytes > peerMessages.SYNC_ANSWER_MAX_BYTES) break;
      blocks.push(decided);
    }
    this.#deps.network.send(to, { kind: 'blocks', from: first, blocks });
  }

  askBlocks(missing: readonly { readonly id: string; readonly height: number }[]): void {
    for (const { id, height } of missing) {
      const blockId = wireBlockId(id);
      if (blockId !== undefined) this.#deps.network.sendAll({ kind: 'needBlock', height, blockId });
    }
  }

  /** Reads behind the consensus loop, which must not wait for a peer's wishes. */
  #serve(peer: Peer, to: string, height: number, wanted: string | undefined): void {
    if (peer.serving >= SERVING_MAX || height < 1) return;
    peer.serving += 1;
    void this.#give(to, height, wanted).catch(this.#deps.fail).finally(() => {
      peer.serving -= 1;
    });
  }

  async #give(to: string, height: number, wanted: string | undefined): Promise<void> {
    const { network, readBlock, bytesInHand } = this.#deps;
    const inHand = wanted === undefined ? undefined : await bytesInHand(wanted);
    if (inHand !== undefined) return network.send(to, { kind: 'block', blockBytes: inHand });
    const decided = await readBlock(height);
    if (decided === undefined || (wanted !== undefined && toHex(decided.certificate.blockId) !== wanted)) return;
    network.send(to, { kind: 'certificate', certificate: decided.certificate });
    network.send(to, { kind: 'block', blockBytes: decided.blockBytes });
  }

  #peerOf(from: string): Peer | undefined {
    const known = this.#peers.get(from);
    if (known !== undefined || this.#peers.size >= PEERS_MAX) return known;
    const peer: Peer = { height: 0, answeredMs: Number.NEGATIVE_INFINITY, serving: 0, isSyncing: false, givenFromMs: Number.NEGATIVE_INFINITY, given: 0 };
    this.#peers.set(from, peer);
    return peer;
  }
}
