/**
 * One run (consensus page §2): whole nodes in one process, one seed, virtual time. First everything goes wrong that the
 * seed has drawn (safety), then a correct quorum is healed and must finish what it has promised (liveness).
 */
import { DEFAULT_PARAMS, timeoutProposeMs, timeoutVoteMs, toHex, useSha256, type Genesis, type Vote } from '@billcoin/protocol';
import { sha256Native } from '../crypto/sha256.ts';
import type { Core } from '../driver.ts';
import type { PeerMessage } from '../ports.ts';
import { Liar, type Plot } from './byzantine.ts';
import { checkBounds, sizesOf } from './bounds.ts';
import { drawCast, type Cast, type Nature } from './cast.ts';
import { Clients } from './clients.ts';
import { NO_FAULTS, drawFaults, type FaultPlan } from './faults.ts';
import { ED25519_SIGNATURES, HASH_SIGNATURES, type Signatures, type SimKey } from './keys.ts';
import { Links } from './links.ts';
import { Mishaps } from './mishaps.ts';
import { liarCore, mutantCore } from './mutants.ts';
import { SimProcess } from './process.ts';
import { checkLightClient, checkRowProofs } from './proofs.ts';
import { Random } from './random.ts';
import { Referee } from './referee.ts';
import { describe, type SimulationOptions, type SimulationReport, type Violation } from './report.ts';
import { Schedule } from './schedule.ts';
import { Trace } from './trace.ts';
import { WatchedCore } from './watchedCore.ts';
import { WireRecord } from './wireRecord.ts';
import { START_MS, TxMaker, makeSimGenesis, validatorKeys } from './world.ts';

/** Virtual time of the first phase: a run that nobody lets decide goes on to the second. */
const SAFETY_MAX_MS = 120_000;
/** Between two things that clients do, on average. */
const CLIENT_MS = 60;
/** What clients send is valid for 10 s; after that, an idle block and the rounds in progress nothing may be pending. */
const LIVENESS_EXTRA_MS = 25_000;
/** Who alone has seen an offence waits for its turn to propose: an idle interval and some rounds for each validator. */
const TURN_MS = 15_000;
/** Keys of stored evidence (storage/blockStore.ts). */
const EVIDENCE_ROWS = 'e/';
/** Between two looks at how much the nodes hold. */
const BOUNDS_MS = 500;
/** How often the second phase looks whether it is done. */
const LOOK_MS = 250;
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

/** Hex of the key in whose name a vote is. */
function signerOf({ validators }: Genesis, { validatorIndex }: Vote): string {
  return toHex(validators.validators[validatorIndex]?.publicKey ?? new Uint8Array(0));
}

