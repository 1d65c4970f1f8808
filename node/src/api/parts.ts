/**
 * What an API serves and to whom: all that the campus offers, or what the chain answers by itself. server.ts mounts either;
 * a node of the chain alone has no logins, so it listens on loopback only and serves the programs of its machine.
 */
import type { FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import type { SignedCheckpoint } from '@billcoin/protocol';
import type { Campus } from '../campusPorts.ts';
import type { ChainPort, Clock, Log, PeerInfo } from '../ports.ts';
import type { SyncProgress } from '../progress.ts';
import { openAbuseMetrics } from './abuseMetrics.ts';
import { audited } from './audited.ts';
import type { Entry, StreamEntry } from './entry.ts';
import { openGuard, type Guard } from './guard.ts';
import { openLimiter } from './limiter.ts';
import { hookLimits, underLimits, type RemoteAddress } from './limitHooks.ts';
import { openApiMetrics, type ApiMetrics } from './metrics.ts';
import { openParties } from './parties.ts';
import { openReceipts } from './receipts.ts';
import { openRegistryIndex } from './registryIndex.ts';
import { allRoutes, assertComplete, chainOnlyRoutes } from './routes/index.ts';
import { openStreams } from './streams/index.ts';

export interface PartDeps {
  readonly chain: ChainPort;
  readonly clock: Clock;
  readonly log: Log;
  readonly registry: Registry;
  /** Whom address limits see; the peer of the socket unless given. */
  readonly remoteAddress?: RemoteAddress;
  /** Every admitted peer; a node without a network has none. */
  readonly peers?: () => readonly PeerInfo[];
  /** While this node is behind its peers. */
  readonly sync?: () => SyncProgress | undefined;
  /** Free space of this node's disks; a chain in memory has none to watch. */
  readonly disk?: { freeBytes(): number; isLow(): boolean };
  /** The operator's checkpoint; a node without one has none to serve. */
  readonly checkpoint?: () => Promise<SignedCheckpoint | undefined>;
}

export interface ApiPart {
  readonly entries: readonly Entry[];
  readonly streams: readonly StreamEntry[];
  readonly guard: Guard;
  readonly metrics: ApiMetrics;
  /** Before the routes are mounted. */
  hook(server: FastifyInstance): void;
  /** Ends streams and subscriptions. */
  close(): void;
}

/** What both parts read. */
function sourcesOf({ chain, clock, peers = () => [], sync = () => undefined, disk, checkpoint = async () => undefined }: PartDeps) {
  return { chain, clock, peers, sync, disk, checkpoint, receipts: openReceipts(chain), index: openRegistryIndex(chain) };
}

export function campusPart(deps: PartDeps, campus: Campus): ApiPart {
  const { chain, clock, log, registry, remoteAddress = ({ socket }) => socket.remoteAddress } = deps;
  const sources = sourcesOf(deps);
  const parties = openParties(chain, campus.wallets);
  const streams = openStreams({ chain, campus, receipts: sources.receipts, clock, log });
  const metrics = openApiMetrics(registry, { chain, campus: { services: campus, streamClients: streams.clients }, clock });
  const abuseMetrics = openAbuseMetrics(registry, campus.abuse);
  const limiter = openLimiter(campus.abuse, abuseMetrics.limited);
  const entries = allRoutes({ ...sources, campus, parties, metrics });
  assertComplete([...entries, ...streams.entries]);
  return {
    entries: entries.map((entry) => underLimits(audited(entry, campus.abuse.audit), limiter)),
    streams: streams.entries,
    guard: openGuard(campus.logins),
    metrics,
    hook: (server) => hookLimits(server, limiter, remoteAddress),
    close() {
      streams.close();
      metrics.stop();
      abuseMetrics.stop();
      sources.index.close();
    },
  };
}

/** Whoever reaches it is on the machine of this node, which holds all of it: he reads as an auditor does. */
const NO_LOGINS: Guard = { admit: () => Promise.resolve({ caller: { role: 'auditor', sub: 'this-machine', sid: '', userId: '' }, expiresAtMs: undefined }) };
const NO_STUDENTS = { studentOf: () => Promise.resolve(undefined) };

export function chainOnlyPart(deps: PartDeps): ApiPart {
  const { chain, clock, registry } = deps;
  const sources = sourcesOf(deps);
  const parties = openParties(chain, NO_STUDENTS);
  const metrics = openApiMetrics(registry, { chain, campus: undefined, clock });
  return {
    entries: chainOnlyRoutes({ ...sources, parties, metrics }),
    streams: [],
    guard: NO_LOGINS,
    metrics,
    hook: () => undefined,
    close() {
      metrics.stop();
      sources.index.close();
    },
  };
}
