/** The network of a node: rules over libp2p, with its metrics. Loaded only by a node that has peers, for libp2p costs memory. */
import type { Metrics } from '../metrics.ts';
import type { HostPort, PeerAddress } from '../peerAddress.ts';
import type { Clock, Log, Timers } from '../ports.ts';
import { makeLibp2pTransport } from './libp2pTransport.ts';
import { NETWORK_LIMITS, type NetworkLimits } from './limits.ts';
import { declareNetworkMetrics } from './networkMetrics.ts';
import { PeerNetwork } from './peerNetwork.ts';

export interface NetworkSetup {
  /** 32-byte seed of the node key. */
  readonly seed: Uint8Array;
  readonly genesisHash: Uint8Array;
  readonly listen: HostPort | undefined;
  readonly peers: readonly PeerAddress[];
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly limits?: NetworkLimits;
}

export interface OpenNetwork {
  readonly network: PeerNetwork;
  /** Port it listens on, once started. */
  listenPort(): number | undefined;
}

/** Nothing listens or dials before `network.start`. */
export async function openNetwork({ seed, genesisHash, listen, peers, clock, timers, log, metrics, limits = NETWORK_LIMITS }: NetworkSetup): Promise<OpenNetwork> {
  const transport = await makeLibp2pTransport({ seed, genesisHash, listen, limits, timers });
  const counters = declareNetworkMetrics(metrics, () => network.info());
  const network: PeerNetwork = new PeerNetwork({ transport, peers, limits, clock, timers, log, random: Math.random, counters });
  return { network, listenPort: () => transport.listenPort() };
}
