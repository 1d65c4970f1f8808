/**
 * From what peers send to inputs of the core: form and signatures are checked here, under the sets the core has at that
 * moment, so the core sees verified messages only (consensus page §1.3, §1.8).
 */
import {
  VALIDATORS_MAX, checkCertificateForm, decode, equalBytes, fault, ok, parseVote, readProposal, toHex, verifyCertificate, verifyVote, ProposalBody,
  type Certificate, type ConsensusState, type Input, type Proposal, type Result, type SignedVote, type ValidatorSet, type Verifier, type Vote,
} from '@billcoin/protocol';
import type { PeerMessage } from '../ports.ts';

/** What verification stands on. */
export interface InboxContext {
  readonly genesisHash: Uint8Array;
  readonly verify: Verifier;
}

export type CoreMessage = Extract<PeerMessage, { readonly kind: 'vote' | 'proposal' | 'certificate' | 'roundCert' }>;

const NOTHING: Result<readonly Input[]> = ok([]);

/**
 * Inputs made of a message: none where the core has no use for it or knows it already; a fault where its sender is
 * broken or lies. `receivedAtMs`: local clock when it came, which the core holds a proposal's time against.
 */
export function readPeerMessage(context: InboxContext, state: ConsensusState, message: CoreMessage, receivedAtMs: number): Result<readonly Input[]> {
  switch (message.kind) {
    case 'vote': return readOneVote(context, state, message.vote);
    case 'proposal': return readOneProposal(context, state, message.proposal, receivedAtMs);
    case 'certificate': return readCertificate(context, state, message.certificate);
    case 'roundCert': return readRoundCert(context, state, message.votes);
  }
}

/** The set under which a vote of this height is verified; undefined: the core has no use for it. */
function setOfVote(state: ConsensusState, vote: SignedVote): ValidatorSet | undefined {
  if (vote.height === state.height || vote.height === state.height + 1) return state.validators;
  const below = state.prevCommit;
  const joins = below !== undefined && vote.height === below.height && vote.type === 'precommit' && vote.round === below.round && vote.blockId === below.blockId;
  return joins ? below.validators : undefined;
}

/** The core holds this very vote: dropped before its signature is verified again. */
function isHeld(state: ConsensusState, vote: SignedVote): boolean {
  if (vote.height !== state.height) return vote.height < state.height && state.prevCommit?.table.votes[vote.validatorIndex] !== undefined;
  const held = state.rounds.find((round) => round.round === vote.round)?.[vote.type].votes[vote.validatorIndex] ?? state.future[vote.validatorIndex]?.[vote.type];
  return held !== undefined && held.round === vote.round && held.blockId === vote.blockId;
}

/** Above the own height another set may vote: a message that does not verify there is no lie yet, only of no use. */
function isOfOwnSet(state: ConsensusState, height: number): boolean {
  return height <= state.height;
}

function readOneVote({ genesisHash, verify }: InboxContext, state: ConsensusState, vote: Vote): Result<readonly Input[]> {
  const parsed = parseVote(vote);
  if (!parsed.ok) return parsed;
  const validators = setOfVote(state, parsed.value);
  if (validators === undefined || isHeld(state, parsed.value)) return NOTHING;
  const read = verifyVote({ genesisHash, validators, verify }, vote, parsed.value);
  if (!read.ok) return isOfOwnSet(state, parsed.value.height) ? read : NOTHING;
  return ok([{ kind: 'voteMsg', vote: read.value }]);
}

function readRoundCert(context: InboxContext, state: ConsensusState, votes: readonly Vote[]): Result<readonly Input[]> {
  // Not the own set's size: the votes may be of the next height, whose set may be larger.
  if (votes.length > VALIDATORS_MAX) return fault('malformed', { path: 'RoundCert.votes', why: `are ${votes.length}, of at most ${VALIDATORS_MAX} validators` });
  const inputs: Input[] = [];
  for (const vote of votes) {
    const read = readOneVote(context, state, vote);
    if (!read.ok) return read;
    inputs.push(...read.value);
  }
  return ok(inputs);
}

function readOneProposal({ genesisHash, verify }: InboxContext, state: ConsensusState, proposal: Proposal, receivedAtMs: number): Result<readonly Input[]> {
  const body = decode(ProposalBody, proposal.body);
  if (!body.ok) return body;
  const { height, round, polRound, blockId } = body.value;
  if (height !== state.height && height !== state.height + 1) return NOTHING;
  const id = toHex(blockId);
  const isKnown = height === state.height && state.rounds.some((held) => held.round === round && held.proposals.some(({ proposal: other }) => other.blockId === id && other.polRound === polRound));
  if (isKnown) return NOTHING;
  const read = readProposal({ genesisHash, validators: state.validators, schedule: state.schedule, verify }, proposal);
  if (!read.ok) return isOfOwnSet(state, height) ? read : NOTHING;
  return ok([{ kind: 'proposalMsg', proposal: read.value, receivedAtMs }]);
}

function readCertificate({ genesisHash, verify }: InboxContext, state: ConsensusState, certificate: Certificate): Result<readonly Input[]> {
  if (certificate.height !== state.height || state.step === 'decided') return NOTHING;
  if (!checkCertificateForm(state.validators, certificate).ok) return fault('malformed', { path: 'Certificate', why: 'is none of this set' });
  const held = state.rounds.find((round) => round.round === certificate.round);
  if (held?.certificates.some((other) => other.type === certificate.type && equalBytes(other.blockId, certificate.blockId)) === true) return NOTHING;
  const checked = verifyCertificate(genesisHash, state.validators, certificate, verify);
  return checked.ok ? ok([{ kind: 'certMsg', certificate }]) : checked;
}
