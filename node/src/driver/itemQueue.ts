/** What waits for the driver's loop (consensus page §1.6): one item after the other, bounded for each peer and as a whole. */
import { assert, type Input } from '@billcoin/protocol';
import type { BuildValue } from './building.ts';
import type { ConsensusMessage } from './driverDeps.ts';

/** What waits for the loop: PEER_INPUTS_MAX of each of 64 peers, and as much again of this node, which the core's own effects bound. */
const INPUTS_MAX = 131_072;
/** Messages of one peer that wait: two full rounds at 50 validators. What does not fit is dropped; Status brings it again. */
export const PEER_INPUTS_MAX = 1_024;

export interface PeerItem {
  readonly kind: 'peer';
  readonly from: string;
  readonly message: ConsensusMessage;
  readonly atMs: number;
}

export type DriverItem =
  | { readonly kind: 'input'; readonly input: Input }
  | PeerItem
  | { readonly kind: 'build'; readonly effect: BuildValue }
  | { readonly kind: 'start' }
  | { readonly kind: 'status' };

export class ItemQueue {
  readonly #handle: (item: DriverItem) => Promise<void>;
  readonly #fail: (error: unknown) => void;
  readonly #items: DriverItem[] = [];
  /** Items of each peer that has any. */
  readonly #ofPeer = new Map<string, number>();
  #running: Promise<void> | undefined;
  #isStopped = false;

  /** @param fail takes what `handle` throws: the loop has ended then */
  constructor(handle: (item: DriverItem) => Promise<void>, fail: (error: unknown) => void) {
    this.#handle = handle;
    this.#fail = fail;
  }

  get size(): number {
    return this.#items.length;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Behind all others. */
  add(item: DriverItem): void {
    if (this.#isStopped) return;
    assert(this.#items.length < INPUTS_MAX, 'inputs of this node and of its peers are bounded');
    this.#count(item, 1);
    this.#items.push(item);
    this.#running ??= this.#run();
  }

  /** A message of a peer; dropped where too many of this peer wait. */
  addOfPeer(item: PeerItem): void {
    if ((this.#ofPeer.get(item.from) ?? 0) < PEER_INPUTS_MAX) this.add(item);
  }

  /** Ahead of all others: an item that is being handled says what comes next. */
  addFirst(...items: readonly DriverItem[]): void {
    for (const item of items) this.#count(item, 1);
    this.#items.unshift(...items);
  }

  /** No further item is handled. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Resolves when the item that is being handled is done. */
  async settled(): Promise<void> {
    await this.#running;
  }

  #count(item: DriverItem, change: 1 | -1): void {
    if (item.kind !== 'peer') return;
    const count = (this.#ofPeer.get(item.from) ?? 0) + change;
    if (count === 0) this.#ofPeer.delete(item.from);
    else this.#ofPeer.set(item.from, count);
  }

  async #run(): Promise<void> {
    // The caller goes on first: an effect never runs inside somebody else's call.
    await Promise.resolve();
    try {
      for (let item = this.#items.shift(); item !== undefined && !this.#isStopped; item = this.#items.shift()) {
        this.#count(item, -1);
        await this.#handle(item);
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#running = undefined;
  }
}
