/**
 * Blocks of the height in progress: their bytes, what executing them gave, and whether they are on disk. Speculative
 * executions share the state tree; those that are not decided give their version back when the height ends.
 */
import { applyBlock, assert, toHex, type Chain, type Executed, type Tip } from '@billcoin/protocol';

/** Blocks of one height that are held: at most two proposals a round count, and rounds above the lock. */
const BLOCKS_MAX = 32;

interface Held {
  readonly blockBytes: Uint8Array;
  verdict: { readonly valid: true; readonly executed: Executed } | { readonly valid: false; readonly why: string } | undefined;
  durable: Promise<void> | undefined;
}

export type SaveBody = (height: number, blockId: Uint8Array, blockBytes: Uint8Array) => Promise<void>;

export class BlocksInHand {
  readonly #chain: Chain;
  readonly #saveBody: SaveBody;
  readonly #held = new Map<string, Held>();

  constructor(chain: Chain, saveBody: SaveBody) {
    this.#chain = chain;
    this.#saveBody = saveBody;
  }

  /** Takes over a block this node has built and executed; the same block built again changes nothing. */
  putBuilt(executed: Executed): void {
    const id = toHex(executed.blockId);
    if (this.#held.has(id)) return this.#chain.tree.release(executed.treeVersion);
    this.#held.set(id, { blockBytes: executed.blockBytes, verdict: { valid: true, executed }, durable: undefined });
  }

  /** Takes a block's bytes from a peer or from disk; false where there is no more room. */
  putBytes(id: string, blockBytes: Uint8Array, onDisk: boolean): boolean {
    if (this.#held.has(id)) return true;
    if (this.#held.size >= BLOCKS_MAX) return false;
    this.#held.set(id, { blockBytes, verdict: undefined, durable: onDisk ? Promise.resolve() : undefined });
    return true;
  }

  bytesOf(id: string): Uint8Array | undefined {
    return this.#held.get(id)?.blockBytes;
  }

  /** The verdict on a block, executing it the first time; undefined while its body is not here. */
  judge(id: string, tip: Tip): { readonly valid: true; readonly executed: Executed } | { readonly valid: false; readonly why: string } | undefined {
    const held = this.#held.get(id);
    if (held === undefined) return undefined;
    if (held.verdict === undefined) {
      const verdict = applyBlock(this.#chain, tip, held.blockBytes);
      if (verdict.ok) {
        const own = toHex(verdict.value.blockId) === id;
        if (!own) this.#chain.tree.release(verdict.value.treeVersion);
        held.verdict = own ? { valid: true, executed: verdict.value } : { valid: false, why: 'its header has another id' };
      } else {
        held.verdict = { valid: false, why: verdict.fault.code === 'invalid_block' ? `${verdict.fault.field} ${verdict.fault.why}` : verdict.fault.code };
      }
    }
    return held.verdict;
  }

  /** Starts the synced put of a body once. Whoever needs it durable waits with `durable`. */
  save(id: string, height: number): void {
    const held = this.#held.get(id);
    assert(held !== undefined, `block ${id} is in hand when it is saved`);
    if (held.durable !== undefined) return;
    const { verdict } = held;
    assert(verdict?.valid === true, 'only valid blocks are saved');
    held.durable = this.#saveBody(height, verdict.executed.blockId, held.blockBytes);
    held.durable.catch(() => undefined); // the store has reported it; whoever waits in `durable` gets it too
  }

  async durable(id: string): Promise<void> {
    const held = this.#held.get(id);
    assert(held?.durable !== undefined, `block ${id} was saved before something needs it durable`);
    await held.durable;
  }

  /** More than one body of the height is on disk or on its way there. */
  get savedCount(): number {
    return [...this.#held.values()].filter((held) => held.durable !== undefined).length;
  }

  /** The decided block; every other one is forgotten and its tree version released. */
  takeDecided(id: string): Executed {
    const decided = this.#held.get(id)?.verdict;
    assert(decided?.valid === true, 'a decided block is in hand and valid');
    for (const [other, { verdict }] of this.#held) if (other !== id && verdict?.valid === true) this.#chain.tree.release(verdict.executed.treeVersion);
    this.#held.clear();
    return decided.executed;
  }
}
