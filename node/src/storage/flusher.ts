/**
 * Writes state and index behind the chain (consensus page §1.10): one synced batch per ≤ 64 blocks or ≤ 1 s. The index is
 * made durable first, so that it never ends below the state and a replay fills it again.
 */
import { toHex, type ByteChange, type Tip, type TreeVersion } from '@billcoin/protocol';
import type { FinalBlock, Timers } from '../ports.ts';
import type { ChainIndex } from './chainIndex.ts';
import type { StateStore } from './stateStore.ts';

/** Blocks in one flush; also what a crash makes a node replay. */
export const FLUSH_BLOCKS = 64;
/** Longest time a change stays in memory only. */
export const FLUSH_MS = 1_000;
/** Unflushed blocks at which the chain waits for the disk: bounds memory when the disk is slow. */
const UNFLUSHED_MAX = 4 * FLUSH_BLOCKS;

export interface FlusherDeps {
  readonly state: StateStore;
  readonly index: ChainIndex;
  readonly timers: Timers;
  readonly stateRoot: (version: TreeVersion) => Uint8Array;
  /** Of the last flush on disk, and the set stored with it. */
  readonly flushNo: number;
  readonly validatorsSince: number;
}

export class Flusher {
  readonly #deps: FlusherDeps;
  readonly #changes = new Map<string, ByteChange>();
  #tip: Tip | undefined;
  #root: Uint8Array = new Uint8Array(0);
  #unflushed = 0;
  #inPending = 0;
  #flushNo: number;
  #since: number;
  #cancelTimer: (() => void) | undefined;
  #running: Promise<void> = Promise.resolve();
  #failure: unknown;

  constructor(deps: FlusherDeps) {
    this.#deps = deps;
    this.#flushNo = deps.flushNo;
    this.#since = deps.validatorsSince;
  }

  /** Takes over what a final block changed. Waits only while the disk is far behind; throws if an earlier write failed. */
  async add(block: FinalBlock, changes: readonly ByteChange[], tip: Tip): Promise<void> {
    if (this.#failure !== undefined) throw new Error('An earlier block was not written.', { cause: this.#failure });
    for (const change of changes) this.#changes.set(toHex(change.key), change);
    this.#tip = tip;
    this.#root = this.#deps.stateRoot(tip.treeVersion);
    this.#unflushed += 1;
    this.#inPending += 1;
    this.#behind(this.#deps.index.append(block, changes));
    if (this.#inPending >= FLUSH_BLOCKS) this.#behind(this.flush());
    else this.#cancelTimer ??= this.#deps.timers.after(FLUSH_MS, () => this.#behind(this.flush()));
    if (this.#unflushed > UNFLUSHED_MAX) await this.#running;
  }

  /** Everything added so far is on disk when it resolves. */
  async flush(): Promise<void> {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const before = this.#running;
    const mine = (async () => {
      await before;
      await this.#write();
    })();
    this.#running = mine;
    await mine;
  }

  async #write(): Promise<void> {
    const tip = this.#tip;
    if (tip === undefined || this.#inPending === 0) return;
    const blocks = this.#inPending;
    const changes = [...this.#changes.values()];
    const mark = { height: tip.height, blockId: tip.blockId, stateRoot: this.#root, flushNo: this.#flushNo + 1 };
    const set = tip.validatorsSince === this.#since ? undefined : { since: tip.validatorsSince, validators: tip.validators };
    this.#changes.clear();
    this.#inPending = 0;
    await this.#deps.index.sync();
    await this.#deps.state.flush(changes, mark, set);
    this.#flushNo += 1;
    this.#since = tip.validatorsSince;
    this.#unflushed -= blocks;
  }

  /** Nobody waits for it. The store reports a failure and the node stops; remembered so that nothing is added on top. */
  #behind(work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.#failure ??= error;
    });
  }
}
