/** Between wire and core: reading what peers send, giving back what this node signed (consensus page §1.2). */
import { assert } from '../lib/assert.ts';
import { fault, ok, type Result } from '../lib/fault.ts';
import { signingBytes } from '../lib/hash.ts';
import type { Verifier } from '../lib/signature.ts';
import { decode } from '../wire/codec.ts';
import { Header, ProposalBody, VoteBody, type Proposal, type ValidatorSet, type Vote } from '../wire/consensus.ts';
import { blockIdOf, coreBlockId, proposalBodyBytes, voteBodyBytes } from './bodies.ts';
import { CERTIFICATE_TYPE, verifyCertificate } from './certificate.ts';
import type { Input } from './input.ts';
import { proposerAt, type Schedule } from './proposer.ts';
import { NO_ROUND, type BlockIdHex, type SignedProposal, type SignedVote, type Unsigned } from './types.ts';

/** What reading a peer's message needs: the set and schedule of its height. */
export interface ReadContext {
  readonly genesisHash: Uint8Array;
  readonly validators: ValidatorSet;
  readonly schedule: Schedule;
  readonly verify: Verifier;
}

export function wireVote(vote: SignedVote): Vote {
  return { body: voteBodyBytes(vote), validatorIndex: vote.validatorIndex, signature: vote.signature };
}

export function wireProposal(proposal: SignedProposal): Proposal {
  return { body: proposalBodyBytes(proposal), signature: proposal.signature, header: proposal.header, polka: proposal.polka };
}

/** The form of a vote, without its signature. A peer that sends another form is scored. */
export function parseVote(vote: Vote): Result<SignedVote> {
  const body = decode(VoteBody, vote.body);
  if (!body.ok) return body;
  const { type, height, round, blockId } = body.value;
  return ok({ type: type === 1 ? 'prevote' : 'precommit', height, round, blockId: coreBlockId(blockId), validatorIndex: vote.validatorIndex, signature: vote.signature });
}

/** A vote whose form, index and signature are right; else `malformed` or `bad_signature`. */
export function readVote(context: Omit<ReadContext, 'schedule'>, vote: Vote): Result<SignedVote> {
  const parsed = parseVote(vote);
  return parsed.ok ? verifyVote(context, vote, parsed.value) : parsed;
}

/** `readVote` of a vote whose form is known already: `parsed` is what `parseVote` made of it. */
export function verifyVote(context: Omit<ReadContext, 'schedule'>, vote: Vote, parsed: SignedVote): Result<SignedVote> {
  const validator = context.validators.validators[vote.validatorIndex];
  if (validator === undefined) return fault('malformed', { path: 'Vote.validatorIndex', why: `is ${vote.validatorIndex} in a set of ${context.validators.validators.length}` });
  const preimage = signingBytes('bill/vote/1', context.genesisHash, vote.body);
  return context.verify(validator.publicKey, preimage, vote.signature) ? ok(parsed) : fault('bad_signature');
}

/**
 * A proposal by the proposer of its (height, round): polRound in range, header of that block id and height, polka
 * present iff polRound ≥ 0 and verified. Whether the header's round fits is a matter of validity, judged by the rules.
 */
export function readProposal(context: ReadContext, proposal: Proposal): Result<SignedProposal> {
  const body = decode(ProposalBody, proposal.body);
  if (!body.ok) return body;
  const header = decode(Header, proposal.header);
  if (!header.ok) return header;
  const { height, round, polRound } = body.value;
  const bad = (path: string, why: string): Result<SignedProposal> => fault('malformed', { path: `Proposal.${path}`, why });
  if (height < context.schedule.since) return bad('body.height', 'is before the set votes');
  if (polRound >= round) return bad('body.polRound', `is ${polRound} in round ${round}`);
  const blockId = coreBlockId(body.value.blockId);
  if (blockIdOf(context.genesisHash, proposal.header) !== blockId) return bad('header', 'is not that of the block id');
  if (header.value.height !== height) return bad('header.height', `is ${header.value.height} at height ${height}`);
  const { publicKey } = context.validators.validators[proposerAt(context.schedule, height, round)]!;
  if (!context.verify(publicKey, signingBytes('bill/proposal/1', context.genesisHash, proposal.body), proposal.signature)) return fault('bad_signature');
  const polka = checkPolka(context, proposal, { height, polRound, blockId });
  if (!polka.ok) return polka;
  return ok({ height, round, polRound, blockId, signature: proposal.signature, header: proposal.header, headerRound: header.value.round, headerTimeMs: header.value.timeMs, polka: proposal.polka });
}

function checkPolka(context: ReadContext, { polka }: Proposal, at: { readonly height: number; readonly polRound: number; readonly blockId: BlockIdHex }): Result<undefined> {
  const bad = (why: string): Result<undefined> => fault('malformed', { path: 'Proposal.polka', why });
  if (at.polRound === NO_ROUND) return polka === undefined ? ok(undefined) : bad('stands beside polRound −1');
  if (polka === undefined) return bad('is missing');
  const fits = polka.type === CERTIFICATE_TYPE.prevote && polka.height === at.height && polka.round === at.polRound && coreBlockId(polka.blockId) === at.blockId;
  if (!fits) return bad('is for something else');
  const verified = verifyCertificate(context.genesisHash, context.validators, polka, context.verify);
  return verified.ok ? ok(undefined) : verified;
}

/** What the core is told once this node has signed a body, recorded it and sent it. */
export function signedInput(body: Unsigned, signature: Uint8Array, ownIndex: number, nowMs: number): Input {
  const { height, round, blockId } = body;
  if (body.kind !== 'proposal') return { kind: 'voteMsg', vote: { type: body.kind, height, round, blockId, validatorIndex: ownIndex, signature } };
  const header = decode(Header, body.header);
  assert(header.ok, 'a header of this node decodes');
  const { round: headerRound, timeMs: headerTimeMs } = header.value;
  return { kind: 'proposalMsg', receivedAtMs: nowMs, proposal: { height, round, polRound: body.polRound, blockId, signature, header: body.header, headerRound, headerTimeMs, polka: body.polka } };
}
