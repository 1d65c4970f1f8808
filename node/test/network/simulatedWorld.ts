/** Compliance world of simulated wires in virtual time: every run is the same. Bytes, windows and delays as a transport has them. */
import type { Clock, Timers } from '../../src/ports.ts';
import type { PeerAddress } from '../../src/peerAddress.ts';
import { CHANNELS, type Channel } from '../../src/network/frames.ts';
import type { NetworkLimits } from '../../src/network/limits.ts';
import type { Link, LinkEvents, Transport, TransportEvents } from '../../src/network/link.ts';
import { sha256, toHex, utf8 } from '@billcoin/protocol';
import type { RawPeer, World, WorldNode } from './compliance.ts';
import { makeWorldNode } from './worldNode.ts';

/** One way, in ms. */
const DELAY_MS = 2;
/** Bytes of a channel on their way and not read yet. */
const WINDOW_BYTES = 262_144;

/** Virtual time: what is due runs in order of time, then of asking. */
class VirtualTime implements Clock, Timers {
  #nowMs = 0;
  #nextNo = 0;
  #due: { readonly atMs: number; readonly no: number; readonly run: () => void }[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): () => void {
    const item = { atMs: this.#nowMs + delayMs, no: this.#nextNo++, run };
    this.#due.push(item);
    return () => {
      this.#due = this.#due.filter((other) => other !== item);
    };
  }

  /** Everything due within `ms`; promises that it resolves go on in between. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    for (;;) {
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
      const [next] = this.#due.sort((a, b) => (a.atMs === b.atMs ? a.no - b.no : a.atMs - b.atMs));
      if (next === undefined || next.atMs > endMs) break;
      this.#due.shift();
      this.#nowMs = next.atMs;
      next.run();
    }
    this.#nowMs = endMs;
  }
}

/** One direction of one channel: at most a window is on its way, the rest waits here. */
class Pipe {
  readonly #time: VirtualTime;
  readonly #deliver: (bytes: Uint8Array) => void;
  readonly #drained: () => void;
  readonly #waiting: Uint8Array[] = [];
  #flying = 0;
  #unread: Uint8Array[] = [];
  #isPaused = false;
  #isCut = false;

  constructor(time: VirtualTime, deliver: (bytes: Uint8Array) => void, drained: () => void) {
    this.#time = time;
    this.#deliver = deliver;
    this.#drained = drained;
  }

  write(bytes: Uint8Array): boolean {
    this.#waiting.push(bytes);
    this.#send();
    return this.#waiting.length === 0;
  }

  pause(): void {
    this.#isPaused = true;
  }

  cut(): void {
    this.#isCut = true;
  }

