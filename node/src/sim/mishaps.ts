/** What happens to machines and cables while faults are on: power cuts, pauses, partitions, wrong clocks, lost and damaged disks. */
import { utf8 } from '@billcoin/protocol';
import type { Nature } from './cast.ts';
import type { FaultPlan } from './faults.ts';
import type { Links } from './links.ts';
import type { SimProcess } from './process.ts';
import type { Random } from './random.ts';
import { bodyKey } from './wireRecord.ts';
import { START_MS } from './world.ts';

/** Just above the keys of all bodies. */
const BODIES_END = utf8('b0');
const HEAL_CHANCE = 0.7;
const HOUR_MS = 3_600_000;
/** Mean time between two backups of somebody's folders, where somebody will be given an old one. */
const BACKUP_MS = 300;
/** Chance that a machine whose guard is put back to an old one gets old data too. */
const OLD_DATA_TOO = 0.5;
const LOOP_TIMES_MAX = 8;

export interface MishapSetup {
  readonly nodes: readonly SimProcess[];
  readonly links: Links;
  readonly random: Random;
  readonly plan: FaultPlan;
  readonly natureOf: (node: SimProcess) => Nature | undefined;
  /** Newest height that each node has called final, in the life of its disk. */
  readonly heights: Map<number, number>;
  readonly after: (ms: number, run: () => void) => void;
  readonly count: (fault: string) => void;
  readonly trace: (node: number, text: string) => void;
  /** What this node has promised is gone with its disk. */
  readonly forget: (node: SimProcess) => void;
}

export class Mishaps {
  readonly #setup: MishapSetup;
  /** Crashes to come in a row. */
  readonly #loops = new Map<number, number>();
  readonly #backupHeights = new Map<number, number>();
  /** The one node whose stored values go bad. */
  readonly #damagedIndex: number;
  #healed = false;

  constructor(setup: MishapSetup) {
    this.#setup = setup;
    this.#damagedIndex = setup.random.below(setup.nodes.length);
  }

  start(): void {
    const { nodes, plan, random } = this.#setup;
    for (const { clock } of nodes) clock.set(plan.clockOffsetMs === 0 ? 0 : random.between(-plan.clockOffsetMs, plan.clockOffsetMs), plan.clockDriftPpm === 0 ? 0 : random.between(-plan.clockDriftPpm, plan.clockDriftPpm));
    if (plan.clockOffsetMs > 0) this.#setup.count('clocks off');
    if (plan.clockDriftPpm > 0) this.#setup.count('clocks drift');
    this.#startProcessFaults();
    this.#startDiskFaults();
    this.every(plan.clockStepEveryMs, () => this.#misstep(random.pick(nodes)));
    this.every(plan.partitionEveryMs, () => this.#partition());
    this.every(plan.halfOpenEveryMs, () => {
      const [from, to] = [random.below(nodes.length), random.below(nodes.length)];
      this.#setup.links.halfOpen(from, to, random.between(100, 5_000));
      this.#setup.trace(from, `has a half open connection to ${to}`);
    });
    this.every(plan.slowReaderEveryMs, () => {
      const slow = random.below(nodes.length);
      this.#setup.links.slowReader(slow, random.between(200, 4_000));
      this.#setup.trace(slow, 'reads slowly');
    });
  }

  /** Again and again after a time of this mean, while the faults are on. */
  every(meanMs: number, what: () => void): void {
    if (meanMs === 0) return;
    this.#setup.after(Math.max(1, this.#setup.random.exponential(meanMs)), () => {
      if (this.#healed) return;
      what();
      this.every(meanMs, what);
    });
  }

  /** Links, clocks and machines work from now on, everybody is up. */
  heal(): void {
    this.#healed = true;
    this.#setup.links.heal();
    for (const node of this.#setup.nodes) {
      node.clock.setRight();
      node.wake();
      this.#restart(node);
    }
  }

  /** A process has ended: somebody starts it again. */
  down(node: SimProcess, how: string): void {
    const { count, after, random, plan } = this.#setup;
    count(how.startsWith('halted') ? 'halted' : how);
    const soon = this.#healed || (this.#loops.get(node.index) ?? 0) > 0;
    after(soon ? 20 : random.exponential(plan.restartMs), () => this.#restart(node));
  }

  #restart(node: SimProcess): void {
    const { random, count, after, nodes, plan } = this.#setup;
    if (node.isUp) return;
    if (this.#healed) {
      if (node.isRefused) this.#newData(node);
      return node.boot();
    }
    this.#changeDisk(node);
    if (random.chance(plan.bootIn1970) && !nodes.some(({ clock }) => clock.isWild)) {
      count('booted in 1970');
      node.clock.goWild(node.clock.nowMs() > START_MS / 2 ? -START_MS : 0, random.between(200, 4_000));
    }
    node.boot();
    const left = this.#loops.get(node.index) ?? 0;
    this.#loops.set(node.index, Math.max(0, left - 1));
    if (left > 0) after(random.below(40), () => node.crash('crash loop'));
  }

  /** Before a restart: the disk may be another one, or show what was on it long ago. */
  #changeDisk(node: SimProcess): void {
    const { random, plan, natureOf, count, trace } = this.#setup;
    if (natureOf(node) === 'old guard' && node.hasBackup && random.chance(0.5)) {
      count('old guard restored');
      trace(node.index, 'is given an old guard');
      node.restoreGuard();
      if (random.chance(OLD_DATA_TOO)) this.#oldData(node);
      return;
    }
    // A disk that lies has lost what recovery looks for; nobody depends on this node.
    if (node.isRefused && (node.isByzantine || this.#isCopied(node))) return this.#newData(node);
    if (node.isByzantine || !this.#isCopied(node)) return;
    if (this.#canLoseGuard() && random.chance(plan.loseGuard)) {
      count('guard lost');
      trace(node.index, 'has lost its guard');
      node.guard.lose();
      if (random.chance(0.5)) this.#newData(node);
      return;
    }
    if (random.chance(plan.wipe)) return this.#newData(node);
    if (node.hasBackup && random.chance(plan.restoreData)) this.#oldData(node);
  }

  /** A validator without guard signs nothing for a while: the others must be a quorum without it and without the faulty ones. */
  #canLoseGuard(): boolean {
    const { nodes } = this.#setup;
    const keys = new Set(nodes.map(({ key }) => key));
    const away = new Set(nodes.filter(({ isByzantine, guard }) => isByzantine || guard.isLost).map(({ key }) => key));
    return 3 * (away.size + 1) < keys.size;
  }

  #newData(node: SimProcess): void {
    const { count, trace, heights, forget } = this.#setup;
    count('wiped');
    trace(node.index, 'has lost its data folder');
    node.wipe();
    heights.set(node.index, 0);
    forget(node);
  }

  #oldData(node: SimProcess): void {
    const { count, trace, heights, forget } = this.#setup;
    count('old data restored');
    trace(node.index, 'is given an old data folder');
    node.restoreData();
    heights.set(node.index, this.#backupHeights.get(node.index) ?? 0);
    forget(node);
  }

  /**
   * What this node has on disk, all other correct ones have too, and one at least each block that is not decided yet: losing it
   * loses nothing. The last copy of a block that somebody is
   * locked on is never damaged: that is a run that must halt (consensus page §2.2).
   */
  #isCopied(node: SimProcess): boolean {
    const { nodes, heights } = this.#setup;
    const height = heights.get(node.index) ?? 0;
    const others = nodes.filter((other) => other !== node && !other.isByzantine);
    const undecided = node.disks.blocks.keys(bodyKey(height + 1, new Uint8Array(0)), BODIES_END);
    return others.length > 0 && others.every((other) => (heights.get(other.index) ?? 0) >= height)
      && undecided.every((key) => others.some((other) => other.disks.blocks.durable(key) !== undefined));
  }

