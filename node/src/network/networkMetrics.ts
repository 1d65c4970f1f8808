/** Metrics of the network: every peer, stream and queue is a gauge. Each stands on the dashboard "Network". */
import type { Metrics } from '../metrics.ts';
import type { PeerMessage } from '../ports.ts';
import type { Offence } from './conduct.ts';
import { CLASSES, type MessageClass } from './frames.ts';

export interface NetworkInfo {
  /** Node keys of connected peers. */
  readonly peers: readonly string[];
  readonly streams: number;
  readonly banned: number;
  readonly queuedBytes: number;
  queued(one: MessageClass): number;
  /** Of frames that have begun to come. */
  readonly receivingBytes: number;
}

export interface NetworkCounters {
  received(kind: PeerMessage['kind'], bytes: number): void;
  sent(kind: PeerMessage['kind'], bytes: number): void;
  dropped(one: MessageClass): void;
  offended(offence: Offence): void;
  banned(): void;
  dialFailed(): void;
}

export function declareNetworkMetrics(metrics: Metrics, info: () => NetworkInfo): NetworkCounters {
  metrics.measured('billcoin_network_peers', 'Peers that are connected', () => info().peers.length);
  metrics.measured('billcoin_network_streams', 'Streams that are open', () => info().streams);
  metrics.measured('billcoin_network_banned_peers', 'Peers that are banned now', () => info().banned);
  metrics.measured('billcoin_network_queued_bytes', 'Bytes that wait to be sent, over all peers', () => info().queuedBytes);
  metrics.measured('billcoin_network_receiving_bytes', 'Bytes of messages that have begun to come', () => info().receivingBytes);
  metrics.measuredBy('billcoin_network_queued_messages', 'Messages that wait to be sent, over all peers', 'class', () => new Map(CLASSES.map((one) => [one, info().queued(one)])));
  const receivedMessages = metrics.counter('billcoin_network_received_messages_total', 'Messages of peers that were taken', ['kind']);
  const receivedBytes = metrics.counter('billcoin_network_received_bytes_total', 'Bytes of messages of peers that were taken', ['kind']);
  const sentMessages = metrics.counter('billcoin_network_sent_messages_total', 'Messages written to peers', ['kind']);
  const sentBytes = metrics.counter('billcoin_network_sent_bytes_total', 'Bytes of messages written to peers', ['kind']);
  const dropped = metrics.counter('billcoin_network_dropped_messages_total', 'Messages dropped because a peer reads too slowly', ['class']);
  const offences = metrics.counter('billcoin_network_offences_total', 'What peers sent against the rules', ['offence']);
  const bans = metrics.counter('billcoin_network_bans_total', 'Bans since the start');
  const dialFailures = metrics.counter('billcoin_network_dial_failures_total', 'Dials that reached nobody');
  return {
    received(kind, bytes) {
      receivedMessages.inc({ kind });
      receivedBytes.inc({ kind }, bytes);
    },
    sent(kind, bytes) {
      sentMessages.inc({ kind });
      sentBytes.inc({ kind }, bytes);
    },
    dropped: (one) => dropped.inc({ class: one }),
    offended: (offence) => offences.inc({ offence }),
    banned: () => bans.inc(),
    dialFailed: () => dialFailures.inc(),
  };
}
