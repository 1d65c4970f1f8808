/** A node of a compliance world over any transport, with what it received and counted. */
import { makeLog } from '../../src/log.ts';
import type { MessageClass } from '../../src/network/frames.ts';
import type { Offence } from '../../src/network/conduct.ts';
import { NETWORK_LIMITS, type NetworkLimits } from '../../src/network/limits.ts';
import type { Transport } from '../../src/network/link.ts';
import { PeerNetwork } from '../../src/network/peerNetwork.ts';
import type { PeerAddress } from '../../src/peerAddress.ts';
import type { Clock, PeerMessage, Timers } from '../../src/ports.ts';
import type { WorldNode } from './compliance.ts';

interface Time {
  readonly clock: Clock;
  readonly timers: Timers;
}

export async function makeWorldNode(transport: Transport, peers: readonly PeerAddress[], limits: Partial<NetworkLimits>, time: Time): Promise<WorldNode> {
  const { node, start } = makeUnstartedNode(transport, peers, limits, time);
  await start();
  return node;
}

export function makeUnstartedNode(transport: Transport, peers: readonly PeerAddress[], limits: Partial<NetworkLimits>, time: Time): { readonly node: WorldNode; readonly start: () => Promise<void> } {
  const received: { from: string; message: PeerMessage }[] = [];
  const dropped = new Map<MessageClass, number>();
  const offences = new Map<Offence, number>();
  let bans = 0;
  const network = new PeerNetwork({
    transport, peers, limits: { ...NETWORK_LIMITS, ...limits }, ...time, log: makeLog({ level: 'silent', nodeName: 'world' }), random: () => 0.5,
    counters: {
      received: () => undefined, sent: () => undefined, dialFailed: () => undefined,
      dropped: (one) => void dropped.set(one, (dropped.get(one) ?? 0) + 1),
      offended: (offence) => void offences.set(offence, (offences.get(offence) ?? 0) + 1),
      banned: () => void bans++,
    },
  });
  const node = { key: transport.ownKey, network, received, dropped, offences, bans: () => bans, close: () => network.close() };
  return { node, start: () => network.start((from, message) => void received.push({ from, message })) };
}
