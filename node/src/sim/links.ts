/** The network of the simulation: every pair of nodes has a link that delays, loses, doubles, reorders, fills up and half closes. */
import type { PeerMessage } from '../ports.ts';
import type { FaultPlan } from './faults.ts';
import type { Random } from './random.ts';
import type { Schedule } from './schedule.ts';

/** Longest time a clogged link is clogged. */
const CLOG_MAX_US = 5_000_000;
/** Lost messages come back by Status; blocks are large and a little slower. */
const BLOCK_US = 300;
/** What a slow reader takes for a byte. */
const SLOW_BYTE_US = 1_000;
/** What waits for a slow reader fills its stream after this time; more is dropped. */
const SLOW_QUEUE_US = 4_000_000;

export interface LinksSetup {
  readonly size: number;
  readonly schedule: Schedule;
  readonly random: Random;
  readonly faults: () => FaultPlan;
  readonly deliver: (to: number, from: number, message: PeerMessage) => void;
  readonly count: (fault: 'lost' | 'doubled' | 'clogged' | 'cut off' | 'path full' | 'half open' | 'read slowly' | 'stream full') => void;
}

interface Link {
  cloggedUntilUs: number;
  /** The sender believes it is open; nothing arrives. */
  deafUntilUs: number;
  /** A slow reader is done with what was sent to it. */
  readUntilUs: number;
  inFlight: number;
}

export class Links {
  readonly #setup: LinksSetup;
  readonly #links: Link[];
  readonly #slowUntilUs: number[];
  /** Side of each node while there is a partition; `oneWay` lets messages through to lower sides. */
  #sides: readonly number[] | undefined;
  #oneWay = false;

  constructor(setup: LinksSetup) {
    this.#setup = setup;
    this.#links = Array.from({ length: setup.size ** 2 }, () => ({ cloggedUntilUs: 0, deafUntilUs: 0, readUntilUs: 0, inFlight: 0 }));
    this.#slowUntilUs = Array.from({ length: setup.size }, () => 0);
  }

  partition(sides: readonly number[], oneWay: boolean): void {
    this.#sides = sides;
    this.#oneWay = oneWay;
  }

  /** What goes from one to the other vanishes for a while. */
  halfOpen(from: number, to: number, ms: number): void {
    this.#link(from, to).deafUntilUs = this.#setup.schedule.nowUs + ms * 1_000;
  }

  /** This node reads 1 kB/s from each peer for a while. */
  slowReader(node: number, ms: number): void {
    this.#slowUntilUs[node] = this.#setup.schedule.nowUs + ms * 1_000;
  }

  endPartition(): void {
    this.#sides = undefined;
  }

  heal(): void {
    this.endPartition();
    this.#slowUntilUs.fill(0);
    for (const link of this.#links) Object.assign(link, { cloggedUntilUs: 0, deafUntilUs: 0, readUntilUs: 0 });
  }

  get isPartitioned(): boolean {
    return this.#sides !== undefined;
  }

  sendAll(from: number, message: PeerMessage): void {
    for (let to = 0; to < this.#setup.size; to++) if (to !== from) this.send(from, to, message);
  }

  send(from: number, to: number, message: PeerMessage, extraUs = 0): void {
    const { random, faults, schedule, count } = this.#setup;
    const plan = faults();
    const link = this.#link(from, to);
    if (this.#isCut(from, to)) return count('cut off');
    if (link.deafUntilUs > schedule.nowUs) return count('half open');
    if (random.chance(plan.loss)) return count('lost');
    if (random.chance(plan.clog)) {
      count('clogged');
      link.cloggedUntilUs = schedule.nowUs + random.below(CLOG_MAX_US);
    }
    const clogUs = Math.max(0, link.cloggedUntilUs - schedule.nowUs);
    const copies = random.chance(plan.duplicates) ? 2 : 1;
    if (copies === 2) count('doubled');
    for (let copy = 0; copy < copies; copy++) {
      if (plan.capacity > 0 && link.inFlight >= plan.capacity) return count('path full');
      const delayUs = plan.minDelayUs + random.exponential(plan.meanDelayUs) + (message.kind === 'block' ? BLOCK_US : 0) + clogUs + extraUs;
      this.#arrive(link, from, to, message, delayUs);
    }
  }

  #arrive(link: Link, from: number, to: number, message: PeerMessage, delayUs: number): void {
    const { schedule, deliver, count } = this.#setup;
    const readUs = this.#readUs(link, to, message, delayUs);
    if (readUs === undefined) return count('stream full');
    link.inFlight += 1;
    schedule.after(readUs, () => {
      link.inFlight -= 1;
      if (this.#isCut(from, to)) count('cut off');
      else deliver(to, from, message);
    });
  }

  /** When the receiver has read it; undefined where its stream is full. */
  #readUs(link: Link, to: number, message: PeerMessage, delayUs: number): number | undefined {
    const { schedule: { nowUs }, count } = this.#setup;
    if (this.#slowUntilUs[to]! <= nowUs) return delayUs;
    const waitsUs = Math.max(delayUs, link.readUntilUs - nowUs);
    if (waitsUs > delayUs + SLOW_QUEUE_US) return undefined;
    count('read slowly');
    const readUs = waitsUs + bytesOf(message) * SLOW_BYTE_US;
    link.readUntilUs = nowUs + readUs;
    return readUs;
  }

  #link(from: number, to: number): Link {
    return this.#links[from * this.#setup.size + to]!;
  }

  #isCut(from: number, to: number): boolean {
    const sides = this.#sides;
    if (sides === undefined || sides[from] === sides[to]) return false;
    return !(this.#oneWay && sides[from]! > sides[to]!);
  }
}

/** Bytes of a message on the wire, nearly. */
function bytesOf(message: PeerMessage): number {
  switch (message.kind) {
    case 'block': return message.blockBytes.length;
    case 'blocks': return message.blocks.reduce((sum, { blockBytes }) => sum + blockBytes.length + 350, 0);
    case 'txs': return message.txs.reduce((sum, tx) => sum + tx.length, 0);
    case 'certificate': return 60 + 66 * message.certificate.signatures.length;
    case 'roundCert': return 140 * message.votes.length;
    case 'proposal': return 400 + message.proposal.header.length;
    default: return 150;
  }
}
