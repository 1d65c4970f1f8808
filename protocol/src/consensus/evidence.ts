/** Proof that a validator signed two different things for one purpose (consensus page §1.12): finding it and judging it. */
import { compareBytes, equalBytes, toHex } from '../lib/bytes.ts';
import { fault, ok, type Result } from '../lib/fault.ts';
import { signingBytes } from '../lib/hash.ts';
import type { Verifier } from '../lib/signature.ts';
import { decode } from '../wire/codec.ts';
import { Evidence, Header, ProposalBody, VoteBody, type Certificate, type LightClientAttack, type SignedBody, type ValidatorSet, type Vote } from '../wire/consensus.ts';
import { blockIdOf, proposalBodyBytes } from './bodies.ts';
import { bitsOf, CERTIFICATE_TYPE, verifyCertificate } from './certificate.ts';
import type { Effect } from './effect.ts';
import { parseVote, readVote, wireVote } from './messages.ts';
import { makeSchedule, proposerAt } from './proposer.ts';
import { proposerOf, roundOf, withRound } from './rounds.ts';
import type { ConsensusState, Transition } from './state.ts';
import type { SignedProposal, SignedVote } from './types.ts';
import { checkValidatorSet, indexOfKey, validatorsHash } from './validators.ts';

/** The pair with the lower body bytes first, so that the order of arrival cannot make a second offence. */
function inOrder<T extends { readonly body: Uint8Array }>(a: T, b: T): { readonly a: T; readonly b: T } {
  return compareBytes(a.body, b.body) <= 0 ? { a, b } : { a: b, b: a };
}

/** Two votes of one validator, height, round and type for different blocks (NIL counts). */
export function duplicateVote(a: SignedVote, b: SignedVote): Evidence {
  return { evidence: { case: 'duplicateVote', value: inOrder<Vote>(wireVote(a), wireVote(b)) } };
}

/** Two proposals of one height and round with different bodies. */
export function duplicateProposal(a: SignedProposal, b: SignedProposal): Evidence {
  const signed = (proposal: SignedProposal): SignedBody => ({ body: proposalBodyBytes(proposal), signature: proposal.signature });
  return { evidence: { case: 'duplicateProposal', value: inOrder(signed(a), signed(b)) } };
}

/** Reports a double vote once per validator, round and type. */
export function reportVotes(state: ConsensusState, held: SignedVote, second: SignedVote): Transition {
  return report(state, held.round, `${held.type}:${held.validatorIndex}`, held.validatorIndex, duplicateVote(held, second));
}

/** Reports a double proposal once per round. */
export function reportProposals(state: ConsensusState, held: SignedProposal, second: SignedProposal): Transition {
  return report(state, held.round, 'proposal', proposerOf(state, held.round), duplicateProposal(held, second));
}

function report(state: ConsensusState, round: number, offence: string, offender: number, evidence: Evidence): Transition {
  const at = roundOf(state, round);
  if (at.reported.includes(offence)) return { state, effects: [] };
  const noted = withRound(state, { ...at, reported: [...at.reported, offence] });
  const own = state.publicKey !== undefined && indexOfKey(state.validators, state.publicKey) === offender;
  const effect: Effect = { kind: 'reportEvidence', evidence, offender, own };
  // Somebody else runs our key: whatever we sign from here on may be the second half of an offence.
  return { state: own ? { ...noted, ownIndex: undefined, muted: true } : noted, effects: [effect] };
}

/** What evidence proves. `key` is the same for every pair that proves the same offence. */
export interface Offence {
  readonly key: string;
  /** Index in the set of that height, and the consensus key there. */
  readonly offender: number;
  readonly publicKey: Uint8Array;
  readonly height: number;
  readonly round: number;
}

/** What evidence is judged by: the set that voted at its height and since when it does. */
export interface EvidenceContext {
  readonly genesisHash: Uint8Array;
  readonly validators: ValidatorSet;
  readonly since: number;
  readonly verify: Verifier;
}

/** The height that evidence is about, which says by which set to judge it; undefined for bytes that are no evidence of this version. */
export function heightOfEvidence(bytes: Uint8Array): number | undefined {
  const decoded = decode(Evidence, bytes);
  if (!decoded.ok) return undefined;
  const { evidence } = decoded.value;
  if (evidence.case === 'lightClientAttack') {
    const header = decode(Header, evidence.value.header);
    return header.ok ? header.value.height : undefined;
  }
  const body = evidence.case === 'duplicateVote' ? decode(VoteBody, evidence.value.a.body) : decode(ProposalBody, evidence.value.a.body);
  return body.ok ? body.value.height : undefined;
}

/**
 * Judges evidence bytes: strict form, the lower body first, two different bodies for one purpose, both signatures.
 * Faults: `malformed`, `bad_signature`. Says nothing about the age.
 */
