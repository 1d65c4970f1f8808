/**
 * The bytes that are signed and hashed, and block ids in their two forms (consensus page §1.1–1.2). Encoding is
 * canonical, so the bytes of a body can be made again from its fields.
 */
import { assert } from '../lib/assert.ts';
import { fromHex, toHex } from '../lib/bytes.ts';
import { chainHash, signingBytes } from '../lib/hash.ts';
import { encode } from '../wire/codec.ts';
import { ProposalBody, VoteBody } from '../wire/consensus.ts';
import { NIL, type BlockIdHex, type Unsigned, type VoteType } from './types.ts';

/** Block id of header bytes: SHA-256(`bill/header/1` ‖ 0x00 ‖ genesisHash ‖ header). */
export function blockIdOf(genesisHash: Uint8Array, header: Uint8Array): BlockIdHex {
  return toHex(chainHash('bill/header/1', genesisHash, header));
}

/** 32 bytes of a block id; undefined for NIL, which is absent on the wire. */
export function wireBlockId(id: BlockIdHex): Uint8Array | undefined {
  if (id === NIL) return undefined;
  const bytes = fromHex(id);
  assert(bytes !== undefined && bytes.length === 32, `block id ${id} has 64 hex digits`);
  return bytes;
}

/** The block id in the core's form. */
export function coreBlockId(bytes: Uint8Array | undefined): BlockIdHex {
  return bytes === undefined ? NIL : toHex(bytes);
}

/** What a vote is about. */
export interface VoteFields {
  readonly type: VoteType;
  readonly height: number;
  readonly round: number;
  readonly blockId: BlockIdHex;
}

/** VoteBody bytes: the same for all votes of one type for one block in one round. */
export function voteBodyBytes(vote: VoteFields): Uint8Array {
  return encode(VoteBody, { type: vote.type === 'prevote' ? 1 : 2, height: vote.height, round: vote.round, blockId: wireBlockId(vote.blockId) });
}

/** ProposalBody bytes. */
export function proposalBodyBytes(proposal: Omit<VoteFields, 'type'> & { readonly polRound: number }): Uint8Array {
  const blockId = wireBlockId(proposal.blockId);
  assert(blockId !== undefined, 'nobody proposes NIL');
  return encode(ProposalBody, { height: proposal.height, round: proposal.round, polRound: proposal.polRound, blockId });
}

/** Body bytes of what is to be signed. */
export function unsignedBytes(body: Unsigned): Uint8Array {
  return body.kind === 'proposal' ? proposalBodyBytes(body) : voteBodyBytes({ ...body, type: body.kind });
}

/** What the consensus key signs for a vote: the preimage under `bill/vote/1`. */
export function votePreimage(genesisHash: Uint8Array, vote: VoteFields): Uint8Array {
  return signingBytes('bill/vote/1', genesisHash, voteBodyBytes(vote));
}

/** What the consensus key signs: the preimage under `bill/vote/1` or `bill/proposal/1`. */
export function unsignedPreimage(genesisHash: Uint8Array, body: Unsigned): Uint8Array {
  return signingBytes(body.kind === 'proposal' ? 'bill/proposal/1' : 'bill/vote/1', genesisHash, unsignedBytes(body));
}
