/** What the load asks of its client processes, and what they answer. Everything is JSON; times are ms. */

/** Tills or payers by index: from `from` up to, not including, `to`. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Who acts, and at which nodes: URLs, the preferred one first for even tills, the last one first for odd ones. */
export interface Crew {
  /** Hex. */
  readonly genesisHash: string;
  readonly nodes: readonly string[];
  readonly tills: Range;
  readonly payers: Range;
}

/** What became of requests: answered by the node that was asked, by another one, by none. */
export interface CallCounts {
  readonly atOnce: number;
  readonly elsewhere: number;
  readonly failed: number;
}

export interface Sold {
  readonly planned: number;
  /** Ids of every Pay that was signed, of those a node accepted, and how many were validated. */
  readonly signed: readonly string[];
  readonly accepted: readonly string[];
  readonly validated: number;
  /** From the first question of the till to the answer that it is valid, and from the order to that answer. */
  readonly validateMs: readonly number[];
  readonly wholeMs: readonly number[];
  readonly calls: CallCounts;
  /** Answers other than success, by code. */
  readonly refusals: Readonly<Record<string, number>>;
  /** Orders that were posted again at another node, and those of them that did not become Paid – Ready there. */
  readonly reposted: number;
  readonly unpaid: number;
}

export interface Crowded {
  readonly signed: readonly string[];
  readonly accepted: readonly string[];
  /** From the moment all were handed in, for each payment that was validated. */
  readonly validMs: readonly number[];
  /** From then until none was left in the pool of the node. */
  readonly allFinalMs: number;
  /** Most payments in the pool of the node at once. */
  readonly pendingMax: number;
  readonly refusals: Readonly<Record<string, number>>;
}

export interface Streamed {
  readonly open: number;
  readonly lost: number;
  /** Frames that told a payment of an order which began while they were open. */
  readonly paid: number;
}

export interface ClientCalls {
  /** Every till logs in and sells one carton every `everyMs`. */
  sell(params: Crew & { readonly seconds: number; readonly everyMs: number }): Sold;
  /** Payments of posted orders, all at once, over so many connections to the first node. */
  crowd(params: Crew & { readonly payments: number; readonly connections: number }): Crowded;
  /** Opens `each` streams for every till; resolves when all are open. */
  openStreams(params: Crew & { readonly each: number }): { readonly open: number };
  /** When they were told so many payments, or have had their time to. */
  closeStreams(params: { readonly expected: number }): Streamed;
}

export type CallName = keyof ClientCalls;
export type ParamsOf<N extends CallName> = Parameters<ClientCalls[N]>[0];
export type AnswerOf<N extends CallName> = ReturnType<ClientCalls[N]>;

export interface Asked<N extends CallName = CallName> {
  readonly id: number;
  readonly name: N;
  readonly params: ParamsOf<N>;
}
export type Answered = { readonly id: number } & ({ readonly value: unknown } | { readonly error: string });
