/**
 * Order events as server-sent events (US-002: no manual refresh). A payment's frame carries its proof, so that a till
 * believes the proof and not this server. Readers that do not keep up are cut off and resume by Last-Event-ID.
 */
import { randomBytes } from 'node:crypto';
import { HEARTBEAT_MS, ROUTES, type OrderEventData } from '@billcoin/sdk';
import type { OrderEvent, Orders } from '../../campusPorts.ts';
import type { Clock, Log } from '../../ports.ts';
import type { StreamConnection, StreamEntry, StreamSink } from '../entry.ts';
import type { Receipts } from '../receipts.ts';
import { orderEventData } from '../views/order.ts';
import { openRing, type RingFrame } from './ring.ts';

/** 200 tills, a few screens each; every stream holds a socket. */
export const STREAMS_MAX = 1_000;
/** A reader that has this much unread is gone or far too slow: about 100 frames. */
export const UNREAD_MAX_BYTES = 262_144;
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

export function openOrderStream({ orders, receipts, clock, log }: OrderStreamDeps): OrderStream {
  const readers = new Set<Reader>();
  const ring = openRing();
  /** Frame numbers are of this process: an id of an earlier one asks for a resync. */
  const boot = randomBytes(6).toString('hex');
  let seq = 0;
  let building = 0;
  let tail: Promise<void> = Promise.resolve();

  const idOf = (number: number): string => `${boot}-${number}`;
  const resyncFrame = (): string => `id: ${idOf(seq)}\nevent: resync\ndata: {}\n\n`;

  function writeTo(reader: Reader, text: string): void {
    if (reader.sink.pendingBytes() > UNREAD_MAX_BYTES) return leave(reader);
    reader.sink.write(text);
  }

  function leave(reader: Reader): void {
    if (readers.delete(reader)) reader.sink.end();
  }

  function publish(event: OrderEvent, data: OrderEventData): void {
    seq++;
    const frame: RingFrame = { seq, atMs: clock.nowMs(), tillNo: event.order.tillNo, orderId: event.order.orderId, text: `id: ${idOf(seq)}\nevent: ${event.name}\ndata: ${JSON.stringify(data)}\n\n` };
    ring.push(frame);
    for (const reader of readers) if (reader.wants(frame)) writeTo(reader, frame.text);
  }

  async function build(event: OrderEvent): Promise<void> {
    const proof = event.final === undefined ? undefined : await receipts.of(event.final.height, event.final.index);
    publish(event, orderEventData(event, proof));
  }

  /** More events than proofs can be made: everybody reads the list again. */
  function overflow(): void {
    seq++;
    ring.clear(seq);
    for (const reader of readers) writeTo(reader, resyncFrame());
  }

  /** Frames leave in the order of the events, whatever their proofs cost. */
  function onEvent(event: OrderEvent): void {
    if (building >= BUILDING_MAX) return overflow();
    building++;
    tail = tail.then(() => build(event)).catch((error: unknown) => {
      log.warn({ error, event: event.name }, 'an order event could not be told; readers were sent to the list');
      overflow();
    }).finally(() => { building--; });
  }

  function resume(reader: Reader, lastEventId: string): void {
    const [, ofBoot = '', number = ''] = /^([0-9a-f]{12})-(\d{1,15})$/.exec(lastEventId) ?? [];
    const missed = ofBoot === boot ? ring.after(Number(number), clock.nowMs()) : undefined;
    if (missed === undefined) return writeTo(reader, resyncFrame());
    for (const frame of missed) if (reader.wants(frame)) reader.sink.write(frame.text);
  }

  function open({ query, lastEventId, begin }: StreamConnection): ReturnType<StreamEntry['open']> {
    if (readers.size >= STREAMS_MAX) return { problem: 'rate_limited', detail: `This server has ${STREAMS_MAX} open streams, as many as it may have.` };
    const { tillNo, orderId } = query;
    const reader: Reader = { sink: begin(), wants: (frame) => (tillNo === undefined || frame.tillNo === tillNo) && (orderId === undefined || frame.orderId === orderId) };
    readers.add(reader);
    reader.sink.onClose(() => void readers.delete(reader));
    reader.sink.write(`retry: ${RETRY_MS}\n: ${idOf(seq)}\n\n`);
    if (lastEventId !== undefined) resume(reader, lastEventId);
    return undefined;
  }

  const unsubscribe = orders.subscribe(onEvent);
  const heartbeat = setInterval(() => {
    for (const reader of readers) writeTo(reader, ': alive\n\n');
  }, HEARTBEAT_MS);
  heartbeat.unref();
  return {
    entry: { declaration: ROUTES.streamOrders, open },
    clients: () => readers.size,
    close() {
      clearInterval(heartbeat);
      unsubscribe();
      for (const reader of readers) leave(reader);
    },
  };
}