export function readEvidence(context: EvidenceContext, bytes: Uint8Array): Result<Offence> {
  const decoded = decode(Evidence, bytes);
  if (!decoded.ok) return decoded;
  const { evidence } = decoded.value;
  switch (evidence.case) {
    case 'duplicateVote': return readDuplicateVote(context, evidence.value);
    case 'duplicateProposal': return readDuplicateProposal(context, evidence.value);
    case 'lightClientAttack': return bad('lightClientAttack', 'is judged by the block that was decided (`attackersOf`)');
  }
}

function bad(path: string, why: string): Result<Offence> {
  return fault('malformed', { path: `Evidence.${path}`, why });
}

function readDuplicateVote(context: EvidenceContext, pair: { readonly a: Vote; readonly b: Vote }): Result<Offence> {
  const [a, b] = [parseVote(pair.a), parseVote(pair.b)];
  if (!a.ok) return a;
  if (!b.ok) return b;
  const { type, height, round, validatorIndex } = a.value;
  const samePlace = b.value.type === type && b.value.height === height && b.value.round === round && b.value.validatorIndex === validatorIndex;
  if (!samePlace || compareBytes(pair.a.body, pair.b.body) >= 0) return bad('duplicateVote', 'is not two votes of one validator for one place, the lower first');
  if (height < context.since) return bad('duplicateVote', 'is older than the set');
  for (const vote of [pair.a, pair.b]) {
    const read = readVote(context, vote);
    if (!read.ok) return read;
  }
  const { publicKey } = context.validators.validators[validatorIndex]!;
  return ok({ key: `${validatorIndex}|${height}|${round}|${type}`, offender: validatorIndex, publicKey, height, round });
}

function readDuplicateProposal(context: EvidenceContext, pair: { readonly a: SignedBody; readonly b: SignedBody }): Result<Offence> {
  const [a, b] = [decode(ProposalBody, pair.a.body), decode(ProposalBody, pair.b.body)];
  if (!a.ok) return a;
  if (!b.ok) return b;
  const { height, round } = a.value;
  if (b.value.height !== height || b.value.round !== round || compareBytes(pair.a.body, pair.b.body) >= 0) return bad('duplicateProposal', 'is not two proposals for one place, the lower first');
  if (height < context.since) return bad('duplicateProposal', 'is older than the set');
  const offender = proposerAt(makeSchedule(context.validators, context.since), height, round);
  const { publicKey } = context.validators.validators[offender]!;
  const genuine = [pair.a, pair.b].every(({ body, signature }) => context.verify(publicKey, signingBytes('bill/proposal/1', context.genesisHash, body), signature));
  return genuine ? ok({ key: `${offender}|${height}|${round}|proposal`, offender, publicKey, height, round }) : fault('bad_signature');
}

/** What was decided at a height, known beforehand to be so: the header, the set that voted on it, and a commit of it. */
export interface DecidedHeader {
  readonly header: Uint8Array;
  readonly validators: ValidatorSet;
  readonly certificate: Certificate;
}

/**
 * Indices, in the true set of the height, of those that are guilty by a header which deceived a light client: they
 * (a) also signed the decided block in the same round, or (b) signed a header on the decided parent with another
 * validator set. Nothing of it is taken from a list on the wire. Empty where nobody can be blamed for sure (another round,
 * another parent); undefined where nothing is shown: the same block, another height, no quorum of the set that the header
 * names, a bad signature, nobody of the true set among the signers.
 */
export function attackersOf({ genesisHash, verify }: Pick<EvidenceContext, 'genesisHash' | 'verify'>, decided: DecidedHeader, attack: LightClientAttack): readonly number[] | undefined {
  const [truth, shown] = [decode(Header, decided.header), decode(Header, attack.header)];
  if (!truth.ok || !shown.ok) return undefined;
  const blockId = blockIdOf(genesisHash, attack.header);
  const { type, height, blockId: named, round } = attack.certificate;
  if (shown.value.height !== truth.value.height || blockId === blockIdOf(genesisHash, decided.header)) return undefined;
  if (type !== CERTIFICATE_TYPE.precommit || height !== shown.value.height || toHex(named) !== blockId) return undefined;
  if (!checkValidatorSet(attack.set).ok || !equalBytes(validatorsHash(attack.set), shown.value.validatorsHash)) return undefined;
  if (!verifyCertificate(genesisHash, attack.set, attack.certificate, verify).ok) return undefined;
  const signers = bitsOf(attack.certificate.bitmap).map((index) => attack.set.validators[index]!.publicKey);
  const accused = decided.validators.validators.flatMap(({ publicKey }, index) => (signers.some((key) => equalBytes(key, publicKey)) ? [index] : []));
  if (accused.length === 0) return undefined;
  const signedBoth = round === decided.certificate.round ? bitsOf(decided.certificate.bitmap) : [];
  const isFalseSet = equalBytes(shown.value.prevBlockId, truth.value.prevBlockId) && !equalBytes(shown.value.validatorsHash, truth.value.validatorsHash);
  return accused.filter((index) => isFalseSet || signedBoth.includes(index));
}
