/**
 * The light client as a pure state machine (SPEC §16.3): which header to ask whom for, and what to believe. A step takes
 * an answer and gives the next action; whoever drives it does the asking. Bad or missing answers refuse, never throw.
 */
import { equalBytes, toHex } from '../lib/bytes.ts';
import type { ProofContext } from '../proof/finalHeader.ts';
import type { ProofRefusal } from '../proof/refusal.ts';
import type { Evidence, LightBlock } from '../wire/consensus.ts';
import { attackEvidence } from './attack.ts';
import { checkTrustingPeriod, passTrust, readCandidate, type Candidate, type TrustedHeader } from './trust.ts';

/**
 * Headers of one source that one sync may take. Sets change by at most a third an epoch of 1 h, so 14 days are at most
 * 336 hops of a few halvings each; a server that makes us ask for more is not an honest one.
 */
export const SYNC_HEADERS_MAX = 2_048;
/** Trusted headers that are kept to reach blocks between them; the first one is never forgotten. */
export const TRUSTED_KEPT_MAX = 64;
/** The source 0 is the primary, the others are witnesses of other institutions. */
export const WITNESSES_MAX = 8;

interface Sync {
  /** Where every source starts from. */
  readonly base: TrustedHeader;
  readonly target: number;
  /** Whom we ask now: 0 primary, 1 … witnesses. */
  readonly source: number;
  /** Farthest that this source has led. */
  readonly reached: TrustedHeader;
  /** Read but not reached yet; the nearest is last. */
  readonly pending: readonly Candidate[];
  readonly asked: number;
  readonly taken: number;
  /** What the primary led to, once it did. */
  readonly found: { readonly trusted: TrustedHeader; readonly block: LightBlock } | undefined;
  readonly confirmed: boolean;
}

export interface LightState {
  /** Ascending by height, never empty. */
  readonly trusted: readonly TrustedHeader[];
  readonly witnesses: number;
  readonly sync: Sync | undefined;
  /** After a divergence: nothing more is believed. */
  readonly stopped: ProofRefusal | undefined;
}

export type LightAction =
  | { readonly kind: 'ask'; readonly source: number; readonly height: number }
  | { readonly kind: 'trusted'; readonly trusted: TrustedHeader }
  | { readonly kind: 'refused'; readonly refusal: ProofRefusal }
  /** Both headers verify. `evidence` is against the signers of each: the primary's first. */
  | { readonly kind: 'diverged'; readonly height: number; readonly evidence: readonly [Evidence, Evidence]; readonly refusal: ProofRefusal };

export interface LightStep {
  readonly state: LightState;
  readonly action: LightAction;
}

/** A client that begins at `root`: genesis or a verified checkpoint. */
export function lightState(root: TrustedHeader, witnesses: number): LightState {
  return { trusted: [root], witnesses: Math.min(witnesses, WITNESSES_MAX), sync: undefined, stopped: undefined };
}

/** The newest header that is trusted. */
export function newestTrusted({ trusted }: LightState): TrustedHeader {
  return trusted[trusted.length - 1]!;
}

function refuse(state: LightState, refusal: ProofRefusal): LightStep {
  return { state: { ...state, sync: undefined }, action: { kind: 'refused', refusal } };
}

/** Begins to follow the chain to `height`, from the nearest trusted header below it. A sync in progress is given up. */
export function followTo(state: LightState, height: number, nowMs: number): LightStep {
  if (state.stopped !== undefined) return refuse(state, state.stopped);
  if (!Number.isSafeInteger(height) || height < 1) return refuse(state, { code: 'malformed', why: 'a height is a whole number from 1 to 2^53 − 1' });
  const known = state.trusted.find((one) => one.height === height && one.header !== undefined);
  if (known !== undefined) return { state, action: { kind: 'trusted', trusted: known } };
  const base = state.trusted.filter((one) => one.height < height).at(-1);
  if (base === undefined) return refuse(state, { code: 'before_trust', why: `height ${height} is not above ${state.trusted[0]!.height}` });
  const expired = checkTrustingPeriod(base, nowMs);
  if (expired !== undefined) return refuse(state, expired);
  return ask({ ...state }, { base, target: height, source: 0, reached: base, pending: [], asked: height, taken: 0, found: undefined, confirmed: false });
}

