/** What no correct node ever sends: certificates nobody made, broken encodings, numbers out of range, signatures for something else. */
import {
  Block, Body, Header, NIL, decode, encode, merkleRoot, proposalBodyBytes, signingBytes, voteBodyBytes, votePreimage, ProposalBody,
  type Certificate, type Proposal, type Vote, type VoteFields,
} from '@billcoin/protocol';
import type { PeerMessage } from '../ports.ts';
import type { Random } from './random.ts';

/** What a forger has: its own key, and chance. */
export interface Forger {
  readonly random: Random;
  readonly genesisHash: Uint8Array;
  readonly sign: (message: Uint8Array) => Uint8Array;
  /** Place of the own key in the set. */
  readonly index: number;
}

/** Certificates, each wrong in the way its name says. */
export const FORGED_CERTIFICATES: Readonly<Record<string, (certificate: Certificate, forger: Forger) => Certificate>> = {
  'another round': (one) => ({ ...one, round: one.round + 1 }),
  'round 2^31': (one) => ({ ...one, round: 2 ** 31 }),
  'another height': (one) => ({ ...one, height: one.height + 1 }),
  'trailing bits': (one) => ({ ...one, bitmap: one.bitmap.map((byte) => byte | 0x01) }),
  'index out of range': (one) => ({ ...one, bitmap: new Uint8Array([...one.bitmap, 0x80]), signatures: [...one.signatures, one.signatures[0]!] }),
  'the other type': (one) => ({ ...one, type: one.type === 1 ? 2 : 1 }),
  'one signature for all': (one) => ({ ...one, signatures: one.signatures.map(() => one.signatures[0]!) }),
  'a signature too many': (one) => ({ ...one, signatures: [...one.signatures, one.signatures[0]!] }),
  'a signature missing': (one) => ({ ...one, signatures: one.signatures.slice(1) }),
  'no signatures': (one) => ({ ...one, signatures: [], bitmap: one.bitmap.map(() => 0) }),
  'below a quorum': (one) => ({ ...one, signatures: one.signatures.slice(0, 1), bitmap: lowestBit(one.bitmap) }),
  'a block nobody voted for': (one, { random }) => ({ ...one, blockId: random.bytes(32) }),
  'no block': (one) => ({ ...one, blockId: new Uint8Array(0) }),
  'mixed rounds': (one, { sign, genesisHash, index }) => {
    const at = [...positions(one.bitmap)].indexOf(index);
    const blockId = Buffer.from(one.blockId).toString('hex');
    const other = votePreimage(genesisHash, { type: one.type === 1 ? 'prevote' : 'precommit', height: one.height, round: one.round + 1, blockId });
    return { ...one, signatures: one.signatures.map((signature, i) => (i === at ? sign(other) : signature)) };
  },
};

function* positions(bitmap: Uint8Array): Generator<number> {
  for (let i = 0; i < bitmap.length * 8; i++) if ((bitmap[i >> 3]! & (0x80 >> (i & 7))) !== 0) yield i;
}

function lowestBit(bitmap: Uint8Array): Uint8Array {
  const [first = 0] = positions(bitmap);
  return bitmap.map((_, byte) => (byte === first >> 3 ? 0x80 >> (first & 7) : 0));
}

/** Bytes that a strict decoder refuses, or takes for something else. */
export const BROKEN_ENCODINGS: Readonly<Record<string, (bytes: Uint8Array, random: Random) => Uint8Array>> = {
  'trailing byte': (bytes) => new Uint8Array([...bytes, 0]),
  'unknown field': (bytes) => new Uint8Array([...bytes, 0x78, 0x01]),
  'every field twice': (bytes) => new Uint8Array([...bytes, ...bytes]),
  'cut off': (bytes, random) => bytes.slice(0, random.below(bytes.length)),
  'nothing': () => new Uint8Array(0),
  'long varint': (bytes) => (bytes.length < 2 ? bytes : new Uint8Array([bytes[0]!, bytes[1]! | 0x80, 0x00, ...bytes.subarray(2)])),
  'random bytes': (bytes, random) => random.bytes(bytes.length),
  'flipped bit': (bytes, random) => {
    const at = random.below(bytes.length);
    return bytes.map((byte, i) => (i === at ? byte ^ (1 << random.below(8)) : byte));
  },
};

/** Order of the group of Ed25519 (RFC 8032 §5.1). */
const ORDER = 2n ** 252n + 27_742_317_777_372_353_535_851_937_790_883_648_493n;

