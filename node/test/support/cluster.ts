/**
 * Whole nodes under a script: the engine of production on the disks, guard files and virtual time of the simulator, with
 * nothing drawn. The test says how long each message takes, at which point a process dies, and which of its ports lie.
 */
import { StateTree, closedHardState, emptyHardState, genesisTip, makeChain, toHex, type Genesis, type HardState } from '@billcoin/protocol';
import type { ValidatorGuard } from '../../src/crypto/lostGuard.ts';
import type { Core } from '../../src/driver.ts';
import { openEngine, type Engine } from '../../src/engine.ts';
import { makeLog } from '../../src/log.ts';
import type { FinalBlock, PeerMessage, Store, StoreOperation } from '../../src/ports.ts';
import { SimDisk, never } from '../../src/sim/disk.ts';
import { SimGuardFile } from '../../src/sim/guardFile.ts';
import { HASH_SIGNATURES, type SimKey } from '../../src/sim/keys.ts';
import { Random } from '../../src/sim/random.ts';
import { Schedule } from '../../src/sim/schedule.ts';
import { START_MS, makeSimGenesis, validatorKeys } from '../../src/sim/world.ts';

/** What is written: one synced put each, but index rows, which follow behind. */
export type WriteKind = 'body' | 'certificate' | 'state' | 'index' | 'pool' | 'guard' | 'other';
const HOP_US = 500;
const WRITE_US = 200;
const BEGIN = { body: 'b'.charCodeAt(0), certificate: 'c'.charCodeAt(0) };

/** Reads work: what a disk loses or damages is done to it by the test. */
const READS = { mayRead: () => true, damaged: () => undefined };

export interface ClusterHooks {
  /** A message is handed to the network. */
  sent?(node: ClusterNode, message: PeerMessage): void;
  /** A guard record is about to be written. */
  recorded?(node: ClusterNode, next: HardState): void;
  final?(node: ClusterNode, block: FinalBlock): void;
}

export interface ClusterOptions extends ClusterHooks {
  readonly size: number;
  /** Further processes that run the keys of these validators. */
  readonly twins?: readonly number[];
  /** Further processes without a key: they follow. */
  readonly watchers?: number;
  /** µs a message takes, or undefined: it is lost. */
  readonly link?: (from: number, to: number, message: PeerMessage) => number | undefined;
  /** Writes that answer before they are on disk: a broken port. */
  readonly early?: (kind: WriteKind) => boolean;
  /** µs a synced write takes. */
  readonly writeUs?: (kind: WriteKind) => number;
  readonly core?: Core;
  /** What a crash leaves of writes under way is drawn from it. */
  readonly seed?: number;
}

interface Life {
  alive: boolean;
}

export class ClusterNode {
  readonly index: number;
  /** None: it only follows. */
  readonly key: SimKey | undefined;
  readonly disks = { blocks: new SimDisk(false), state: new SimDisk(false), index: new SimDisk(false), mempool: new SimDisk(false) };
  readonly guard: SimGuardFile;
  /** Over all lives. */
  readonly finals: FinalBlock[] = [];
  /** Crash points passed, "before body", "after guard", "before send vote", over all lives. */
  readonly points: string[] = [];
  /** Why it ended of itself. */
  readonly halts: Error[] = [];
  engine: Engine | undefined;
  life: Life | undefined;
  /** It boots without its guard. `renewed` is the height up to which the guard made anew refuses everything. */
  lostGuard: { readonly isOnlyOne: boolean; renewed?: number } | undefined;
  /** Points that are still passed; at the next one the process dies. */
  fuse: number | undefined;
  /** What the dead process was about to do, or had just done. */
  diedAt: string | undefined;

  constructor(index: number, key: SimKey | undefined, genesis: Genesis) {
    this.index = index;
    this.key = key;
    this.guard = new SimGuardFile(emptyHardState(genesis.genesisHash, key?.publicKey ?? new Uint8Array(32)), false);
  }

  get height(): number {
    return this.engine?.tip().height ?? 0;
  }
}

function kindOf(name: string, [first]: readonly StoreOperation[]): WriteKind {
  if (name === 'mempool') return 'pool';
  if (name !== 'blocks') return name === 'state' ? 'state' : 'index';
  if (first?.type !== 'put') return 'other';
  return first.key[0] === BEGIN.body ? 'body' : first.key[0] === BEGIN.certificate ? 'certificate' : 'other';
}

