/** Offences this node has seen and no block holds yet (consensus page §1.12): they go into the next block it proposes. */
import { BLOCK_MAX_EVIDENCE, offenceIn, toHex, type Chain, type Tip } from '@billcoin/protocol';

/** Pieces that wait: four full blocks; an offender needs one. */
const PENDING_MAX = 4 * BLOCK_MAX_EVIDENCE;
/** Offences in blocks that are remembered, so that seeing them again proposes nothing. */
const SETTLED_MAX = 1_024;

export class EvidencePool {
  readonly #chain: Chain;
  /** By hex of the bytes; of heights that are not final yet, too. */
  readonly #pending = new Map<string, Uint8Array>();
  readonly #settled = new Set<string>();

  constructor(chain: Chain) {
    this.#chain = chain;
  }

  add(evidence: Uint8Array): void {
    if (this.#pending.size < PENDING_MAX) this.#pending.set(toHex(evidence), evidence);
  }

  /** What the block after `tip` may hold: one piece an offence. */
  offer(tip: Tip): readonly Uint8Array[] {
    const offered = new Map<string, Uint8Array>();
    for (const evidence of this.#pending.values()) {
      const key = offenceIn(this.#chain, tip, evidence)?.key;
      if (key !== undefined && !this.#settled.has(key) && offered.size < BLOCK_MAX_EVIDENCE) offered.set(key, evidence);
    }
    return [...offered.values()];
  }

  hasWork(tip: Tip): boolean {
    return this.#pending.size > 0 && this.offer(tip).length > 0;
  }

  /** A block after `tip` is final. */
  settle(tip: Tip, evidence: readonly Uint8Array[]): void {
    for (const bytes of evidence) {
      const key = offenceIn(this.#chain, tip, bytes)?.key;
      if (key !== undefined) this.#settled.add(key);
    }
    for (const [id, bytes] of this.#pending) {
      const key = offenceIn(this.#chain, tip, bytes)?.key;
      if (key !== undefined && this.#settled.has(key)) this.#pending.delete(id);
    }
    for (const oldest of this.#settled) {
      if (this.#settled.size <= SETTLED_MAX) break;
      this.#settled.delete(oldest);
    }
  }
}
