/**
 * Offences this node has seen and no block holds yet (consensus page §1.12): they go into the next block it proposes. What
 * waits is also on disk (`e/<id>`), so a restart forgets no offence.
 */
import { BLOCK_MAX_EVIDENCE, offenceIn, sha256, toHex, type Chain, type Tip } from '@billcoin/protocol';

/** Pieces that wait, in memory and on disk: four full blocks; an offender needs one. At most 2 MiB. */
export const PENDING_EVIDENCE_MAX = 4 * BLOCK_MAX_EVIDENCE;
/** Offences in blocks that are remembered, so that seeing them again proposes nothing. */
const SETTLED_MAX = 1_024;
/**
 * Blocks after which a piece that proves nothing is dropped. It is of a height in progress when it comes, so two blocks make
 * its height final; what proves nothing then never will: its validator was punished already, and may go on double voting
 * until the stake epoch ends, or it is too old. Kept, such pieces would fill the pool for good and shut out other offences.
 */
const IDLE_HEIGHTS = 3;
/** Attacks without offender that are remembered, so that the same bytes alarm once. */
const ATTACKS_MAX = 256;

export interface EvidenceDisk {
  /** Durable when it resolves. */
  saveEvidence(evidence: Uint8Array): Promise<void>;
  /** Need not be durable: what comes back after a crash is dropped again. */
  dropEvidence(evidence: readonly Uint8Array[]): Promise<void>;
}

export class EvidencePool {
  readonly #chain: Chain;
  readonly #disk: EvidenceDisk;
  /** By hex of the bytes; of heights that are not final yet, too. */
  readonly #pending = new Map<string, Uint8Array>();
  readonly #settled = new Set<string>();
  readonly #attacks = new Set<string>();
  /** Height from which on a piece may be dropped, by hex of its bytes. */
  readonly #idleFrom = new Map<string, number>();

  /** @param stored what was found on disk */
  constructor(chain: Chain, disk: EvidenceDisk, stored: readonly Uint8Array[]) {
    this.#chain = chain;
    this.#disk = disk;
    for (const evidence of stored) this.#pending.set(toHex(evidence), evidence);
  }

  /** Durable when it resolves with true; false: it is there already, or there is no room. */
  async add(evidence: Uint8Array): Promise<boolean> {
    const id = toHex(evidence);
    if (this.#pending.size >= PENDING_EVIDENCE_MAX || this.#pending.has(id)) return false;
    this.#pending.set(id, evidence);
    await this.#disk.saveEvidence(evidence);
    return true;
  }

  /** An attack that no block can hold: true the first time, so that it is alarmed once. */
  recordAttack(evidence: Uint8Array): boolean {
    const id = toHex(sha256(evidence));
    if (this.#attacks.has(id)) return false;
    this.#attacks.add(id);
    const [oldest] = this.#attacks;
    if (this.#attacks.size > ATTACKS_MAX && oldest !== undefined) this.#attacks.delete(oldest);
    return true;
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
  async settle(tip: Tip, evidence: readonly Uint8Array[]): Promise<void> {
    for (const bytes of evidence) {
      const key = offenceIn(this.#chain, tip, bytes)?.key;
      if (key !== undefined) this.#settled.add(key);
    }
    const gone: Uint8Array[] = [];
    for (const [id, bytes] of this.#pending) {
      const key = offenceIn(this.#chain, tip, bytes)?.key;
      const idleFrom = this.#idleFrom.get(id) ?? tip.height + IDLE_HEIGHTS;
      this.#idleFrom.set(id, idleFrom);
      if (key === undefined ? tip.height < idleFrom : !this.#settled.has(key)) continue;
      this.#pending.delete(id);
      this.#idleFrom.delete(id);
      gone.push(bytes);
    }
    for (const oldest of this.#settled) {
      if (this.#settled.size <= SETTLED_MAX) break;
      this.#settled.delete(oldest);
    }
    if (gone.length > 0) await this.#disk.dropEvidence(gone);
  }
}
