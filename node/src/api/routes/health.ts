/** /health: for whoever starts, routes to and restarts this process. */
import { dayOf } from '@billcoin/protocol';
import { ROUTES, type Health } from '@billcoin/sdk';
import type { Campus, CampusStatus } from '../../campusPorts.ts';
import type { ChainPort, Clock } from '../../ports.ts';
import { serve, type Answer, type Entry } from '../entry.ts';

/** An idle chain makes a block every 10 s: three missed ones mean that it stands or that this node is behind. */
export const FINALITY_AGE_MAX_MS = 30_000;
/** Blocks whose orders are not written yet: a second or two at full load. */
export const CAMPUS_LAG_MAX = 20;

interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

function answer(checks: readonly Check[]): Answer<Health> {
  const ok = checks.every((check) => check.ok);
  return { status: ok ? 200 : 503, body: { status: ok ? 'ok' : 'fail', checks: checks.map((check) => ({ ...check })) } };
}

function campusChecks(tipHeight: number, { height, failure }: CampusStatus): readonly Check[] {
  const lag = tipHeight - height;
  return [
    { name: 'store', ok: failure === undefined, detail: failure ?? 'campus rows are being written' },
    { name: 'campus_lag', ok: lag <= CAMPUS_LAG_MAX, detail: `${lag} blocks behind the tip` },
  ];
}

function readyChecks({ chain, campus, clock, disk }: HealthDeps): readonly Check[] {
  const { height, timeMs } = chain.tip();
  const ageMs = Math.max(0, clock.nowMs() - timeMs);
  return [
    ...(disk === undefined ? [] : [{ name: 'disk', ok: !disk.isLow(), detail: `${Math.floor(disk.freeBytes() / 2 ** 20)} MiB free` }]),
    ...(campus === undefined ? [] : campusChecks(height, campus.status())),
    { name: 'finality_age', ok: ageMs <= FINALITY_AGE_MAX_MS, detail: `block ${height} is ${Math.round(ageMs / 1_000)} s old` },
    { name: 'price', ok: dayOf(timeMs) >= dayOf(clock.nowMs()) - 1, detail: `the newest block is of day ${dayOf(timeMs)}` },
  ];
}

export interface HealthDeps {
  readonly chain: ChainPort;
  /** None on a node of the chain alone. */
  readonly campus: Pick<Campus, 'status'> | undefined;
  readonly clock: Clock;
  readonly disk: { freeBytes(): number; isLow(): boolean } | undefined;
}

export function healthRoutes(deps: HealthDeps): readonly Entry[] {
  return [
    serve(ROUTES.healthLive, async () => answer([{ name: 'process', ok: true, detail: 'answers' }])),
    serve(ROUTES.healthReady, async () => answer(readyChecks(deps))),
    serve(ROUTES.healthStartup, async () => {
      const { height, failure } = deps.campus?.status() ?? { height: deps.chain.tip().height, failure: undefined };
      return answer([{ name: 'campus', ok: failure === undefined && height <= deps.chain.tip().height, detail: failure ?? `rows up to block ${height}` }]);
    }),
  ];
}
