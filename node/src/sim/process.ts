/**
 * One node of the simulation: a disk, a guard file and a key that outlive it, and the life of a process that runs the
 * production engine over them until it crashes. A dead process does nothing more: its writes never end, its sends go
 * nowhere, its timers do not fire.
 */
import { StateTree, emptyHardState, genesisTip, makeChain, toHex, type Chain, type Genesis } from '@billcoin/protocol';
import { hashPairsNative } from '../crypto/sha256.ts';
import type { Core } from '../driver.ts';
import { openEngine, type Engine } from '../engine.ts';
import type { FinalBlock, Log, PeerMessage } from '../ports.ts';
import { StorageFailure } from '../storageFailure.ts';
import { NEVER, SimDisk, SimGuardFile, type DiskUser } from './disk.ts';
import type { FaultPlan } from './faults.ts';
import type { Signatures, SimKey } from './keys.ts';
import type { Random } from './random.ts';
import type { Schedule } from './schedule.ts';
import { START_MS } from './world.ts';

/** What a process tells the simulation. */
export interface ProcessEvents {
  trace(node: number, text: string): void;
  sent(node: SimProcess, to: number | undefined, message: PeerMessage): void;
  /** A record is about to be written. */
  guardWrite(node: SimProcess, next: Parameters<Parameters<SimGuardFile['open']>[1]>[0]): void;
  final(node: SimProcess, block: FinalBlock): void;
  /** It has seen a validator sign twice. */
  evidence(node: SimProcess, bytes: Uint8Array): void;
  /** The engine gave up although nothing had been done to it. */
  gaveUp(node: SimProcess, error: Error): void;
  down(node: SimProcess, how: string): void;
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
  /** A guard that answers before its record is on disk: a broken one. */
  readonly unsyncedGuard: boolean;
}

interface Life {
  readonly number: number;
  alive: boolean;
  engine: Engine | undefined;
  chain: Chain;
}

/** A write this slow is still no failure. */
const SLOW_SYNC_US = 1_000_000;

export class SimProcess {
  readonly index: number;
  readonly key: SimKey;
  readonly isByzantine: boolean;
  readonly disks = { blocks: new SimDisk(), state: new SimDisk(), index: new SimDisk(), mempool: new SimDisk() };
  readonly guard: SimGuardFile;
  readonly #setup: ProcessSetup;
  #life: Life | undefined;
  #lives = 0;
  #pausedUntilUs = 0;
  /** This process was made to fail a write: its end is no surprise. */
  #failing = false;
  #offsetMs = 0;

  constructor(setup: ProcessSetup, isByzantine: boolean) {
    this.#setup = setup;
    this.index = setup.index;
    this.key = setup.key;
    this.isByzantine = isByzantine;
    this.guard = new SimGuardFile(emptyHardState(setup.genesis.genesisHash, setup.key.publicKey));
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

  nowMs(): number {
    return START_MS + Math.floor(this.#setup.schedule.nowUs / 1_000) + this.#offsetMs;
  }

  setOffset(offsetMs: number): void {
    this.#offsetMs = offsetMs;
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
    for (const disk of Object.values(this.disks)) disk.crash(this.#setup.random);
    this.guard.crash(this.#setup.random);
    this.#setup.events.trace(this.index, `down: ${how}`);
    this.#setup.events.down(this, how);
  }

  wipe(): void {
    for (const disk of Object.values(this.disks)) disk.wipe();
  }

  /** Starts a life. The engine is there once recovery is done. */
  boot(): void {
    if (this.#life !== undefined) return;
    const { genesis, signatures } = this.#setup;
    const chain = makeChain(genesis, signatures.verify, new StateTree(hashPairsNative));
    const life: Life = { number: ++this.#lives, alive: true, engine: undefined, chain };
    this.#life = life;
    this.#failing = false;
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
    const engine = await openEngine({
      genesis, chain, genesisTip: genesisTip(chain, genesis), core: this.#setup.core(this),
      stores: { blocks: this.disks.blocks.open('blocks', user), state: this.disks.state.open('state', user), index: this.disks.index.open('index', user), mempool: this.disks.mempool.open('mempool', user) },
      validator: {
        publicKey: this.key.publicKey, sign: (message) => signatures.sign(this.key, message),
        openGuard: () => Promise.resolve(this.guard.open(user, (next) => events.guardWrite(this, next), this.#setup.unsyncedGuard)),
      },
      network: { send: (to, message) => send(Number(to), message), sendAll: (message) => send(undefined, message), blame: () => undefined, close: () => Promise.resolve() },
      verifySignatures: (items) => Promise.resolve(items.map(({ publicKey, message, signature }) => signatures.verify(publicKey, message, signature))),
      clock: { nowMs: () => this.nowMs(), monotonicMs: () => schedule.nowUs / 1_000 },
      timers: { after: (delayMs, fire) => this.#after(life, delayMs * 1_000, fire) },
      log: this.#log(life), halt: (error) => this.#halt(life, error),
      measures: { timed: (_what, write) => write, committed: () => undefined, evidence: (bytes) => events.evidence(this, bytes) },
    });
    if (!life.alive) return;
    life.engine = engine;
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
    const { random, faults, schedule } = this.#setup;
    return {
      isAlive: () => life.alive,
      write: (what, sync, done) => {
        if (this.#maybeCrash(life, `before writing ${what}`)) return NEVER;
        const plan = faults();
        if (random.chance(plan.writeFails)) {
          // As the real stores do: a failure ends the process before the caller hears of it.
          this.#failing = true;
          this.#halt(life, new StorageFailure('io_failed', `The ${what} database failed.`, 'This is a simulated fault.'));
          return NEVER;
        }
        if (!sync) return Promise.resolve();
        const delayUs = random.chance(plan.slowSync) ? random.below(SLOW_SYNC_US) : 50 + random.exponential(plan.syncUs);
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

  #halt(life: Life, error: Error): void {
    if (!life.alive) return;
    const expected = this.#failing;
    this.crash(expected ? 'a write failed' : `halted: ${error.message}`);
    if (!expected) this.#setup.events.gaveUp(this, error);
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
