/**
 * Intake: the judgement of a reading on arrival. It decides quarantine, receipt and alarms, never the statement; that
 * is judgeLot's, which sees nothing of what is known only here (oracle page §3).
 */
import { chainTag } from '@billcoin/protocol';
import type { Reading } from '../reading/reading.ts';
import { signatureCheck, type SignatureCheck, type Verifiers } from '../reading/signature.ts';
import type { Registry } from '../registry/registry.ts';
import type { History } from './case.ts';
import type { Profile } from './profile.ts';
import { applyRules, type Judgement } from './table.ts';

/** What every judgement of one network shares. */
export interface Bench {
  readonly genesisHash: Uint8Array;
  readonly chainTag: Uint8Array;
  readonly signedBy: SignatureCheck;
  /** Signatures of accounts (overrides): Ed25519 only. */
  readonly verifyAccount: Verifiers['ed25519'];
}

export function makeBench(genesisHash: Uint8Array, verifiers: Verifiers): Bench {
  return { genesisHash, chainTag: chainTag(genesisHash), signedBy: signatureCheck(verifiers, genesisHash), verifyAccount: verifiers.ed25519 };
}

/** A reading with the device its topic names; null where the topic has another shape. */
export interface Arrival {
  readonly reading: Reading;
  readonly topicDevice: string | null;
}

/** Verdict and every finding, in order of rule. Same arguments, same answer. */
export function judgeReading(bench: Bench, profile: Profile, arrival: Arrival, registry: Registry, history: History, receivedAtMs: number): Judgement {
  const { reading, topicDevice } = arrival;
  const trial = { reading, body: reading.body, topicDevice, registry, history, receivedAtMs, profile, chainTag: bench.chainTag, signedBy: bench.signedBy };
  return applyRules(trial, 'intake');
}
