/** Every resource of the API and the file that serves it. A route of the SDK that none of them serves stops the start. */
import { assert, type SignedCheckpoint } from '@billcoin/protocol';
import { ROUTES, type Route } from '@billcoin/sdk';
import type { Campus } from '../../campusPorts.ts';
import type { ChainPort, Clock, PeerInfo } from '../../ports.ts';
import type { SyncProgress } from '../../progress.ts';
import type { Entry, StreamEntry } from '../entry.ts';
import type { ApiMetrics } from '../metrics.ts';
import type { Parties } from '../parties.ts';
import type { Receipts } from '../receipts.ts';
import type { RegistryIndex } from '../registryIndex.ts';
import { abuseRoutes } from './abuse.ts';
import { accountRoutes } from './accounts.ts';
import { adminRoutes } from './admin.ts';
import { authRoutes } from './auth.ts';
import { cashierRoutes } from './cashiers.ts';
import { chainRoutes } from './chain.ts';
import { exportRoutes } from './exports.ts';
import { healthRoutes, type HealthDeps } from './health.ts';
import { lightRoutes } from './light.ts';
import { loyaltyRoutes } from './loyalty.ts';
import { milkRoutes } from './milk.ts';
import { orderMoveRoutes } from './orderMoves.ts';
import { orderRoutes } from './orders.ts';
import { paymentRoutes } from './payments.ts';
import { priceRoutes } from './price.ts';
import { productRoutes } from './products.ts';
import { proofRoutes } from './proofs.ts';
import { receiptRoutes } from './receipts.ts';
import { refundRoutes } from './refunds.ts';
import { registryRoutes } from './registry.ts';
import { studentRoutes } from './students.ts';
import { tillRoutes } from './tills.ts';
import { traceRoutes } from './trace.ts';
import { transactionRoutes } from './transactions.ts';

export interface RouteDeps {
  readonly chain: ChainPort;
  readonly clock: Clock;
  readonly index: RegistryIndex;
  readonly receipts: Receipts;
  readonly parties: Parties;
  readonly metrics: ApiMetrics;
  readonly peers: () => readonly PeerInfo[];
  readonly sync: () => SyncProgress | undefined;
  readonly disk: HealthDeps['disk'];
  /** The operator's checkpoint, checked; undefined where there is none. */
  readonly checkpoint: () => Promise<SignedCheckpoint | undefined>;
}

/** No orders are known here, so no sale is. */
const NO_SALES = { meanDailyMl: () => Promise.resolve(0n) };

/** What the chain and the pool answer by themselves: all that a node without campus services serves. */
export function chainOnlyRoutes({ chain, clock, index, receipts, parties, metrics, peers, sync, disk, checkpoint }: RouteDeps): readonly Entry[] {
  return [
    ...transactionRoutes({ chain, clock, sync, metrics, parties, orders: undefined }),
    ...proofRoutes({ chain, receipts, parties }),
    ...lightRoutes(chain, checkpoint),
    ...chainRoutes({ chain, clock, index, peers, sync }),
    ...accountRoutes(chain, parties),
    ...milkRoutes({ chain, index, sales: NO_SALES }),
    ...priceRoutes({ chain, clock }),
    ...registryRoutes(chain, index),
    ...healthRoutes({ chain, campus: undefined, clock, disk }),
  ];
}

export function allRoutes(deps: RouteDeps & { readonly campus: Campus }): readonly Entry[] {
  const { chain, campus, clock, index, receipts, parties, metrics, peers, sync, disk, checkpoint } = deps;
  return [
    ...authRoutes({ logins: campus.logins, wallets: campus.wallets, limits: campus.abuse.limits }),
    ...adminRoutes(campus),
    ...abuseRoutes(campus.abuse),
    ...transactionRoutes({ chain, clock, sync, metrics, parties, orders: campus.orders }),
    ...proofRoutes({ chain, receipts, parties }),
    ...lightRoutes(chain, checkpoint),
    ...paymentRoutes({ chain, clock, sync, payments: campus.payments, parties, metrics }),
    ...orderRoutes(campus.orders, parties),
    ...orderMoveRoutes({ chain, clock, sync, orders: campus.orders }),
    ...receiptRoutes({ chain, orders: campus.orders, receipts }),
    ...refundRoutes({ chain, clock, sync, orders: campus.orders, refunds: campus.refunds }),
    ...studentRoutes(campus.students, campus.wallets),
    ...loyaltyRoutes({ chain, clock, index, loyalty: campus.loyalty, parties }),
    ...exportRoutes(campus),
    ...chainRoutes({ chain, clock, index, peers, sync }),
    ...accountRoutes(chain, parties),
    ...milkRoutes({ chain, index, sales: campus.sales }),
    ...priceRoutes({ chain, clock }),
    ...traceRoutes({ chain, orders: campus.orders, parties }),
    ...registryRoutes(chain, index),
    ...productRoutes(campus.products),
    ...cashierRoutes(chain, campus.cashiers),
    ...tillRoutes({ chain, clock, sync, index, tills: campus.tills, checkpoint }),
    ...healthRoutes({ chain, campus, clock, disk }),
  ];
}

/** Each declared route is served exactly once. */
export function assertComplete(entries: readonly (Entry | StreamEntry)[]): void {
  const served = new Set(entries.map(({ declaration }) => declaration));
  assert(served.size === entries.length, 'no route is served twice');
  for (const [operationId, declaration] of Object.entries(ROUTES) as [string, Route][]) assert(served.has(declaration), `route ${operationId} is served`);
}
