/**
 * Which decided blocks are asked of whom while this node is behind (consensus page §1.16): a pure state machine, inputs
 * in, questions out. A claimed height is a hint whom to ask and nothing more: a block counts once its certificate
 * verifies under the set of its height. No height is skipped; a range that failed is asked for again, whole, of another
 * peer. There is no mode: consensus goes on at the own height all the time, so nobody waits in sync for ever.
 */
import type { DecidedBlock } from '../ports.ts';

/** Blocks in one question. */
export const RANGE_MAX = 16;
/** Ranges ahead, asked or held: 64 blocks, at most 8 MiB, from up to four peers at once. */
export const RANGES_MAX = 4;
/** An answer of 2 MiB takes 2 s at 10 Mb/s; later it is asked of another peer. */
export const ANSWER_MS = 5_000;
/** A peer that did not answer, or had nothing, is asked again after this. */
export const REST_MS = 5_000;
/** A peer that gave what did not verify. */
export const LIAR_REST_MS = 60_000;
/** Behind by this many heights a node asks; the one next height comes by Status. */
const BEHIND_MIN = 2;

export interface SyncPeer {
  readonly name: string;
  /** Height it says it works on: it claims the blocks below. */
  readonly height: number;
  readonly restsUntilMs: number;
  /** Questions it got: whoever got fewest is asked first. */
  readonly asked: number;
}

export interface SyncRange {
  readonly from: number;
  readonly count: number;
  /** Who is asked or has answered; undefined: nobody yet. */
  readonly peer: string | undefined;
  readonly untilMs: number;
  /** Undefined until it is answered. */
  readonly blocks: readonly DecidedBlock[] | undefined;
  /** Who failed it last. */
  readonly failedBy: string | undefined;
}

export interface SyncState {
  /** Height this node works on. */
  readonly next: number;
  readonly peers: readonly SyncPeer[];
  /** Consecutive, ascending. */
  readonly ranges: readonly SyncRange[];
}

export type SyncInput =
  | { readonly kind: 'at'; readonly height: number }
  | { readonly kind: 'claim'; readonly peer: string; readonly height: number }
  /** Every block has the height and id of its certificate; only the signatures are not checked yet. */
  | { readonly kind: 'answer'; readonly peer: string; readonly from: number; readonly blocks: readonly DecidedBlock[] }
  /** What this peer gave for this height did not verify. */
  | { readonly kind: 'bad'; readonly peer: string; readonly height: number }
  | { readonly kind: 'tick' };

export interface SyncQuestion {
  readonly peer: string;
  readonly from: number;
  readonly count: number;
}

export interface SyncStep {
  readonly state: SyncState;
  readonly ask: readonly SyncQuestion[];
}

export const SYNC_START: SyncState = { next: 1, peers: [], ranges: [] };

/** One input, one transition. `nowMs` is monotonic. */
export function planSync(state: SyncState, input: SyncInput, nowMs: number): SyncStep {
  return fill(expire(take(state, input, nowMs), nowMs), nowMs);
}

/** The block of the height this node works on, and who gave it. */
export function heldAt({ ranges }: SyncState, height: number): { readonly peer: string; readonly block: DecidedBlock } | undefined {
  const range = ranges.find(({ from, count }) => from <= height && height < from + count);
  const block = range?.blocks?.[height - range.from];
  return block === undefined || range?.peer === undefined ? undefined : { peer: range.peer, block };
}

/** Ranges that are under way or held, for metrics. */
export function aheadOf({ ranges }: SyncState): number {
  return ranges.reduce((sum, { blocks }) => sum + (blocks?.length ?? 0), 0);
}

function take(state: SyncState, input: SyncInput, nowMs: number): SyncState {
  switch (input.kind) {
    case 'at': return { ...state, next: input.height, ranges: state.ranges.filter(({ from, count }) => from + count > input.height) };
    case 'claim': return withPeer(state, input.peer, { height: input.height });
    case 'answer': return answered(state, input, nowMs);
    case 'bad': return bad(state, input, nowMs);
    case 'tick': return state;
  }
}

function withPeer(state: SyncState, name: string, change: Partial<SyncPeer>): SyncState {
  const known = state.peers.find((peer) => peer.name === name) ?? { name, height: 0, restsUntilMs: Number.NEGATIVE_INFINITY, asked: 0 };
  const changed = { ...known, ...change };
  return { ...state, peers: state.peers.some((peer) => peer.name === name) ? state.peers.map((peer) => (peer.name === name ? changed : peer)) : [...state.peers, changed] };
}

