/** Transactions between peers (consensus page §1.13): what comes goes through the same door as a client's, what stays pending is offered again. */
import { Tx, decode, toHex, txIdOf, type Chain, type ParsedTx } from '@billcoin/protocol';
import type { Network, Submitted, Timers } from '../ports.ts';

/** Between two offers of the same pending transactions: what got lost on the way keeps nobody waiting for long. */
export const OFFER_AGAIN_MS = 1_000;
/** Transactions in one offer, and taken from one message. */
const OFFER_TXS = 64;

export interface TxGossipDeps {
  readonly chain: Chain;
  readonly network: Network;
  readonly timers: Timers;
  readonly halt: (error: Error) => void;
  /** This node is no validator of the newest set. */
  readonly isFollower: () => boolean;
  /** Asked for late: the pool tells this room what it admits. */
  readonly pool: () => { submit(bytes: Uint8Array): Promise<Submitted>; offer(): readonly ParsedTx[]; remembers(txHash: string): boolean };
}

export class TxGossip {
  readonly #deps: TxGossipDeps;
  /** Under admission from a peer, and whether they are to be passed on; bounded by the pool's own limit of admissions. */
  readonly #fromPeers = new Map<string, boolean>();
  #cancel: () => void = () => undefined;

  constructor(deps: TxGossipDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#cancel = this.#deps.timers.after(OFFER_AGAIN_MS, () => {
      const waiting = this.#deps.pool().offer().slice(0, OFFER_TXS);
      if (waiting.length > 0) this.#deps.network.sendAll({ kind: 'txs', txs: waiting.map((tx) => tx.bytes) });
      this.start();
    });
  }

  stop(): void {
    this.#cancel();
  }

  /**
   * Whoever took a transaction from a client tells everybody. In the full mesh of validators nobody else has to; what a
   * full node brings, which may see two of them, the validators that hear it pass on, one step and no further.
   */
  admitted(tx: ParsedTx): void {
    const { network, isFollower } = this.#deps;
    const passOn = this.#fromPeers.get(tx.txHash);
    if (passOn === undefined) network.sendAll({ kind: 'txs', txs: [tx.bytes], passOn: isFollower() });
    else if (passOn && !isFollower()) network.sendAll({ kind: 'txs', txs: [tx.bytes] });
  }

  /** Transactions of a peer, unchecked. */
  take(txs: readonly Uint8Array[], passOn: boolean): void {
    for (const bytes of txs.slice(0, OFFER_TXS)) {
      this.#submit(bytes, passOn).catch((cause: unknown) => this.#deps.halt(new Error('A transaction of a peer could not be stored.', { cause })));
    }
  }

  /** PERF: most of what peers offer is here already, so no more than its id is made before that is known. */
  async #submit(bytes: Uint8Array, passOn: boolean): Promise<void> {
    const { chain, pool } = this.#deps;
    const envelope = decode(Tx, bytes);
    if (!envelope.ok) return;
    const txHash = toHex(txIdOf(chain.genesisHash, envelope.value.body));
    if (this.#fromPeers.has(txHash) || pool().remembers(txHash)) return;
    this.#fromPeers.set(txHash, passOn);
    try {
      await pool().submit(bytes);
    } finally {
      this.#fromPeers.delete(txHash);
    }
  }
}
