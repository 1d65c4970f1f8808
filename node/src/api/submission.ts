/** Why the node did not take a transaction, as a refusal: chain faults, full pool, and a node that is behind. */
import { PROBLEMS } from '@billcoin/sdk';
import type { ChainPort, Clock, Submitted } from '../ports.ts';
import type { SyncProgress } from '../progress.ts';
import { rfc3339 } from '../rfc3339.ts';
import type { Refusal } from './entry.ts';
import { faultRefusal } from './problem.ts';
import { FINALITY_AGE_MAX_MS } from './routes/health.ts';

export type PoolRefusal = Extract<Submitted, { readonly ok: false }>['refusal'];

export interface SubmissionDeps {
  readonly chain: ChainPort;
  readonly clock: Clock;
  /** While this node is behind its peers: two of them say so, or the only one. */
  readonly sync: () => SyncProgress | undefined;
}

/** This node is catching up, or the chain stands: its state says nothing of today. */
export function isStale({ chain, clock, sync }: SubmissionDeps): boolean {
  return clock.nowMs() - chain.tip().timeMs > FINALITY_AGE_MAX_MS || sync() !== undefined;
}

/** A wallet must not take a verdict of an old state for one of the chain: it asks another node, or this one later. */
export function submissionRefusal(deps: SubmissionDeps, refusal: PoolRefusal): Refusal {
  if (!('text' in refusal)) {
    const answer = faultRefusal(refusal);
    const isJudgedByState = PROBLEMS[answer.problem].status !== 400;
    return isJudgedByState && isStale(deps) ? { problem: 'chain_unavailable', detail: `Its newest final block is of ${rfc3339(deps.chain.tip().timeMs)}; there the transaction is refused: ${refusal.code}.` } : answer;
  }
  return { problem: refusal.code === 'too_many_pending' ? 'rate_limited' : refusal.code, detail: refusal.text };
}
