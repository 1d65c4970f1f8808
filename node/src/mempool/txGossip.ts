/** Transactions between peers (consensus page §1.13): what comes goes through the same door as a client's, what stays pending is offered again. */
import { parseTx, peerMessages, type Chain, type ParsedTx } from '@billcoin/protocol';
import type { Network, Timers } from '../ports.ts';

/** Between two offers of the same pending transactions: what got lost on the way keeps nobody waiting for long. */
export const OFFER_AGAIN_MS = 1_000;
/** What is pending for longer has missed several blocks, also under load: it may have got lost, and is offered again by whoever promised it. */
const OVERDUE_MS = 1_000;
/**
 * After a push further ones wait so long and go together: a fifth of the least time between two blocks. The first after a
 * pause waits for nothing. A push costs each end a packet and an acknowledgement, whatever it holds.
 */
export const PUSH_TOGETHER_MS = 20;
/** Transactions in one push, and taken from one message. */
const PUSH_TXS = peerMessages.TX_PUSH_MAX;

export interface TxGossipDeps {
  readonly chain: Chain;
  readonly network: Network;
  readonly timers: Timers;
  readonly halt: (error: Error) => void;
  /** This node is no validator of the newest set. */
  readonly isFollower: () => boolean;
  /** Asked for late: the pool tells this room what it admits. */
  readonly pool: () => { take(tx: ParsedTx): Promise<void>; overdue(ageMs: number, count: number): readonly ParsedTx[]; remembers(txHash: string): boolean };
}

export class TxGossip {
  readonly #deps: TxGossipDeps;
  /** Under admission from a peer, and who has them already; nobody named: they are not passed on. Bounded by the pool's own limit of admissions. */
  readonly #fromPeers = new Map<string, readonly string[]>();
  /** Admitted and not told yet, by who has them already; `PUSH_TXS` at most. */
  readonly #untold = new Map<string, { readonly had: readonly string[]; readonly txs: Uint8Array[] }>();
  #untoldCount = 0;
  #isHolding = false;
  #cancelOffer: () => void = () => undefined;
  #cancelHold: () => void = () => undefined;

  constructor(deps: TxGossipDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#cancelOffer = this.#deps.timers.after(OFFER_AGAIN_MS, () => {
      const waiting = this.#deps.pool().overdue(OVERDUE_MS, PUSH_TXS);
      if (waiting.length > 0) this.#deps.network.sendAll({ kind: 'txs', txs: waiting.map((tx) => tx.bytes), told: [] });
      this.start();
    });
  }

  stop(): void {
    this.#cancelOffer();
    this.#cancelHold();
  }

  /**
   * Whoever took a transaction from a client tells everybody. In the full mesh of validators nobody else has to. A full node,
   * which may see two of them, says whom it tells, and the validators that hear it tell the others, one step and no further.
   */
  admitted(tx: ParsedTx): void {
    const had = this.#fromPeers.get(tx.txHash);
    if (had !== undefined && (had.length === 0 || this.#deps.isFollower())) return;
    const key = had?.join() ?? '';
    const group = this.#untold.get(key) ?? { had: had ?? [], txs: [] };
    group.txs.push(tx.bytes);
    this.#untold.set(key, group);
    this.#untoldCount += 1;
    if (!this.#isHolding || this.#untoldCount >= PUSH_TXS) this.#push();
  }

  /** Transactions of a peer, unchecked. @param told as in the message. */
  take(from: string, txs: readonly Uint8Array[], told: readonly string[]): void {
    const had = told.length === 0 ? [] : [...told, from];
    for (const bytes of txs.slice(0, PUSH_TXS)) {
      this.#take(bytes, had).catch((cause: unknown) => this.#deps.halt(new Error('A transaction of a peer could not be stored.', { cause })));
    }
  }

  #push(): void {
    const { network, timers, isFollower } = this.#deps;
    const told = isFollower() ? network.connected() : [];
    for (const { had, txs } of this.#untold.values()) network.sendAll({ kind: 'txs', txs, told }, had);
    this.#untold.clear();
    this.#untoldCount = 0;
    if (this.#isHolding) return;
    this.#isHolding = true;
    this.#cancelHold = timers.after(PUSH_TOGETHER_MS, () => {
      this.#isHolding = false;
      if (this.#untoldCount > 0) this.#push();
    });
  }

  async #take(bytes: Uint8Array, had: readonly string[]): Promise<void> {
    const { chain, pool } = this.#deps;
    const parsed = parseTx(chain, bytes);
    if (!parsed.ok || this.#fromPeers.has(parsed.value.txHash) || pool().remembers(parsed.value.txHash)) return;
    const { txHash } = parsed.value;
    this.#fromPeers.set(txHash, had);
    try {
      await pool().take(parsed.value);
    } finally {
      this.#fromPeers.delete(txHash);
    }
  }
}
