/** The peers of a node: libp2p where the configuration speaks of any, nobody where it does not. */
import { toHex } from '@billcoin/protocol';
import { ConfigError, type Config } from './config.ts';
import { NODE_KEY_FILE, readKeyFile } from './crypto/keyFiles.ts';
import type { Metrics } from './metrics.ts';
import { singleValidatorNetwork } from './network/singleValidator.ts';
import type { Clock, Log, Network, PeerInfo, PeerMessage, Timers } from './ports.ts';
import { StorageFailure } from './storageFailure.ts';

export interface Peering {
  readonly network: Network;
  readonly peers: () => readonly Omit<PeerInfo, 'height'>[];
  /** Messages of peers come from now on; called again, they go elsewhere. */
  start(receive: Receive): Promise<void>;
  /** As often as it is called. */
  close(): Promise<void>;
}
export type Receive = (from: string, message: PeerMessage) => void;

export interface PeeringDeps {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
}

/** Peers over libp2p, where the configuration speaks of any. */
export async function openPeering(config: Config, { clock, timers, log }: PeeringDeps, genesisHash: Uint8Array, metrics: Metrics): Promise<Peering> {
  const { listen, peers = [], keyDir } = config;
  if (listen === undefined && peers.length === 0) return { network: singleValidatorNetwork, peers: () => [], start: () => Promise.resolve(), close: () => Promise.resolve() };
  const pair = await readKeyFile(keyDir, NODE_KEY_FILE);
  if (pair === undefined) throw new StorageFailure('no_key', `${keyDir} does not hold the key that peers know this node by.`, 'Run: billcoin node-key. Then tell the other institutions the key that it prints.');
  const { openNetwork } = await import('./network/openNetwork.ts');
  const partLog = log.child({ part: 'network' });
  const { network, listenPort } = await openNetwork({ seed: pair.seed, genesisHash, listen, peers, clock, timers, log: partLog, metrics });
  let sink: Receive | undefined;
  let closing: Promise<void> | undefined;
  return {
    network, peers: () => network.peers(),
    close: () => (closing ??= network.close()),
    async start(receive) {
      const isRunning = sink !== undefined;
      sink = receive;
      if (isRunning) return;
      try {
        await network.start((from, message) => sink?.(from, message));
      } catch (error) {
        throw new ConfigError(`The node cannot listen for its peers at ${listen?.host ?? ''}:${listen?.port ?? ''}.`, { cause: error });
      }
      partLog.info({ nodeKey: toHex(pair.publicKey), port: listenPort(), peers: peers.length }, 'Listening for peers');
    },
  };
}
