/**
 * The state after the newest blocks, for proofs (SPEC §8.3). The tree keeps a version for each; the flat state holds only
 * the newest rows, so each block notes the rows it replaced, and a row of an earlier height is what the next block that
 * changed it replaced.
 */
import { assert, commitBlock, encode, parseRowKey, type Certificate, type Chain, type Executed, type RowChange, type Tip, type TreeVersion } from '@billcoin/protocol';
import type { ProvenRow } from './ports.ts';

/** Heights that are kept: 20 minutes of an idle chain. Below TREE_VERSIONS_MAX with room for proposals in progress. */
export const STATES_MAX = 120;
/** Memory of what earlier states need beside the newest, about: tree nodes and replaced rows. */
export const STATES_MAX_BYTES = 64 * 2 ** 20;
const NODE_BYTES = 64;
/** A replaced row in memory: the decoded value, its id and its place, measured at some 200 bytes for an account. */
const REPLACED_ROW_BYTES = 256;

interface Kept {
  readonly height: number;
  readonly version: TreeVersion;
  /** Rows that the next block replaced, as they were; empty at the newest height. */
  replaced: readonly RowChange[];
  bytes: number;
}

/** About what a version shares with no other: new nodes a change (see StateTree.update), and the rows it replaced. */
function bytesOf(changes: number, rows: number): number {
  const nodes = changes === 0 ? 0 : changes * (Math.max(0, Math.log2(Math.max(1, rows) / changes)) + 2);
  return Math.ceil(nodes) * NODE_BYTES + changes * REPLACED_ROW_BYTES;
}

export class RecentStates {
  readonly #chain: Chain;
  /** Heights without a gap, ascending; never empty. */
  readonly #kept: Kept[];
  #bytes = 0;
  #tip: Tip;

  /** Begins with the state of `tip` alone; earlier ones are gone with the process that had them. */
  constructor(chain: Chain, tip: Tip) {
    this.#chain = chain;
    this.#tip = tip;
    this.#kept = [this.#pin(tip)];
  }

  /** `commitBlock`, and keeps the state before it as long as there is room. */
  commit(tip: Tip, executed: Executed, certificate: Certificate): Tip {
    const before = this.#newest();
    assert(tip.height === before.height, 'blocks are committed on the newest state');
    before.replaced = executed.changes.map(({ type, id }) => ({ type, id, value: tip.state.get(type, id) }));
    before.bytes = bytesOf(executed.changes.length, tip.treeVersion.leafCount);
    this.#bytes += before.bytes;
    this.#tip = commitBlock(this.#chain, tip, executed, certificate);
    this.#kept.push(this.#pin(this.#tip));
    this.#forget();
    return this.#tip;
  }

  /** `dropped`: the state of that height is no longer kept. `none`: there is no such block (yet). */
  proveRow(rowKey: Uint8Array, height: number = this.#tip.height): ProvenRow | 'dropped' | 'none' {
    if (height < 1 || height > this.#tip.height) return 'none';
    const at = this.#kept.findIndex((one) => one.height === height);
    const kept = this.#kept[at];
    if (kept === undefined) return 'dropped';
    return { height, proof: this.#chain.tree.prove(kept.version, rowKey), value: this.#valueAt(at, rowKey) };
  }

  /** Heights and memory of what is kept. */
  info(): { readonly oldest: number; readonly states: number; readonly bytes: number } {
    return { oldest: this.#kept[0]!.height, states: this.#kept.length, bytes: this.#bytes };
  }

  /** Gives every version back to the tree. */
  close(): void {
    for (const { version } of this.#kept.splice(0)) this.#chain.tree.release(version);
  }

  #newest(): Kept {
    return this.#kept[this.#kept.length - 1]!;
  }

  /** A handle of our own on the tip's version: the ledger releases its own when the next block comes. */
  #pin(tip: Tip): Kept {
    return { height: tip.height, version: this.#chain.tree.update(tip.treeVersion, []), replaced: [], bytes: 0 };
  }

  #forget(): void {
    while (this.#kept.length > STATES_MAX || (this.#kept.length > 1 && this.#bytes > STATES_MAX_BYTES)) {
      const oldest = this.#kept.shift()!;
      this.#bytes -= oldest.bytes;
      this.#chain.tree.release(oldest.version);
    }
  }

  #valueAt(from: number, rowKey: Uint8Array): Uint8Array | undefined {
    const parsed = parseRowKey(rowKey);
    if (parsed === undefined) return undefined;
    const { type, id } = parsed;
    for (let at = from; at < this.#kept.length; at++) {
      const replaced = this.#kept[at]!.replaced.find((row) => row.type === type && row.id === id);
      if (replaced !== undefined) return replaced.value === undefined ? undefined : encode(type.value, replaced.value);
    }
    const value = this.#tip.state.get(type, id);
    return value === undefined ? undefined : encode(type.value, value);
  }
}