  #startProcessFaults(): void {
    const { random, plan, nodes, count, trace } = this.#setup;
    this.every(plan.crashEveryMs, () => random.pick(nodes).crash('power cut'));
    this.every(plan.killAllEveryMs, () => {
      for (const node of nodes) node.crash('power cut of all');
    });
    this.every(plan.crashLoopEveryMs, () => {
      const node = random.pick(nodes);
      this.#loops.set(node.index, random.between(2, LOOP_TIMES_MAX));
      node.crash('crash loop');
    });
    this.every(plan.pauseEveryMs, () => {
      count('paused');
      const node = random.pick(nodes);
      const ms = random.between(50, random.chance(0.2) ? 10_000 : 1_000);
      trace(node.index, `is paused for ${ms} ms`);
      node.pause(ms);
    });
  }

  #startDiskFaults(): void {
    const { random, plan, nodes, count, trace, heights, natureOf } = this.#setup;
    const needsBackups = plan.restoreData > 0 || nodes.some((node) => natureOf(node) === 'old guard');
    this.every(needsBackups ? BACKUP_MS : 0, () => {
      const node = random.pick(nodes);
      node.backUp();
      this.#backupHeights.set(node.index, heights.get(node.index) ?? 0);
    });
    this.every(plan.diskFullEveryMs, () => {
      const node = random.pick(nodes);
      const ms = random.between(500, 6_000);
      count('disk full');
      trace(node.index, `has no room on its disk for ${ms} ms`);
      node.fillDisk(ms);
    });
    this.every(plan.flipEveryMs, () => {
      const node = nodes[this.#damagedIndex]!;
      const where = node.damageValue(random);
      if (where === undefined) return;
      count('stored value damaged');
      trace(node.index, `has a damaged value in its ${where} database`);
    });
    this.every(plan.guardDamageEveryMs, () => {
      const node = random.pick(nodes);
      if (!node.guard.damageSector(random)) return;
      count('guard sector damaged');
      trace(node.index, 'has a damaged sector in its guard file');
    });
  }

  #misstep({ clock, index }: SimProcess): void {
    const { random, plan, nodes, count, trace } = this.#setup;
    const kind = random.pick(['clock stepped', 'clock frozen', 'clock hours off'] as const);
    const isWild = nodes.some((node) => node.clock.isWild);
    if (kind === 'clock hours off' && isWild) return;
    count(kind);
    trace(index, kind);
    // Two precisions at most where all may do it at once, hours for one at a time.
    if (kind === 'clock stepped') clock.stepTo(random.between(-Math.max(plan.clockOffsetMs, 100), Math.max(plan.clockOffsetMs, 100)));
    else if (kind === 'clock frozen') clock.freeze(random.between(50, 4_000));
    else clock.goWild(random.pick([-1, 1]) * random.between(HOUR_MS, 30 * HOUR_MS), random.between(500, 6_000));
  }

  #partition(): void {
    const { links, random, nodes, count, trace } = this.#setup;
    if (links.isPartitioned && random.chance(HEAL_CHANCE)) {
      trace(-1, 'the partition heals');
      return links.endPartition();
    }
    count('partition');
    const alone = random.below(nodes.length);
    const parts = random.chance(0.2) ? 3 : 2;
    const sides = random.chance(0.5) ? nodes.map((_, i) => (i === alone ? 1 : 0)) : nodes.map(() => random.below(parts));
    const oneWay = random.chance(0.3);
    if (oneWay) count('partition one way');
    trace(-1, `partition ${sides.join('')}${oneWay ? ', one way' : ''}`);
    links.partition(sides, oneWay);
  }
}
