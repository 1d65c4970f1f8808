/** Compliance world of libp2p over loopback, in real time. The raw peer is a bare libp2p host with noise and yamux. */
import '../../src/network/promiseWithResolvers.ts';
import { setTimeout as delay } from 'node:timers/promises';
import { noise } from '@chainsafe/libp2p-noise';
import { yamux } from '@chainsafe/libp2p-yamux';
import { generateKeyPairFromSeed, publicKeyFromRaw } from '@libp2p/crypto/keys';
import { tcp } from '@libp2p/tcp';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p, type Libp2p } from 'libp2p';
import { fromHex, sha256, toHex, utf8 } from '@billcoin/protocol';
import { systemClock, systemTimers } from '../../src/clock.ts';
import { keyPairOf } from '../../src/crypto/keyFiles.ts';
import { CHANNELS, type Channel } from '../../src/network/frames.ts';
import { makeLibp2pTransport } from '../../src/network/libp2pTransport.ts';
import { NETWORK_LIMITS, type NetworkLimits } from '../../src/network/limits.ts';
import type { RawPeer, World, WorldNode } from './compliance.ts';
import { makeWorldNode } from './worldNode.ts';

export const GENESIS_HASH = new Uint8Array(32).fill(7);
const time = { clock: systemClock, timers: systemTimers };

export function seedOf(name: string): Uint8Array {
  return sha256(utf8(`compliance ${name}`));
}

type Stream = Awaited<ReturnType<ReturnType<Libp2p['getConnections']>[number]['newStream']>>;

/** A libp2p host that knows the protocol names and nothing else. */
export class RawLibp2p implements RawPeer {
  readonly key: string;
  readonly host: Libp2p;
  readonly #portOf: (key: string) => number;
  readonly #genesisHash: Uint8Array;
  readonly #streams = new Map<Channel, Stream>();
  #ended = true;

  constructor(host: Libp2p, key: string, portOf: (key: string) => number, genesisHash: Uint8Array = GENESIS_HASH) {
    this.host = host;
    this.key = key;
    this.#portOf = portOf;
    this.#genesisHash = genesisHash;
  }

  async connect(to: Pick<WorldNode, 'key'>): Promise<void> {
    const raw = fromHex(to.key);
    if (raw === undefined) throw new Error('a key is hex');
    const connection = await this.host.dial(multiaddr(`/ip4/127.0.0.1/tcp/${this.#portOf(to.key)}/p2p/${publicKeyFromRaw(raw).toString()}`));
    this.#ended = false;
    connection.addEventListener('close', () => {
      this.#ended = true;
    });
    for (const channel of CHANNELS) {
      const stream = await connection.newStream(`/billcoin/${toHex(this.#genesisHash.subarray(0, 8))}/${channel}/1`);
      stream.addEventListener('message', () => undefined);
      this.#streams.set(channel, stream);
    }
  }

  write(channel: Channel, bytes: Uint8Array): void {
    const stream = this.#streams.get(channel);
    if (stream?.status === 'open') stream.send(bytes);
  }

  pause(): void {
    for (const stream of this.#streams.values()) stream.pause();
  }

  isEnded(): boolean {
    return this.#ended;
  }
}

export interface BareHost {
  readonly host: Libp2p;
  /** Writes below its yamux, into the noise connection it has opened last. */
  readonly send: (bytes: Uint8Array) => void;
  /** Packets that came by yamux's type of their first frame. */
  readonly heard: ReadonlyMap<number, number>;
}

/** A bare host of a node key. */
export async function bareHost(seed: Uint8Array): Promise<BareHost> {
  let lower: (bytes: Uint8Array) => void = () => undefined;
  const heard = new Map<number, number>();
  const host = await createLibp2p({
    privateKey: await generateKeyPairFromSeed('Ed25519', seed), transports: [tcp()], connectionEncrypters: [noise()], connectionMonitor: { enabled: false },
    streamMuxers: [() => {
      const factory = yamux()();
      return {
        protocol: factory.protocol,
        createStreamMuxer(connection) {
          lower = (bytes) => void connection.send(bytes);
          connection.addEventListener('message', ({ data }) => {
            const type = data.subarray(1, 2)[0] ?? 0;
            heard.set(type, (heard.get(type) ?? 0) + 1);
          });
          return factory.createStreamMuxer(connection);
        },
      };
    }],
  });
  return { host, send: (bytes) => lower(bytes), heard };
}

export async function libp2pWorld(): Promise<World> {
  const ports = new Map<string, number>();
  const closers: (() => Promise<void>)[] = [];
  const keyOf = (name: string): string => toHex(keyPairOf(seedOf(name)).publicKey);
  return {
    keyOf,
    async join(name: string, peers: readonly string[], limits: Partial<NetworkLimits> = {}) {
      const transport = await makeLibp2pTransport({
        seed: seedOf(name), genesisHash: GENESIS_HASH, listen: { host: '127.0.0.1', port: ports.get(keyOf(name)) ?? 0 }, limits: { ...NETWORK_LIMITS, ...limits }, timers: systemTimers,
      });
      const addresses = peers.map((peer) => {
        const port = ports.get(keyOf(peer));
        return { key: keyOf(peer), at: port === undefined ? undefined : { host: '127.0.0.1', port } };
      });
      const node = await makeWorldNode(transport, addresses, limits, time);
      ports.set(node.key, transport.listenPort() ?? 0);
      closers.push(node.close);
      return node;
    },
    async raw(name) {
      const { host } = await bareHost(seedOf(name));
      closers.push(async () => host.stop());
      return new RawLibp2p(host, keyOf(name), (key) => ports.get(key) ?? 0);
    },
    wait: (ms) => delay(ms),
    async end() {
      for (const close of closers.reverse()) await close();
    },
  };
}
