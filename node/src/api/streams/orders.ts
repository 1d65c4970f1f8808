/**
 * Order events as server-sent events (US-002: no manual refresh). A payment's frame carries its proof, so that a till
 * believes the proof and not this server. Readers that do not keep up are cut off and resume by Last-Event-ID.
 */
import { randomBytes } from 'node:crypto';
import { HEARTBEAT_MS, ROUTES } from '@billcoin/sdk';
import type { OrderEvent, Orders } from '../../campusPorts.ts';
import type { Clock, Log } from '../../ports.ts';
import { tillOf } from '../caller.ts';
import { isOwnTill } from '../own.ts';
import type { Refusal, StreamConnection, StreamEntry, StreamSink } from '../entry.ts';
import type { Receipts } from '../receipts.ts';
import { orderEventData } from '../views/order.ts';
import { openRing, type RingFrame } from './ring.ts';

/** 200 tills, a few screens each; every stream holds a socket. */
export const STREAMS_MAX = 1_000;
/** A reader that has this much unread is gone or far too slow: about 100 frames. */
export const UNREAD_MAX_BYTES = 262_144;
/** Largest replay; about 300 frames. */
const REPLAY_MAX_BYTES = 1_048_576;
/** Frames that wait for their proofs. */
const BUILDING_MAX = 5_000;
/** Tells a reader how long to wait before it reopens. */
const RETRY_MS = 1_000;

export interface OrderStreamDeps {
  readonly orders: Orders;
  readonly receipts: Receipts;
  readonly clock: Clock;
  readonly log: Log;
}

export interface OrderStream {
  readonly entry: StreamEntry;
  clients(): number;
  /** Ends all streams. */
  close(): void;
}

interface Reader {
  readonly sink: StreamSink;
  readonly wants: (frame: RingFrame) => boolean;
}

class Hub {
  readonly #deps: OrderStreamDeps;
  readonly #readers = new Set<Reader>();
  readonly #ring = openRing();
  /** Frame numbers are of this process: an id of an earlier one asks for a resync. */
  readonly #boot = randomBytes(6).toString('hex');
  #seq = 0;
  #building = 0;
  #tail: Promise<void> = Promise.resolve();

  constructor(deps: OrderStreamDeps) {
    this.#deps = deps;
  }

  get clients(): number {
    return this.#readers.size;
  }

  /** Frames leave in the order of the events, whatever their proofs cost. */
  onEvent(event: OrderEvent): void {
    if (this.#building >= BUILDING_MAX) return this.#overflow();
    this.#building++;
    this.#tail = this.#tail.then(() => this.#build(event)).catch((error: unknown) => {
      this.#deps.log.warn({ error, event: event.name }, 'an order event could not be told; readers were sent to the list');
      this.#overflow();
    }).finally(() => { this.#building--; });
  }

  open({ caller, query, lastEventId, begin }: StreamConnection): Refusal | undefined {
    if (this.#readers.size >= STREAMS_MAX) return { problem: 'rate_limited', detail: `This server has ${STREAMS_MAX} open streams, as many as it may have.` };
    const { tillNo, orderId } = query;
    if (tillNo !== undefined && tillOf(caller) !== undefined && tillOf(caller) !== tillNo) return { problem: 'not_found' };
    const reader: Reader = { sink: begin(), wants: (frame) => isOwnTill(caller, frame) && (tillNo === undefined || frame.tillNo === tillNo) && (orderId === undefined || frame.orderId === orderId) };
    this.#readers.add(reader);
    reader.sink.onClose(() => void this.#readers.delete(reader));
    reader.sink.write(`retry: ${RETRY_MS}\n: ${this.#id()}\n\n`);
    if (lastEventId !== undefined) this.#resume(reader, lastEventId);
    return undefined;
  }

  /** The same text to everybody. */
  broadcast(text: string): void {
    for (const reader of this.#readers) this.#writeTo(reader, text);
  }

  closeAll(): void {
    for (const reader of this.#readers) this.#leave(reader);
  }

  #id(): string {
    return `${this.#boot}-${this.#seq}`;
  }

  #resyncFrame(): string {
    return `id: ${this.#id()}\nevent: resync\ndata: {}\n\n`;
  }

  #writeTo(reader: Reader, text: string): void {
    if (reader.sink.pendingBytes() > UNREAD_MAX_BYTES) return this.#leave(reader);
    reader.sink.write(text);
  }

  #leave(reader: Reader): void {
    if (this.#readers.delete(reader)) reader.sink.end();
  }

  async #build(event: OrderEvent): Promise<void> {
    const proof = event.final === undefined ? undefined : await this.#deps.receipts.of(event.final.height, event.final.index);
    const data = orderEventData(event, proof);
    this.#seq++;
    const { tillNo, orderId, merchant } = event.order;
    const frame: RingFrame = { seq: this.#seq, atMs: this.#deps.clock.nowMs(), tillNo, orderId, merchant, text: `id: ${this.#id()}\nevent: ${event.name}\ndata: ${JSON.stringify(data)}\n\n` };
    this.#ring.push(frame);
    for (const reader of this.#readers) if (reader.wants(frame)) this.#writeTo(reader, frame.text);
  }

  /** Something was not told: everybody reads the list again. */
  #overflow(): void {
    this.#seq++;
    this.#ring.clear(this.#seq);
    this.broadcast(this.#resyncFrame());
  }

  #resume(reader: Reader, lastEventId: string): void {
    const [, ofBoot = '', number = ''] = /^([0-9a-f]{12})-(\d{1,15})$/.exec(lastEventId) ?? [];
    const missed = ofBoot === this.#boot ? this.#ring.after(Number(number), this.#deps.clock.nowMs()) : undefined;
    const texts = missed?.filter(reader.wants).map(({ text }) => text);
    const bytes = texts?.reduce((sum, text) => sum + text.length, 0) ?? 0;
    // Reading the list again is cheaper than a long replay, for both sides.
    if (texts === undefined || bytes > REPLAY_MAX_BYTES) return this.#writeTo(reader, this.#resyncFrame());
    for (const text of texts) reader.sink.write(text);
  }
}

export function openOrderStream(deps: OrderStreamDeps): OrderStream {
  const hub = new Hub(deps);
  const unsubscribe = deps.orders.subscribe((event) => hub.onEvent(event));
  const heartbeat = setInterval(() => hub.broadcast(': alive\n\n'), HEARTBEAT_MS);
  heartbeat.unref();
  return {
    entry: { declaration: ROUTES.streamOrders, open: (connection) => hub.open(connection) },
    clients: () => hub.clients,
    close() {
      clearInterval(heartbeat);
      unsubscribe();
      hub.closeAll();
    },
  };
}
