/**
 * One connection to a peer: what waits for it goes out by class while its streams take it, what comes is cut into
 * frames, held against the peer's rates, decoded and handed up.
 */
import type { PeerMessage } from '../ports.ts';
import type { Offence } from './conduct.ts';
import { CHANNELS, FrameReader, makeFrame, type Channel, type Frame, type FrameKind, type MessageClass, type Rate } from './frames.ts';
import type { NetworkLimits } from './limits.ts';
import type { Link, LinkEvents } from './link.ts';
import { SendQueue } from './sendQueue.ts';
import { TokenBucket } from './tokenBucket.ts';

const RATES: readonly Rate[] = ['votesPerS', 'proposalsPerS', 'controlPerS', 'blockBytesPerS', 'txBytesPerS', 'syncBytesPerS'];

export interface SessionDeps {
  readonly link: Link;
  readonly limits: NetworkLimits;
  readonly nowMs: () => number;
  readonly onMessage: (message: PeerMessage, bytes: number) => void;
  readonly onOffence: (offence: Offence) => void;
  readonly onSent: (kind: FrameKind, bytes: number) => void;
  readonly onDrop: (dropped: MessageClass) => void;
  readonly onEnded: (why: string) => void;
}

export class Session implements LinkEvents {
  readonly #deps: SessionDeps;
  readonly queue: SendQueue;
  readonly openedMs: number;
  readonly #readers: ReadonlyMap<Channel, FrameReader>;
  readonly #buckets: ReadonlyMap<Rate, TokenBucket>;
  readonly #signatures: TokenBucket;
  /** The message of each channel that is being written, and how far. */
  readonly #writing = new Map<Channel, { readonly frame: Frame; at: number }>();
  readonly #full = new Set<Channel>();
  #heardMs: number;
  /** The ping under way. */
  #ping = { nonce: 0, atMs: 0 };
  #roundTripMs: number | undefined;
  #isPumping = false;
  #isOver = false;

  constructor(deps: SessionDeps) {
    const { limits, nowMs, onDrop } = deps;
    const now = nowMs();
    this.#deps = deps;
    this.queue = new SendQueue(limits, onDrop);
    this.openedMs = now;
    this.#heardMs = now;
    this.#readers = new Map(CHANNELS.map((channel) => [channel, new FrameReader(channel)]));
    this.#buckets = new Map(RATES.map((rate) => [rate, new TokenBucket(limits[rate], limits.burstS, now)]));
    this.#signatures = new TokenBucket(limits.signaturesPerS, limits.burstS, now);
  }

  get link(): Link {
    return this.#deps.link;
  }

  get heardMs(): number {
    return this.#heardMs;
  }

  /** Of the last ping that was answered. */
  get roundTripMs(): number | undefined {
    return this.#roundTripMs;
  }

  /** Bytes of frames that have begun to come. */
  get receivingBytes(): number {
    let bytes = 0;
    for (const reader of this.#readers.values()) bytes += reader.heldBytes;
    return bytes;
  }

  send(frame: Frame): void {
    if (this.#isOver) return;
    this.queue.push(frame);
    this.#pump();
  }

  ping(): void {
    this.#ping = { nonce: (this.#ping.nonce + 1) >>> 0, atMs: this.#deps.nowMs() };
    this.send(makeFrame({ kind: 'ping', nonce: this.#ping.nonce }));
  }

  /** True: the message was a ping or its answer, and nobody else's. An answer to an older ping says nothing. */
  #tookPing(message: PeerMessage): boolean {
    if (message.kind === 'ping') this.send(makeFrame({ kind: 'pong', nonce: message.nonce }));
    if (message.kind === 'pong' && message.nonce === this.#ping.nonce) this.#roundTripMs = this.#deps.nowMs() - this.#ping.atMs;
    return message.kind === 'ping' || message.kind === 'pong';
  }

  /** Ends it here: nothing more is read, written or handed up. */
  end(why: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#deps.link.cut(why);
    this.#deps.onEnded(why);
  }

  ended(why: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#deps.onEnded(why);
  }

  drained(channel: Channel): void {
    this.#full.delete(channel);
    this.#pump();
  }

  received(channel: Channel, bytes: Uint8Array): void {
    if (this.#isOver) return;
    this.#heardMs = this.#deps.nowMs();
    const refusal = this.#readers.get(channel)?.take(bytes, (kind, payload) => this.#read(kind, payload));
    if (refusal !== undefined && !this.#isOver) this.#deps.onOffence(refusal);
  }

  #read(kind: FrameKind, payload: Uint8Array): void {
    if (this.#isOver) return;
    const { nowMs, onOffence, onMessage } = this.#deps;
    if (this.#buckets.get(kind.rate)?.take(kind.byBytes ? payload.length : 1, nowMs()) === false) return onOffence('flood');
    const message = kind.decode(payload);
    if (!message.ok) return onOffence('malformed');
    if (!this.#signatures.take(kind.signatures(message.value), nowMs())) return onOffence('flood');
    if (!this.#tookPing(message.value)) onMessage(message.value, payload.length);
  }

  /** Writes as long as a stream takes it; after each part the highest class has its turn again. */
  #pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    while (!this.#isOver) {
      const channel = CHANNELS.find((one) => !this.#full.has(one) && this.#next(one));
      if (channel === undefined) break;
      this.#writePart(channel);
    }
    this.#isPumping = false;
  }

  #next(channel: Channel): boolean {
    if (this.#writing.has(channel)) return true;
    const frame = this.queue.take(channel);
    if (frame !== undefined) this.#writing.set(channel, { frame, at: 0 });
    return frame !== undefined;
  }

  #writePart(channel: Channel): void {
    const writing = this.#writing.get(channel);
    if (writing === undefined) return;
    const { bytes, kind } = writing.frame;
    const part = bytes.subarray(writing.at, writing.at + this.#deps.limits.writeChunkBytes);
    writing.at += part.length;
    if (writing.at === bytes.length) {
      this.#writing.delete(channel);
      this.#deps.onSent(kind, bytes.length);
    }
    if (!this.#deps.link.write(channel, part)) this.#full.add(channel);
  }
}