class Simulation {
  readonly #options: SimulationOptions;
  readonly #random: Random;
  readonly #schedule = new Schedule();
  readonly #log = new Trace();
  readonly #counts = new Map<string, number>();
  readonly #signatures: Signatures;
  readonly #plan: FaultPlan;
  readonly #cast: Cast;
  readonly #genesis: Genesis;
  readonly #nodes: SimProcess[];
  /** How each process is faulty. */
  readonly #natures: ReadonlyMap<number, Nature | undefined>;
  readonly #liars = new Map<number, Liar>();
  readonly #plot: Plot = new Map();
  readonly #links: Links;
  readonly #wire: WireRecord;
  readonly #referee: Referee;
  readonly #clients: Clients;
  readonly #mishaps: Mishaps;
  /** Newest height that each node has called final. */
  readonly #heights = new Map<number, number>();
  readonly #seen = new Map<string, Uint8Array>();
  /** Evidence that a correct node cannot have forgotten: it must lead to a punishment (I12). */
  readonly #owed = new Map<string, { readonly bytes: Uint8Array; readonly node: number }>();
  #isHealed = false;
  readonly #watched = new Map<string, WatchedCore>();
  #faults: FaultPlan;
  readonly #mayFork: boolean;
  #violation: Violation | undefined;
  #events = 0;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#random = new Random(`simulation ${options.seed}`);
    const random = this.#random;
    this.#cast = drawCast(random, options);
    const { size, faulty } = this.#cast;
    this.#plan = { ...drawFaults(random), ...options.faults };
    this.#faults = this.#plan;
    this.#signatures = signaturesOf(options);
    this.#genesis = makeSimGenesis(size, this.#cast.epochEndsMs);
    const blame = (invariant: string, what: string): void => this.#blame(invariant, what);
    this.#wire = new WireRecord({ genesisHash: this.#genesis.genesisHash, verify: this.#signatures.verify, setAt: (height) => this.#referee.setAt(height), blame });
    this.#mayFork = 3 * faulty.size >= size;
    const keys = validatorKeys(size);
    // The second process of a key has an address of its own.
    const twins = [...faulty].flatMap(([index, nature]) => (nature === 'two processes' ? [index] : []));
    const owners = [...keys.keys(), ...twins];
    this.#nodes = owners.map((of, index) => this.#makeProcess(index, keys[of]!, faulty.get(of)));
    this.#natures = new Map(owners.map((of, index) => [index, faulty.get(of)]));
    this.#referee = new Referee(this.#genesis, this.#signatures, new Set([...faulty.keys()].map((i) => toHex(keys[i]!.publicKey))), blame, options.onDecided);
    this.#links = new Links({
      size: this.#nodes.length, schedule: this.#schedule, random, faults: () => this.#faults, count: (fault) => this.#count(fault),
      deliver: (to, from, message) => this.#deliver(to, from, message),
    });
    for (const node of this.#nodes) if (this.#natures.get(node.index) === 'liar') this.#liars.set(node.index, this.#makeLiar(node));
    this.#clients = new Clients(new TxMaker(this.#genesis, this.#signatures, random), random, this.#referee, blame, this.#nodes);
    this.#mishaps = new Mishaps({
      nodes: this.#nodes, links: this.#links, random, plan: this.#plan, natureOf: (node) => this.#natures.get(node.index), heights: this.#heights,
      after: (ms, run) => this.#schedule.after(ms * 1_000, run), count: (fault) => this.#count(fault), trace: (node, text) => this.#trace(node, text), forget: (node) => {
        this.#clients.forget(node);
        for (const [id, { node: from }] of this.#owed) if (from === node.index) this.#owed.delete(id);
      },
    });
  }

  #makeProcess(index: number, key: SimKey, nature: Nature | undefined): SimProcess {
    return new SimProcess({
      index, key, genesis: this.#genesis, signatures: this.#signatures, schedule: this.#schedule, random: this.#random, faults: () => this.#faults,
      unsyncedGuard: this.#options.mutant === 'unsynced guard', core: (node) => this.#coreOf(node), everybody: () => this.#nodes.map((node) => node.index),
      events: {
        trace: (node, text) => this.#trace(node, text),
        count: (fault) => this.#count(fault),
        sent: (node, to, message) => this.#sent(node, to, message),
        guardWrite: (node, next) => this.#wire.guardWrite(node, next),
        final: (node, block) => {
          this.#trace(node.index, `final ${block.height} ${block.blockId[0]}-${block.blockId[1]} round ${block.certificate.round}, ${block.txs.length} transactions`);
          this.#heights.set(node.index, block.height);
          // With a third of liars a fork is allowed; then the nodes themselves must notice.
          if (!node.isByzantine && !this.#mayFork) this.#referee.final(node, block);
        },
        recovered: (node, tipHeight) => {
          this.#heights.set(node.index, tipHeight);
          if (!node.isByzantine && !this.#mayFork) this.#referee.recovered(node, tipHeight);
        },
        evidence: (node, bytes) => {
          if (node.isByzantine) return;
          this.#seen.set(toHex(bytes), bytes);
          // Before that a crash may have been faster than its disk.
          if (this.#isHealed) this.#owed.set(toHex(bytes), { bytes, node: node.index });
        },
        gaveUp: (node, error) => {
          if (!node.isByzantine) this.#blame('halt', `node ${node.index} stopped by itself: ${error.stack ?? error.message}${error.cause instanceof Error ? ` caused by ${error.cause.stack ?? error.cause.message}` : ''}`);
        },
        down: (node, how) => this.#mishaps.down(node, how),
      },
    }, nature === undefined ? undefined : { diskLies: nature === 'lying disk' });
  }

  #makeLiar(node: SimProcess): Liar {
    return new Liar(node, {
      setAt: (height) => this.#referee.setAt(height),
      genesis: this.#genesis, signatures: this.#signatures, random: this.#random, size: this.#nodes.length, lies: this.#cast.lies, plot: this.#plot, count: (fault) => this.#count(fault),
      sideOf: (other) => (this.#nodes.filter(({ isByzantine, index }) => !isByzantine && index < other).length % 2 === 0 ? 0 : 1),
      send: (from, to, message, extraUs) => {
        this.#wire.sent(node, message);
        this.#links.send(from, to, message, extraUs);
      },
    });
  }

  async run(): Promise<void> {
    const { seed } = this.#options;
    this.#trace(-1, `seed ${seed}, ${this.#nodes.length} validators, [${[...this.#natures].flatMap(([index, nature]) => (nature === undefined ? [] : `${index} ${nature}`)).join(', ')}] (${this.#cast.lies.join(', ')}), faults ${JSON.stringify(this.#plan)}`);
    for (const node of this.#nodes) this.#schedule.after(this.#random.below(20_000), () => node.boot());
    for (const nature of this.#cast.faulty.values()) this.#count(`a validator is faulty: ${nature}`);
    this.#startClients();
    this.#mishaps.start();
    await this.#until(() => this.#referee.height >= this.#options.heights || this.#nowMs() >= SAFETY_MAX_MS);
    await this.#liveness();
    if (this.#violation === undefined) await this.#finish();
  }

  report(): SimulationReport {
    return {
      seed: this.#options.seed, hash: this.#log.digest(), heights: this.#referee.height, virtualMs: this.#nowMs(), events: this.#events, validators: this.#cast.size, liars: this.#cast.faulty.size, natures: [...this.#cast.faulty.values()], lies: this.#cast.lies, signatures: this.#signatures.name,
      violation: this.#violation, faults: Object.fromEntries([...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1))), evidence: this.#referee.offences.size, setChanges: this.#referee.setChanges, evidenceSeen: [...this.#seen.values()], story: this.#log.story, clients: this.#clients.count,
    };
  }

  #nowMs(): number {
    return Math.floor(this.#schedule.nowUs / 1_000);
  }

  #trace(node: number, text: string): void {
    this.#log.tell(`${this.#schedule.nowUs} ${node} ${text}`);
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

  /**
   * How much is left, by something that waits for disks of the simulation: time goes on until it is there. A process that ends
   * with a read never answers: then everything is asked again later.
   */
  async #meanwhile(work: Promise<number>): Promise<number> {
    const untilMs = this.#nowMs() + LOOK_MS;
    let result: number | undefined;
    void work.then((value) => {
      result = value;
    });
    await settled();
    await this.#until(() => result !== undefined || this.#nowMs() >= untilMs);
    return result ?? 1;
  }

  #coreOf(node: SimProcess): Core {
    const core = node.isByzantine ? liarCore(this.#cast.lies.includes('amnesia') && this.#liars.has(node.index)) : mutantCore(this.#options.mutant);
    if (node.isByzantine) return core;
    const watched = new WatchedCore(core, node.index, node.key.publicKey, node.index === this.#options.seed % this.#nodes.length, (invariant, what) => this.#blame(invariant, what));
    this.#watched.set(String(node.index), watched);
    return { ...core, step: watched.step };
  }

  #sent(node: SimProcess, to: number | undefined, message: PeerMessage): void {
    this.#trace(node.index, describe(to, message));
    if (node.index >= this.#cast.size && message.kind === 'vote' && signerOf(this.#genesis, message.vote) === toHex(node.key.publicKey)) this.#count('voted in a second process');
    const liar = this.#liars.get(node.index);
    if (liar !== undefined) return liar.send(to, message);
    this.#wire.sent(node, message);
    if (to === undefined) this.#links.sendAll(node.index, message);
    else this.#links.send(node.index, to, message);
  }

  #deliver(to: number, from: number, message: PeerMessage): void {
    this.#log.note(`${this.#schedule.nowUs} ${from}>${to} ${message.kind}`);
    this.#liars.get(to)?.hear(message);
    this.#nodes[to]?.receive(from, message);
  }

  #startClients(): void {
    this.#mishaps.every(CLIENT_MS, () => this.#clients.act(START_MS + this.#nowMs()));
    this.#mishaps.every(BOUNDS_MS, () => {
      for (const { index, engine, disks, isByzantine } of this.#nodes) if (engine !== undefined && !isByzantine) checkBounds(index, sizesOf(engine, disks.blocks), this.#nodes.length - 1, (invariant, what) => this.#blame(invariant, what));
    });
    this.#mishaps.every(1_000, () => this.#wire.forgetBelow(Math.min(...this.#nodes.map((node) => (node.engine?.tip().height ?? 0)))));
  }

  /** Links, clocks and disks work from now on, everybody is up; liars go on. */
  async #liveness(): Promise<void> {
    if (this.#violation !== undefined) return;
    this.#faults = NO_FAULTS;
    this.#trace(-1, 'everything is healed');
    this.#isHealed = true;
    for (const { index, isByzantine, disks } of this.#nodes) if (!isByzantine) for (const bytes of disks.blocks.values(EVIDENCE_ROWS)) this.#owed.set(toHex(bytes), { bytes, node: index });
    this.#mishaps.heal();
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
      const unpunished = this.#referee.unpunished([...this.#owed.values()].map(({ bytes }) => bytes)).length;
      left = (await this.#meanwhile(this.#clients.pending(START_MS + this.#nowMs()))) + (this.#areLevel(correct) ? 0 : 1);
      if (this.#nowMs() > firstMs + LIVENESS_EXTRA_MS && left > 0) return this.#blame('I10', `${left} things are not finished; ${this.#progress()}`);
      if (this.#nowMs() > firstMs + LIVENESS_EXTRA_MS + this.#nodes.length * TURN_MS && unpunished > 0) return this.#blame('I12', `${unpunished} pieces of evidence lead to no punishment; ${this.#progress()}`);
      // A healed network also decides when nothing is left to do: idle blocks come.
      left += unpunished + (this.#referee.height === startHeight ? 1 : 0);
    }
  }

  /** Rounds up to that of f + 1 proposers after the highest one anybody is in, and what is idle in between. */
  #boundMs(correct: readonly SimProcess[]): number {
    const highest = Math.max(0, ...correct.map((node) => node.engine?.progress().round ?? 0), ...correct.map(({ guard: { synced } }) => (synced.height > this.#referee.height ? synced.round : 0)));
    const last = highest + this.#cast.faulty.size + 3;
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
    const node = this.#random.pick(this.#nodes.filter(({ isByzantine, engine }) => !isByzantine && engine?.tip().height === this.#referee.height));
    const setup = { genesis: this.#genesis, verify: this.#signatures.verify, random: this.#random, nowMs: START_MS + this.#nowMs(), blame: (invariant: string, what: string) => this.#blame(invariant, what), decided: this.#referee.decided, setAt: (height: number) => this.#referee.setAt(height) };
    checkLightClient(setup, node);
    checkRowProofs(setup, node);
    this.#log.note(truth);
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
