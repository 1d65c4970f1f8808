/**
 * One node of the simulation: a disk, a guard file and a key that outlive it, and the life of a process that runs the
 * production engine over them until it crashes. A dead process does nothing more: its writes never end, its sends go
 * nowhere, its timers do not fire.
 */
import { StateTree, genesisTip, makeChain, toHex, type Chain, type Genesis, type HardState } from '@billcoin/protocol';
import { hashPairsNative } from '../crypto/sha256.ts';
import type { Core } from '../driver.ts';
import { openEngine, type Engine } from '../engine.ts';
import type { FinalBlock, Log, PeerMessage } from '../ports.ts';
import { StorageFailure, type StorageFailureCode } from '../storageFailure.ts';
import { SimDisk, never, type DiskUser } from './disk.ts';
import type { FaultPlan } from './faults.ts';
import { SimGuardFile } from './guardFile.ts';
import type { Signatures, SimKey } from './keys.ts';
import type { Random } from './random.ts';
import type { Schedule } from './schedule.ts';
import { SimClock } from './simClock.ts';

/** What a process tells the simulation. */
export interface ProcessEvents {
  trace(node: number, text: string): void;
  sent(node: SimProcess, to: number | undefined, message: PeerMessage): void;
  /** A record is about to be written. */
  guardWrite(node: SimProcess, next: HardState): void;
  final(node: SimProcess, block: FinalBlock): void;
  recovered(node: SimProcess, tipHeight: number): void;
  /** It has seen a validator sign twice. */
  evidence(node: SimProcess, bytes: Uint8Array): void;
  /** The engine gave up although nothing had been done to it. */
  gaveUp(node: SimProcess, error: Error): void;
  down(node: SimProcess, how: string): void;
  /** A fault has happened that is no end of the process. */
  count(fault: string): void;
}

/** How a process differs from a correct one; such a validator counts as Byzantine. */
export interface Faulty {
  /** Its disk says "synced" and has not written. */
  readonly diskLies: boolean;
}

export interface ProcessSetup {
  readonly index: number;
  readonly key: SimKey;
  readonly genesis: Genesis;
  readonly signatures: Signatures;
  readonly schedule: Schedule;
  readonly random: Random;
  readonly events: ProcessEvents;
  /** In force now; the simulation changes it. */
  readonly faults: () => FaultPlan;
  readonly core: (node: SimProcess) => Core;
  /** Numbers of all processes of the network. */
  readonly everybody: () => readonly number[];
  /** A guard that answers before its record is on disk: a broken one. */
  readonly unsyncedGuard: boolean;
}

interface Life {
  readonly number: number;
  alive: boolean;
  engine: Engine | undefined;
  chain: Chain;
}

/** What a node says whose stored values went bad. */
const DAMAGE: readonly StorageFailureCode[] = ['damaged_value', 'lost_records'];
/** A write this slow is still no failure. */
const SLOW_SYNC_US = 1_000_000;

export class SimProcess {
  readonly index: number;
  readonly key: SimKey;
  readonly isByzantine: boolean;
  readonly clock: SimClock;
  readonly disks: Readonly<Record<'blocks' | 'state' | 'index' | 'mempool', SimDisk>>;
  readonly guard: SimGuardFile;
  readonly #setup: ProcessSetup;
  #life: Life | undefined;
  #lives = 0;
  #pausedUntilUs = 0;
  /** What this process was made to fail at: its end is no surprise. */
  #failing: string | undefined;
  #isDamaged = false;
  #isRefused = false;
  #hasBackup = false;
  #fullUntilUs = 0;

  constructor(setup: ProcessSetup, faulty: Faulty | undefined) {
    this.#setup = setup;
    this.index = setup.index;
    this.key = setup.key;
    this.isByzantine = faulty !== undefined;
    const lies = faulty?.diskLies === true;
    this.clock = new SimClock(setup.schedule);
    this.disks = { blocks: new SimDisk(lies), state: new SimDisk(lies), index: new SimDisk(lies), mempool: new SimDisk(lies) };
    this.guard = new SimGuardFile({ genesisHash: setup.genesis.genesisHash, publicKey: setup.key.publicKey }, lies);
  }

  get engine(): Engine | undefined {
    return this.#life?.engine;
  }

  get chain(): Chain | undefined {
    return this.#life?.engine === undefined ? undefined : this.#life.chain;
  }

  get isUp(): boolean {
    return this.#life !== undefined;
  }

  /** Which life it is in: state kept about a process ends with its life. */
  get life(): number {
    return this.#lives;
  }

