/** The core under watch: timers of the past cause nothing (I13), and the same inputs give the same effects again (I14). */
import { initialState, type ConsensusState, type Effect, type Input } from '@billcoin/protocol';
import type { Core } from '../driver.ts';
import type { Blame } from './wireRecord.ts';

/** Inputs of one life that are kept to be played again. */
const RECORDED_MAX = 5_000;

/** One life of one node. */
export class WatchedCore {
  readonly #core: Core;
  readonly #blame: Blame;
  readonly #node: number;
  readonly #publicKey: Uint8Array;
  readonly #record: { readonly input: Input; readonly effects: string }[] | undefined;

  constructor(core: Core, node: number, publicKey: Uint8Array, isRecorded: boolean, blame: Blame) {
    this.#core = core;
    this.#blame = blame;
    this.#node = node;
    this.#publicKey = publicKey;
    this.#record = isRecorded ? [] : undefined;
  }

  readonly step: Core['step'] = (state, input) => {
    const next = this.#core.step(state, input);
    if (isPastTimer(state, input) && next.effects.length > 0) this.#blame('I13', `a timer of the past (${JSON.stringify(input)}) moves node ${this.#node}`);
    if (this.#record !== undefined && this.#record.length < RECORDED_MAX) this.#record.push({ input, effects: effectsText(next.effects) });
    return next;
  };

  /** Plays the recorded inputs from the beginning. */
  replay(): void {
    let state = initialState({ publicKey: this.#publicKey });
    for (const { input, effects } of this.#record ?? []) {
      const next = this.#core.step(state, input);
      if (effectsText(next.effects) !== effects) return this.#blame('I14', `node ${this.#node} acts otherwise when its inputs are played again (${input.kind})`);
      state = next.state;
    }
  }
}

function isPastTimer(state: ConsensusState, input: Input): boolean {
  return input.kind === 'timerFired' && input.timer !== 'pace' && input.timer !== 'idle' && (input.height < state.height || (input.height === state.height && input.round < state.round));
}

function effectsText(effects: readonly Effect[]): string {
  return effects.map((effect) => {
    switch (effect.kind) {
      case 'signAndSend': return `sign ${effect.bodies.map((body) => `${body.kind} ${body.round} ${body.blockId}`).join()} lock ${effect.hardState.lockedRound}`;
      case 'send': return `send ${effect.to} ${effect.message.kind}`;
      case 'startTimer': return `start ${effect.timer} ${effect.height} ${effect.round} ${effect.ms}`;
      case 'decide': return `decide ${effect.height} ${effect.id}`;
      default: return effect.kind;
    }
  }).join('; ');
}
