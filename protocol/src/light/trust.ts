/** What a light client trusts, and how trust passes from one header to a later one (SPEC §16). Pure: `nowMs` is an input. */
import { equalBytes, toHex } from '../lib/bytes.ts';
import { bitsOf, certificatePreimage, checkCertificateForm } from '../consensus/certificate.ts';
import { isThird, totalPowerOf, validatorsHash } from '../consensus/validators.ts';
import { checkSetOf, nameHeader, namesHeader, verifyCommit, type ProofContext } from '../proof/finalHeader.ts';
import { malformedProof, refuseProof, type ProofRefusal, type Verdict } from '../proof/refusal.ts';
import type { Header, LightBlock, ValidatorSet } from '../wire/consensus.ts';

/** How long a trusted header vouches for later ones: 14 d, below the 20 d for which double signing is punished. */
export const TRUSTING_PERIOD_MS = 14 * 86_400_000;
/** How far a header may stand ahead of the own clock. */
export const CLOCK_DRIFT_MAX_MS = 2_000;

/** A header a client believes. Genesis (height 0) and a checkpoint come without the header itself. */
export interface TrustedHeader {
  readonly height: number;
  readonly timeMs: number;
  /** 32 bytes; zeros at genesis. */
  readonly blockId: Uint8Array;
  /** The set that votes on the next block. */
  readonly nextValidators: ValidatorSet;
  readonly header: Header | undefined;
}

/** A light block whose parts belong together: sets in order and of the header's hashes, a commit of this header. Signatures are not checked yet. */
export interface Candidate {
  readonly block: LightBlock;
  readonly header: Header;
  readonly blockId: Uint8Array;
  readonly nextValidators: ValidatorSet;
}

/** Checks what costs no signature. Refusals: `malformed`, `bad_validator_set`, `other_validator_set`, `other_block`, `no_quorum`. */
export function readCandidate({ genesisHash }: ProofContext, block: LightBlock): Verdict<Candidate> {
  const named = nameHeader(genesisHash, block.header);
  if (!named.ok) return named;
  const { header, blockId } = named.value;
  const current = checkSetOf(header.validatorsHash, block.validators);
  if (!current.ok) return current;
  const next = checkSetOf(header.nextValidatorsHash, block.nextValidators ?? block.validators);
  if (!next.ok) return next;
  if (!namesHeader(block.certificate, named.value)) return refuseProof('other_block', `the certificate is for height ${block.certificate.height}`);
  const form = checkCertificateForm(block.validators, block.certificate);
  if (!form.ok) return refuseProof('no_quorum', malformedProof(form.fault).refusal.why);
  return { ok: true, value: { block, header, blockId, nextValidators: next.value } };
}

/** `bisect`: not refused, but too few of the trusted signed it; a header between may help. */
export type TrustStep = { readonly kind: 'trusted'; readonly trusted: TrustedHeader } | { readonly kind: 'bisect' } | { readonly kind: 'refused'; readonly refusal: ProofRefusal };

function refused(code: ProofRefusal['code'], why: string): TrustStep {
  return { kind: 'refused', refusal: { code, why } };
}

/** Whether `trusted` may still vouch for anything. */
export function checkTrustingPeriod(trusted: TrustedHeader, nowMs: number): ProofRefusal | undefined {
  return trusted.timeMs + TRUSTING_PERIOD_MS > nowMs ? undefined : { code: 'trust_expired', why: `height ${trusted.height} is of ${trusted.timeMs} ms` };
}

/**
 * Passes trust on, adjacent or skipping (SPEC §16.1): first what costs nothing; then the trusted
 * power among the signers; last every signature of the header's own set, because an attacker chooses how large that is.
 */
export function passTrust(context: ProofContext, trusted: TrustedHeader, candidate: Candidate, nowMs: number): TrustStep {
  const { header, blockId, block, nextValidators } = candidate;
  const expired = checkTrustingPeriod(trusted, nowMs);
  if (expired !== undefined) return { kind: 'refused', refusal: expired };
  if (header.height <= trusted.height) return refused('not_newer', `height ${header.height} is not above ${trusted.height}`);
  if (header.timeMs <= trusted.timeMs) return refused('not_newer', `time ${header.timeMs} is not after ${trusted.timeMs}`);
  if (header.timeMs >= nowMs + CLOCK_DRIFT_MAX_MS) return refused('from_future', `time ${header.timeMs}, clock ${nowMs}`);
  if (header.height === trusted.height + 1) {
    if (!equalBytes(header.validatorsHash, validatorsHash(trusted.nextValidators))) return refused('other_validator_set', 'it is not the set the trusted header names as the next');
    if (trusted.height > 0 && !equalBytes(header.prevBlockId, trusted.blockId)) return refused('not_linked', `height ${header.height} does not name the trusted block`);
  } else {
    const vouched = trustedPower(context, trusted.nextValidators, candidate);
    if (vouched === 'bad_signature') return refused('bad_signature', 'of a trusted validator');
    if (!isThird(vouched, totalPowerOf(trusted.nextValidators))) return { kind: 'bisect' };
  }
  const commit = verifyCommit(context, block.validators, block.certificate);
  if (!commit.ok) return { kind: 'refused', refusal: commit.refusal };
  return { kind: 'trusted', trusted: { height: header.height, timeMs: header.timeMs, blockId, nextValidators, header } };
}

