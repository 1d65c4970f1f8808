/** Limits of the pool (consensus page §1.14): node options, not protocol; each with its reason. */

export interface PoolLimits {
  readonly transactionsMax: number;
  readonly bytesMax: number;
  /** Share of both that only Pays may use, in thirds of the whole. */
  readonly payOnlyThirds: number;
  readonly perSenderMax: number;
  readonly paysPerTillMax: number;
  /** Submissions between parse and durable write. */
  readonly admittingMax: number;
  /** Ended ids that are remembered in memory and on disk; older ones are found on chain or are forgotten. */
  readonly endedMax: number;
  /** Waiting transactions checked again after a block. */
  readonly recheckPerBlock: number;
}

export const POOL_LIMITS: PoolLimits = {
  /** Ten full blocks: about 8 s of the highest load; more would only wait longer. */
  transactionsMax: 20_000,
  /** Sixteen full blocks of bytes: bounds memory and the reload after a crash. */
  bytesMax: 16_777_216,
  /** Milk at the till is what people wait for; a flood of transfers must not keep them out. */
  payOnlyThirds: 1,
  /** One wallet pays for one tray at a time; 64 leaves room for a machine account. */
  perSenderMax: 64,
  /** A till serves a person each few seconds; 256 is a long break of the network. */
  paysPerTillMax: 256,
  /** Two full blocks in flight; beyond that the caller is told to come back. */
  admittingMax: 4_096,
  /** An hour at 18 a second; about 10 MB. */
  endedMax: 65_536,
  /** About 10 ms of checks between two blocks. */
  recheckPerBlock: 256,
};
