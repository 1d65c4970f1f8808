/** What an action of the SDK throws. Every error has a stable code, says whether to try again, and what to do. */
import type { Problem } from '../api/problem.ts';
import type { ProblemCode } from '../api/problems.ts';

/** The server refused: `code` is a row of PROBLEMS, chain faults included. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: ProblemCode;
  readonly status: number;
  readonly retryable: boolean;
  /** What to do about it, for people. */
  readonly remedy: string;
  /** Tell it to whoever runs the server. */
  readonly requestId: string | undefined;
  /** Fields that are wrong, as JSON pointers. */
  readonly errors: NonNullable<Problem['errors']>;
  /** Data of the refusal, e.g. how many litres are missing. */
  readonly data: NonNullable<Problem['data']>;
  /** Seconds to wait, where the server says so. */
  readonly retryAfterS: number | undefined;

  constructor(problem: Problem, remedy: string, retryAfterS?: number) {
    super(`${problem.title}: ${problem.detail} (${problem.code}, HTTP ${problem.status})`);
    this.code = problem.code;
    this.status = problem.status;
    this.retryable = problem.retryable;
    this.remedy = remedy;
    this.requestId = problem.instance === '' ? undefined : problem.instance;
    this.errors = problem.errors ?? [];
    this.data = problem.data ?? {};
    this.retryAfterS = retryAfterS;
  }
}

/** No answer, or one that is none of this API's: a proxy's page, cut-off JSON, a broken connection. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
  readonly code = 'unreachable';
  readonly retryable = true;
  readonly remedy = 'Check the network and the address of the node, then try again.';
  /** HTTP status of an answer that is none of this API's. */
  readonly status: number | undefined;

  constructor(message: string, options: { readonly cause?: unknown; readonly status?: number } = {}) {
    super(message, { cause: options.cause });
    this.status = options.status;
  }
}

/** The time of the call ran out. With a txHash the transaction may still become final: ask for it, never pay twice. */
export class TimeoutError extends Error {
  override readonly name = 'TimeoutError';
  readonly code = 'timeout';
  readonly retryable = true;
  readonly remedy: string;
  readonly txHash: string | undefined;

  constructor(message: string, options: { readonly cause?: unknown; readonly txHash?: string } = {}) {
    super(message, { cause: options.cause });
    this.txHash = options.txHash;
    this.remedy = options.txHash === undefined ? 'Try again, or give it more time.' : 'It may still be included. Ask for this txHash with waitForTransaction before you sign another.';
  }
}

/** The answer contradicts what we know, e.g. another id than the one we computed. Do not trust this server. */
export class UntrustedAnswerError extends Error {
  override readonly name = 'UntrustedAnswerError';
  readonly code = 'untrusted_answer';
  readonly retryable = false;
  readonly remedy = 'Do not rely on this server; use another one and report it.';
}
