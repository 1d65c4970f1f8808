/**
 * Rate limits (SPEC §20). Payment attempts stand in the campus store; all other windows in memory: whoever
 * attacks cannot restart the node, and whoever can needs no attack. Quotas that an administrator set stand in the store.
 */
import { chainTag, checkSigners, parseTx, type ParsedTx, type Verifier } from '@billcoin/protocol';
import { RATE_POLICIES, type RatePolicy } from '@billcoin/sdk';
import type { Limits, LimitState, PolicySetting, Quota, WindowPolicy } from '../../abusePorts.ts';
import type { ChainPort, KeyValueStore } from '../../ports.ts';
import { deleteRow, getRow, putRow, TABLES } from '../store.ts';
import { Attempts } from './attempts.ts';
import { POLICIES } from './policies.ts';
import { SlidingLog, type Room, type Window } from './slidingLog.ts';
import type { Turns } from './turns.ts';

export interface LimitDeps {
  readonly chain: ChainPort;
  readonly store: KeyValueStore;
  readonly turns: Turns;
  readonly verify: Verifier;
  readonly nowMs: () => number;
  readonly personOf: (address: Uint8Array) => Promise<string>;
}

export interface OpenedLimits extends Limits {
  /** Deletes what lies in no window any more, and takes over quotas that another node on this store has set. */
  sweep(): Promise<void>;
}

async function storedQuotas(store: KeyValueStore): Promise<ReadonlyMap<RatePolicy, Quota>> {
  const quotas = new Map<RatePolicy, Quota>();
  for (const policy of RATE_POLICIES) {
    const quota = await getRow(store, TABLES.rateLimit, policy);
    if (quota !== undefined) quotas.set(policy, quota);
  }
  return quotas;
}

/** A Pay whose payer has signed it, and that could still be included. */
function signedPay({ chain, verify, nowMs }: LimitDeps, txBytes: Uint8Array): ParsedTx | undefined {
  const parsed = parseTx({ genesisHash: chain.genesisHash, chainTag: chainTag(chain.genesisHash), verify }, txBytes);
  if (!parsed.ok || parsed.value.body.kind.case !== 'pay') return undefined;
  const tx = parsed.value;
  if (tx.body.validUntilMs < nowMs()) return undefined;
  if (!checkSigners(chain.state(), tx, [tx.body.sender]).ok) return undefined;
  return tx.signatures.every(({ publicKey, message, signature }) => verify(publicKey, message, signature)) ? tx : undefined;
}

class OpenStreams {
  readonly #open = new Map<string, number>();

  of(key: string): number {
    return this.#open.get(key) ?? 0;
  }

  /** Returns the function that closes it, once. */
  open(key: string): () => void {
    this.#open.set(key, this.of(key) + 1);
    let isOpen = true;
    return () => {
      if (!isOpen) return;
      isOpen = false;
      if (this.of(key) === 1) this.#open.delete(key);
      else this.#open.set(key, this.of(key) - 1);
    };
  }
}

export async function openLimits(deps: LimitDeps): Promise<OpenedLimits> {
  const { chain, store, nowMs, personOf } = deps;
  const attempts = new Attempts(deps);
  const logs = new Map<RatePolicy, SlidingLog>(RATE_POLICIES.map((policy) => [policy, new SlidingLog()]));
  const streams = new OpenStreams();
  let changed = await storedQuotas(store);

  const quotaOf = (policy: RatePolicy): Quota => changed.get(policy) ?? POLICIES[policy];
  const windowOf = (policy: RatePolicy): Window => ({ q: quotaOf(policy).q, windowMs: quotaOf(policy).windowS * 1_000 });
  const stateOf = (policy: RatePolicy, { ok, left, resetMs }: Room): LimitState => ({ policy, q: quotaOf(policy).q, windowS: quotaOf(policy).windowS, ok, left, resetS: Math.ceil(resetMs / 1_000) });
  const logOf = (policy: WindowPolicy): SlidingLog => logs.get(policy) as SlidingLog;
  const lookStreams: Limits['lookStreams'] = (policy, key) => {
    const left = Math.max(0, quotaOf(policy).q - streams.of(`${policy} ${key}`));
    return stateOf(policy, { ok: left > 0, left, resetMs: left > 0 ? 0 : 1_000 });
  };
  const sum = (read: (log: SlidingLog) => number): number => [...logs.values()].reduce((total, log) => total + read(log), 0);

  return {
    take: (policy, key) => stateOf(policy, logOf(policy).take(key, windowOf(policy), nowMs())),
    look: (policy, key) => stateOf(policy, logOf(policy).look(key, windowOf(policy), nowMs())),
    giveBack: (policy, key) => logOf(policy).giveBack(key),
    personOf,
    attempt: async (person) => stateOf('pay', await attempts.take(person, windowOf('pay'))),
    lookAttempts: async (person) => stateOf('pay', await attempts.look(person, windowOf('pay'))),
    async attemptOfPay(txBytes) {
      const tx = signedPay(deps, txBytes);
      if (tx === undefined || (await chain.statusOf(tx)) !== undefined) return undefined;
      const person = await personOf(tx.body.sender);
      const room = await attempts.take(person, windowOf('pay'), { txHash: tx.txHash, untilMs: tx.body.validUntilMs });
      return room === undefined ? undefined : { person, state: stateOf('pay', room), tx };
    },
    lookStreams,
    openStream(policy, key) {
      const state = lookStreams(policy, key);
      return state.ok ? { state: { ...state, left: state.left - 1 }, release: streams.open(`${policy} ${key}`) } : { state, release: () => undefined };
    },
    settings: () => RATE_POLICIES.map((policy): PolicySetting => ({ policy, ...POLICIES[policy], ...quotaOf(policy), isChanged: changed.has(policy) })),
    async change(quotas) {
      const rows = RATE_POLICIES.map((policy) => {
        const quota = quotas[policy];
        return quota === undefined ? deleteRow(TABLES.rateLimit, policy) : putRow(TABLES.rateLimit, policy, quota);
      });
      await store.batch(rows, { sync: true });
      changed = await storedQuotas(store);
      attempts.changed();
    },
    sizes: () => ({ keys: sum((log) => log.keys), times: sum((log) => log.times), forgotten: sum((log) => log.forgotten), persons: attempts.remembered }),
    async sweep() {
      changed = await storedQuotas(store);
      for (const [policy, log] of logs) log.sweep(windowOf(policy).windowMs, nowMs());
      await attempts.sweep(windowOf('pay').windowMs);
    },
  };
}
