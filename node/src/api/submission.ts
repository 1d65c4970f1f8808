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

/**
 * Where this node is catching up, or the chain stands: nobody must take a verdict of an old state for one of the chain; he asks another node,
 * or this one later. Undefined where the state is of today.
 */
export function staleRefusal({ chain, clock, sync }: SubmissionDeps, verdict: string): Refusal | undefined {
  const { timeMs } = chain.tip();
  const isStale = clock.nowMs() - timeMs > FINALITY_AGE_MAX_MS || sync() !== undefined;
  return isStale ? { problem: 'chain_unavailable', detail: `Its newest final block is of ${rfc3339(timeMs)}; there the transaction is ${verdict}.` } : undefined;
}

/** A refusal by the state, `code` by its own name. */
export function refusalByState(deps: SubmissionDeps, answer: Refusal, code: string): Refusal {
  return staleRefusal(deps, `refused: ${code}`) ?? answer;
}

export function submissionRefusal(deps: SubmissionDeps, refusal: PoolRefusal): Refusal {
  if (!('text' in refusal)) {
    const answer = faultRefusal(refusal);
    return PROBLEMS[answer.problem].status === 400 ? answer : refusalByState(deps, answer, refusal.code);
  }
  return refusal.code === 'too_many_pending' ? { problem: 'rate_limited', detail: refusal.text, violatedPolicies: ['pending'] } : { problem: refusal.code, detail: refusal.text };
}