  pause(ms: number): void {
    this.#pausedUntilUs = this.#setup.schedule.nowUs + ms * 1_000;
  }

  wake(): void {
    this.#pausedUntilUs = 0;
  }

  /** Power goes, or the process is killed. What was not synced may be lost. */
  crash(how: string): void {
    const life = this.#life;
    if (life === undefined) return;
    life.alive = false;
    this.#life = undefined;
    this.#pausedUntilUs = 0;
    const { random, events } = this.#setup;
    const hasLost = Object.values(this.disks).map((disk) => disk.crash(random)).includes(true);
    if (this.guard.crash(random) === 'torn') events.count('guard write torn');
    if (this.isByzantine && hasLost) events.count('synced writes lost');
    if (life.engine === undefined) events.count('ended in recovery');
    events.trace(this.index, `down: ${how}`);
    events.down(this, how);
  }

  /** Recovery has refused what it found on disk: the operator must bring a new data folder. */
  get isRefused(): boolean {
    return this.#isRefused;
  }

  get hasBackup(): boolean {
    return this.#hasBackup;
  }

  wipe(): void {
    for (const disk of Object.values(this.disks)) disk.wipe();
    this.#isDamaged = false;
    this.#isRefused = false;
  }

  /** Data folder and guard as they are now, to be put back some time. */
  backUp(): void {
    for (const disk of Object.values(this.disks)) disk.backUp();
    this.guard.backUp();
    this.#hasBackup = true;
  }

  restoreData(): void {
    for (const disk of Object.values(this.disks)) disk.restore();
    this.#isDamaged = false;
    this.#isRefused = false;
  }

  restoreGuard(): void {
    this.guard.restore();
  }

  /** No room for a while: the data folder takes nothing more. The guard file has its room already. */
  fillDisk(ms: number): void {
    this.#fullUntilUs = this.#setup.schedule.nowUs + ms * 1_000;
  }

