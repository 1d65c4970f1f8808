/** How the last transactions ended, in memory: answers polls without the disk. Bounded; the oldest are forgotten first. */
import { fromHex } from '@billcoin/protocol';
import type { TxStatus } from '../ports.ts';

export class EndedIds {
  readonly #max: number;
  readonly #byId = new Map<string, TxStatus>();
  /** Of those whose end only this node knows; who sent a final one its block says. */
  readonly #senders = new Map<string, Uint8Array>();

  constructor(max: number) {
    this.#max = max;
  }

  get(txHash: string): TxStatus | undefined {
    return this.#byId.get(txHash);
  }

  senderOf(txHash: string): Uint8Array | undefined {
    return this.#senders.get(txHash);
  }

  /** Notes an end; returns the ids forgotten for it whose end only this node knows (superseded, expired). */
  add(txHash: string, status: TxStatus, sender?: Uint8Array): Uint8Array[] {
    this.#byId.delete(txHash); // an id noted again counts as new
    this.#byId.set(txHash, status);
    if (sender !== undefined) this.#senders.set(txHash, sender);
    const forgotten: Uint8Array[] = [];
    for (const [oldest, end] of this.#byId) {
      if (this.#byId.size <= this.#max) break;
      this.#byId.delete(oldest);
      this.#senders.delete(oldest);
      const txId = end.status === 'final' ? undefined : fromHex(oldest);
      if (txId !== undefined) forgotten.push(txId);
    }
    return forgotten;
  }
}