export class Cluster {
  readonly genesis: Genesis;
  readonly schedule = new Schedule();
  readonly nodes: readonly ClusterNode[];
  readonly #options: ClusterOptions;
  readonly #random: Random;

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.#random = new Random(`cluster ${options.seed ?? 0}`);
    this.genesis = makeSimGenesis(options.size);
    const keys = validatorKeys(options.size);
    const all = [...keys, ...(options.twins ?? []).map((i) => keys[i]!)];
    const watchers = new Array<undefined>(options.watchers ?? 0).fill(undefined);
    this.nodes = [...all, ...watchers].map((key, index) => new ClusterNode(index, key, this.genesis));
  }

  get nowMs(): number {
    return START_MS + Math.floor(this.schedule.nowUs / 1_000);
  }

  /** Lets time go on until the condition holds; false if `maxMs` pass before, or nothing is left to happen. */
  async run(done: () => boolean, maxMs = 60_000): Promise<boolean> {
    const endUs = this.schedule.nowUs + maxMs * 1_000;
    await settled();
    while (!done()) {
      if (this.schedule.nowUs > endUs || !this.schedule.advance()) return false;
      await settled();
    }
    return true;
  }

  /** The result of something that waits for disks of the cluster. */
  async result<T>(work: Promise<T>): Promise<T> {
    const state: { outcome?: { readonly value: T } } = {};
    void work.then((value) => {
      state.outcome = { value };
    }, () => undefined);
    await this.run(() => state.outcome !== undefined, 5_000);
    return state.outcome === undefined ? work : state.outcome.value;
  }

  /** Starts all processes, or these. */
  boot(indices: readonly number[] = this.nodes.map(({ index }) => index)): void {
    for (const i of indices) {
      const node = this.nodes[i]!;
      const life: Life = { alive: true };
      node.life = life;
      node.diedAt = undefined;
      this.#open(node, life).catch((error: unknown) => this.#halt(node, life, error instanceof Error ? error : new Error('it did not start', { cause: error })));
    }
  }

  /** The power of one goes: what was not synced may be lost. */
  crash(i: number, at = 'the power went'): void {
    const node = this.nodes[i]!;
    if (node.life !== undefined) node.life.alive = false;
    node.life = undefined;
    node.engine = undefined;
    node.fuse = undefined;
    node.diedAt = at;
    for (const disk of Object.values(node.disks)) disk.crash(this.#random);
    node.guard.crash(this.#random);
  }

  /** The data folder is lost; the key folder stays. */
  wipe(i: number): void {
    for (const disk of Object.values(this.nodes[i]!.disks)) disk.wipe();
  }

  /** All of these have called the height final. */
  isFinal(height: number, indices: readonly number[] = this.nodes.map(({ index }) => index)): boolean {
    return indices.every((i) => this.nodes[i]!.height >= height);
  }

  /** Ids that were called final at a height, over all nodes and lives. */
  idsAt(height: number): ReadonlySet<string> {
    return new Set(this.nodes.flatMap(({ finals }) => finals.filter((block) => block.height === height).map(({ blockId }) => toHex(blockId))));
  }

  #halt(node: ClusterNode, life: Life, error: Error): void {
    if (!life.alive) return;
    node.halts.push(error);
    this.crash(node.index, `halted: ${error.message}`);
  }

  /** Passes a crash point; true: the process died here. */
  #dies(node: ClusterNode, point: string): boolean {
    node.points.push(point);
    if (node.fuse === undefined || node.fuse-- > 0) return false;
    this.crash(node.index, point);
    return true;
  }

  async #open(node: ClusterNode, life: Life): Promise<void> {
    const { genesis, schedule } = this;
    const { verify, sign } = HASH_SIGNATURES;
    const { key } = node;
    const chain = makeChain(genesis, verify, new StateTree());
    const send = (to: number | undefined, message: PeerMessage, except: readonly string[] = []): void => {
      if (life.alive && !this.#dies(node, `before send ${message.kind}`)) this.#send(node, to, message, except);
    };
    const engine = await openEngine({
      genesis, chain, genesisTip: () => genesisTip(chain, genesis), core: this.#options.core,
      stores: { blocks: this.#store(node, life, 'blocks'), state: this.#store(node, life, 'state'), index: this.#store(node, life, 'index'), mempool: this.#store(node, life, 'mempool') },
      validator: key === undefined ? undefined : { publicKey: key.publicKey, sign: (message) => sign(key, message), openGuard: () => Promise.resolve(this.#guard(node, life)) },
      network: {
        send: (to, message) => send(Number(to), message), sendAll: (message, except) => send(undefined, message, except), blame: () => undefined, close: () => Promise.resolve(),
        connected: () => this.nodes.filter((other) => other !== node && this.#linkUs(node, other, { kind: 'ping', nonce: 0 }) !== undefined).map((other) => String(other.index)),
      },
      verifySignatures: (items) => Promise.resolve(items.map(({ publicKey, message, signature }) => verify(publicKey, message, signature))),
      clock: { nowMs: () => this.nowMs, monotonicMs: () => schedule.nowUs / 1_000 },
      timers: { after: (delayMs, fire) => schedule.after(delayMs * 1_000, () => (life.alive ? fire() : undefined)) },
      log: makeLog({ level: 'silent', nodeName: `node ${node.index}` }), halt: (error) => this.#halt(node, life, error),
      measures: { timed: (_what, write) => write, committed: () => undefined, evidence: () => undefined },
    });
    if (!life.alive) return;
    node.engine = engine;
    engine.port.onFinal((block) => {
      if (!life.alive) return;
      this.#options.final?.(node, block);
      node.finals.push(block);
    });
    engine.start();
  }

  #linkUs(from: ClusterNode, to: ClusterNode, message: PeerMessage): number | undefined {
    return this.#options.link === undefined ? HOP_US : this.#options.link(from.index, to.index, message);
  }

  #send(node: ClusterNode, to: number | undefined, message: PeerMessage, except: readonly string[]): void {
    this.#options.sent?.(node, message);
    for (const other of this.nodes) {
      if (other === node || (to !== undefined && to !== other.index) || except.includes(String(other.index))) continue;
      const us = this.#linkUs(node, other, message);
      if (us !== undefined) this.schedule.after(us, () => other.engine?.receive(String(node.index), message));
    }
  }

  #write(node: ClusterNode, life: Life, kind: WriteKind, sync: boolean, done: () => void): Promise<void> {
    if (this.#dies(node, `before ${kind}`)) return never();
    if (!sync) return Promise.resolve();
    const written = new Promise<void>((resolve) => {
      this.schedule.after(this.#options.writeUs?.(kind) ?? WRITE_US, () => {
        if (!life.alive) return;
        done();
        if (!this.#dies(node, `after ${kind}`)) resolve();
      });
    });
    return this.#options.early?.(kind) === true ? Promise.resolve() : written;
  }

  #store(node: ClusterNode, life: Life, name: keyof ClusterNode['disks']): Store {
    let kind: WriteKind = 'other';
    const store = node.disks[name].open(name, { ...READS, isAlive: () => life.alive, write: (_what, sync, done) => this.#write(node, life, kind, sync, done) });
    return {
      ...store,
      batch(operations, options) {
        kind = kindOf(name, operations);
        return store.batch(operations, options);
      },
    };
  }

  #guard(node: ClusterNode, life: Life): ValidatorGuard {
    const user = { ...READS, isAlive: () => life.alive, write: (_what: string, sync: boolean, done: () => void) => this.#write(node, life, 'guard', sync, done) };
    const isEarly = this.#options.early?.('guard') === true;
    const file = (): ValidatorGuard => node.guard.open(user, (next) => this.#options.recorded?.(node, next), isEarly);
    return node.lostGuard === undefined ? file() : withoutGuard(node, node.lostGuard, file);
  }
}

/** The guard of a node that cannot read it. What makes it anew writes over what the file says. */
function withoutGuard(node: ClusterNode, lost: NonNullable<ClusterNode['lostGuard']>, file: () => ValidatorGuard): ValidatorGuard {
  let guard: ValidatorGuard | undefined;
  return {
    current: () => guard?.current(),
    write: (next) => guard?.write(next) ?? Promise.reject(new Error('nothing is signed without a guard')),
    close: () => Promise.resolve(),
    lost: {
      isOnlyOne: lost.isOnlyOne,
      async renew(height) {
        const made = file();
        const { genesisHash, publicKey, seq } = made.current() ?? {};
        if (genesisHash === undefined || publicKey === undefined || seq === undefined) throw new Error('the file holds a record');
        await made.write({ ...closedHardState(genesisHash, publicKey, height), seq: seq + 1 });
        guard = made;
        lost.renewed = height;
        node.lostGuard = undefined;
      },
    },
  };
}

/** Everything that promises have made ready has run. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    process.nextTick(resolve);
  });
}
