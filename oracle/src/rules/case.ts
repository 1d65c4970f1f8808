/** What a rule sees and says. Rules are pure: no clock, no store, no order of arrival beyond what stands here. */
import type { ReadingBody } from '@billcoin/protocol';
import type { Reading } from '../reading/reading.ts';
import type { SignatureCheck } from '../reading/signature.ts';
import type { Registry } from '../registry/registry.ts';
import type { Profile } from './profile.ts';

/** 0 OK, 1 FLAG (noted), 2 HOLD (kept; refuses a lot unless overridden), 3 REJECT (never mints). */
export const VERDICT = { ok: 0, flag: 1, hold: 2, reject: 3 } as const;
export type Verdict = (typeof VERDICT)[keyof typeof VERDICT];
export const VERDICT_NAMES = ['ok', 'flag', 'hold', 'reject'] as const;

/** One rule that had something to say: what was seen and what the limit is, for people. */
export interface Finding {
  readonly rule: number;
  readonly verdict: Verdict;
  readonly value: string;
  readonly limit: string;
}

/** What is known of the device apart from the reading: from the store at intake, from the named readings at closing. */
export interface History {
  /** The same id is stored and proven (intake only). */
  readonly duplicate: boolean;
  /** Hex id of another reading at the same (device, epoch, seq). */
  readonly otherAtSeq?: string;
  /** The device is locked by an earlier fork (intake only). */
  readonly locked: boolean;
  /** Newest epoch seen of the device (intake only). */
  readonly newestEpoch?: number;
  /** Total of the reading before: seq − 1 of the epoch at intake, the named one before at closing. */
  readonly previousTotalMl?: number;
}

/** A reading on trial. `topicDevice` is the device of the topic: null where the topic has no such shape, undefined at closing. */
export interface Case {
  readonly reading: Reading;
  readonly body: ReadingBody | undefined;
  readonly topicDevice: string | null | undefined;
  readonly registry: Registry;
  readonly history: History;
  /** When it came (intake only); the rules R11–R13 of a later step look at it. */
  readonly receivedAtMs?: number;
  readonly profile: Profile;
  readonly chainTag: Uint8Array;
  readonly signedBy: SignatureCheck;
}

/** What a check found; absent verdict means the rule's own. */
export interface Outcome {
  readonly verdict?: Verdict;
  readonly value: string;
  readonly limit: string;
  /** No later rule is looked at: `unproven` without a valid signature of a known device, `known` for a duplicate. */
  readonly stop?: 'unproven' | 'known';
}

export type Check = (trial: Case) => Outcome | undefined;
