/** For the dashboard of administrators: flags and alerts as they come, figures of this node while somebody looks. */
import { ROUTES, type FiguresData } from '@billcoin/sdk';
import type { Campus } from '../../campusPorts.ts';
import type { ChainPort, Clock } from '../../ports.ts';
import { rfc3339 } from '../../rfc3339.ts';
import type { StreamEntry } from '../entry.ts';
import type { Hub } from './hub.ts';

/** Figures for people: more often than they look. */
export const FIGURES_MS = 5_000;

export interface AdminStreamDeps {
  readonly chain: ChainPort;
  readonly campus: Pick<Campus, 'orders' | 'abuse'>;
  readonly clock: Clock;
  /** Open streams of all kinds. */
  readonly streams: () => number;
}

function figuresOf({ chain, campus, clock, streams }: AdminStreamDeps): FiguresData {
  const nowMs = clock.nowMs();
  const { height, timeMs } = chain.tip();
  return { time: rfc3339(nowMs), height, finalityAgeMs: Math.max(0, Math.round(nowMs - timeMs)), openOrders: campus.orders.countOpen(), pendingTransactions: chain.poolInfo().transactions, streams: streams() };
}

/** Returns the function that ends it. */
export function tellAdmins(hub: Hub<undefined>, deps: AdminStreamDeps): () => void {
  const { flags, alerts } = deps.campus.abuse;
  const tell = (event: string, data: object): void => hub.tell(async () => [{ event, scope: undefined, data }]);
  const ends = [flags.onRaised(({ flagId, rule, subject, firstAtMs, count }) => tell('flag.raised', { flagId, rule, subject, firstAt: rfc3339(firstAtMs), count })), alerts.onOutcome((outcome) => tell('alert.sent', { outcome }))];
  const timer = setInterval(() => {
    if (hub.clients > 0) tell('figures', figuresOf(deps));
  }, FIGURES_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    for (const end of ends) end();
  };
}

export function adminEntry(hub: Hub<undefined>): StreamEntry {
  return { declaration: ROUTES.streamAdmin, open: (connection) => hub.open(connection, () => true) };
}
