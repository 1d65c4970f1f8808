/**
 * Links over libp2p: TCP, noise, yamux (dependencies page §2). The protocol names carry the genesis hash, so nodes of
 * another network find no stream in common. No discovery, no identify, no relay: peers are configured.
 */
import './promiseWithResolvers.ts';
import { noise } from '@chainsafe/libp2p-noise';
import { generateKeyPairFromSeed, publicKeyFromRaw } from '@libp2p/crypto/keys';
import { tcp } from '@libp2p/tcp';
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr';
import { createLibp2p, type Libp2p } from 'libp2p';
import { fromHex, toHex } from '@billcoin/protocol';
import type { HostPort, PeerAddress } from '../peerAddress.ts';
import type { Timers } from '../ports.ts';
import { CHANNELS, type Channel } from './frames.ts';
import type { NetworkLimits } from './limits.ts';
import type { Link, LinkEvents, Transport, TransportEvents } from './link.ts';
import { guardedYamux, tellWindowByHalves } from './yamuxGuard.ts';

export interface Libp2pSetup {
  /** 32-byte Ed25519 seed of the node key. */
  readonly seed: Uint8Array;
  readonly genesisHash: Uint8Array;
  /** Undefined: this node only dials. Port 0 takes a free one. */
  readonly listen: HostPort | undefined;
  readonly limits: NetworkLimits;
  readonly timers: Timers;
}

export interface Libp2pTransport extends Transport {
  /** Port this node listens on, once started. */
  listenPort(): number | undefined;
}

type Connection = ReturnType<Libp2p['getConnections']>[number];
type Stream = Awaited<ReturnType<Connection['newStream']>>;
type PeerId = Connection['remotePeer'];

/** Bytes of the genesis hash in a protocol name: enough to tell networks apart, short enough to read. */
const NETWORK_ID_BYTES = 8;

function hostPart(host: string): string {
  if (/^\d+(\.\d+){3}$/.test(host)) return `/ip4/${host}`;
  return host.includes(':') ? `/ip6/${host}` : `/dns/${host}`;
}

function addressOf({ key, at }: PeerAddress): Multiaddr {
  const raw = fromHex(key);
  if (raw === undefined || at === undefined) throw new Error(`${key} is not the key of a peer with an address`);
  return multiaddr(`${hostPart(at.host)}/tcp/${at.port}/p2p/${publicKeyFromRaw(raw).toString()}`);
}

/** Hex of the Ed25519 node key behind a peer id; other kinds of key have no place here. */
function keyOf({ publicKey }: PeerId): string {
  return publicKey?.type === 'Ed25519' ? toHex(publicKey.raw) : '';
}

/** The streams of one connection, until all are there. */
interface Opening {
  readonly streams: Map<Channel, Stream>;
  readonly cancel: () => void;
}

class Libp2pLinks implements Libp2pTransport {
  readonly ownKey: string;
  readonly #setup: Libp2pSetup;
  readonly #host: Libp2p;
  /** Inbound connections whose streams are still coming, by connection. */
  readonly #opening = new Map<Connection, Opening>();
  readonly #gate: { admits: TransportEvents['admits'] };
  #opened: TransportEvents['opened'] = () => undefined;

  constructor(setup: Libp2pSetup, host: Libp2p, ownKey: string, gate: { admits: TransportEvents['admits'] }) {
    this.#setup = setup;
    this.#host = host;
    this.ownKey = ownKey;
    this.#gate = gate;
  }

  streams(): number {
    return this.#host.getConnections().reduce((sum, { streams }) => sum + streams.length, 0);
  }

  listenPort(): number | undefined {
    const port = this.#host.getMultiaddrs()[0]?.getComponents().find(({ name }) => name === 'tcp')?.value;
    return port === undefined ? undefined : Number(port);
  }

  async start({ admits, opened }: TransportEvents): Promise<void> {
    this.#gate.admits = admits;
    this.#opened = opened;
    for (const channel of CHANNELS) {
      await this.#host.handle(this.#protocol(channel), (stream, connection) => this.#incoming(channel, stream, connection), { maxInboundStreams: 1, maxOutboundStreams: 1 });
    }
    this.#host.addEventListener('connection:open', ({ detail }) => this.#watch(detail));
    await this.#host.start();
  }

