/**
 * The vote keeper (consensus page §1.8): who voted for what in a round, tallies, quorums, certificates as units.
 * The first vote of a validator counts; a second, different one is evidence and is not counted.
 */
import { toHex } from '../lib/bytes.ts';
import type { Certificate, ValidatorSet } from '../wire/consensus.ts';
import { CERTIFICATE_TYPE, makeCertificate, votesOf } from './certificate.ts';
import type { ConsensusState, RoundState, VoteTable } from './state.ts';
import { NIL, type BlockIdHex, type SignedVote, type VoteType } from './types.ts';
import { isQuorum, powerOf } from './validators.ts';

/** By size of the set, at most VALIDATORS_MAX; tables never change, so one of each serves all rounds. */
const EMPTY_TABLES: (VoteTable | undefined)[] = [];

/** A table for a set of this size, without votes. */
export function emptyTable(size: number): VoteTable {
  const known = EMPTY_TABLES[size];
  if (known !== undefined) return known;
  const table: VoteTable = { votes: new Array<undefined>(size).fill(undefined), tallies: [], power: 0 };
  EMPTY_TABLES[size] = table;
  return table;
}

/** Adds the first vote of a validator. */
export function addVote(set: ValidatorSet, table: VoteTable, vote: SignedVote): VoteTable {
  const power = powerOf(set, vote.validatorIndex);
  const known = table.tallies.some((tally) => tally.blockId === vote.blockId);
  const votes = table.votes.slice();
  votes[vote.validatorIndex] = vote;
  return {
    votes,
    tallies: known
      ? table.tallies.map((tally) => (tally.blockId === vote.blockId ? { ...tally, power: tally.power + power } : tally))
      : [...table.tallies, { blockId: vote.blockId, power }],
    power: table.power + power,
  };
}

/** The table without the votes that are to go. */
export function dropVotes(set: ValidatorSet, table: VoteTable, goes: (vote: SignedVote) => boolean): VoteTable {
  if (!table.votes.some((vote) => vote !== undefined && goes(vote))) return table;
  return table.votes.reduce<VoteTable>((kept, vote) => (vote === undefined || goes(vote) ? kept : addVote(set, kept, vote)), emptyTable(table.votes.length));
}

/** The one table of a type. */
export function tableOf(round: RoundState, type: VoteType): VoteTable {
  return type === 'prevote' ? round.prevote : round.precommit;
}

/** A quorum has voted, whatever for. */
export function hasQuorumOfAny(state: ConsensusState, table: VoteTable): boolean {
  return isQuorum(table.power, state.totalPower);
}

/** A quorum has voted NIL. */
export function hasQuorumOfNil(state: ConsensusState, table: VoteTable): boolean {
  return table.tallies.some((tally) => tally.blockId === NIL && isQuorum(tally.power, state.totalPower));
}

/**
 * The certificate for a block in a round, if a quorum is known: one that came as a unit, else made of the tally.
 * A unit counts even if one of its members voted otherwise here: no tally of first votes may hide a quorum.
 */
export function certificateFor(state: ConsensusState, round: RoundState, type: VoteType, blockId: BlockIdHex): Certificate | undefined {
  const unit = round.certificates.find((held) => held.type === CERTIFICATE_TYPE[type] && toHex(held.blockId) === blockId);
  if (unit !== undefined) return unit;
  const table = tableOf(round, type);
  const quorum = table.tallies.some((tally) => tally.blockId === blockId && isQuorum(tally.power, state.totalPower));
  return quorum ? makeCertificate(state.validators, { type, height: state.height, round: round.round, blockId }, table.votes) : undefined;
}

/** Votes of one round by different validators, by index; one of each, members of certificates included. */
export function votersAt(state: ConsensusState, held: RoundState): readonly SignedVote[] {
  const members = held.certificates.flatMap(votesOf);
  return state.validators.validators.flatMap((_, i) => {
    const slot = state.future[i];
    const ahead = [slot?.prevote, slot?.precommit].find((vote) => vote !== undefined && vote.round === held.round);
    const vote = held.prevote.votes[i] ?? held.precommit.votes[i] ?? ahead ?? members.find((member) => member.validatorIndex === i);
    return vote === undefined ? [] : [vote];
  });
}
