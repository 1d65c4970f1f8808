/**
 * The Network port over a transport: who is connected, what each is sent and in which order, what is taken from each,
 * who is cut and banned. Nothing here waits for a peer.
 */
import type { PeerAddress } from '../peerAddress.ts';
import type { Clock, Log, Network, PeerInfo, PeerMessage, Timers } from '../ports.ts';
import { Conduct, OFFENCES, type Offence } from './conduct.ts';
import { Dialer } from './dialer.ts';
import { CHANNELS, makeFrame, type Frame } from './frames.ts';
import type { NetworkLimits } from './limits.ts';
import type { Link, LinkEvents, Transport } from './link.ts';
import type { NetworkCounters, NetworkInfo } from './networkMetrics.ts';
import { Session } from './session.ts';

export interface PeerNetworkDeps {
  readonly transport: Transport;
  /** Admitted peers; those with an address are dialled. */
  readonly peers: readonly PeerAddress[];
  readonly limits: NetworkLimits;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  /** In [0, 1): spreads dials. */
  readonly random: () => number;
  readonly counters: NetworkCounters;
}

/** Looks for silent peers, and measures the way to the others, this often within `silentMs`. */
const SILENCE_CHECKS = 3;

export class PeerNetwork implements Network {
  readonly #deps: PeerNetworkDeps;
  readonly #admitted: ReadonlyMap<string, PeerAddress>;
  readonly #sessions = new Map<string, Session>();
  readonly #conduct: Conduct;
  readonly #dialer: Dialer;
  #receive: (from: string, message: PeerMessage) => void = () => undefined;
  #cancelCheck: () => void = () => undefined;
  #closed = false;

