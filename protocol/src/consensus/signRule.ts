/**
 * The sign rule and the guard record (consensus page §1.9). Pure: the shell keeps the record durable, this file says
 * whether a body may be signed and what the record becomes.
 */
import { assert } from '../lib/assert.ts';
import { equalBytes } from '../lib/bytes.ts';
import type { HardState, SignedBody } from '../wire/consensus.ts';
import { unsignedBytes, wireBlockId } from './bodies.ts';
import { CERTIFICATE_TYPE } from './certificate.ts';
import { NIL, NO_ROUND, STEP_NUMBER, type HardStateContent, type Unsigned } from './types.ts';

export type SignDecision =
  | { readonly kind: 'sign' }
  /** The very same bytes were signed before. */
  | { readonly kind: 'resend'; readonly signature: Uint8Array }
  /** behind: something later was signed; conflict: something else was signed in this slot; locked: no polka allows leaving the lock. */
  | { readonly kind: 'refuse'; readonly why: 'behind' | 'conflict' | 'locked' };

/** uint32 on the wire: no round is signed beyond it. */
const ROUND_MAX = 0xffff_ffff;
/** Order of signing within a round. */
const SLOT = { proposal: 1, prevote: 2, precommit: 3 } as const;

/** The record of a key that has signed nothing. */
export function emptyHardState(genesisHash: Uint8Array, publicKey: Uint8Array): HardState {
  return { seq: 1, genesisHash, publicKey, height: 0, round: 0, step: 0, lockedRound: NO_ROUND, validRound: NO_ROUND };
}

/** The record of a key of which nobody knows what it has signed up to `height`: nothing at or below it is signed any more. */
export function closedHardState(genesisHash: Uint8Array, publicKey: Uint8Array, height: number): HardState {
  return { ...emptyHardState(genesisHash, publicKey), height, round: ROUND_MAX, step: STEP_NUMBER.decided };
}

/** Says whether a record forbids a whole height and those below it, instead of telling what was signed there. */
export function isClosed(record: HardState): boolean {
  return record.step === STEP_NUMBER.decided;
}

/** After a lost guard: what a message may have been on its way while the older process still lived, beyond the clocks' precision. */
const LOST_GUARD_MARGIN_MS = 5_000;

/**
 * Says whether a final block ends the observation of a node without guard: it was built after `bootMs`, so its height
 * was undecided while an older process with this key lived, which can have signed at that height at most. A block ahead of
 * the own clock proves nothing: that clock is wrong.
 */
export function endsObservation(blockTimeMs: number, { bootMs, nowMs, precisionMs }: { readonly bootMs: number; readonly nowMs: number; readonly precisionMs: number }): boolean {
  return blockTimeMs > bootMs + 2 * precisionMs + LOST_GUARD_MARGIN_MS && blockTimeMs <= nowMs + precisionMs;
}

function lastSigned(record: HardState, kind: Unsigned['kind']): SignedBody | undefined {
  return kind === 'proposal' ? record.lastProposal : kind === 'prevote' ? record.lastPrevote : record.lastPrecommit;
}

/** Last slot signed at (record.height, record.round); 0 if none. */
function lastSlot(record: HardState): number {
  if (record.lastPrecommit !== undefined) return SLOT.precommit;
  if (record.lastPrevote !== undefined) return SLOT.prevote;
  return record.lastProposal === undefined ? 0 : SLOT.proposal;
}

/** Negative, zero, positive: the body's (height, round) against the record's. */
function compareRound(record: HardState, body: { readonly height: number; readonly round: number }): number {
  return body.height === record.height ? body.round - record.round : body.height - record.height;
}

/**
 * (height, round, slot) greater than the last signed: sign. The same slot: only the identical bytes, with the stored
 * signature. Smaller: refuse. And no prevote against the lock without a polka of a round from the lock on.
 */
export function maySign(record: HardState, body: Unsigned): SignDecision {
  const ahead = compareRound(record, body);
  if (ahead < 0 || (isClosed(record) && body.height <= record.height)) return { kind: 'refuse', why: 'behind' };
  if (ahead === 0) {
    const stored = lastSigned(record, body.kind);
    if (stored !== undefined) return equalBytes(stored.body, unsignedBytes(body)) ? { kind: 'resend', signature: stored.signature } : { kind: 'refuse', why: 'conflict' };
    if (SLOT[body.kind] < lastSlot(record)) return { kind: 'refuse', why: 'behind' };
  }
  return breaksLock(record, body) ? { kind: 'refuse', why: 'locked' } : { kind: 'sign' };
}

function breaksLock(record: HardState, body: Unsigned): boolean {
  if (body.kind !== 'prevote' || body.blockId === NIL) return false;
  if (record.height !== body.height || record.lockedRound < 0 || record.lockedId === undefined) return false;
  const blockId = wireBlockId(body.blockId)!;
  if (equalBytes(blockId, record.lockedId)) return false;
  const { polka } = body;
  const allows = polka !== undefined && polka.type === CERTIFICATE_TYPE.prevote && polka.height === body.height && equalBytes(polka.blockId, blockId) && record.lockedRound <= polka.round && polka.round < body.round;
  return !allows;
}

/**
 * The next guard record: what the core decided, with what was just signed. Slots of the same round that were not
 * signed again keep their bytes. Asserts that nothing goes backwards and that a precommit stands on its lock.
 */
export function recordSigned(record: HardState, content: HardStateContent, signed: readonly { readonly body: Unsigned; readonly signature: Uint8Array }[]): HardState {
  const ahead = compareRound(record, content);
  assert(ahead >= 0, 'the guard never goes back');
  assert(content.height !== record.height || content.lockedRound >= record.lockedRound, 'a lock never goes back within a height');
  const kept = ahead === 0 ? record : undefined;
  let next: HardState = {
    seq: record.seq + 1, genesisHash: record.genesisHash, publicKey: record.publicKey, ...content,
    lastProposal: kept?.lastProposal, lastPrevote: kept?.lastPrevote, lastPrecommit: kept?.lastPrecommit,
  };
  for (const { body, signature } of signed) {
    assert(body.height === content.height && body.round === content.round, 'what is signed belongs to the recorded round');
    assert(body.kind !== 'precommit' || body.blockId === NIL || (content.lockedRound === body.round && content.lockedId !== undefined && equalBytes(content.lockedId, wireBlockId(body.blockId)!)), 'a precommit stands on its lock');
    const entry = { body: unsignedBytes(body), signature };
    next = body.kind === 'proposal' ? { ...next, lastProposal: entry } : body.kind === 'prevote' ? { ...next, lastPrevote: entry } : { ...next, lastPrecommit: entry };
  }
  return next;
}