function withRange(state: SyncState, from: number, replacement: readonly SyncRange[]): SyncState {
  return { ...state, ranges: state.ranges.flatMap((range) => (range.from === from ? replacement : [range])) };
}

function open(range: SyncRange, failedBy: string | undefined): SyncRange {
  return { ...range, peer: undefined, blocks: undefined, failedBy };
}

/** An answer nobody waits for any more is no fault: it came late. */
function answered(state: SyncState, { peer, from, blocks }: Extract<SyncInput, { readonly kind: 'answer' }>, nowMs: number): SyncState {
  const range = state.ranges.find((one) => one.peer === peer && one.blocks === undefined);
  if (range === undefined || range.from !== from || blocks.length > range.count) return state;
  if (blocks.length === 0) return withPeer(withRange(state, from, [open(range, peer)]), peer, { restsUntilMs: nowMs + REST_MS });
  const rest: readonly SyncRange[] = blocks.length === range.count ? [] : [open({ ...range, from: from + blocks.length, count: range.count - blocks.length }, undefined)];
  return withRange(state, from, [{ ...range, count: blocks.length, blocks }, ...rest]);
}

function bad(state: SyncState, { peer, height }: Extract<SyncInput, { readonly kind: 'bad' }>, nowMs: number): SyncState {
  const isItsOwn = state.ranges.some((range) => range.peer === peer && range.from <= height && height < range.from + range.count);
  if (!isItsOwn) return state;
  // Nothing else of it is believed either.
  const ranges = state.ranges.map((one) => (one.peer === peer ? open(one, peer) : one));
  return withPeer({ ...state, ranges }, peer, { restsUntilMs: nowMs + LIAR_REST_MS });
}

function expire(state: SyncState, nowMs: number): SyncState {
  return state.ranges.reduce((now, range) => {
    if (range.peer === undefined || range.blocks !== undefined || range.untilMs > nowMs) return now;
    return withPeer(withRange(now, range.from, [open(range, range.peer)]), range.peer, { restsUntilMs: nowMs + REST_MS });
  }, state);
}

/** Opens ranges up to what is claimed and asks for those that nobody is asked for. */
function fill(state: SyncState, nowMs: number): SyncStep {
  const claimed = Math.max(0, ...state.peers.filter(({ restsUntilMs }) => restsUntilMs <= nowMs).map(({ height }) => height));
  let now = claimed >= state.next + BEHIND_MIN ? { ...state, ranges: extended(state, claimed) } : state;
  const ask: SyncQuestion[] = [];
  for (const range of now.ranges) {
    if (range.peer !== undefined) continue;
    const peer = choose(now, range, nowMs);
    if (peer === undefined) continue;
    const count = Math.min(range.count, peer.height - range.from);
    now = withRange(now, range.from, [
      { ...range, count, peer: peer.name, untilMs: nowMs + ANSWER_MS },
      ...(count === range.count ? [] : [open({ ...range, from: range.from + count, count: range.count - count }, range.failedBy)]),
    ]);
    now = withPeer(now, peer.name, { asked: peer.asked + 1 });
    ask.push({ peer: peer.name, from: range.from, count });
  }
  return { state: now, ask };
}

/** The ranges with new ones behind them; blocks from `next` up to below what is claimed. */
function extended({ next, ranges }: SyncState, claimed: number): readonly SyncRange[] {
  const all = [...ranges];
  while (all.length < RANGES_MAX) {
    const last = all.at(-1);
    const from = last === undefined ? next : last.from + last.count;
    if (from >= claimed) break;
    all.push({ from, count: Math.min(RANGE_MAX, claimed - from), peer: undefined, untilMs: 0, blocks: undefined, failedBy: undefined });
  }
  return all;
}

/** A peer that claims the first block, rests not and owes no answer; not the one that failed it while there is another. */
function choose(state: SyncState, range: SyncRange, nowMs: number): SyncPeer | undefined {
  const owing = new Set(state.ranges.flatMap(({ peer, blocks }) => (peer === undefined || blocks !== undefined ? [] : [peer])));
  const able = state.peers.filter(({ name, height, restsUntilMs }) => height > range.from && restsUntilMs <= nowMs && !owing.has(name));
  const others = able.filter(({ name }) => name !== range.failedBy);
  return (others.length > 0 ? others : able).reduce<SyncPeer | undefined>((best, peer) => (best === undefined || peer.asked < best.asked ? peer : best), undefined);
}
