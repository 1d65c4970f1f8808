/** The network of the simulation: every pair of nodes has a link that delays, loses, doubles and reorders. */
import type { PeerMessage } from '../ports.ts';
import type { FaultPlan } from './faults.ts';
import type { Random } from './random.ts';
import type { Schedule } from './schedule.ts';

/** Longest time a clogged link is clogged. */
const CLOG_MAX_US = 5_000_000;
/** Lost messages come back by Status; blocks are large and a little slower. */
const BLOCK_US = 300;

export interface LinksSetup {
  readonly size: number;
  readonly schedule: Schedule;
  readonly random: Random;
  readonly faults: () => FaultPlan;
  readonly deliver: (to: number, from: number, message: PeerMessage) => void;
  readonly count: (fault: 'lost' | 'doubled' | 'clogged' | 'cut off') => void;
}

export class Links {
  readonly #setup: LinksSetup;
  readonly #cloggedUntilUs = new Map<number, number>();
  /** Side of each node while there is a partition; `oneWay` lets messages through from side 1 to side 0. */
  #sides: readonly number[] | undefined;
  #oneWay = false;

  constructor(setup: LinksSetup) {
    this.#setup = setup;
  }

  partition(sides: readonly number[], oneWay: boolean): void {
    this.#sides = sides;
    this.#oneWay = oneWay;
  }

  heal(): void {
    this.#sides = undefined;
    this.#cloggedUntilUs.clear();
  }

  get isPartitioned(): boolean {
    return this.#sides !== undefined;
  }

  sendAll(from: number, message: PeerMessage): void {
    for (let to = 0; to < this.#setup.size; to++) if (to !== from) this.send(from, to, message);
  }

  send(from: number, to: number, message: PeerMessage, extraUs = 0): void {
    const { random, faults, schedule, deliver, count, size } = this.#setup;
    const plan = faults();
    if (this.#isCut(from, to)) return count('cut off');
    if (random.chance(plan.loss)) return count('lost');
    const link = from * size + to;
    if (random.chance(plan.clog)) {
      count('clogged');
      this.#cloggedUntilUs.set(link, schedule.nowUs + random.below(CLOG_MAX_US));
    }
    const clogUs = Math.max(0, (this.#cloggedUntilUs.get(link) ?? 0) - schedule.nowUs);
    const copies = random.chance(plan.duplicates) ? 2 : 1;
    if (copies === 2) count('doubled');
    for (let copy = 0; copy < copies; copy++) {
      const delayUs = plan.minDelayUs + random.exponential(plan.meanDelayUs) + (message.kind === 'block' ? BLOCK_US : 0) + clogUs + extraUs;
      schedule.after(delayUs, () => {
        if (this.#isCut(from, to)) count('cut off');
        else deliver(to, from, message);
      });
    }
  }

  #isCut(from: number, to: number): boolean {
    const sides = this.#sides;
    if (sides === undefined || sides[from] === sides[to]) return false;
    return !(this.#oneWay && sides[from] === 1);
  }
}
