/**
 * Blocks of the height in progress: their bytes, what executing them gave, and whether they are on disk. Speculative
 * executions share the state tree; those that are not decided give their version back when the height ends.
 */
import { applyBlock, applyDecoded, assert, bytesOfHex, toHex, type Chain, type DecodedBlock, type Executed, type ParsedTx, type Tip } from '@billcoin/protocol';

/**
 * Blocks of one height held whole: two of each of the last eight rounds. Beyond that the oldest that is on disk keeps
 * its verdict only, and is read and executed again if it is wanted after all.
 */
export const BLOCKS_WHOLE_MAX = 16;
/** Blocks that came before the core asked for them, one a peer: a block follows its proposal on the same stream. */
const EARLY_MAX = 64;
/** Bodies asked for again at once; the rest at the next Status. */
const MISSING_MAX = 8;

type Verdict = { readonly valid: true; executed: Executed | undefined } | { readonly valid: false; readonly why: string };

interface Held {
  readonly height: number;
  /** Undefined: not here yet, found invalid, or let go to the disk. */
  blockBytes: Uint8Array | undefined;
  /** From its coming to its verdict; it shares the memory of the bytes. */
  decoded: DecodedBlock | undefined;
  verdict: Verdict | undefined;
  /** Its transactions by leaf hash, once another block of the height asks for them; gone with the execution. */
  byLeaf: ReadonlyMap<string, ParsedTx> | undefined;
  /** Resolves when the body is on disk. */
  durable: Promise<void> | undefined;
  isDurable: boolean;
}

export type SaveBody = (height: number, blockId: Uint8Array, blockBytes: Uint8Array) => Promise<void>;
export type ReadBody = (height: number, blockId: Uint8Array) => Promise<Uint8Array | undefined>;

export interface BlockDisk {
  readonly saveBody: SaveBody;
  readonly readBody: ReadBody;
}

/** What the core is told of a block. */
export interface BlockVerdict {
  readonly valid: boolean;
  readonly why: string;
}

export class BlocksInHand {
  readonly #chain: Chain;
  readonly #disk: BlockDisk;
  /** By id, in order of first mention; bounded by the core, which holds at most two blocks a round. */
  readonly #held = new Map<string, Held>();
  readonly #early = new Map<string, { readonly id: string; readonly decoded: DecodedBlock }>();

  constructor(chain: Chain, disk: BlockDisk) {
    // PERF: a proposal of a further round brings mostly what an earlier one brought. Parsed once, its signatures are known too.
    this.#chain = { ...chain, parsed: (leafHash) => chain.parsed?.(leafHash) ?? this.#parsed(toHex(leafHash)) };
    this.#disk = disk;
  }