  constructor(deps: PeerNetworkDeps) {
    const { peers, limits, transport, timers, log, random, counters } = deps;
    this.#deps = deps;
    const others = peers.filter(({ key }) => key !== transport.ownKey);
    this.#admitted = new Map(others.map((peer) => [peer.key, peer]));
    this.#conduct = new Conduct(limits);
    this.#dialer = new Dialer(others, {
      limits, timers, log, random,
      dial: (peer) => transport.dial(peer),
      isConnected: (key) => this.#sessions.has(key),
      waitMs: (key) => this.#conduct.banLeftMs(key, this.#nowMs()),
      onFailed: counters.dialFailed,
    });
  }

  /** Listens and dials; messages come from now on. Rejects where it cannot listen. */
  async start(receive: (from: string, message: PeerMessage) => void): Promise<void> {
    this.#receive = receive;
    await this.#deps.transport.start({ admits: (peer) => this.#admits(peer), opened: (link) => this.#opened(link) });
    if (this.#closed) return; // it was stopped while it started
    this.#dialer.start();
    this.#checkSilence();
  }

  send(to: string, message: PeerMessage): void {
    const session = this.#sessions.get(to);
    if (session !== undefined) session.send(makeFrame(message));
  }

  sendAll(message: PeerMessage, except: readonly string[] = []): void {
    const sessions = [...this.#sessions.values()].filter(({ link }) => !except.includes(link.peer));
    if (sessions.length === 0) return;
    const frame: Frame = makeFrame(message);
    for (const session of sessions) session.send(frame);
  }

  connected(): readonly string[] {
    return [...this.#sessions.keys()];
  }

  blame(peer: string, why: 'malformed' | 'bad_signature'): void {
    const session = this.#sessions.get(peer);
    if (session !== undefined) this.#offended(session, why);
  }

  /** What is connected and what waits, for metrics and tests. */
  info(): NetworkInfo {
    const sessions = [...this.#sessions.values()];
    return {
      peers: sessions.map(({ link }) => link.peer), streams: this.#deps.transport.streams(), banned: this.#conduct.bannedCount(this.#nowMs()),
      queuedBytes: sessions.reduce((sum, { queue }) => sum + queue.bytes, 0),
      queued: (one) => sessions.reduce((sum, { queue }) => sum + queue.count(one), 0),
      receivingBytes: sessions.reduce((sum, { receivingBytes }) => sum + receivingBytes, 0),
    };
  }

  /** Every admitted peer in the order of the configuration, connected or not. */
  peers(): readonly Omit<PeerInfo, 'height'>[] {
    const nowMs = this.#nowMs();
    return [...this.#admitted.values()].map(({ key, at }) => {
      const session = this.#sessions.get(key);
      const bannedForMs = this.#conduct.banLeftMs(key, nowMs);
      return {
        key, at, score: this.#conduct.score(key, nowMs), bannedForMs,
        state: session !== undefined ? 'connected' : bannedForMs > 0 ? 'banned' : 'away',
        direction: session === undefined ? undefined : session.link.dialled ? 'out' : 'in',
        connectedForMs: session === undefined ? undefined : nowMs - session.openedMs, roundTripMs: session?.roundTripMs,
        streams: session === undefined ? 0 : CHANNELS.length, queuedBytes: session?.queue.bytes ?? 0,
      };
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#dialer.stop();
    this.#cancelCheck();
    for (const session of [...this.#sessions.values()]) session.end('this node stops');
    await this.#deps.transport.close();
  }

  #nowMs(): number {
    return this.#deps.clock.monotonicMs();
  }

  #admits(peer: string): boolean {
    return !this.#closed && this.#admitted.has(peer) && this.#conduct.banLeftMs(peer, this.#nowMs()) === 0;
  }

  /**
   * Two peers that dial each other keep one connection: both prefer the one that the lower key has dialled. A second one
   * from the same side replaces the first: its peer has lost that one.
   */
  #opened(link: Link): LinkEvents | undefined {
    const { peer, dialled } = link;
    if (!this.#admits(peer)) return undefined;
    const other = this.#sessions.get(peer);
    const isPreferred = dialled === (this.#deps.transport.ownKey < peer);
    if (other !== undefined && other.link.dialled !== dialled && !isPreferred) return undefined;
    const { limits, counters } = this.#deps;
    const session: Session = new Session({
      link, limits, nowMs: () => this.#nowMs(),
      onMessage: (message, bytes) => {
        counters.received(message.kind, bytes);
        if (!this.#closed) this.#receive(peer, message);
      },
      onOffence: (offence) => this.#offended(session, offence),
      onSent: (kind, bytes) => counters.sent(kind.kind, bytes),
      onDrop: counters.dropped,
      onEnded: (why) => this.#ended(session, why),
    });
    this.#sessions.set(peer, session);
    session.ping();
    other?.end('replaced by a newer connection');
    this.#deps.log.info({ peer, dialled }, 'Peer connected');
    return session;
  }

  #ended(session: Session, why: string): void {
    const { peer } = session.link;
    if (this.#sessions.get(peer) !== session) return; // replaced
    this.#sessions.delete(peer);
    if (this.#closed) return;
    this.#deps.log.info({ peer, why }, 'Peer lost');
    this.#dialer.lost(peer, this.#nowMs() - session.openedMs >= this.#deps.limits.healthyMs);
  }

  #offended(session: Session, offence: Offence): void {
    const { peer } = session.link;
    const { counters, log } = this.#deps;
    counters.offended(offence);
    const isBanned = this.#conduct.note(peer, offence, this.#nowMs());
    if (isBanned) {
      counters.banned();
      log.warn({ peer, offence, banMs: this.#conduct.banLeftMs(peer, this.#nowMs()) }, 'A peer is banned for a time');
    }
    if (isBanned || OFFENCES[offence].cut) session.end(offence);
  }

  #checkSilence(): void {
    const { limits: { silentMs }, timers } = this.#deps;
    for (const session of [...this.#sessions.values()]) {
      if (this.#nowMs() - session.heardMs > silentMs) this.#offended(session, 'silent');
      else session.ping();
    }
    this.#cancelCheck = timers.after(silentMs / SILENCE_CHECKS, () => this.#checkSilence());
  }
}
