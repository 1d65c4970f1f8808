/** Whether a reading is signed by a key (rule R05): alone, or through the list of ids of its batch. */
import { equalBytes, keyIdOf, signingBytes, type Stored, type Verifier } from '@billcoin/protocol';
import { FORM, readingId } from './reading.ts';

/** alg of a device key: 1 Ed25519, 2 P-256 with SHA-256 (low and high s accepted: readings are deduplicated by body). */
export const ALG = { ed25519: 1, p256: 2 } as const;

/** The two signature rules as ports: native in the service, portable in tests. */
export interface Verifiers {
  readonly ed25519: Verifier;
  readonly p256: Verifier;
}

export type SignatureCheck = (evidence: Stored, publicKey: Uint8Array) => boolean;

/** What a device signs for one reading: tag ‖ 0 ‖ genesisHash ‖ body. */
export function readingPreimage(genesisHash: Uint8Array, body: Uint8Array): Uint8Array {
  return signingBytes('bill/reading/1', genesisHash, body);
}

/** What a device signs for a batch: tag ‖ 0 ‖ genesisHash ‖ id₁ ‖ … ‖ idₙ. */
export function batchPreimage(genesisHash: Uint8Array, ids: readonly Uint8Array[]): Uint8Array {
  return signingBytes('bill/reading-batch/1', genesisHash, ...ids);
}

/**
 * Makes the check of one network. The signature of a batch is verified once: its verdict is kept as long as the list
 * of ids that its readings share, so 64 readings cost one verification.
 */
export function signatureCheck(verifiers: Verifiers, genesisHash: Uint8Array): SignatureCheck {
  const verdicts = new WeakMap<readonly Uint8Array[], { readonly publicKey: Uint8Array; readonly sig: Uint8Array; readonly valid: boolean }>();

  function holds(evidence: Stored, publicKey: Uint8Array, preimage: Uint8Array): boolean {
    const verify = evidence.alg === ALG.ed25519 ? verifiers.ed25519 : verifiers.p256;
    return verify(publicKey, preimage, evidence.sig);
  }

  function batchHolds(evidence: Stored, publicKey: Uint8Array): boolean {
    const before = verdicts.get(evidence.listIds);
    if (before !== undefined && before.sig === evidence.sig && equalBytes(before.publicKey, publicKey)) return before.valid;
    const valid = holds(evidence, publicKey, batchPreimage(genesisHash, evidence.listIds));
    verdicts.set(evidence.listIds, { publicKey, sig: evidence.sig, valid });
    return valid;
  }

  return (evidence, publicKey) => {
    if (!equalBytes(evidence.keyId, keyIdOf(publicKey))) return false;
    if (evidence.form === FORM.single) return evidence.listIds.length === 0 && holds(evidence, publicKey, readingPreimage(genesisHash, evidence.body));
    if (evidence.form !== FORM.batch) return false;
    const id = readingId(evidence.body);
    return evidence.listIds.some((listed) => equalBytes(listed, id)) && batchHolds(evidence, publicKey);
  };
}
