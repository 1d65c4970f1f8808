/** What is asked of a load of the campus, and what it found. */
import type { Audit } from './audit.ts';
import type { Crowded, Sold } from './clientCalls.ts';

export interface CampusLoadPlan {
  readonly tills: number;
  readonly everyMs: number;
  readonly seconds: number;
  /** Who pay at the tills; others pay in the crowd, so that nobody pays more than ten times a minute. */
  readonly payers: number;
  readonly crowd: number;
  readonly connections: number;
  /** Streams of each till. */
  readonly streamsEach: number;
  readonly streamSeconds: number;
  readonly killSeconds: number;
  readonly warmUpSeconds: number;
  readonly clients: number;
  readonly runs: number;
}

export interface NodeMemory {
  readonly validators: readonly number[];
  readonly api: readonly number[];
}

export interface StreamsRun {
  readonly open: number;
  readonly lost: number;
  readonly paid: number;
  readonly expected: number;
  readonly beforeMb: number;
  readonly openMb: number;
  readonly loadedMb: number;
  readonly sold: Sold;
}

export interface CampusRun {
  readonly steady: Sold;
  readonly steadyMemory: NodeMemory;
  readonly crowd: Crowded;
  readonly crowdMemory: NodeMemory;
  readonly streams: StreamsRun;
  readonly killed: Sold;
  readonly audit: Audit;
}

export interface CampusLoad {
  readonly plan: CampusLoadPlan;
  readonly runs: readonly CampusRun[];
}
