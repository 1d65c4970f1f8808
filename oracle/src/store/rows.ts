/** Values of the oracle's own rows: JSON, bytes in hex, amounts as decimal strings. */
import type { Finding, Verdict } from '../rules/case.ts';

/** Where a reading is kept and what intake found. */
export interface IdRow {
  /** Key of its r/ or q/ row. */
  readonly at: string;
  /** The registered key of a known device signed it. */
  readonly proven: boolean;
  readonly verdict: Verdict;
  /** Numbers of the rules that had something to say, ascending; at most 8 fit a receipt. */
  readonly rules: readonly number[];
}

/** A kept reading or payload with its reasons. Nothing that came is lost but what fails R05 or the flood guard. */
export interface QuarantineRow {
  readonly id: string;
  readonly topic: string;
  readonly receivedAtMs: number;
  /** stored: `bytes` is a Stored; payload: `bytes` is what came, cut at 64 KiB. */
  readonly form: 'stored' | 'payload';
  readonly bytes: string;
  readonly totalBytes: number;
  readonly verdict: Verdict;
  readonly findings: readonly Finding[];
  readonly profileHash: string;
}

export interface DeviceNote {
  readonly newestEpoch: number;
  /** Set by a fork: later readings of the device are held until the regulator has decided. */
  readonly locked: boolean;
}

export interface ForkRow {
  readonly ids: readonly string[];
}

/** The report behind a statement; amounts mL. */
export interface LotRow {
  readonly batch: string;
  readonly attempt: number;
  readonly judgedAtMs: number;
  readonly volumeMl: string;
  readonly reject: number;
  readonly readings: number;
  readonly findings: readonly (Finding & { readonly id: string; readonly lifted: boolean })[];
  readonly why?: string;
  readonly terms?: Readonly<Record<string, string>>;
}

/** Sign-once register: the statement of (batch, attempt) as Attest bytes. It never changes once it is written. */
export interface SignRow {
  readonly statement: string;
  /** Hash(bill/attest/1, Attest bytes). */
  readonly hash: string;
  /** own: signed here; chain: read back from the chain after the disk was lost. */
  readonly from: 'own' | 'chain';
}

/** pending: to be sent or waiting to be final; done: on chain; closed: it can never be included (an alarm was raised). */
export interface OutboxRow {
  readonly batch: string;
  readonly attempt: number;
  readonly tx: string;
  readonly txHash: string;
  readonly validUntilMs: number;
  readonly state: 'pending' | 'done' | 'closed';
  /** Rounds signed so far: 1 at first, one more after each expiry. */
  readonly round: number;
  readonly reason?: string;
}
