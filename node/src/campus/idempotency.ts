/**
 * Idempotency-Key (api page §2.1): the answer to a key is stored for 24 h with a hash of what was asked, in the same batch
 * as what the request did. A repeat gets the stored answer; another request under the key is refused.
 */
import { assert, sha256, toHex, utf8 } from '@billcoin/protocol';
import type { Answered, IdempotentResult } from '../campusPorts.ts';
import type { Clock, KeyValueOperation, KeyValueStore } from '../ports.ts';
import { putNothing, type Lane, type Put } from './lane.ts';
import { deleteRow, getRow, listRows, padded, putRow, TABLES, type StoredAnswer } from './store.ts';

export const ANSWER_LIFE_MS = 86_400_000;
/** Old answers are forgotten with a new one, so often. */
const SWEEP_MS = 1_000;
/** So many at once: more than can come in that time. */
const SWEEP = 1_000;

export interface Work {
  readonly answer: Answered;
  /** Rows of the work itself, written together with the stored answer. */
  readonly operations: readonly KeyValueOperation[];
  /** Runs once the batch is on disk. */
  readonly after: () => void;
}

export interface IdempotentRequest {
  /** Who asks: nobody gets another's answer. */
  readonly subject: string;
  readonly key: string;
  /** Method, path and body. */
  readonly request: string;
  readonly work: () => Promise<Work>;
}

export interface IdempotencyDeps {
  readonly store: KeyValueStore;
  readonly clock: Clock;
  readonly lane: Lane;
}

export type Idempotency = (request: IdempotentRequest) => Promise<IdempotentResult>;

type Sweep = (nowMs: number) => Promise<readonly KeyValueOperation[]>;

/** Deletes what has ended, if that was not just done. */
function openSweep(store: KeyValueStore): Sweep {
  let sweptAtMs = Number.NEGATIVE_INFINITY;
  return async (nowMs) => {
    if (Math.abs(nowMs - sweptAtMs) < SWEEP_MS) return [];
    sweptAtMs = nowMs;
    const dead = await listRows(store, TABLES.answerEnd, { before: padded(nowMs, 15), limit: SWEEP });
    return dead.flatMap(({ id, value }) => [deleteRow(TABLES.answerEnd, id), deleteRow(TABLES.answer, value)]);
  };
}

/** Not stored (api page §2.1): the same request may succeed in a moment. */
const isPassing = (status: number): boolean => status === 401 || status === 429 || status >= 500;

async function runOnce({ store, clock }: IdempotencyDeps, sweep: Sweep, id: string, requestHash: string, work: () => Promise<Work>): Promise<Put<IdempotentResult>> {
  const nowMs = clock.nowMs();
  const stored = await getRow(store, TABLES.answer, id);
  if (stored !== undefined && stored.expiresAtMs >= nowMs) {
    const { status, body } = stored;
    return putNothing(stored.requestHash === requestHash ? { kind: 'answer', replayed: true, answer: { status, body } } : { kind: 'reused' });
  }
  const { answer, operations, after } = await work();
  if (isPassing(answer.status)) {
    assert(operations.length === 0, 'what passes by itself has done nothing');
    return putNothing({ kind: 'answer', replayed: false, answer });
  }
  const row: StoredAnswer = { requestHash, ...answer, expiresAtMs: nowMs + ANSWER_LIFE_MS };
  const end = putRow(TABLES.answerEnd, `${padded(row.expiresAtMs, 15)}/${id}`, id);
  // The sweep stands first: a key whose old answer just ended is written again by the later put.
  const written = store.batch([...(await sweep(nowMs)), ...operations, putRow(TABLES.answer, id, row), end], { sync: true }).then(after);
  return { value: { kind: 'answer', replayed: false, answer }, written };
}

export function openIdempotency(deps: IdempotencyDeps): Idempotency {
  /** Keys at work now; no longer than the lane's queue. */
  const running = new Set<string>();
  const sweep = openSweep(deps.store);
  return async ({ subject, key, request, work }) => {
    // The key is hashed: it may hold any character, a row id may not.
    const id = `${subject}/${toHex(sha256(utf8(key)))}`;
    if (running.has(id)) return { kind: 'in_progress' };
    running.add(id);
    try {
      return await deps.lane.commit(() => runOnce(deps, sweep, id, toHex(sha256(utf8(request))), work));
    } finally {
      running.delete(id);
    }
  };
}
