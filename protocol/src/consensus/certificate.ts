/**
 * Certificates: a quorum of votes of one type for one block in one round, as one unit (consensus page §1.2, §1.8).
 * All of its signatures cover the same bytes, which whoever verifies it makes again from its fields.
 */
import { assert } from '../lib/assert.ts';
import { toHex } from '../lib/bytes.ts';
import { fault, ok, type Result } from '../lib/fault.ts';
import { taggedHash } from '../lib/hash.ts';
import { SIGNATURE_BYTES, type Verifier } from '../lib/signature.ts';
import { encode } from '../wire/codec.ts';
import { Certificate, type ValidatorSet } from '../wire/consensus.ts';
import { votePreimage, wireBlockId, type VoteFields } from './bodies.ts';
import { NIL, type SignedVote, type VoteType } from './types.ts';
import { isQuorum, powerOf, totalPowerOf } from './validators.ts';

/** Certificate.type: a polka holds prevotes, a commit precommits. */
export const CERTIFICATE_TYPE: Readonly<Record<VoteType, number>> = { prevote: 1, precommit: 2 };

/** Type of the votes inside. */
export function votesIn(certificate: Certificate): VoteType {
  return certificate.type === CERTIFICATE_TYPE.prevote ? 'prevote' : 'precommit';
}

/** ceil(size/8) bytes; bit i is byte i>>3, mask 0x80 >> (i & 7). */
export function makeBitmap(size: number, isSet: (index: number) => boolean): Uint8Array {
  const bitmap = new Uint8Array((size + 7) >> 3);
  for (let i = 0; i < size; i++) if (isSet(i)) bitmap[i >> 3]! |= 0x80 >> (i & 7);
  return bitmap;
}

/** Bit i of a bitmap; false beyond its end. */
export function bitOf(bitmap: Uint8Array, index: number): boolean {
  return ((bitmap[index >> 3] ?? 0) & (0x80 >> (index & 7))) !== 0;
}

/** Indices of the set bits, ascending, trailing bits included. */
export function bitsOf(bitmap: Uint8Array): readonly number[] {
  const bits: number[] = [];
  for (let at = 0; at < bitmap.length; at++) {
    const byte = bitmap[at] as number;
    if (byte === 0) continue;
    for (let bit = 0; bit < 8; bit++) if ((byte & (0x80 >> bit)) !== 0) bits.push(at * 8 + bit);
  }
  return bits;
}

/**
 * The certificate of these votes, or undefined without a quorum. `votes` are by validator index; only those for
 * `blockId` go in.
 */
export function makeCertificate(set: ValidatorSet, at: VoteFields, votes: readonly (SignedVote | undefined)[]): Certificate | undefined {
  assert(at.blockId !== NIL, 'no certificate is for NIL');
  const chosen = set.validators.map((_, i) => {
    const vote = votes[i];
    return vote !== undefined && vote.blockId === at.blockId ? vote : undefined;
  });
  const power = chosen.reduce((sum, vote, i) => (vote === undefined ? sum : sum + powerOf(set, i)), 0);
  if (!isQuorum(power, totalPowerOf(set))) return undefined;
  return {
    type: CERTIFICATE_TYPE[at.type], height: at.height, round: at.round, blockId: wireBlockId(at.blockId)!,
    bitmap: makeBitmap(chosen.length, (i) => chosen[i] !== undefined),
    signatures: chosen.flatMap((vote) => (vote === undefined ? [] : [vote.signature])),
  };
}

/** Everything about a certificate but its signatures: bitmap of the exact length, no trailing bits, one signature per bit, quorum. */
export function checkCertificateForm(set: ValidatorSet, certificate: Certificate): Result<Certificate> {
  const size = set.validators.length;
  const bad = (path: string, why: string): Result<Certificate> => fault('malformed', { path: `Certificate.${path}`, why });
  if (certificate.type !== CERTIFICATE_TYPE.prevote && certificate.type !== CERTIFICATE_TYPE.precommit) return bad('type', `is ${certificate.type}`);
  if (certificate.blockId.length !== 32) return bad('blockId', 'has not 32 bytes');
  if (certificate.bitmap.length !== (size + 7) >> 3) return bad('bitmap', `has ${certificate.bitmap.length} bytes for ${size} validators`);
  const signers = bitsOf(certificate.bitmap);
  if (signers.some((i) => i >= size)) return bad('bitmap', 'has bits beyond the set');
  if (signers.length !== certificate.signatures.length) return bad('signatures', `are ${certificate.signatures.length} for ${signers.length} bits`);
  if (certificate.signatures.some((signature) => signature.length !== SIGNATURE_BYTES)) return bad('signatures', 'have not 64 bytes each');
  const power = signers.reduce((sum, i) => sum + powerOf(set, i), 0);
  return isQuorum(power, totalPowerOf(set)) ? ok(certificate) : bad('bitmap', 'is no quorum');
}

/** What every signature of a certificate covers: the VoteBody made again from type, height, round and block id. */
export function certificatePreimage(genesisHash: Uint8Array, certificate: Certificate): Uint8Array {
  const { height, round, blockId } = certificate;
  return votePreimage(genesisHash, { type: votesIn(certificate), height, round, blockId: toHex(blockId) });
}

/**
 * Strict verification under the set of the certificate's height: form, quorum, and every signature over the VoteBody
 * made again from type, height, round and block id. Says nothing about whether the caller wants that height or block.
 */
export function verifyCertificate(genesisHash: Uint8Array, set: ValidatorSet, certificate: Certificate, verify: Verifier): Result<Certificate> {
  const form = checkCertificateForm(set, certificate);
  if (!form.ok) return form;
  const preimage = certificatePreimage(genesisHash, certificate);
  const genuine = bitsOf(certificate.bitmap).every((index, i) => verify(set.validators[index]!.publicKey, preimage, certificate.signatures[i]!));
  return genuine ? form : fault('bad_signature');
}

/** The votes inside a certificate, by ascending index. */
export function votesOf(certificate: Certificate): readonly SignedVote[] {
  const { height, round } = certificate;
  const blockId = toHex(certificate.blockId);
  return bitsOf(certificate.bitmap).map((validatorIndex, i) => ({ type: votesIn(certificate), height, round, blockId, validatorIndex, signature: certificate.signatures[i]! }));
}

/** prevCommitHash of a header: Hash(`bill/commit/1`, Certificate bytes). */
export function commitHash(certificate: Uint8Array): Uint8Array {
  return taggedHash('bill/commit/1', certificate);
}

/** Certificate bytes, as they stand in Body.prevCommit. */
export function certificateBytes(certificate: Certificate): Uint8Array {
  return encode(Certificate, certificate);
}