function ask(state: LightState, sync: Sync): LightStep {
  return { state: { ...state, sync }, action: { kind: 'ask', source: sync.source, height: sync.asked } };
}

/** Takes the answer to the last `ask`; undefined where the source had none. */
export function takeAnswer(context: ProofContext, state: LightState, block: LightBlock | undefined, nowMs: number): LightStep {
  if (state.stopped !== undefined) return refuse(state, state.stopped);
  const { sync } = state;
  if (sync === undefined) return refuse(state, { code: 'no_data', why: 'nothing was asked for' });
  if (block === undefined) return sourceFailed(state, sync, { code: 'no_data', why: `no header of height ${sync.asked}` });
  const read = readCandidate(context, block);
  if (!read.ok) return sourceFailed(state, sync, read.refusal);
  if (read.value.header.height !== sync.asked) return sourceFailed(state, sync, { code: 'no_data', why: `asked for height ${sync.asked}, got ${read.value.header.height}` });
  return advance(context, state, { ...sync, pending: [...sync.pending, read.value], taken: sync.taken + 1 }, nowMs);
}

/** Goes from header to header as far as the pending ones lead; halves the way where trust does not reach. */
function advance(context: ProofContext, state: LightState, start: Sync, nowMs: number): LightStep {
  let sync = start;
  for (let next = sync.pending.at(-1); next !== undefined; next = sync.pending.at(-1)) {
    const agreed = sync.found !== undefined && equalBytes(next.blockId, sync.found.trusted.blockId);
    if (agreed) return nextSource(state, { ...sync, confirmed: true });
    const passed = passTrust(context, sync.reached, next, nowMs);
    if (passed.kind === 'refused') return sourceFailed(state, sync, passed.refusal);
    if (passed.kind === 'bisect') {
      if (sync.taken >= SYNC_HEADERS_MAX) return sourceFailed(state, sync, { code: 'too_many_headers', why: `${sync.taken} headers` });
      const between = sync.reached.height + Math.floor((next.header.height - sync.reached.height) / 2);
      return ask(state, { ...sync, asked: between });
    }
    const pending = sync.pending.slice(0, -1);
    if (pending.length === 0) return reachedTarget(state, sync, passed.trusted, next.block);
    sync = { ...sync, reached: passed.trusted, pending };
  }
  return sourceFailed(state, sync, { code: 'no_data', why: 'no header to go on with' });
}

function reachedTarget(state: LightState, sync: Sync, trusted: TrustedHeader, block: LightBlock): LightStep {
  if (sync.found === undefined) return nextSource(state, { ...sync, found: { trusted, block } });
  // A witness led, by rules of its own chain of trust, to another block of the same height.
  const refusal: ProofRefusal = { code: 'diverged', why: `height ${trusted.height}: ${toHex(sync.found.trusted.blockId)} and ${toHex(trusted.blockId)}` };
  const evidence = [attackEvidence(sync.found.block), attackEvidence(block)] as const;
  return { state: { ...state, sync: undefined, stopped: refusal }, action: { kind: 'diverged', height: trusted.height, evidence, refusal } };
}

/** The primary's failure ends the sync; a witness that gives nothing that verifies is passed over. */
function sourceFailed(state: LightState, sync: Sync, refusal: ProofRefusal): LightStep {
  return sync.found === undefined ? refuse(state, refusal) : nextSource(state, sync);
}

function nextSource(state: LightState, sync: Sync): LightStep {
  const { found, base, target } = sync;
  if (found === undefined) return refuse(state, { code: 'no_data', why: 'the primary led nowhere' });
  if (sync.source < state.witnesses) return ask(state, { ...sync, source: sync.source + 1, reached: base, pending: [], asked: target, taken: 0 });
  if (state.witnesses > 0 && !sync.confirmed) return refuse(state, { code: 'no_witness', why: `for height ${target}` });
  return { state: { ...state, sync: undefined, trusted: keep(state.trusted, found.trusted) }, action: { kind: 'trusted', trusted: found.trusted } };
}

/** In order of height; the oldest but the first go when there are too many. */
function keep(all: readonly TrustedHeader[], one: TrustedHeader): readonly TrustedHeader[] {
  const kept = [...all.filter(({ height }) => height !== one.height), one].sort((a, b) => a.height - b.height);
  return kept.length > TRUSTED_KEPT_MAX ? [kept[0]!, ...kept.slice(2)] : kept;
}
