/** What the HTTP API may ask of recalls (api page §2.10, §3.3). */

/** A RecallBatch that is final. */
export interface Recall {
  readonly batchKey: string;
  /** Address text. */
  readonly plant: string;
  /** Printed lot, hex of its bytes. */
  readonly lot: string;
  readonly txHash: string;
  readonly height: number;
  readonly index: number;
  readonly timeMs: number;
  readonly blockHash: string;
}

export interface Recalls {
  /** Wallets that bought the lot, each once for a recall. Listeners must not throw; returns the unsubscribe function. */
  onTold(listener: (recall: Recall, buyers: readonly Uint8Array[]) => void): () => void;
  /** What a wallet was told, or would have been had it listened. */
  noticesOf(address: Uint8Array): Promise<readonly Recall[]>;
  /** Resolves when all that is known of is worked off. */
  idle(): Promise<void>;
}
