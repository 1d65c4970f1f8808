/** A server's answer that is not believed. */
import { PROOF_REFUSALS, type Evidence, type ProofRefusal, type ProofRefusalCode, type Verdict } from '@billcoin/protocol';

/** Refusals that the same server may heal by itself in a moment. */
const PASSING: ReadonlySet<ProofRefusalCode> = new Set<ProofRefusalCode>(['stale', 'no_data', 'no_witness', 'dropped']);

/** What a server said does not verify: `code` is a row of PROOF_REFUSALS and says what to do. Nothing of the answer was used. */
export class ProofError extends Error {
  override readonly name = 'ProofError';
  readonly code: ProofRefusalCode;
  readonly retryable: boolean;
  readonly remedy: string;
  /** After `diverged`: hand these in, one against the signers of each of the two headers. */
  readonly evidence: readonly Evidence[];

  constructor({ code, why }: ProofRefusal, evidence: readonly Evidence[] = []) {
    super(`${code}: ${why}`);
    this.code = code;
    this.retryable = PASSING.has(code);
    this.remedy = PROOF_REFUSALS[code];
    this.evidence = evidence;
  }
}

/** The value of a verdict. @throws ProofError */
export function believe<T>(verdict: Verdict<T>): T {
  if (!verdict.ok) throw new ProofError(verdict.refusal);
  return verdict.value;
}

/** Throws a refusal of our own. */
export function refuse(code: ProofRefusalCode, why: string): never {
  throw new ProofError({ code, why });
}
