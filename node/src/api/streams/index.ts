/** The four event streams of a node: one hub each, one heartbeat, one bound on how many are open. */
import { HEARTBEAT_MS } from '@billcoin/sdk';
import type { Campus } from '../../campusPorts.ts';
import type { ChainPort, Clock, Log } from '../../ports.ts';
import type { StreamEntry } from '../entry.ts';
import type { Receipts } from '../receipts.ts';
import { adminEntry, tellAdmins } from './admin.ts';
import { headerEntry, tellHeaders } from './headers.ts';
import { Hub, Places } from './hub.ts';
import { orderEntry, tellOrders, type OrderScope } from './orders.ts';
import { tellWallets, walletEntry, type WalletScope } from './wallet.ts';

/** Sockets of a node are 4,096: requests keep a thousand. 200 tills with a few screens and some 2,000 phones; the others poll. */
export const STREAMS_MAX = 3_000;
/** Streams without a login have their own bound: no crowd of strangers takes the places of tills. */
export const PUBLIC_STREAMS_MAX = 500;

export interface StreamDeps {
  readonly chain: ChainPort;
  readonly campus: Campus;
  readonly receipts: Receipts;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Streams {
  readonly entries: readonly StreamEntry[];
  clients(): number;
  /** Ends all streams. */
  close(): void;
}

export function openStreams({ chain, campus, receipts, clock, log }: StreamDeps): Streams {
  const places = new Places(STREAMS_MAX);
  const publicPlaces = new Places(PUBLIC_STREAMS_MAX);
  const orders = new Hub<OrderScope>({ clock, log, places });
  const wallet = new Hub<WalletScope>({ clock, log, places });
  const headers = new Hub<undefined>({ clock, log, places: publicPlaces });
  const admin = new Hub<undefined>({ clock, log, places });
  const hubs = [orders, wallet, headers, admin];
  const clients = (): number => places.taken + publicPlaces.taken;
  const ends = [
    tellOrders(orders, { orders: campus.orders, receipts }), tellWallets(wallet, { campus, receipts }), tellHeaders(headers, chain),
    tellAdmins(admin, { chain, campus, clock, streams: clients }),
  ];
  const heartbeat = setInterval(() => {
    for (const hub of hubs) hub.broadcast(': alive\n\n');
  }, HEARTBEAT_MS);
  heartbeat.unref();
  return {
    entries: [orderEntry(orders), walletEntry(wallet, { campus, receipts }), headerEntry(headers), adminEntry(admin)],
    clients,
    close() {
      clearInterval(heartbeat);
      for (const end of ends) end();
      for (const hub of hubs) hub.closeAll();
    },
  };
}
