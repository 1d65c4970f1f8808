/** The wait of a validator that has lost its guard (consensus page §1.9): when it may sign again. */
import { endsObservation, paramsOf, type Tip } from '@billcoin/protocol';
import type { LostGuard } from '../crypto/lostGuard.ts';
import type { Clock, Log } from '../ports.ts';

export interface ObservationDeps {
  /** Undefined: there is a guard, or no key. */
  readonly lost: LostGuard | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

export class Observation {
  readonly #deps: ObservationDeps;
  readonly #startMs: number;
  readonly #startMonotonicMs: number;
  #isOver: boolean;
  #isTold = false;

  constructor(deps: ObservationDeps) {
    this.#deps = deps;
    this.#startMs = deps.clock.nowMs();
    this.#startMonotonicMs = deps.clock.monotonicMs();
    this.#isOver = deps.lost === undefined;
  }

  /** This node is in the validator set: tells the operator once what to do. */
  announce(): void {
    const { lost, log } = this.#deps;
    if (this.#isOver || this.#isTold) return;
    this.#isTold = true;
    if (lost?.isOnlyOne === true) log.warn({}, 'The sign guard is lost: the node observes, and signs again once a block was made after its start');
    if (lost?.isOnlyOne === false) log.error({}, 'The sign guard is lost: the node observes and signs nothing. Make sure that no other process has its key, then start it once with --i-am-the-only-one ("Lost sign guard" in OPERATING.md)');
  }

  /** A block is final. Where it is h*, the guard is there again, durable, when this resolves. */
  async decided(tip: Tip): Promise<void> {
    const { lost, clock, log } = this.#deps;
    if (this.#isOver || lost?.isOnlyOne !== true) return;
    const nowMs = clock.nowMs();
    // A clock that was wrong at the start and has been set since would call old blocks new.
    const bootMs = Math.max(this.#startMs, nowMs - (clock.monotonicMs() - this.#startMonotonicMs));
    if (!endsObservation(tip.timeMs, { bootMs, nowMs, precisionMs: paramsOf(tip.state).precisionMs })) return;
    await lost.renew(tip.height);
    this.#isOver = true;
    log.warn({ height: tip.height }, 'The sign guard was made anew: the node signs from the next height on');
  }
}