  get #isFull(): boolean {
    return this.#fullUntilUs > this.#setup.schedule.nowUs;
  }

  /** A bit flips in a stored value; the name of the database, or undefined where it is empty. */
  damageValue(random: Random): string | undefined {
    const name = random.pick(['blocks', 'state', 'index', 'mempool'] as const);
    if (!this.disks[name].damage(random)) return undefined;
    this.#isDamaged = true;
    return name;
  }

  /** Starts a life. The engine is there once recovery is done. */
  boot(): void {
    if (this.#life !== undefined) return;
    const { genesis, signatures } = this.#setup;
    const chain = makeChain(genesis, signatures.verify, new StateTree(hashPairsNative));
    const life: Life = { number: ++this.#lives, alive: true, engine: undefined, chain };
    this.#life = life;
    this.#failing = undefined;
    this.#isRefused = false;
    this.#setup.events.trace(this.index, `boots, life ${life.number}`);
    this.#open(life).catch((error: unknown) => this.#halt(life, error instanceof Error ? error : new Error('it did not start', { cause: error })));
  }

  receive(from: number, message: PeerMessage): void {
    const { schedule } = this.#setup;
    if (this.#pausedUntilUs > schedule.nowUs) {
      schedule.after(this.#pausedUntilUs - schedule.nowUs, () => this.receive(from, message));
      return;
    }
    this.#life?.engine?.receive(String(from), message);
  }

  async #open(life: Life): Promise<void> {
    const { genesis, signatures, events, schedule } = this.#setup;
    const { chain } = life;
    const user = this.#diskUser(life);
    const send = (to: number | undefined, message: PeerMessage): void => {
      if (life.alive && !this.#maybeCrash(life, 'before a send')) events.sent(this, to, message);
    };
    const others = (): readonly string[] => this.#setup.everybody().filter((other) => other !== this.index).map(String);
    const engine = await openEngine({
      genesis, chain, genesisTip: () => genesisTip(chain, genesis), core: this.#setup.core(this),
      stores: { blocks: this.disks.blocks.open('blocks', user), state: this.disks.state.open('state', user), index: this.disks.index.open('index', user), mempool: this.disks.mempool.open('mempool', user) },
      validator: {
        publicKey: this.key.publicKey, sign: (message) => signatures.sign(this.key, message),
        openGuard: () => Promise.resolve(this.guard.open(user, (next) => events.guardWrite(this, next), this.#setup.unsyncedGuard)),
      },
      network: {
        send: (to, message) => send(Number(to), message),
        sendAll: (message, except = []) => {
          if (except.length === 0) return send(undefined, message);
          for (const to of others()) if (!except.includes(to)) send(Number(to), message);
        },
        connected: others, blame: () => undefined, close: () => Promise.resolve(),
      },
      verifySignatures: (items) => Promise.resolve(items.map(({ publicKey, message, signature }) => signatures.verify(publicKey, message, signature))),
      clock: { nowMs: () => this.clock.nowMs(), monotonicMs: () => schedule.nowUs / 1_000 },
      timers: { after: (delayMs, fire) => this.#after(life, delayMs * 1_000, fire) },
      log: this.#log(life), halt: (error) => this.#halt(life, error),
      isDiskLow: () => this.#isFull,
      measures: { timed: (_what, write) => write, committed: () => undefined, evidence: (bytes) => events.evidence(this, bytes) },
    });
    if (!life.alive) return;
    life.engine = engine;
    events.recovered(this, engine.tip().height);
    engine.port.onFinal((block) => {
      if (life.alive) events.final(this, block);
    });
    engine.start();
  }

  /** Runs at that time if the process lives then; a paused one runs it when it wakes. */
  #after(life: Life, delayUs: number, run: () => void): () => void {
    const { schedule } = this.#setup;
    const state = { cancel: (): void => undefined };
    const fire = (): void => {
      if (!life.alive) return;
      if (this.#pausedUntilUs > schedule.nowUs) state.cancel = schedule.after(this.#pausedUntilUs - schedule.nowUs, fire);
      else run();
    };
    state.cancel = schedule.after(delayUs, fire);
    return () => state.cancel();
  }

  #diskUser(life: Life): DiskUser {
    const { random, faults, schedule, events } = this.#setup;
    return {
      isAlive: () => life.alive,
      mayRead: (what) => {
        if (!life.alive) return false;
        if (life.engine === undefined && random.chance(faults().crashInRecovery)) this.crash('crash in recovery');
        else if (random.chance(faults().readFails)) void this.#fail(life, 'a read failed');
        else return true;
        events.trace(this.index, `was reading ${what}`);
        return false;
      },
      damaged: (failure) => {
        // As in production: at a start only the caller hears of it, and may help itself.
        if (life.engine !== undefined) this.#halt(life, failure);
      },
      write: (what, sync, done) => {
        if (this.#maybeCrash(life, `before writing ${what}`)) return never();
        const plan = faults();
        if (this.#isFull && what !== 'guard') return this.#fail(life, 'a write found no room');
        if (random.chance(plan.writeFails)) return this.#fail(life, 'a write failed');
        if (!sync) return Promise.resolve();
        const isSlow = random.chance(plan.slowSync);
        if (isSlow) events.count('slow write');
        const delayUs = isSlow ? random.below(SLOW_SYNC_US) : 50 + random.exponential(plan.syncUs);
        return new Promise((resolve) => {
          // The disk goes on while the process is paused: only the answer waits.
          schedule.after(delayUs, () => {
            if (!life.alive) return;
            done();
            if (!this.#maybeCrash(life, `after writing ${what}`)) this.#after(life, 0, resolve);
          });
        });
      },
    };
  }

  #maybeCrash(life: Life, where: string): boolean {
    if (!life.alive || !this.#setup.random.chance(this.#setup.faults().crashAtEffect)) return false;
    this.crash(`crash ${where}`);
    return true;
  }

  /** As the real stores do: a failure ends the process before the caller hears of it. */
  #fail(life: Life, how: string): Promise<never> {
    this.#failing = how;
    this.#halt(life, new StorageFailure('io_failed', `${how}.`, 'This is a simulated fault.'));
    return never();
  }

  #halt(life: Life, error: Error): void {
    if (!life.alive) return;
    const how = this.#failing;
    const isDamage = this.#isDamaged && error instanceof StorageFailure && DAMAGE.includes(error.code);
    if (error instanceof StorageFailure && how === undefined) this.#isRefused = true;
    this.crash(how ?? (isDamage ? 'a damaged value was found' : `halted: ${error.message}`));
    if (how === undefined && !isDamage) this.#setup.events.gaveUp(this, error);
  }

  #log(life: Life): Log {
    const { events, schedule } = this.#setup;
    const write = (level: string) => (fields: object, text: string): void => {
      if (life.alive) events.trace(this.index, `${level} at ${schedule.nowUs} µs: ${text} ${JSON.stringify(fields, (_key, value: unknown) => (value instanceof Uint8Array ? toHex(value) : value instanceof Error ? value.stack : typeof value === 'bigint' ? String(value) : value))}`);
    };
    const log: Log = { debug: () => undefined, info: () => undefined, warn: write('warns'), error: write('alarms'), child: () => log };
    return log;
  }
}