/** The other signature that lax libraries take for the same: S + L. */
function malleated(signature: Uint8Array): Uint8Array {
  const scalar = BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString('hex')}`) + ORDER;
  const hex = scalar.toString(16).padStart(64, '0').slice(-64);
  return new Uint8Array([...signature.subarray(0, 32), ...Buffer.from(hex, 'hex').reverse()]);
}

/** Votes of the own key that say what no vote may, or are signed for something else. */
export const ODD_VOTES: Readonly<Record<string, (fields: VoteFields, vote: Vote, forger: Forger) => Vote>> = {
  'round 2^31': (fields, vote, forger) => signed({ ...fields, round: 2 ** 31 }, vote, forger),
  'round 2^32 - 1': (fields, vote, forger) => signed({ ...fields, round: 2 ** 32 - 1 }, vote, forger),
  'height 2^40': (fields, vote, forger) => signed({ ...fields, height: 2 ** 40 }, vote, forger),
  'height far below': (fields, vote, forger) => signed({ ...fields, height: 1 }, vote, forger),
  'next height': (fields, vote, forger) => signed({ ...fields, height: fields.height + 1 }, vote, forger),
  'another network': (fields, vote, { sign, genesisHash }) => ({ ...vote, signature: sign(votePreimage(genesisHash.map((byte) => byte ^ 1), fields)) }),
  'signed as a proposal': (_, vote, { sign, genesisHash }) => ({ ...vote, signature: sign(signingBytes('bill/proposal/1', genesisHash, vote.body)) }),
  'in the name of another': (_, vote) => ({ ...vote, validatorIndex: vote.validatorIndex === 0 ? 1 : 0 }),
  'of nobody': (_, vote) => ({ ...vote, validatorIndex: 2 ** 31 }),
  'S + L': (_, vote) => ({ ...vote, signature: malleated(vote.signature) }),
  'short signature': (_, vote) => ({ ...vote, signature: vote.signature.subarray(0, 32) }),
};

function signed(fields: VoteFields, vote: Vote, { sign, genesisHash }: Forger): Vote {
  return { body: voteBodyBytes(fields), validatorIndex: vote.validatorIndex, signature: sign(votePreimage(genesisHash, fields)) };
}

/** Proposals in the own turn whose numbers contradict each other. */
export const ODD_PROPOSALS: Readonly<Record<string, (proposal: Proposal, forger: Forger) => Proposal>> = {
  'polRound is the round': (proposal, forger) => resigned(proposal, forger, ({ round }) => ({ polRound: round })),
  'polRound above the round': (proposal, forger) => resigned(proposal, forger, ({ round }) => ({ polRound: round + 1 })),
  'polRound without a polka': (proposal, forger) => resigned(proposal, forger, ({ round }) => ({ polRound: Math.max(0, round - 1), round: Math.max(1, round) })),
  'round 2^31 - 1': (proposal, forger) => resigned(proposal, forger, () => ({ round: 2 ** 31 - 1 })),
  'another block id': (proposal, forger) => resigned(proposal, forger, () => ({ blockId: forger.random.bytes(32) })),
  'next height': (proposal, forger) => resigned(proposal, forger, ({ height }) => ({ height: height + 1 })),
};

function resigned(proposal: Proposal, { sign, genesisHash }: Forger, change: (body: ProposalBody) => Partial<ProposalBody>): Proposal {
  const decoded = decode(ProposalBody, proposal.body);
  if (!decoded.ok) return proposal;
  const body = proposalBodyBytes({ ...decoded.value, ...change(decoded.value), blockId: Buffer.from(change(decoded.value).blockId ?? decoded.value.blockId).toString('hex') });
  return { ...proposal, body, signature: sign(signingBytes('bill/proposal/1', genesisHash, body)) };
}

/** Wrong fields in the header of an otherwise good block. */
export const SPOILED_HEADERS: Readonly<Record<string, (header: Header, random: Random, validators: number) => Header>> = {
  'state root': (header, random) => ({ ...header, stateRoot: random.bytes(32) }),
  'result root': (header, random) => ({ ...header, resultRoot: random.bytes(32) }),
  'block below': (header, random) => ({ ...header, prevBlockId: random.bytes(32) }),
  'time an hour ahead': (header) => ({ ...header, timeMs: header.timeMs + 3_600_000 }),
  'time in the past': (header) => ({ ...header, timeMs: header.timeMs - 60_000 }),
  'header.round': (header) => ({ ...header, round: header.round + 1 }),
  'header.round 2^31': (header) => ({ ...header, round: 2 ** 31 }),
  'proposer': (header, _, validators) => ({ ...header, proposerIndex: (header.proposerIndex + 1) % validators }),
  'set': (header, random) => ({ ...header, validatorsHash: random.bytes(32) }),
  'next set': (header, random) => ({ ...header, nextValidatorsHash: random.bytes(32) }),
  'evidence root': (header, random) => ({ ...header, evidenceRoot: random.bytes(32) }),
  'version': (header) => ({ ...header, version: header.version + 1 }),
  'count of transactions': (header) => ({ ...header, txCount: header.txCount + 1 }),
};

/** Bodies that no block may have, under a header that binds them. */
export const SPOILED_BODIES: Readonly<Record<string, (body: Body, random: Random) => Body>> = {
  'random transaction': (body, random) => ({ ...body, txs: [...body.txs, random.bytes(200)] }),
  'transaction twice': (body) => ({ ...body, txs: body.txs.flatMap((tx) => [tx, tx]) }),
  'no evidence': (body, random) => ({ ...body, evidence: [random.bytes(100)] }),
};

/** A block with another body, whose header says so. */
export function withBody(header: Header, body: Body): { readonly headerBytes: Uint8Array; readonly blockBytes: Uint8Array } {
  const bytes = encode(Header, { ...header, txCount: body.txs.length, txRoot: merkleRoot(body.txs), evidenceRoot: merkleRoot(body.evidence) });
  return { headerBytes: bytes, blockBytes: encode(Block, { header: bytes, body: encode(Body, body) }) };
}

type Range = Extract<PeerMessage, { readonly kind: 'blocks' }>;

/** Answers to a node that catches up, each wrong in the way its name says. */
export const SPOILED_RANGES: Readonly<Record<string, (range: Range, forger: Forger) => Range>> = {
  'a gap': (range) => ({ ...range, blocks: range.blocks.filter((_, i) => i !== range.blocks.length >> 1) }),
  'nothing': (range) => ({ ...range, blocks: [] }),
  'another beginning': (range) => ({ ...range, from: range.from + 1 }),
  'backwards': (range) => ({ ...range, blocks: [...range.blocks].reverse() }),
  'every block twice': (range) => ({ ...range, blocks: range.blocks.flatMap((one) => [one, one]) }),
  'wrong bodies': (range) => ({ ...range, blocks: range.blocks.map((one) => ({ ...one, blockBytes: wrongBody(one.blockBytes) })) }),
  'bodies swapped': (range) => ({ ...range, blocks: range.blocks.map((one, i) => ({ ...one, blockBytes: range.blocks[(i + 1) % range.blocks.length]!.blockBytes })) }),
  'forged certificates': (range, forger) => ({ ...range, blocks: range.blocks.map((one) => ({ ...one, certificate: FORGED_CERTIFICATES[forger.random.pick(Object.keys(FORGED_CERTIFICATES))]!(one.certificate, forger) })) }),
};

/** The header of a good block with another body. */
export function wrongBody(blockBytes: Uint8Array): Uint8Array {
  const block = decode(Block, blockBytes);
  const body = block.ok ? decode(Body, block.value.body) : block;
  if (!block.ok || !body.ok) return blockBytes;
  return encode(Block, { header: block.value.header, body: encode(Body, { ...body.value, txs: body.value.txs.slice(1), evidence: body.value.txs.length === 0 ? [new Uint8Array(3)] : [] }) });
}

/** A vote for nothing in place of one for a block. */
export function nilVote(fields: VoteFields, vote: Vote, forger: Forger): Vote {
  return signed({ ...fields, blockId: NIL }, vote, forger);
}

const GIANT = new Uint8Array(2 ** 21);
const GIANT_VOTES = 5_000;

/** The message in a frame beyond every limit. */
export function giant(message: PeerMessage): PeerMessage {
  switch (message.kind) {
    case 'vote': return { kind: 'roundCert', votes: Array.from({ length: GIANT_VOTES }, () => message.vote) };
    case 'proposal': return { kind: 'proposal', proposal: { ...message.proposal, header: GIANT } };
    case 'certificate': return { kind: 'certificate', certificate: { ...message.certificate, bitmap: GIANT } };
    case 'txs': return { kind: 'txs', txs: [GIANT], told: [] };
    default: return { kind: 'block', blockBytes: GIANT };
  }
}
