/** Every resource of the API and the file that serves it. A route of the SDK that none of them serves stops the start. */
import { assert, type SignedCheckpoint } from '@billcoin/protocol';
import { ROUTES, type Route } from '@billcoin/sdk';
import type { Campus } from '../../campusPorts.ts';
import type { ChainPort, Clock, PeerInfo } from '../../ports.ts';
import type { SyncProgress } from '../../progress.ts';
import type { Entry, StreamEntry } from '../entry.ts';
import type { ApiMetrics } from '../metrics.ts';
import type { Receipts } from '../receipts.ts';
import type { RegistryIndex } from '../registryIndex.ts';
import { accountRoutes } from './accounts.ts';
import { chainRoutes } from './chain.ts';
import { exportRoutes } from './exports.ts';
import { healthRoutes, type HealthDeps } from './health.ts';
import { lightRoutes } from './light.ts';
import { loyaltyRoutes } from './loyalty.ts';
import { milkRoutes } from './milk.ts';
import { orderMoveRoutes } from './orderMoves.ts';
import { orderRoutes } from './orders.ts';
import { paymentRoutes } from './payments.ts';
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
  readonly campus: Campus;
  readonly clock: Clock;
  readonly index: RegistryIndex;
  readonly receipts: Receipts;
  readonly metrics: ApiMetrics;
  readonly peers: () => readonly PeerInfo[];
  readonly sync: () => SyncProgress | undefined;
  readonly disk: HealthDeps['disk'];
  /** The operator's checkpoint, checked; undefined where there is none. */
  readonly checkpoint: () => Promise<SignedCheckpoint | undefined>;
}

export function allRoutes(deps: RouteDeps): readonly Entry[] {
  const { chain, campus, clock, index, receipts, metrics, peers, sync, disk, checkpoint } = deps;
  return [
    ...transactionRoutes({ chain, clock, metrics }),
    ...proofRoutes(chain, receipts),
    ...lightRoutes(chain, checkpoint),
    ...paymentRoutes(campus.payments, metrics),
    ...orderRoutes(campus.orders),
    ...orderMoveRoutes({ chain, clock, orders: campus.orders }),
    ...receiptRoutes({ chain, orders: campus.orders, receipts }),
    ...refundRoutes({ chain, clock, orders: campus.orders, refunds: campus.refunds }),
    ...studentRoutes(campus.students, campus.wallets),
    ...loyaltyRoutes({ chain, clock, index, loyalty: campus.loyalty }),
    ...exportRoutes(campus),
    ...chainRoutes({ chain, clock, index, peers, sync }),
    ...accountRoutes(chain),
    ...milkRoutes({ chain, clock, index, sales: campus.sales }),
    ...traceRoutes({ chain, orders: campus.orders }),
    ...registryRoutes(chain, index),
    ...productRoutes(campus.products),
    ...tillRoutes({ chain, clock, index, tills: campus.tills, checkpoint }),
    ...healthRoutes({ chain, campus, clock, disk }),
  ];
}

/** Each declared route is served exactly once. */
export function assertComplete(entries: readonly (Entry | StreamEntry)[]): void {
  const served = new Set(entries.map(({ declaration }) => declaration));
  assert(served.size === entries.length, 'no route is served twice');
  for (const [operationId, declaration] of Object.entries(ROUTES) as [string, Route][]) assert(served.has(declaration), `route ${operationId} is served`);
}
