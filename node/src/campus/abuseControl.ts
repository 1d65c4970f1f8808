/** Opens abuse control of one node: limits, flags, alerts, audit log, and the minute that sweeps up behind them. */
import type { Verifier } from '@billcoin/protocol';
import type { AbuseControl } from '../abusePorts.ts';
import type { ChainPort, Clock, KeyValueStore, Log } from '../ports.ts';
import { openAlerts } from './alerts/alerts.ts';
import { openAuditLog } from './audit/auditLog.ts';
import type { CampusKeys } from './keyFile.ts';
import { openFlags } from './limits/flags.ts';
import { openLimits } from './limits/limits.ts';
import { personOf, shownName } from './limits/persons.ts';
import { openTurns } from './limits/turns.ts';
import type { Pseudonyms } from './wallets.ts';

const SWEEP_EVERY_MS = 60_000;

/** Where alerts go. */
export interface AlertTarget {
  /** File with the URL of a Slack webhook. */
  readonly webhookFile: string | undefined;
  /** Also to http and to this machine: for receivers of tests. */
  readonly allowLoopback: boolean;
}

export interface AbuseDeps {
  readonly chain: ChainPort;
  readonly store: KeyValueStore;
  readonly keys: CampusKeys;
  readonly clock: Clock;
  readonly log: Log;
  readonly verify: Verifier;
  readonly pseudonyms: Pick<Pseudonyms, 'studentOf'>;
  readonly alerts: AlertTarget;
}

/** Wall time that does not jump while the process runs: a clock that is set must neither empty a window nor keep it full. */
function steadyTime(clock: Clock): () => number {
  const offsetMs = clock.nowMs() - clock.monotonicMs();
  return () => Math.floor(clock.monotonicMs() + offsetMs);
}

export async function openAbuseControl(deps: AbuseDeps): Promise<AbuseControl & { close(): Promise<void> }> {
  const { chain, store, keys, clock, log, verify, pseudonyms } = deps;
  const turns = openTurns();
  const nowMs = steadyTime(clock);
  const alerts = await openAlerts({ store, clock, log, webhookFile: deps.alerts.webhookFile, post: { allowLoopback: deps.alerts.allowLoopback } });
  const limits = await openLimits({ chain, store, turns, verify, nowMs, personOf: (address) => personOf(pseudonyms, keys, address) });
  const flags = openFlags({ store, turns, nowMs, log, shownName: (person) => shownName({ store, keys }, person), alertOf: alerts.rowsOf, wakeAlerts: alerts.wake });
  const audit = await openAuditLog({ store, keys, genesisHash: chain.genesisHash, clock, verify });
  let sweeping: Promise<void> = Promise.resolve();
  const sweeper = setInterval(() => {
    sweeping = sweeping.then(limits.sweep).then(flags.sweep).catch((error: unknown) => log.warn({ error }, 'old rows of limits could not be deleted'));
  }, SWEEP_EVERY_MS);
  sweeper.unref();
  return {
    limits, flags, alerts, audit,
    async close() {
      clearInterval(sweeper);
      await sweeping;
      await alerts.close();
      await turns.idle();
      await audit.idle();
    },
  };
}
