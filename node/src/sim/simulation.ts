/**
 * One run (consensus page §2): whole nodes in one process, one seed, virtual time. First everything goes wrong that the
 * seed has drawn (safety), then a correct quorum is healed and must finish what it has promised (liveness).
 */
import { createHash } from 'node:crypto';
import { DEFAULT_PARAMS, timeoutProposeMs, timeoutVoteMs, toHex, useSha256 } from '@billcoin/protocol';
import { sha256Native } from '../crypto/sha256.ts';
import type { Core } from '../driver.ts';
import type { PeerMessage } from '../ports.ts';
import { LIES, Liar, type Lie, type Plot } from './byzantine.ts';
import { Clients } from './clients.ts';
import { NO_FAULTS, drawFaults, type FaultPlan } from './faults.ts';
import { ED25519_SIGNATURES, HASH_SIGNATURES, type Signatures } from './keys.ts';
import { Links } from './links.ts';
import { liarCore, mutantCore } from './mutants.ts';
import { SimProcess } from './process.ts';
import { Random } from './random.ts';
import { Referee } from './referee.ts';
import { describe, type SimulationOptions, type SimulationReport, type Violation } from './report.ts';
import { Schedule } from './schedule.ts';
import { WatchedCore } from './watchedCore.ts';
import { WireRecord } from './wireRecord.ts';
import { TxMaker, makeSimGenesis, validatorKeys } from './world.ts';

/** Lines of the story that are kept. */
const STORY_LINES = 400;
/** Virtual time of the first phase: a run that nobody lets decide goes on to the second. */
const SAFETY_MAX_MS = 120_000;
/** Between two things that clients do, on average. */
const CLIENT_MS = 60;
/** What clients send is valid for 10 s; after that, an idle block and the rounds in progress nothing may be pending. */
const LIVENESS_EXTRA_MS = 25_000;
/** How often the second phase looks whether it is done. */
const LOOK_MS = 250;
const HEAL_CHANCE = 0.7;
/** Runs with real signatures. */
const REAL_CHANCE = 0.01;

export async function simulate(options: SimulationOptions): Promise<SimulationReport> {
  useSha256(sha256Native);
  const run = new Simulation(options);
  await run.run();
  return run.report();
}

/** Drawn apart, so that this draw moves no other. */
function signaturesOf({ seed, signatures }: SimulationOptions): Signatures {
  const isReal = new Random(`signatures ${seed}`).chance(REAL_CHANCE);
  return (signatures ?? (isReal ? 'ed25519' : 'hash')) === 'ed25519' ? ED25519_SIGNATURES : HASH_SIGNATURES;
}

