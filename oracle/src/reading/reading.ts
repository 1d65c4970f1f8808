/**
 * A reading as evidence: the body bytes as they came, the signature that covers them, and what they decode to.
 * "Hash what came, decode second, refuse what does not encode back" (oracle page §2.1).
 */
import { decode, type Fault, ReadingBody, type Stored, taggedHash, toHex } from '@billcoin/protocol';
import { bodyProblem } from './bodyBounds.ts';

/** How the signature covers the body (field `form` of Stored): alone, or as one id in a signed list. */
export const FORM = { single: 1, batch: 2 } as const;

/** Evidence of one reading; `body` is absent where the bytes are no reading (rule R02), and `why` says it. */
export interface Reading {
  readonly id: Uint8Array;
  /** Lower-case hex of `id`: what maps and store keys use. */
  readonly idHex: string;
  readonly evidence: Stored;
  readonly body?: ReadingBody;
  readonly why?: string;
}

/** Reading id = Hash(bill/reading-id/1, body): the only thing readings are deduplicated by. */
export function readingId(body: Uint8Array): Uint8Array {
  return taggedHash('bill/reading-id/1', body);
}

function pathOf(fault: Fault): string {
  return fault.code === 'malformed' ? `${fault.path} ${fault.why}` : fault.code;
}

/** Strict decode of a body with every bound of the schema and between its fields (rule R02). Never throws on bytes. */
export function readEvidence(evidence: Stored): Reading {
  const id = readingId(evidence.body);
  const base = { id, idHex: toHex(id), evidence };
  const decoded = decode(ReadingBody, evidence.body);
  if (!decoded.ok) return { ...base, why: pathOf(decoded.fault) };
  const problem = bodyProblem(decoded.value);
  return problem === undefined ? { ...base, body: decoded.value } : { ...base, why: problem };
}
