/**
 * Which part of a snapshot is asked of whom: a pure state machine, inputs in, questions out. A part counts once its hash is
 * the one of the manifest. A peer that gives another is a liar, unless the manifest is one: what comes of that is seen at
 * the end, from the root.
 */
import { equalBytes, sha256 } from '@billcoin/protocol';
import { NETWORK_LIMITS } from '../network/limits.ts';

/** Their reasons are in the table. */
export const { partMs: PART_MS, partPaceMs: PACE_MS, partFailuresMax: FAILURES_MAX } = NETWORK_LIMITS;
/** A peer that did not answer is asked again after this. */
export const REST_MS = PART_MS / 2;

interface PartsPeer {
  readonly name: string;
  /** Not asked before. */
  readonly fromMs: number;
  readonly failures: number;
}

interface Asked {
  readonly peer: string;
  readonly index: number;
  readonly untilMs: number;
}

export interface PartsState {
  /** SHA-256 of each part. */
  readonly hashes: readonly Uint8Array[];
  /** Indices that are not here, ascending; those that are asked for included. */
  readonly missing: readonly number[];
  readonly peers: readonly PartsPeer[];
  readonly asked: readonly Asked[];
}

export type PartsInput =
  | { readonly kind: 'part'; readonly peer: string; readonly index: number; readonly content: Uint8Array }
  | { readonly kind: 'tick' };

export interface PartsStep {
  readonly state: PartsState;
  readonly ask: readonly { readonly peer: string; readonly index: number }[];
  /** A part to write down: its hash is right. */
  readonly keep: { readonly index: number; readonly content: Uint8Array } | undefined;
  /** Who gave a wrong one. */
  readonly blame: string | undefined;
  /** `stuck`: nobody is left to ask. */
  readonly outcome: 'going on' | 'done' | 'stuck';
}

/** @param have parts that are here from an earlier try, their hashes checked */
export function partsStart(hashes: readonly Uint8Array[], peers: readonly string[], have: ReadonlySet<number>): PartsState {
  return {
    hashes, asked: [], missing: hashes.flatMap((_, index) => (have.has(index) ? [] : [index])),
    peers: peers.map((name) => ({ name, fromMs: Number.NEGATIVE_INFINITY, failures: 0 })),
  };
}

/** One input, one transition. `nowMs` is monotonic. */
export function planParts(state: PartsState, input: PartsInput, nowMs: number): PartsStep {
  const taken = input.kind === 'part' ? take(state, input) : { state, keep: undefined, blame: undefined };
  const { state: next, ask } = fill(expire(taken.state, nowMs), nowMs);
  return { ...taken, state: next, ask, outcome: next.missing.length === 0 ? 'done' : next.peers.length === 0 ? 'stuck' : 'going on' };
}

/** A right part is taken whoever brings it and however late; a wrong one counts against a peer whatever it was asked. */
function take(state: PartsState, { peer, index, content }: Extract<PartsInput, { readonly kind: 'part' }>): Pick<PartsStep, 'state' | 'keep' | 'blame'> {
  const hash = state.hashes[index];
  if (hash === undefined || !state.missing.includes(index)) return { state: { ...state, asked: state.asked.filter((one) => one.peer !== peer || one.index !== index) }, keep: undefined, blame: undefined };
  if (!equalBytes(sha256(content), hash)) {
    const rest = { ...state, peers: state.peers.filter(({ name }) => name !== peer), asked: state.asked.filter((one) => one.peer !== peer) };
    return { state: rest, keep: undefined, blame: peer };
  }
  const peers = state.peers.map((one) => (one.name === peer ? { ...one, failures: 0 } : one));
  return { state: { ...state, peers, missing: state.missing.filter((one) => one !== index), asked: state.asked.filter((one) => one.index !== index) }, keep: { index, content }, blame: undefined };
}

function expire(state: PartsState, nowMs: number): PartsState {
  const late = new Set(state.asked.filter(({ untilMs }) => untilMs <= nowMs).map(({ peer }) => peer));
  if (late.size === 0) return state;
  const peers = state.peers.map((one) => (late.has(one.name) ? { ...one, failures: one.failures + 1, fromMs: nowMs + REST_MS } : one));
  return { ...state, asked: state.asked.filter(({ peer }) => !late.has(peer)), peers: peers.filter(({ failures }) => failures < FAILURES_MAX) };
}

/** Each peer owes one part at most: a slow one holds up nothing but that part. */
function fill(state: PartsState, nowMs: number): { readonly state: PartsState; readonly ask: PartsStep['ask'] } {
  const isAsked = new Set(state.asked.map(({ index }) => index));
  const owes = new Set(state.asked.map(({ peer }) => peer));
  const open = state.missing.filter((index) => !isAsked.has(index));
  const free = state.peers.filter(({ name, fromMs }) => !owes.has(name) && fromMs <= nowMs);
  const ask = free.slice(0, open.length).map(({ name }, i) => ({ peer: name, index: open[i] as number }));
  const askedNow = new Set(ask.map(({ peer }) => peer));
  return {
    ask,
    state: {
      ...state,
      asked: [...state.asked, ...ask.map((one) => ({ ...one, untilMs: nowMs + PART_MS }))],
      peers: state.peers.map((one) => (askedNow.has(one.name) ? { ...one, fromMs: nowMs + PACE_MS } : one)),
    },
  };
}
