/** The wall clock of one machine: off, drifting, frozen, or wildly wrong for a while. Timers run on virtual time, which is monotonic. */
import type { Schedule } from './schedule.ts';
import { START_MS } from './world.ts';

export class SimClock {
  readonly #schedule: Schedule;
  #offsetMs = 0;
  #driftPpm = 0;
  #wildMs = 0;
  #wildUntilUs = 0;
  #frozenAtMs = 0;
  #frozenUntilUs = 0;

  constructor(schedule: Schedule) {
    this.#schedule = schedule;
  }

  nowMs(): number {
    const { nowUs } = this.#schedule;
    if (nowUs < this.#frozenUntilUs) return this.#frozenAtMs;
    const elapsedMs = (nowUs * (1 + this.#driftPpm / 1e6)) / 1_000;
    // A clock that lost its battery says 1970, none says less.
    return Math.max(0, START_MS + Math.floor(elapsedMs) + this.#offsetMs + (this.isWild ? this.#wildMs : 0));
  }

  /** Far off until somebody sets it right. */
  get isWild(): boolean {
    return this.#schedule.nowUs < this.#wildUntilUs;
  }

  set(offsetMs: number, driftPpm: number): void {
    this.#offsetMs = offsetMs;
    this.#driftPpm = driftPpm;
  }

  stepTo(offsetMs: number): void {
    this.#offsetMs = offsetMs;
  }

  freeze(ms: number): void {
    this.#frozenAtMs = this.nowMs();
    this.#frozenUntilUs = this.#schedule.nowUs + ms * 1_000;
  }

  /** Off by so much for a while. */
  goWild(offMs: number, ms: number): void {
    this.#wildMs = offMs;
    this.#wildUntilUs = this.#schedule.nowUs + ms * 1_000;
  }

  setRight(): void {
    this.set(0, 0);
    this.#wildUntilUs = 0;
    this.#frozenUntilUs = 0;
  }
}
