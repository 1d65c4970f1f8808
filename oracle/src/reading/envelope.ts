/** What a device publishes: one signed reading (`…/r`) or up to 64 under one signature (`…/rb`). */
import { decode, Signed, SIGNED_BATCH_MAX_BYTES, SIGNED_MAX_BYTES, SignedBatch, type Fault, type Stored } from '@billcoin/protocol';
import { FORM, readEvidence, readingId, type Reading } from './reading.ts';
import type { ReadingTopic } from './topic.ts';

/** An envelope's readings in order, or the rule that refuses the whole payload: R01 size, R02 form. */
export type Opened =
  | { readonly ok: true; readonly readings: readonly Reading[] }
  | { readonly ok: false; readonly rule: 1 | 2; readonly value: string; readonly limit: string };

const LIMIT_BYTES = { r: SIGNED_MAX_BYTES, rb: SIGNED_BATCH_MAX_BYTES } as const;

function refused(fault: Fault): Opened {
  return { ok: false, rule: 2, value: fault.code === 'malformed' ? `${fault.path} ${fault.why}` : fault.code, limit: 'strict protobuf' };
}

function openBatch(payload: Uint8Array): Opened {
  const decoded = decode(SignedBatch, payload);
  if (!decoded.ok) return refused(decoded.fault);
  const { body: bodies, alg, keyId, sig } = decoded.value;
  // One array for all: signatureCheck() keeps the verdict of the one signature by it.
  const listIds = bodies.map(readingId);
  return { ok: true, readings: bodies.map((body) => readEvidence({ body, alg, keyId, sig, listIds, form: FORM.batch })) };
}

/** Opens a payload. Size is looked at before anything is decoded; never throws on bytes. */
export function openEnvelope(suffix: ReadingTopic['suffix'], payload: Uint8Array): Opened {
  const limit = LIMIT_BYTES[suffix];
  if (payload.length === 0 || payload.length > limit) return { ok: false, rule: 1, value: `${payload.length} bytes`, limit: `1..${limit} bytes` };
  if (suffix === 'rb') return openBatch(payload);
  const decoded = decode(Signed, payload);
  if (!decoded.ok) return refused(decoded.fault);
  const evidence: Stored = { ...decoded.value, listIds: [], form: FORM.single };
  return { ok: true, readings: [readEvidence(evidence)] };
}