class Simulation {
  readonly #options: SimulationOptions;
  readonly #random: Random;
  readonly #schedule = new Schedule();
  readonly #hash = createHash('sha256');
  readonly #story: string[] = [];
  readonly #counts = new Map<string, number>();
  readonly #signatures: Signatures;
  readonly #plan: FaultPlan;
  readonly #lies: readonly Lie[];
  readonly #nodes: SimProcess[];
  readonly #liars = new Map<number, Liar>();
  readonly #plot: Plot = new Map();
  readonly #links: Links;
  readonly #wire: WireRecord;
  readonly #referee: Referee;
  readonly #clients: Clients;
  /** Newest height that each node has called final. */
  readonly #heights = new Map<number, number>();
  readonly #seen = new Map<string, Uint8Array>();
  readonly #watched = new Map<string, WatchedCore>();
  #faults: FaultPlan;
  readonly #mayFork: boolean;
  #healed = false;
  #violation: Violation | undefined;
  #events = 0;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#random = new Random(`simulation ${options.seed}`);
    const random = this.#random;
    const size = options.validators ?? (random.chance(0.1) ? 7 : 4);
    const liarCount = options.liars ?? (size >= 4 && random.chance(0.6) ? random.between(1, Math.floor((size - 1) / 3)) : 0);
    this.#lies = liarCount === 0 ? [] : (options.lies ?? LIES.filter(() => random.chance(0.4)));
    this.#plan = { ...drawFaults(random), ...options.faults };
    this.#faults = this.#plan;
    this.#signatures = signaturesOf(options);
    const genesis = makeSimGenesis(size);
    const blame = (invariant: string, what: string): void => this.#blame(invariant, what);
    this.#wire = new WireRecord(genesis, blame);
    this.#mayFork = 3 * liarCount >= size;
    const liars = new Set<number>();
    while (liars.size < liarCount) liars.add(random.below(size));
    const keys = validatorKeys(size);
    this.#referee = new Referee(genesis, this.#signatures, new Set([...liars].map((i) => toHex(keys[i]!.publicKey))), blame);
    this.#links = new Links({
      size, schedule: this.#schedule, random, faults: () => this.#faults, count: (fault) => this.#count(fault),
      deliver: (to, from, message) => this.#deliver(to, from, message),
    });
    this.#nodes = keys.map((key, index) => new SimProcess({
      index, key, genesis, signatures: this.#signatures, schedule: this.#schedule, random, faults: () => this.#faults,
      unsyncedGuard: options.mutant === 'unsynced guard', core: (node) => this.#coreOf(node),
      events: {
        trace: (node, text) => this.#trace(node, text),
        sent: (node, to, message) => this.#sent(node, to, message),
        guardWrite: (node, next) => this.#wire.guardWrite(node, next),
        final: (node, block) => {
          this.#trace(node.index, `final ${block.height} ${block.blockId[0]}-${block.blockId[1]} round ${block.certificate.round}, ${block.txs.length} transactions`);
          this.#heights.set(node.index, block.height);
          // With a third of liars a fork is allowed; then the nodes themselves must notice.
          if (!node.isByzantine && !this.#mayFork) this.#referee.final(node, block);
        },
        evidence: (node, bytes) => {
          if (!node.isByzantine) this.#seen.set(toHex(bytes), bytes);
        },
        gaveUp: (node, error) => {
          if (!node.isByzantine) this.#blame('halt', `node ${node.index} stopped by itself: ${error.stack ?? error.message}`);
        },
        down: (node, how) => {
          this.#count(how.startsWith('halted') ? 'halted' : how);
          this.#schedule.after((this.#healed ? 20 : random.exponential(this.#plan.restartMs)) * 1_000, () => this.#restart(node));
        },
      },
    }, liars.has(index)));
    for (const node of this.#nodes) {
      if (node.isByzantine) {
        this.#liars.set(node.index, new Liar(node, {
          genesis, signatures: this.#signatures, random, size, lies: this.#lies, plot: this.#plot,
          sideOf: (other) => (this.#nodes.filter(({ isByzantine, index }) => !isByzantine && index < other).length % 2 === 0 ? 0 : 1),
          send: (from, to, message, extraUs) => {
            this.#wire.sent(node, message);
            this.#links.send(from, to, message, extraUs);
          },
        }));
      }
    }
    this.#clients = new Clients(new TxMaker(genesis, this.#signatures, random), random, this.#referee, blame, this.#nodes);
  }

  async run(): Promise<void> {
    const { seed } = this.#options;
    this.#trace(-1, `seed ${seed}, ${this.#nodes.length} validators, liars [${[...this.#liars.keys()].join()}] (${this.#lies.join(', ')}), faults ${JSON.stringify(this.#plan)}`);
    for (const node of this.#nodes) {
      if (this.#plan.clockOffsetMs > 0) node.setOffset(this.#random.between(-this.#plan.clockOffsetMs, this.#plan.clockOffsetMs));
      this.#schedule.after(this.#random.below(20_000), () => node.boot());
    }
    this.#startClients();
    this.#startFaults();
    await this.#until(() => this.#referee.height >= this.#options.heights || this.#nowMs() >= SAFETY_MAX_MS);
    await this.#liveness();
    if (this.#violation === undefined) await this.#finish();
  }

  report(): SimulationReport {
    return {
      seed: this.#options.seed, hash: this.#hash.copy().digest('hex'), heights: this.#referee.height, virtualMs: this.#nowMs(), events: this.#events, validators: this.#nodes.length, liars: this.#liars.size, lies: this.#lies, signatures: this.#signatures.name,
      violation: this.#violation, faults: Object.fromEntries([...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1))), evidence: this.#referee.offences.size, evidenceSeen: [...this.#seen.values()], story: this.#story, clients: this.#clients.count,
    };
  }

  #nowMs(): number {
    return Math.floor(this.#schedule.nowUs / 1_000);
  }

  #trace(node: number, text: string): void {
    const line = `${this.#schedule.nowUs} ${node} ${text}`;
    this.#hash.update(line);
    this.#story.push(line);
    if (this.#story.length > 2 * STORY_LINES) this.#story.splice(0, STORY_LINES);
  }

  #count(fault: string): void {
    this.#counts.set(fault, (this.#counts.get(fault) ?? 0) + 1);
  }

  #blame(invariant: string, what: string): void {
    if (this.#mayFork && invariant !== 'halt') return;
    this.#trace(-1, `VIOLATION of ${invariant}: ${what}`);
    this.#violation ??= { invariant, what, atMs: this.#nowMs() };
  }

  /** Lets events happen; after each one everything that follows at once has followed. */
  async #until(done: () => boolean): Promise<void> {
    while (this.#violation === undefined && !done()) {
      if (!this.#schedule.advance()) return;
      this.#events += 1;
      await settled();
    }
  }

  /** The result of something that may wait for a disk of the simulation: time goes on until it is there. */
  async #meanwhile(work: Promise<number>): Promise<number> {
    let result: number | undefined;
    void work.then((value) => {
      result = value;
    });
    await settled();
    await this.#until(() => result !== undefined);
    return result ?? 0;
  }

  #coreOf(node: SimProcess): Core {
    const core = node.isByzantine ? liarCore(this.#lies.includes('amnesia')) : mutantCore(this.#options.mutant);
    if (node.isByzantine) return core;
    const watched = new WatchedCore(core, node.index, node.key.publicKey, node.index === this.#options.seed % this.#nodes.length, (invariant, what) => this.#blame(invariant, what));
    this.#watched.set(String(node.index), watched);
    return { ...core, step: watched.step };
  }

  #sent(node: SimProcess, to: number | undefined, message: PeerMessage): void {
    this.#trace(node.index, describe(to, message));
    const liar = this.#liars.get(node.index);
    if (liar !== undefined) return liar.send(to, message);
    this.#wire.sent(node, message);
    if (to === undefined) this.#links.sendAll(node.index, message);
    else this.#links.send(node.index, to, message);
  }

  #deliver(to: number, from: number, message: PeerMessage): void {
    this.#hash.update(`${this.#schedule.nowUs} ${from}>${to} ${message.kind}`);
    this.#liars.get(to)?.hear(message);
    this.#nodes[to]?.receive(from, message);
  }

  #restart(node: SimProcess): void {
    if (node.isUp) return;
    if (!this.#healed && !node.isByzantine && this.#random.chance(this.#plan.wipe) && this.#isCopied(node)) {
      this.#count('wiped');
      this.#trace(node.index, 'has lost its data folder');
      node.wipe();
      this.#heights.set(node.index, 0);
      this.#clients.forget(node);
    }
    node.boot();
  }

  /** What this node has on disk, all other correct ones have too: losing it loses nothing. */
  #isCopied(node: SimProcess): boolean {
    const height = this.#heights.get(node.index) ?? 0;
    return this.#nodes.every((other) => other === node || other.isByzantine || (this.#heights.get(other.index) ?? 0) >= height);
  }

  /** Again and again after a time of this mean, while the faults are on. */
  #every(meanMs: number, what: () => void): void {
    if (meanMs === 0) return;
    this.#schedule.after(Math.max(1, this.#random.exponential(meanMs)) * 1_000, () => {
      if (this.#healed) return;
      what();
      this.#every(meanMs, what);
    });
  }

  #startClients(): void {
    this.#every(CLIENT_MS, () => this.#clients.act(Math.max(...this.#nodes.map((node) => node.nowMs()))));
    this.#every(1_000, () => this.#wire.forgetBelow(Math.min(...this.#nodes.map((node) => (node.engine?.tip().height ?? 0)))));
  }

  #startFaults(): void {
    const random = this.#random;
    const plan = this.#plan;
    this.#every(plan.crashEveryMs, () => random.pick(this.#nodes).crash('power cut'));
    this.#every(plan.killAllEveryMs, () => {
      for (const node of this.#nodes) node.crash('power cut of all');
    });
    this.#every(plan.pauseEveryMs, () => {
      this.#count('paused');
      const node = random.pick(this.#nodes);
      const ms = random.between(50, random.chance(0.2) ? 10_000 : 1_000);
      this.#trace(node.index, `is paused for ${ms} ms`);
      node.pause(ms);
    });
    this.#every(plan.partitionEveryMs, () => {
      if (this.#links.isPartitioned && random.chance(HEAL_CHANCE)) {
        this.#trace(-1, 'the partition heals');
        return this.#links.heal();
      }
      this.#count('partition');
      const alone = random.below(this.#nodes.length);
      const sides = random.chance(0.5) ? this.#nodes.map((_, i) => (i === alone ? 1 : 0)) : this.#nodes.map(() => random.below(2));
      const oneWay = random.chance(0.3);
      this.#trace(-1, `partition ${sides.join('')}${oneWay ? ', one way' : ''}`);
      this.#links.partition(sides, oneWay);
    });
  }

  /** Links, clocks and disks work from now on, everybody is up; liars go on. */
  async #liveness(): Promise<void> {
    if (this.#violation !== undefined) return;
    this.#healed = true;
    this.#faults = NO_FAULTS;
    this.#links.heal();
    this.#trace(-1, 'everything is healed');
    for (const node of this.#nodes) {
      node.setOffset(0);
      node.wake();
      node.boot();
    }
    const correct = this.#nodes.filter((node) => !node.isByzantine);
    const startMs = this.#nowMs();
    const startHeight = this.#referee.height;
    const firstMs = startMs + this.#boundMs(correct);
    let left = 1;
    let lookAtMs = startMs;
    while (this.#violation === undefined && left > 0) {
      lookAtMs += LOOK_MS;
      await this.#until(() => this.#nowMs() >= lookAtMs);
      if (this.#referee.height === startHeight && this.#nowMs() > firstMs) return this.#blame('I10', `no height was decided within ${firstMs - startMs} ms of healing; ${this.#progress()}`);
      left = (await this.#meanwhile(this.#clients.pending(this.#nodes[0]!.nowMs()))) + (this.#areLevel(correct) ? 0 : 1);
      if (this.#nowMs() > firstMs + LIVENESS_EXTRA_MS) return this.#blame('I10', `${left} things are not finished; ${this.#progress()}`);
    }
  }

  /** Rounds up to that of f + 1 proposers after the highest one anybody is in, and what is idle in between. */
  #boundMs(correct: readonly SimProcess[]): number {
    const highest = Math.max(0, ...correct.map((node) => node.engine?.progress().round ?? 0), ...correct.map((node) => node.guard.synced.round));
    const last = highest + this.#liars.size + 3;
    let ms = DEFAULT_PARAMS.idleBlockIntervalMs + 5_000;
    for (let round = Math.max(0, highest - 1); round <= last; round++) ms += timeoutProposeMs(DEFAULT_PARAMS, round) + 2 * timeoutVoteMs(DEFAULT_PARAMS, round);
    return ms;
  }

  #areLevel(correct: readonly SimProcess[]): boolean {
    return correct.every((node) => node.engine?.tip().height === this.#referee.height);
  }

  #progress(): string {
    return this.#nodes.map((node) => `node ${node.index}: ${node.engine === undefined ? 'down' : JSON.stringify(node.engine.progress())}`).join(', ');
  }

  /** All states are the same bytes, the books balance, and what was recorded plays again. */
  async #finish(): Promise<void> {
    await settled();
    this.#referee.audit();
    const truth = this.#referee.stateHash(this.#referee.tip);
    for (const node of this.#nodes) {
      const tip = node.engine?.tip();
      if (node.isByzantine || tip?.height !== this.#referee.height) continue;
      if (this.#referee.stateHash(tip) !== truth) this.#blame('I4', `the rows of node ${node.index} differ at height ${tip.height}`);
    }
    for (const watched of this.#watched.values()) watched.replay();
    this.#hash.update(truth);
  }
}

/**
 * Everything that promises have made ready has run: Node empties that queue before it turns to the next tick. PERF: a turn
 * of the event loop (setImmediate) would do as well and takes a tenth of a run.
 */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    process.nextTick(resolve);
  });
}