  #send(): void {
    for (let next = this.#waiting[0]; next !== undefined && this.#flying < WINDOW_BYTES; next = this.#waiting[0]) {
      const part = new Uint8Array(next.subarray(0, WINDOW_BYTES - this.#flying));
      if (part.length === next.length) this.#waiting.shift();
      else this.#waiting[0] = next.subarray(part.length);
      this.#flying += part.length;
      this.#time.after(DELAY_MS, () => this.#arrive(part));
    }
  }

  #arrive(part: Uint8Array): void {
    if (this.#isCut) return;
    this.#unread.push(part);
    if (this.#isPaused) return;
    const parts = this.#unread;
    this.#unread = [];
    for (const one of parts) {
      if (!this.#isCut) this.#deliver(one);
      this.#time.after(DELAY_MS, () => this.#read(one.length));
    }
  }

  #read(bytes: number): void {
    if (this.#isCut) return;
    const wasFull = this.#waiting.length > 0;
    this.#flying -= bytes;
    this.#send();
    if (wasFull && this.#waiting.length === 0) this.#drained();
  }
}

/** Both ends of one connection. */
class Wire {
  readonly #pipes = new Map<string, Map<Channel, Pipe>>();
  readonly #events = new Map<string, LinkEvents>();
  readonly #time: VirtualTime;
  #isCut = false;

  constructor(time: VirtualTime, ends: readonly [string, string]) {
    this.#time = time;
    for (const [from, to] of [ends, [ends[1], ends[0]] as const]) {
      this.#pipes.set(from, new Map(CHANNELS.map((channel) => [channel, new Pipe(time, (bytes) => this.#events.get(to)?.received(channel, bytes), () => this.#events.get(from)?.drained(channel))])));
    }
  }

  get isCut(): boolean {
    return this.#isCut;
  }

  link(own: string, peer: string, dialled: boolean): Link {
    return { peer, dialled, write: (channel, bytes) => !this.#isCut && (this.#pipes.get(own)?.get(channel)?.write(bytes) ?? false), cut: () => this.cut() };
  }

  attach(own: string, events: LinkEvents): void {
    this.#events.set(own, events);
  }

  /** The end `own` reads nothing more. */
  pause(own: string): void {
    for (const [from, pipes] of this.#pipes) if (from !== own) for (const pipe of pipes.values()) pipe.pause();
  }

  cut(): void {
    if (this.#isCut) return;
    this.#isCut = true;
    for (const pipes of this.#pipes.values()) for (const pipe of pipes.values()) pipe.cut();
    for (const events of this.#events.values()) this.#time.after(DELAY_MS, () => events.ended('the wire was cut'));
  }
}

class WireTransport implements Transport {
  readonly ownKey: string;
  readonly #world: { readonly time: VirtualTime; readonly hosts: Map<string, WireTransport> };
  readonly #wires = new Set<Wire>();
  #events: TransportEvents | undefined;

  constructor(ownKey: string, world: { readonly time: VirtualTime; readonly hosts: Map<string, WireTransport> }) {
    this.ownKey = ownKey;
    this.#world = world;
  }

  streams(): number {
    return [...this.#wires].filter(({ isCut }) => !isCut).length * CHANNELS.length;
  }

  async start(events: TransportEvents): Promise<void> {
    this.#events = events;
    this.#world.hosts.set(this.ownKey, this);
  }

  async dial(peer: PeerAddress): Promise<void> {
    await this.open(peer.key);
  }

  async close(): Promise<void> {
    this.#world.hosts.delete(this.ownKey);
    for (const wire of this.#wires) wire.cut();
  }

  /** The wire, once both ends have taken it. */
  async open(key: string): Promise<Wire> {
    const { time, hosts } = this.#world;
    await new Promise<void>((resolve) => void time.after(DELAY_MS, resolve));
    const host = hosts.get(key);
    if (host === undefined) throw new Error('nobody listens there');
    const wire = new Wire(time, [this.ownKey, key]);
    this.#wires.add(wire);
    host.#wires.add(wire);
    if (!host.#take(wire, this.ownKey, false) || !this.#take(wire, key, true)) wire.cut();
    if (wire.isCut) throw new Error('refused');
    return wire;
  }

  #take(wire: Wire, peer: string, dialled: boolean): boolean {
    if (this.#events?.admits(peer) !== true) return false;
    const events = this.#events.opened(wire.link(this.ownKey, peer, dialled));
    if (events !== undefined) wire.attach(this.ownKey, events);
    return events !== undefined;
  }
}

class RawWire implements RawPeer {
  readonly key: string;
  readonly #transport: WireTransport;
  #link: Link | undefined;
  #wire: Wire | undefined;

  constructor(transport: WireTransport) {
    this.#transport = transport;
    this.key = transport.ownKey;
  }

  async open(): Promise<void> {
    await this.#transport.start({
      admits: () => true,
      opened: (link) => {
        this.#link = link;
        return { received: () => undefined, drained: () => undefined, ended: () => undefined };
      },
    });
  }

  async connect(to: WorldNode): Promise<void> {
    this.#wire = undefined;
    this.#wire = await this.#transport.open(to.key);
  }

  write(channel: Channel, bytes: Uint8Array): void {
    this.#link?.write(channel, bytes);
  }

  pause(): void {
    this.#wire?.pause(this.key);
  }

  isEnded(): boolean {
    return this.#wire?.isCut ?? true;
  }
}

export async function simulatedWorld(): Promise<World> {
  const time = new VirtualTime();
  const world = { time, hosts: new Map<string, WireTransport>() };
  const keyOf = (name: string): string => toHex(sha256(utf8(`compliance ${name}`)));
  const closers: (() => Promise<void>)[] = [];
  /** Runs virtual time until the promise has settled. */
  async function run<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const settled = promise.finally(() => {
      isSettled = true;
    });
    settled.catch(() => undefined); // thrown below
    for (let turn = 0; turn < 1_000 && !isSettled; turn++) await time.advance(1);
    return settled;
  }
  return {
    keyOf,
    async join(name: string, peers: readonly string[], limits: Partial<NetworkLimits> = {}) {
      const addresses = peers.map((peer) => ({ key: keyOf(peer), at: world.hosts.has(keyOf(peer)) || peer === 'b' ? { host: peer, port: 1 } : undefined }));
      const node = await makeWorldNode(new WireTransport(keyOf(name), world), addresses, limits, { clock: time, timers: time });
      closers.push(node.close);
      return node;
    },
    async raw(name) {
      const raw = new RawWire(new WireTransport(keyOf(name), world));
      await raw.open();
      return { ...rawMethods(raw), connect: (to) => run(raw.connect(to)) };
    },
    wait: (ms) => time.advance(ms),
    async end() {
      for (const close of closers.reverse()) await close();
    },
  };
}

function rawMethods(raw: RawWire): RawPeer {
  return { key: raw.key, connect: (to) => raw.connect(to), write: (channel, bytes) => raw.write(channel, bytes), pause: () => raw.pause(), isEnded: () => raw.isEnded() };
}
