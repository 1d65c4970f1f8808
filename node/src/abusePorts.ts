/**
 * What the HTTP API may ask of abuse control: limits, flags, alerts and the audit log (SPEC §20). A *person* is who
 * something is booked on: `student:<our name>`, `wallet:<blind index>`, `till:7`, `manager:<account id>`. It stays in the
 * store; the *subject* of a flag is what operators see of a person: of students and wallets a pseudonym.
 */
import type { AlertOutcome, FlagOutcome, FlagRule, RatePolicy } from '@billcoin/sdk';
import type { Json, ParsedTx } from '@billcoin/protocol';

/** How a policy stands for one key. */
export interface LimitState {
  readonly policy: RatePolicy;
  readonly q: number;
  /** 0: at most q at the same time. */
  readonly windowS: number;
  readonly ok: boolean;
  /** How many more fit now. */
  readonly left: number;
  /** Whole seconds until there is more room. */
  readonly resetS: number;
}

export interface Quota {
  readonly q: number;
  readonly windowS: number;
}
export interface PolicySetting extends Quota {
  readonly policy: RatePolicy;
  readonly per: string;
  readonly counts: string;
  /** True where an administrator set it. */
  readonly isChanged: boolean;
}
/** Policies with a window, kept in memory; `pay` is kept in the store and has its own calls. */
export type WindowPolicy = Exclude<RatePolicy, 'pay' | 'streams' | 'streams-address'>;

export interface Limits {
  /** Counts one of `key` (a person, an account name, an address); what is refused is not counted. */
  take(policy: WindowPolicy, key: string): LimitState;
  /** As it stands, counting nothing. */
  look(policy: WindowPolicy, key: string): LimitState;
  /** What was taken before its outcome was known, and turned out not to count. */
  giveBack(policy: WindowPolicy, key: string): void;
  /** The person whose wallet this is: the student with all linked wallets, else the wallet alone. */
  personOf(address: Uint8Array): Promise<string>;
  /** One payment attempt of a person. */
  attempt(person: string): Promise<LimitState>;
  /** Attempts as they stand, counting nothing. */
  lookAttempts(person: string): Promise<LimitState>;
  /**
   * The attempt that a transaction is, booked on the payer who signed it. Undefined where it is none: no Pay, no valid
   * signature of its payer, past its time, or an id that is known or was counted before.
   */
  attemptOfPay(txBytes: Uint8Array): Promise<{ readonly person: string; readonly state: LimitState; readonly tx: ParsedTx } | undefined>;
  /** Open streams as they stand. */
  lookStreams(policy: 'streams' | 'streams-address', key: string): LimitState;
  /** One more open stream; the returned function ends it, once. */
  openStream(policy: 'streams' | 'streams-address', key: string): { readonly state: LimitState; readonly release: () => void };
  settings(): readonly PolicySetting[];
  /** These quotas and the defaults of all other policies are in force from now on. */
  change(quotas: Readonly<Partial<Record<RatePolicy, Quota>>>): Promise<void>;
  /** `persons`: those whose attempts are in memory beside the store. */
  sizes(): { readonly keys: number; readonly times: number; readonly forgotten: number; readonly persons: number };
}

export interface FlagEvidence {
  readonly atMs: number;
  readonly code: string;
  readonly requestId: string;
}
export interface FlagRow {
  readonly flagId: string;
  readonly rule: FlagRule;
  readonly subject: string;
  readonly firstAtMs: number;
  readonly count: number;
  readonly evidence: readonly FlagEvidence[];
  readonly resolved: { readonly outcome: FlagOutcome; readonly note: string; readonly by: string; readonly atMs: number } | null;
}
export interface Failure {
  readonly person: string;
  /** Error of the validation, or the fault that admission refused a Pay for. */
  readonly code: string;
  readonly requestId: string;
}
export interface FlagPage {
  readonly flags: readonly FlagRow[];
  /** Flag id to go on before; undefined at the end. */
  readonly next: string | undefined;
}
export interface Flags {
  /** A failed validation; the 4th within 5 minutes raises a flag. */
  failed(failure: Failure): Promise<void>;
  list(filter: { readonly status?: 'open' | 'resolved' | undefined; readonly limit: number; readonly before?: string | undefined }): Promise<FlagPage>;
  /** Undefined: no such flag. `resolved`: it was resolved before, and stays as it is. */
  resolve(flagId: string, how: { readonly outcome: FlagOutcome; readonly note: string; readonly by: string }): Promise<FlagRow | 'resolved' | undefined>;
  /** A flag was raised and is on disk. Listeners must not throw; returns the unsubscribe function. */
  onRaised(listener: (flag: FlagRow) => void): () => void;
}

export interface Alerts {
  readonly isConfigured: boolean;
  /** Sends a test message now, past the queue. */
  test(): Promise<AlertOutcome>;
  waiting(): number;
  /** Each try to deliver a message, and messages that found no place. */
  onOutcome(listener: (outcome: AlertOutcome | 'dropped') => void): () => void;
}

export interface AuditAction {
  /** Role and id of who acts; `operator` without an id: whoever worked at the stopped node. */
  readonly actor: { readonly role: string; readonly id: string };
  /** Operation id of the route, also of what is done without it. */
  readonly action: string;
  /** What it is about: path parameters and the body keys that the route names. Never a secret. */
  readonly detail: { readonly [key: string]: Json };
}
export interface AuditEntry extends AuditAction {
  readonly seq: number;
  readonly at: string;
  /** Hash of the entry before; 64 zeros for the first. */
  readonly prev: string;
}
export interface SignedAuditEntry {
  readonly entry: AuditEntry;
  readonly hash: string;
  readonly signature: string;
}
export interface AuditPage {
  readonly entries: readonly SignedAuditEntry[];
  readonly next: number | undefined;
}
export interface AuditLog {
  /** On disk when it resolves. */
  append(action: AuditAction): Promise<void>;
  /** Newest first, entries below `before`. */
  list(range: { readonly limit: number; readonly before?: number | undefined }): Promise<AuditPage>;
  head(): Promise<{ readonly seq: number; readonly hash: string }>;
  /** Signs every entry. */
  readonly publicKey: string;
  /** Reads the whole log again: number of the first entry that was changed, moved or is missing; undefined where all is well. */
  check(): Promise<number | undefined>;
}

/** The part of the campus services that keeps abuse out. */
export interface AbuseControl {
  readonly limits: Limits;
  readonly flags: Flags;
  readonly alerts: Alerts;
  readonly audit: AuditLog;
}
