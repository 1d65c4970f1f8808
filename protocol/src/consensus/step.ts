/** The consensus core in one function: (state, input) → (state, effects). */
import type { Input } from './input.ts';
import type { ConsensusState, Transition } from './state.ts';

export type { Transition as StepResult } from './state.ts';

/** One input, one transition. Pure and synchronous. */
export function step(state: ConsensusState, input: Input): Transition {
  return input.kind === 'startHeight' ? { state: { ...state, height: input.height }, effects: [] } : { state, effects: [] };
}