  /** Takes over a block this node has built and executed; the same block built again changes nothing. */
  putBuilt(executed: Executed): void {
    const id = toHex(executed.blockId);
    if (this.#held.has(id)) return this.#chain.tree.release(executed.treeVersion);
    this.#held.set(id, { height: executed.header.height, blockBytes: executed.blockBytes, decoded: undefined, verdict: { valid: true, executed }, byLeaf: undefined, durable: undefined, isDurable: false });
  }

  /** Takes bodies of the height after `tip` that were found on disk; those count again that execute. */
  takeFromDisk(bodies: readonly { readonly blockId: Uint8Array; readonly blockBytes: Uint8Array }[], tip: Tip): readonly { readonly id: string; readonly header: Uint8Array }[] {
    return bodies.flatMap(({ blockId, blockBytes }) => {
      const id = toHex(blockId);
      if (!this.#held.has(id)) this.#held.set(id, { height: tip.height + 1, blockBytes, decoded: undefined, verdict: undefined, byLeaf: undefined, durable: Promise.resolve(), isDurable: true });
      const header = this.judge(id, tip)?.valid === true ? this.headerOf(id) : undefined;
      // Many rounds without a decision leave more of them than memory is meant for.
      this.#letGo([]);
      return header === undefined ? [] : [{ id, header }];
    });
  }

  /** The core wants to know about a block: its verdict if the body is here, else it is waited for. */
  want(id: string, tip: Tip): BlockVerdict | undefined {
    if (!this.#held.has(id)) this.#held.set(id, { height: tip.height + 1, blockBytes: undefined, decoded: undefined, verdict: undefined, byLeaf: undefined, durable: undefined, isDurable: false });
    for (const [peer, early] of this.#early) {
      if (early.id !== id) continue;
      this.#early.delete(peer);
      return this.take(peer, id, early.decoded, tip);
    }
    return this.judge(id, tip);
  }

  /** A body from a peer, already known to fit its header. The verdict, where the core waits for it. */
  take(from: string, id: string, decoded: DecodedBlock, tip: Tip): BlockVerdict | undefined {
    const held = this.#held.get(id);
    if (held === undefined) {
      this.#early.delete(from); // put again it counts as new
      this.#early.set(from, { id, decoded });
      const [oldest] = this.#early.keys();
      if (this.#early.size > EARLY_MAX && oldest !== undefined) this.#early.delete(oldest);
      return undefined;
    }
    if (this.has(id)) return undefined;
    held.blockBytes = decoded.blockBytes;
    held.decoded = decoded;
    return this.judge(id, tip);
  }

  /** A block whose body is here, or was found wanting. */
  has(id: string): boolean {
    const held = this.#held.get(id);
    return held !== undefined && (held.blockBytes !== undefined || held.verdict !== undefined);
  }

  /** The verdict on a block, executing it the first time; undefined while its body is not here. */
  judge(id: string, tip: Tip): BlockVerdict | undefined {
    const held = this.#held.get(id);
    if (held === undefined) return undefined;
    if (held.verdict === undefined && held.blockBytes !== undefined) {
      held.verdict = this.#execute(id, held.decoded ?? held.blockBytes, tip);
      held.decoded = undefined;
      if (!held.verdict.valid) held.blockBytes = undefined;
    }
    const { verdict } = held;
    return verdict === undefined ? undefined : { valid: verdict.valid, why: verdict.valid ? '' : verdict.why };
  }

  /** Ids of blocks that are waited for. */
  missing(): readonly { readonly id: string; readonly height: number }[] {
    const missing: { id: string; height: number }[] = [];
    for (const [id, { verdict, height }] of this.#held) if (verdict === undefined && missing.length < MISSING_MAX) missing.push({ id, height });
    return missing;
  }

  headerOf(id: string): Uint8Array | undefined {
    const verdict = this.#held.get(id)?.verdict;
    return verdict?.valid === true ? verdict.executed?.headerBytes : undefined;
  }

  /** Bytes of a block found valid, from memory or disk. */
  async bytesOf(id: string): Promise<Uint8Array | undefined> {
    const held = this.#held.get(id);
    if (held?.verdict?.valid !== true) return undefined;
    return held.blockBytes ?? this.#disk.readBody(held.height, bytesOfHex(id));
  }

  /** Starts the synced put of a body once. Whoever needs it durable waits with `durable`. `keep` are not let go to the disk. */
  save(id: string, keep: readonly string[]): void {
    const held = this.#held.get(id);
    assert(held !== undefined, `block ${id} is in hand when it is saved`);
    if (held.durable !== undefined) return;
    const { verdict, blockBytes } = held;
    assert(verdict?.valid === true && blockBytes !== undefined, 'only valid blocks are saved');
    held.durable = this.#disk.saveBody(held.height, bytesOfHex(id), blockBytes).then(() => {
      held.isDurable = true;
    });
    held.durable.catch(() => undefined); // the store has reported it; whoever waits in `durable` gets it too
    this.#letGo([id, ...keep]);
  }

  async durable(id: string): Promise<void> {
    const held = this.#held.get(id);
    assert(held?.durable !== undefined, `block ${id} was saved before something needs it durable`);
    await held.durable;
  }

  /** Bodies of the height that are on disk or on their way there. */
  get savedCount(): number {
    let count = 0;
    for (const { durable } of this.#held.values()) if (durable !== undefined) count += 1;
    return count;
  }

  /** Blocks held whole. */
  get wholeCount(): number {
    let count = 0;
    for (const { blockBytes } of this.#held.values()) if (blockBytes !== undefined) count += 1;
    return count;
  }

  /** The decided block; every other one of its height is forgotten and its tree version released. */
  async takeDecided(id: string, tip: Tip): Promise<Executed> {
    const held = this.#held.get(id);
    assert(held?.verdict?.valid === true, 'a decided block is in hand and valid');
    const executed = held.verdict.executed ?? await this.#again(id, held, tip);
    held.verdict.executed = undefined;
    for (const other of this.#held.values()) this.#release(other);
    this.#held.clear();
    // Up to a MiB each that nobody will ever ask for: what came early was of this height or the next.
    for (const [peer, { decoded }] of this.#early) if (decoded.header.height <= executed.header.height) this.#early.delete(peer);
    return executed;
  }

  /** Reads and executes a block that was let go. */
  async #again(id: string, held: Held, tip: Tip): Promise<Executed> {
    const blockBytes = await this.#disk.readBody(held.height, bytesOfHex(id));
    assert(blockBytes !== undefined, 'a block that was let go is on disk');
    const verdict = this.#execute(id, blockBytes, tip);
    assert(verdict.valid && verdict.executed !== undefined, 'a verdict is a function of the block');
    return verdict.executed;
  }

  #execute(id: string, block: DecodedBlock | Uint8Array, tip: Tip): Verdict {
    const verdict = block instanceof Uint8Array ? applyBlock(this.#chain, tip, block) : applyDecoded(this.#chain, tip, block);
    if (!verdict.ok) return { valid: false, why: verdict.fault.code === 'invalid_block' ? `${verdict.fault.field} ${verdict.fault.why}` : verdict.fault.code };
    if (toHex(verdict.value.blockId) === id) return { valid: true, executed: verdict.value };
    this.#chain.tree.release(verdict.value.treeVersion);
    return { valid: false, why: 'its header has another id' };
  }

  #letGo(keep: readonly string[]): void {
    let whole = this.wholeCount;
    for (const [id, held] of this.#held) {
      if (whole <= BLOCKS_WHOLE_MAX) return;
      if (held.blockBytes === undefined || !held.isDurable || keep.includes(id)) continue;
      this.#release(held);
      held.blockBytes = undefined;
      whole -= 1;
    }
  }

  #release(held: Held): void {
    const { verdict } = held;
    if (verdict?.valid !== true || verdict.executed === undefined) return;
    this.#chain.tree.release(verdict.executed.treeVersion);
    verdict.executed = undefined;
    held.byLeaf = undefined;
  }

  /** A transaction of a valid block that is held whole. */
  #parsed(leaf: string): ParsedTx | undefined {
    for (const held of this.#held.values()) {
      if (held.verdict?.valid !== true || held.verdict.executed === undefined) continue;
      held.byLeaf ??= new Map(held.verdict.executed.txs.map((tx) => [toHex(tx.leafHash), tx]));
      const tx = held.byLeaf.get(leaf);
      if (tx !== undefined) return tx;
    }
    return undefined;
  }
}
