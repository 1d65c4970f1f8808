/** Two verified headers at one height: the evidence, and who is to blame for it (SPEC §16.4). */
import { attackersOf } from '../consensus/evidence.ts';
import type { ProofContext } from '../proof/finalHeader.ts';
import type { Evidence, LightBlock } from '../wire/consensus.ts';
import { readCandidate } from './trust.ts';

/** The evidence against whoever signed `block`, to be handed to those who hold another block of this height for decided. */
export function attackEvidence({ header, certificate, validators }: LightBlock): Evidence {
  return { evidence: { case: 'lightClientAttack', value: { header, certificate, set: validators } } };
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
  if (evidence.evidence.case !== 'lightClientAttack' || !readCandidate(context, decided).ok) return [];
  const guilty = attackersOf(context, decided, evidence.evidence.value) ?? [];
  return guilty.map((index) => decided.validators.validators[index]!.publicKey);
}
