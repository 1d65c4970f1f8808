/**
 * Blocks that sync holds are read before their turn: their transactions are parsed, and signatures verified on other
 * threads while this one executes the blocks before them. Only what holds is remembered; what does not is found again when
 * its block is executed, so nothing is believed here.
 */
import { decodeBody, openBlock, parseTx, toHex, type Chain, type FlatState, type ParsedTx } from '@billcoin/protocol';
import { signaturesOf, type VerifyMany } from '../signaturesOf.ts';

/** Transactions read ahead: four full blocks, some 16 MiB. */
export const AHEAD_TXS_MAX = 8_192;
/** Blocks read in one go: the loop stands meanwhile, 20 ms for a full one. */
const BLOCKS_AT_ONCE = 2;
/** Signatures handed over together: several such parts keep a thread at work while the loop executes a full block. */
const PART_ITEMS = 512;

export interface ReadAheadDeps {
  readonly chain: Chain;
  /** After the newest final block: it names the keys of tills. */
  readonly state: () => FlatState;
  /** Verifies on other threads, and has the verifier of the chain remember what holds. */
  readonly verify: VerifyMany;
  readonly txsMax?: number;
}

export class ReadAhead {
  readonly #deps: ReadAheadDeps;
  readonly #byLeaf = new Map<string, ParsedTx>();
  /** Leaf hashes of what was read, by height. */
  readonly #read = new Map<number, readonly string[]>();
  #next = 0;

  constructor(deps: ReadAheadDeps) {
    this.#deps = deps;
  }

  /** A transaction of a block that was read, as `Chain.parsed` asks for it. */
  byLeaf(leafHash: Uint8Array): ParsedTx | undefined {
    return this.#byLeaf.size === 0 ? undefined : this.#byLeaf.get(toHex(leafHash));
  }

  /** The block of `height` is executed now; those above it are read as far as they are held and fit. */
  after(height: number, held: (height: number) => Uint8Array | undefined): void {
    for (const [done, leaves] of this.#read) {
      if (done >= height) break;
      for (const leaf of leaves) this.#byLeaf.delete(leaf);
      this.#read.delete(done);
    }
    this.#next = Math.max(this.#next, height + 1);
    for (let blocks = 0; blocks < BLOCKS_AT_ONCE && this.#byLeaf.size < (this.#deps.txsMax ?? AHEAD_TXS_MAX); blocks++) {
      const blockBytes = held(this.#next);
      if (blockBytes === undefined) return;
      this.#readBlock(this.#next++, blockBytes);
    }
  }

  #readBlock(height: number, blockBytes: Uint8Array): void {
    const opened = openBlock(blockBytes);
    const decoded = opened.ok ? decodeBody(opened.value) : opened;
    const txs = decoded.ok ? decoded.value.body.txs : [];
    const parsed = txs.flatMap((bytes) => {
      const tx = parseTx(this.#deps.chain, bytes);
      return tx.ok ? [tx.value] : [];
    });
    const leaves = parsed.map(({ leafHash }) => toHex(leafHash));
    this.#read.set(height, leaves);
    parsed.forEach((tx, i) => this.#byLeaf.set(leaves[i] as string, tx));
    const state = this.#deps.state();
    const items = parsed.flatMap((tx) => signaturesOf(state, tx));
    for (let from = 0; from < items.length; from += PART_ITEMS) {
      // Where it fails, a thread is gone or the node stops: the block is verified all the same when it is executed.
      this.#deps.verify(items.slice(from, from + PART_ITEMS)).catch(() => undefined);
    }
  }
}
