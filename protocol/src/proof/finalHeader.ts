/** A header is final when a commit certificate of its set names its id: the one ground on which every proof stands (SPEC §9). */
import { equalBytes } from '../lib/bytes.ts';
import { chainHash } from '../lib/hash.ts';
import type { Verifier } from '../lib/signature.ts';
import { CERTIFICATE_TYPE, checkCertificateForm, verifyCertificate } from '../consensus/certificate.ts';
import { checkValidatorSet, validatorsHash } from '../consensus/validators.ts';
import { decode } from '../wire/codec.ts';
import { Header, type Certificate, type ValidatorSet } from '../wire/consensus.ts';
import { malformedProof, refuseProof, type Verdict } from './refusal.ts';

/** What every verifier knows beforehand. */
export interface ProofContext {
  /** 32 bytes, pinned. */
  readonly genesisHash: Uint8Array;
  readonly verify: Verifier;
}

/** A context and the set that votes at the proof's height, pinned or followed (SPEC §16). */
export interface ReceiptTrust extends ProofContext {
  readonly validators: ValidatorSet;
}

/** A decoded header and its id. Says nothing about who signed it. */
export interface NamedHeader {
  readonly header: Header;
  readonly blockId: Uint8Array;
}

/** Decodes a header and derives its id from the very bytes. */
export function nameHeader(genesisHash: Uint8Array, headerBytes: Uint8Array): Verdict<NamedHeader> {
  const header = decode(Header, headerBytes);
  return header.ok ? { ok: true, value: { header: header.value, blockId: chainHash('bill/header/1', genesisHash, headerBytes) } } : malformedProof(header.fault);
}

/** Whether the certificate is a commit of this very header; signatures apart. */
export function namesHeader({ type, height, blockId }: Certificate, named: NamedHeader): boolean {
  return type === CERTIFICATE_TYPE.precommit && height === named.header.height && equalBytes(blockId, named.blockId);
}

/** A set in its one order, whose hash is `hash`. */
export function checkSetOf(hash: Uint8Array, set: ValidatorSet): Verdict<ValidatorSet> {
  const checked = checkValidatorSet(set);
  if (!checked.ok) return refuseProof('bad_validator_set', malformedProof(checked.fault).refusal.why);
  return equalBytes(hash, validatorsHash(set)) ? { ok: true, value: set } : refuseProof('other_validator_set', 'the header names another set');
}

/** Quorum and every signature of a commit of `named` under its set, whose hash is already known to be the header's. */
export function verifyCommit({ genesisHash, verify }: ProofContext, set: ValidatorSet, certificate: Certificate): Verdict<Certificate> {
  const form = checkCertificateForm(set, certificate);
  if (!form.ok) return refuseProof('no_quorum', malformedProof(form.fault).refusal.why);
  return verifyCertificate(genesisHash, set, certificate, verify).ok ? { ok: true, value: certificate } : refuseProof('bad_signature', 'of the certificate');
}

/** `value` stands once its header is final: under a set the caller trusts for that height. */
export function verifyFinal<T extends NamedHeader>(trust: ReceiptTrust, value: T, certificate: Certificate): Verdict<T> {
  const set = checkSetOf(value.header.validatorsHash, trust.validators);
  if (!set.ok) return set;
  if (!namesHeader(certificate, value)) return refuseProof('other_block', `the certificate is for height ${certificate.height}`);
  const commit = verifyCommit(trust, set.value, certificate);
  return commit.ok ? { ok: true, value } : commit;
}
