/** What the core holds per round and per block, and the bounds on it (consensus page §1.8). */
import { assert } from '../lib/assert.ts';
import { proposerAt } from './proposer.ts';
import type { BlockState, ConsensusState, RoundState } from './state.ts';
import { NIL, type BlockIdHex, type ConsensusParams } from './types.ts';
import { dropVotes, emptyTable } from './votes.ts';

/**
 * Rounds held in one height. With 50 validators a full round takes about 20 kB, so 10 MB; 512 rounds of growing
 * timeouts are two hours, by when an operator has come.
 */
export const ROUNDS_HELD_MAX = 512;
/** At most two proposals a round count, so this covers every round held. */
export const BLOCKS_HELD_MAX = 2 * ROUNDS_HELD_MAX;

const NONE: readonly never[] = [];

function emptyRound(round: number, size: number): RoundState {
  const table = emptyTable(size);
  return { round, proposals: NONE, prevote: table, precommit: table, certificates: NONE, prevoteTimerStarted: false, precommitTimerStarted: false, polkaHandled: false, reported: NONE };
}

/** What is held of a round; an empty one if nothing is. PERF: a loop, most rules ask for it after every input. */
export function roundOf(state: ConsensusState, round: number): RoundState {
  for (const held of state.rounds) if (held.round === round) return held;
  return emptyRound(round, state.validators.validators.length);
}

/** Puts a round back; a new one in order. */
export function withRound(state: ConsensusState, next: RoundState): ConsensusState {
  const place = state.rounds.findIndex((held) => held.round === next.round);
  if (place !== -1) {
    const rounds = state.rounds.slice();
    rounds[place] = next;
    return { ...state, rounds };
  }
  const roomy = state.rounds.length < ROUNDS_HELD_MAX ? state.rounds : makeRoom(state);
  return { ...state, rounds: [...roomy.filter((held) => held.round < next.round), next, ...roomy.filter((held) => held.round > next.round)] };
}

/**
 * At the bound NIL votes of rounds below the current one go first, then prevotes of rounds below the lock, then the
 * oldest round that is neither locked nor valid. What is lost comes back by Status if it ever matters.
 */
function makeRoom(state: ConsensusState): readonly RoundState[] {
  const { round: current, lockedRound, validRound } = state;
  const thinned = state.rounds.map((held) => {
    if (held.round >= current) return held;
    const prevote = dropVotes(state.validators, held.prevote, (vote) => vote.blockId === NIL || held.round < lockedRound);
    return { ...held, prevote, precommit: dropVotes(state.validators, held.precommit, (vote) => vote.blockId === NIL) };
  });
  const useful = thinned.filter((held) => held.round >= current || held.proposals.length > 0 || held.certificates.length > 0 || held.prevote.power > 0 || held.precommit.power > 0);
  if (useful.length < ROUNDS_HELD_MAX) return useful;
  const oldest = useful.find((held) => held.round !== lockedRound && held.round !== validRound);
  return useful.filter((held) => held !== oldest);
}

export function blockOf(state: ConsensusState, id: BlockIdHex): BlockState | undefined {
  return state.blocks.find((block) => block.id === id);
}

/** Puts a block back, or appends it; at the bound the oldest that is neither locked nor valid goes. */
export function withBlock(state: ConsensusState, next: BlockState): ConsensusState {
  if (blockOf(state, next.id) !== undefined) return { ...state, blocks: state.blocks.map((block) => (block.id === next.id ? next : block)) };
  const oldest = state.blocks.length < BLOCKS_HELD_MAX ? undefined : state.blocks.find((block) => block.id !== state.lockedId && block.id !== state.validId);
  return { ...state, blocks: [...state.blocks.filter((block) => block !== oldest), next] };
}

export function proposerOf(state: ConsensusState, round: number): number {
  return proposerAt(state.schedule, state.height, round);
}

export function paramsOf(state: ConsensusState): ConsensusParams {
  assert(state.params !== undefined, 'a height has started');
  return state.params;
}
