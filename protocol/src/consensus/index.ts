/** The consensus core: a pure state machine, its messages and the rules of signing. Nothing in here knows what a block contains. */
export * from './effect.ts';
export * from './input.ts';
export { initialState, type ConsensusState } from './state.ts';
export { step } from './step.ts';
export * from './types.ts';
