/** Two verified headers at one height: the evidence, and who is to blame for it (SPEC §16.4). */
import { equalBytes } from '../lib/bytes.ts';
import { bitsOf } from '../consensus/certificate.ts';
import { checkSetOf, nameHeader, namesHeader, verifyCommit, type ProofContext } from '../proof/finalHeader.ts';
import type { Certificate, Evidence, LightBlock, ValidatorSet } from '../wire/consensus.ts';
import { readCandidate } from './trust.ts';

/** The evidence against whoever signed `block`, to be handed to those who hold another block of this height for decided. */
export function attackEvidence({ header, certificate, validators }: LightBlock): Evidence {
  return { evidence: { case: 'lightClientAttack', value: { header, certificate, set: validators } } };
}

function signersOf({ validators }: ValidatorSet, { bitmap }: Certificate): readonly Uint8Array[] {
  return bitsOf(bitmap).flatMap((index) => validators[index]?.publicKey ?? []);
}

function isMember(set: readonly Uint8Array[], key: Uint8Array): boolean {
  return set.some((one) => equalBytes(one, key));
}

/**
 * Consensus keys of the true validators of a height who are guilty by this evidence, in the order of the true set: those
 * that (a) also signed the decided block in the same round, or (b) signed a header on the decided parent with another
 * validator set. Empty where the evidence does not hold (same block, other height, no quorum, a bad signature) and where
 * nobody can be blamed for sure (another round, another parent). Nothing of it is taken from a list on the wire.
 *
 * @param decided the block decided at that height, verified by the caller, with its true set
 */
export function attackOffenders(context: ProofContext, decided: LightBlock, evidence: Evidence): readonly Uint8Array[] {
  if (evidence.evidence.case !== 'lightClientAttack') return [];
  const { header: headerBytes, certificate, set } = evidence.evidence.value;
  const truth = readCandidate(context, decided);
  const named = nameHeader(context.genesisHash, headerBytes);
  if (!truth.ok || !named.ok) return [];
  const { header, blockId } = named.value;
  if (header.height !== truth.value.header.height || equalBytes(blockId, truth.value.blockId)) return [];
  if (!checkSetOf(header.validatorsHash, set).ok || !namesHeader(certificate, named.value) || !verifyCommit(context, set, certificate).ok) return [];
  const accused = signersOf(set, certificate);
  const signedBoth = certificate.round === decided.certificate.round ? signersOf(decided.validators, decided.certificate) : [];
  const falseSet = equalBytes(header.prevBlockId, truth.value.header.prevBlockId) && !equalBytes(header.validatorsHash, truth.value.header.validatorsHash);
  return decided.validators.validators.map(({ publicKey }) => publicKey).filter((key) => isMember(accused, key) && (falseSet || isMember(signedBoth, key)));
}