/** Power, in the trusted set, of its members whose signature stands in the certificate; each key once. Stops as soon as it is enough. */
function trustedPower({ genesisHash, verify }: ProofContext, trusted: ValidatorSet, { block: { certificate, validators } }: Candidate): number | 'bad_signature' {
  const message = certificatePreimage(genesisHash, certificate);
  const powers = new Map(trusted.validators.map(({ publicKey, power }) => [toHex(publicKey), power]));
  const total = totalPowerOf(trusted);
  let sum = 0;
  for (const [at, index] of bitsOf(certificate.bitmap).entries()) {
    const publicKey = validators.validators[index]!.publicKey;
    const signature = certificate.signatures[at]!;
    const power = powers.get(toHex(publicKey));
    if (power === undefined) continue;
    powers.delete(toHex(publicKey));
    if (!verify(publicKey, message, signature)) return 'bad_signature';
    sum += power;
    if (isThird(sum, total)) return sum;
  }
  return sum;
}

/**
 * The header before a trusted one: its id is what the later header names (rule 5). Times need no check, the link is a
 * hash. The set after it is the later header's own, `validators`.
 */
export function trustBackwards({ genesisHash }: ProofContext, later: Header, headerBytes: Uint8Array, validators: ValidatorSet): Verdict<TrustedHeader> {
  const named = nameHeader(genesisHash, headerBytes);
  if (!named.ok) return named;
  const { header, blockId } = named.value;
  if (!equalBytes(blockId, later.prevBlockId)) return refuseProof('not_linked', `height ${header.height} is not the block before ${later.height}`);
  const set = checkSetOf(later.validatorsHash, validators);
  if (!set.ok) return set;
  return { ok: true, value: { height: header.height, timeMs: header.timeMs, blockId, nextValidators: set.value, header } };
}

/** The header of a block that is trusted by its id alone: genesis has none, a checkpoint's may come from anybody. */
export function openTrusted({ genesisHash }: ProofContext, trusted: TrustedHeader, headerBytes: Uint8Array): Verdict<TrustedHeader> {
  const named = nameHeader(genesisHash, headerBytes);
  if (!named.ok) return named;
  if (!equalBytes(named.value.blockId, trusted.blockId)) return refuseProof('other_block', `not the trusted block ${trusted.height}`);
  return { ok: true, value: { ...trusted, header: named.value.header } };
}

/** How far a walk back from a trusted block has come. */
export interface WalkedBack {
  readonly trusted: TrustedHeader;
  /** Its own header and set, once they are known: they name the block before. */
  readonly later: { readonly header: Header; readonly validators: ValidatorSet } | undefined;
}

/**
 * A page of consecutive light blocks that ends with the block before the one reached, or, at first, with the trusted one
 * itself. Refusals: `no_data` where it is of other heights, `not_linked`, `other_block`, `other_validator_set`.
 */
export function walkBackwards(context: ProofContext, from: WalkedBack, page: readonly LightBlock[]): Verdict<WalkedBack> {
  let { trusted, later } = from;
  for (const { header: bytes, validators } of [...page].reverse()) {
    const expected = later === undefined ? trusted.height : trusted.height - 1;
    const verdict = later === undefined ? openTrusted(context, trusted, bytes) : trustBackwards(context, later.header, bytes, later.validators);
    if (!verdict.ok) return verdict;
    trusted = verdict.value;
    if (trusted.header === undefined || trusted.height !== expected) return refuseProof('no_data', `height ${expected}`);
    later = { header: trusted.header, validators };
  }
  return { ok: true, value: { trusted, later } };
}

/** Genesis as the beginning of trust. */
export function trustGenesis(genesis: { readonly spec: { readonly timeMs: number }; readonly validators: ValidatorSet }): TrustedHeader {
  return { height: 0, timeMs: genesis.spec.timeMs, blockId: new Uint8Array(32), nextValidators: genesis.validators, header: undefined };
}
