/** Pending transactions that would fail now: parked, they are offered to no block until the state has changed for them. */
import type { ParsedTx } from '@billcoin/protocol';
import type { Pool } from './pool.ts';

export class Parking {
  readonly #pool: Pool;
  readonly #perBlock: number;
  /** Arrival of the one that was checked last; −1 begins with the oldest. */
  #checked = -1;

  /** @param perBlock how many are checked again after a block */
  constructor(pool: Pool, perBlock: number) {
    this.#pool = pool;
    this.#perBlock = perBlock;
  }

  /** After a build: what was offered and left out although there was room would fail now. */
  leftOut(offered: readonly ParsedTx[], included: readonly ParsedTx[]): void {
    const taken = new Set(included.map((tx) => tx.txHash));
    for (const tx of offered) {
      const entry = taken.has(tx.txHash) ? undefined : this.#pool.get(tx.txHash);
      if (entry !== undefined) this.#pool.setParked(entry, true);
    }
  }

  /** After a block. Goes on where the last one stopped: a crowd that keeps failing must not keep those behind it waiting. */
  recheck(succeeds: (tx: ParsedTx) => boolean): void {
    if (this.#pool.parkedCount === 0) return;
    let left = this.#perBlock;
    for (const entry of this.#pool.entries()) {
      if (!entry.parked || entry.arrival <= this.#checked) continue;
      if (left-- === 0) return;
      this.#checked = entry.arrival;
      if (succeeds(entry.tx)) this.#pool.setParked(entry, false);
    }
    this.#checked = -1;
  }
}
