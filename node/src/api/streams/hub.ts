/**
 * Server-sent events of one kind: frames leave in the order of the events, readers get those they may see, whoever does not
 * keep up is cut off and resumes by Last-Event-ID. What the events are stands with each kind (orders, wallet, headers, admin).
 */
import { randomBytes } from 'node:crypto';
import type { Clock, Log } from '../../ports.ts';
import type { Refusal, StreamConnection, StreamSink } from '../entry.ts';
import { openRing, RING_MS } from './ring.ts';

/** A reader that has this much unread is gone or far too slow: about 100 frames. */
export const UNREAD_MAX_BYTES = 262_144;
/** Largest replay; about 300 frames. */
const REPLAY_MAX_BYTES = 1_048_576;
/** Frames that wait for their proofs. */
const BUILDING_MAX = 5_000;
/** Tells a reader how long to wait before it reopens. */
const RETRY_MS = 1_000;

/** How many streams may be open together, over the hubs that share it; every stream holds a socket. */
export class Places {
  readonly #max: number;
  #taken = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get taken(): number {
    return this.#taken;
  }

  take(): boolean {
    if (this.#taken >= this.#max) return false;
    this.#taken++;
    return true;
  }

  giveBack(): void {
    this.#taken--;
  }
}

export interface HubDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly places: Places;
}

interface Reader<S> {
  readonly sink: StreamSink;
  readonly wants: (scope: S) => boolean;
}

export interface Told<S> {
  readonly event: string;
  readonly scope: S;
  /** Of the declared form of this event. */
  readonly data: object;
}

export class Hub<S> {
  readonly #deps: HubDeps;
  readonly #readers = new Set<Reader<S>>();
  readonly #ring = openRing<S>();
  /** Frame numbers are of this process: an id of an earlier one asks for a resync. */
  readonly #boot = randomBytes(6).toString('hex');
  #seq = 0;
  #building = 0;
  #tail: Promise<void> = Promise.resolve();
  /** When the last reader left, who may come back and resume. */
  #leftAtMs = -Infinity;

  constructor(deps: HubDeps) {
    this.#deps = deps;
  }

  get clients(): number {
    return this.#readers.size;
  }

  /** `make` may look up proofs; whatever it costs, frames leave in the order of the calls. Not called where nobody could hear of it. */
  tell(make: () => Promise<readonly Told<S>[]>): void {
    if (this.#isUnheard()) return this.#skip();
    if (this.#building >= BUILDING_MAX) return this.#overflow();
    this.#building++;
    this.#tail = this.#tail.then(async () => {
      for (const told of await make()) this.#send(told);
    }).catch((error: unknown) => {
      this.#deps.log.warn({ error }, 'an event could not be told; readers were sent to the list');
      this.#overflow();
    }).finally(() => { this.#building--; });
  }

  /** `first`: what this reader alone is told at the beginning, without an id: it is told again whenever the stream is opened. */
  open({ lastEventId, begin }: StreamConnection, wants: (scope: S) => boolean, first?: () => Promise<readonly Omit<Told<S>, 'scope'>[]>): Refusal | undefined {
    const { places } = this.#deps;
    if (!places.take()) return { problem: 'rate_limited', detail: `This server has ${places.taken} open streams of this kind, as many as it may have.`, violatedPolicies: ['streams-node'] };
    const reader: Reader<S> = { sink: begin(), wants };
    this.#readers.add(reader);
    reader.sink.onClose(() => this.#forget(reader));
    reader.sink.write(`retry: ${RETRY_MS}\n: ${this.#id()}\n\n`);
    if (lastEventId !== undefined) this.#resume(reader, lastEventId);
    if (first !== undefined) this.#tellFirst(reader, first);
    return undefined;
  }

  /** The same text to everybody. */
  broadcast(text: string): void {
    for (const reader of this.#readers) this.#writeTo(reader, text);
  }

  closeAll(): void {
    for (const reader of this.#readers) this.#leave(reader);
  }

  #tellFirst(reader: Reader<S>, first: () => Promise<readonly Omit<Told<S>, 'scope'>[]>): void {
    first().then((all) => {
      for (const { event, data } of all) if (this.#readers.has(reader)) this.#writeTo(reader, `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    }, (error: unknown) => {
      this.#deps.log.warn({ error }, 'what a reader is told first could not be read; the stream was ended, so that it is opened again');
      this.#leave(reader);
    });
  }

  #id(): string {
    return `${this.#boot}-${this.#seq}`;
  }

  #resyncFrame(): string {
    return `id: ${this.#id()}\nevent: resync\ndata: {}\n\n`;
  }

  #writeTo(reader: Reader<S>, text: string): void {
    if (reader.sink.pendingBytes() > UNREAD_MAX_BYTES) return this.#leave(reader);
    reader.sink.write(text);
  }

  #forget(reader: Reader<S>): boolean {
    const was = this.#readers.delete(reader);
    if (!was) return false;
    this.#deps.places.giveBack();
    this.#leftAtMs = this.#deps.clock.nowMs();
    return true;
  }

  #leave(reader: Reader<S>): void {
    if (this.#forget(reader)) reader.sink.end();
  }

  #send({ event, scope, data }: Told<S>): void {
    this.#seq++;
    const text = `id: ${this.#id()}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
    this.#ring.push({ seq: this.#seq, atMs: this.#deps.clock.nowMs(), scope, text });
    for (const reader of this.#readers) if (reader.wants(scope)) this.#writeTo(reader, text);
  }

  /** Nobody reads, and whoever did is away for longer than anything is kept for him. */
  #isUnheard(): boolean {
    return this.#readers.size === 0 && this.#building === 0 && this.#deps.clock.nowMs() - this.#leftAtMs > RING_MS;
  }

  /** Whoever asks for what came before reads the list again. */
  #skip(): void {
    this.#seq++;
    this.#ring.clear(this.#seq);
  }

  /** Something was not told: everybody reads the list again. */
  #overflow(): void {
    this.#skip();
    this.broadcast(this.#resyncFrame());
  }

  #resume(reader: Reader<S>, lastEventId: string): void {
    const [, ofBoot = '', number = ''] = /^([0-9a-f]{12})-(\d{1,15})$/.exec(lastEventId) ?? [];
    const missed = ofBoot === this.#boot ? this.#ring.after(Number(number), this.#deps.clock.nowMs()) : undefined;
    const texts = missed?.filter(({ scope }) => reader.wants(scope)).map(({ text }) => text);
    const bytes = texts?.reduce((sum, text) => sum + text.length, 0) ?? 0;
    // Reading the list again is cheaper than a long replay, for both sides.
    if (texts === undefined || bytes > REPLAY_MAX_BYTES) return this.#writeTo(reader, this.#resyncFrame());
    for (const text of texts) reader.sink.write(text);
  }
}
