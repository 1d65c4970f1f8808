/**
 * Below the network's own rules: authenticated connections with one stream of bytes for each channel. libp2p is one
 * such transport, the simulator's wires are another; neither knows what the bytes mean.
 */
import type { PeerAddress } from '../peerAddress.ts';
import type { Channel } from './frames.ts';

/** An open connection to a peer whose key has been proven. */
export interface Link {
  readonly peer: string;
  /** By this node, not by the peer. */
  readonly dialled: boolean;
  /** Takes the bytes in any case; false: the stream is full, write again after `drained`. */
  write(channel: Channel, bytes: Uint8Array): boolean;
  /** Ends it at once; `ended` follows. */
  cut(why: string): void;
}

/** What happens on a link. Nothing comes after `ended`. */
export interface LinkEvents {
  received(channel: Channel, bytes: Uint8Array): void;
  drained(channel: Channel): void;
  ended(why: string): void;
}

export interface TransportEvents {
  /** Asked before a handshake is completed and before streams are taken. */
  admits(peer: string): boolean;
  /** All streams are open. Undefined: not wanted, the transport cuts it. */
  opened(link: Link): LinkEvents | undefined;
}

export interface Transport {
  /** Own node key, hex. */
  readonly ownKey: string;
  /** Streams that are open, whoever opened them. */
  streams(): number;
  start(events: TransportEvents): Promise<void>;
  /** Resolves once the link is open or there is one already; rejects where the peer cannot be reached. */
  dial(peer: PeerAddress): Promise<void>;
  close(): Promise<void>;
}
