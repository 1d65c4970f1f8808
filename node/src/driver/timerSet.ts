/** The timers the consensus core asked for, each by kind, height and round. */
import type { TimerKind } from '@billcoin/protocol';
import type { Timers } from '../ports.ts';

export interface TimerId {
  readonly timer: TimerKind;
  readonly height: number;
  readonly round: number;
}

export class TimerSet {
  readonly #timers: Timers;
  readonly #fire: (id: TimerId) => void;
  /** Bounded by the core: five kinds, one or two heights, rounds above the cancelled ones. */
  readonly #running = new Map<string, { readonly id: TimerId; readonly cancel: () => void }>();

  constructor(timers: Timers, fire: (id: TimerId) => void) {
    this.#timers = timers;
    this.#fire = fire;
  }

  start(id: TimerId, delayMs: number): void {
    const key = `${id.timer} ${id.height} ${id.round}`;
    this.#running.get(key)?.cancel();
    const cancel = this.#timers.after(delayMs, () => {
      this.#running.delete(key);
      this.#fire(id);
    });
    this.#running.set(key, { id, cancel });
  }

  /** Effect cancelTimers: round timers of lower heights and lower rounds, idle timers up to the height, never the pace timer. */
  cancelBelow(height: number, belowRound: number): void {
    for (const [key, { id, cancel }] of this.#running) {
      const isPast = id.timer === 'idle' ? id.height <= height : id.height < height || (id.height === height && id.round < belowRound);
      if (id.timer === 'pace' || !isPast) continue;
      cancel();
      this.#running.delete(key);
    }
  }

  cancelAll(): void {
    for (const { cancel } of this.#running.values()) cancel();
    this.#running.clear();
  }
}