  async dial(peer: PeerAddress): Promise<void> {
    const signal = AbortSignal.timeout(this.#setup.limits.openMs);
    const connection = await this.#host.dial(addressOf(peer), { signal });
    // The peer was faster: its streams come by themselves.
    if (connection.direction === 'inbound' || connection.streams.length > 0) return;
    try {
      const streams = new Map<Channel, Stream>();
      for (const channel of CHANNELS) streams.set(channel, await connection.newStream(this.#protocol(channel), { signal }));
      this.#join(connection, streams);
    } catch (error) {
      cut(connection, 'streams could not be opened');
      throw error;
    }
  }

  async close(): Promise<void> {
    for (const { cancel } of this.#opening.values()) cancel();
    this.#opening.clear();
    await this.#host.stop();
  }

  #protocol(channel: Channel): string {
    return `/billcoin/${toHex(this.#setup.genesisHash.subarray(0, NETWORK_ID_BYTES))}/${channel}/1`;
  }

  /** An inbound connection must bring its streams in time. */
  #watch(connection: Connection): void {
    if (connection.direction !== 'inbound') return;
    const cancel = this.#setup.timers.after(this.#setup.limits.openMs, () => cut(connection, 'its streams did not come'));
    this.#opening.set(connection, { streams: new Map(), cancel });
    connection.addEventListener('close', () => {
      cancel();
      this.#opening.delete(connection);
    });
  }

  #incoming(channel: Channel, stream: Stream, connection: Connection): void {
    const opening = this.#opening.get(connection);
    if (opening === undefined || opening.streams.has(channel)) {
      stream.abort(new Error('this stream is not wanted'));
      return;
    }
    opening.streams.set(channel, stream);
    if (opening.streams.size < CHANNELS.length) return;
    opening.cancel();
    this.#opening.delete(connection);
    this.#join(connection, opening.streams);
  }

  /** All streams are open: from here on it is a link. One stream that ends, ends them all. */
  #join(connection: Connection, streams: ReadonlyMap<Channel, Stream>): void {
    const peer = keyOf(connection.remotePeer);
    const link: Link = {
      peer, dialled: connection.direction === 'outbound',
      write: (channel, bytes) => writeTo(streams.get(channel), bytes),
      cut: (why) => cut(connection, why),
    };
    if ([...streams.values()].some(({ status }) => status !== 'open') || connection.status !== 'open') return;
    const events = this.#opened(link);
    if (events === undefined) return cut(connection, 'this connection is not wanted');
    for (const stream of streams.values()) tellWindowByHalves(stream);
    listen(connection, streams, events);
  }
}

function listen(connection: Connection, streams: ReadonlyMap<Channel, Stream>, events: LinkEvents): void {
  connection.addEventListener('close', () => events.ended('the connection ended'), { once: true });
  for (const [channel, stream] of streams) {
    stream.addEventListener('message', ({ data }) => {
      for (const chunk of data instanceof Uint8Array ? [data] : data) events.received(channel, chunk);
    });
    stream.addEventListener('drain', () => events.drained(channel));
    stream.addEventListener('close', () => {
      events.ended('a stream ended');
      // Later: the stream may end because its connection is being cut at this moment.
      queueMicrotask(() => cut(connection, 'a stream ended'));
    }, { once: true });
  }
}

/** Ends a connection at once, whatever state it is in. */
function cut(connection: Connection, why: string): void {
  if (connection.status !== 'open') return;
  try {
    connection.abort(new Error(why));
  } catch {
    // yamux says goodbye through a connection that has just gone; gone is what was wanted
  }
}

/** A stream that is gone takes nothing more; its end is told by its own event. */
function writeTo(stream: Stream | undefined, bytes: Uint8Array): boolean {
  try {
    return stream?.send(bytes) ?? false;
  } catch {
    return false; // closed between two events: `ended` follows
  }
}

/** A host that is not started yet. */
export async function makeLibp2pTransport(setup: Libp2pSetup): Promise<Libp2pTransport> {
  const { seed, listen: at, limits } = setup;
  const privateKey = await generateKeyPairFromSeed('Ed25519', seed);
  const gate = { admits: (_peer: string): boolean => false };
  const host = await createLibp2p({
    privateKey, start: false,
    addresses: { listen: at === undefined ? [] : [`${hostPart(at.host)}/tcp/${at.port}`] },
    transports: [tcp({ maxConnections: limits.peersMax + limits.handshakesMax })],
    connectionEncrypters: [noise()],
    streamMuxers: [guardedYamux(limits)],
    connectionMonitor: { enabled: false },
    connectionManager: {
      maxConnections: limits.peersMax * 2, maxParallelDials: limits.peersMax, dialTimeout: limits.openMs, inboundUpgradeTimeout: limits.openMs, reconnectRetries: 0,
      maxIncomingPendingConnections: limits.handshakesMax, inboundConnectionThreshold: limits.inboundPerHostPerS,
    },
    connectionGater: {
      denyDialMultiaddr: () => false,
      denyInboundEncryptedConnection: (peer) => !gate.admits(keyOf(peer)),
      denyOutboundEncryptedConnection: (peer) => !gate.admits(keyOf(peer)),
    },
  });
  return new Libp2pLinks(setup, host, toHex(privateKey.publicKey.raw), gate);
}
