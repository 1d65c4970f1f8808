/**
 * What nodes tell each other that nobody signs, hashes or stores (consensus page §1.2; SPEC §9). Protobuf package bill.peer.
 * Votes, proposals, certificates and blocks travel in the messages of consensus.ts.
 */
import { message, type ValueType } from './codec.ts';
import { BLOCK_MAX_BYTES, Certificate, LightBlock, VALIDATORS_MAX } from './consensus.ts';
import { bytes, listOf, listOfBytes, optSub, s32, sub, u32, u53 } from './field.ts';

/** Bytes of a bitmap over the largest validator set. */
const BITMAP_MAX_BYTES = Math.ceil(VALIDATORS_MAX / 8);
/** Rounds that a Status tells of: the current one, its neighbours and the one locked. */
const ROUNDS_MAX = 4;
/** Transactions in one push; with 16 KiB each they fill a block. */
export const TX_PUSH_MAX = 64;
/** Decided blocks asked for at once (consensus page §1.16). */
export const SYNC_RANGE_MAX = 16;
/** Room for them in one answer: at least one block of the largest size, or sixteen of 120 KiB. */
export const SYNC_ANSWER_MAX_BYTES = 2_097_152;

/** hasProposal: 0 or 1. */
const RoundStatus = message('RoundStatus', 64, { round: u32(1, 0, 0x7fff_ffff), hasProposal: u32(2, 0, 1), prevotes: bytes(3, 1, BITMAP_MAX_BYTES), precommits: bytes(4, 1, BITMAP_MAX_BYTES) });
/** step: as in HardState. tip: certificate of the height below; absent at height 1. */
export const Status = message('Status', 9_216, { height: u53(1, 1), round: s32(2, -1, 0x7fff_ffff), step: u32(3, 0, 4), rounds: listOf(4, 0, ROUNDS_MAX, RoundStatus), tip: optSub(5, Certificate) });
/** The body of a block of this height is asked for. */
export const NeedBlock = message('NeedBlock', 64, { height: u53(1, 1), blockId: bytes(2, 32) });
/** Light blocks in one answer: the headers that a newcomer walks back from a checkpoint come in such pages. */
export const LIGHT_PAGE_MAX = 16;
/** Snapshots that a node offers at once. */
export const SNAPSHOT_OFFERS_MAX = 16;
/** Chunks of a snapshot: 16 GiB of rows, far above what the state may hold in memory. */
export const SNAPSHOT_CHUNKS_MAX = 16_384;
/** Bytes of a part of a snapshot: a chunk of rows, or the block. */
export const SNAPSHOT_PART_MAX_BYTES = BLOCK_MAX_BYTES;
/** Peers of one node (docs/network.md, peersMax). */
const PEERS_MAX = 64;
/** told: node keys of the peers that a node which is no validator tells; a validator that hears it tells its other peers. Empty from validators, who tell all. */
export const TxPush = message('TxPush', 1_055_232, { txs: listOfBytes(1, 1, TX_PUSH_MAX, 1, 16_384), told: listOfBytes(2, 0, PEERS_MAX, 32, 32) });
/** Decided blocks from a height on. */
export const GetBlocks = message('GetBlocks', 64, { from: u53(1, 1), count: u32(2, 1, SYNC_RANGE_MAX) });
const DecidedBlock = message('DecidedBlock', BLOCK_MAX_BYTES + 16_384, { block: bytes(1, 1, BLOCK_MAX_BYTES), certificate: sub(2, Certificate) });
/** Answer to GetBlocks: consecutive from `from`, fewer than asked where they would not fit, none where there is none. */
export const Blocks = message('Blocks', SYNC_ANSWER_MAX_BYTES, { from: u53(1, 1), blocks: listOf(2, 0, SYNC_RANGE_MAX, DecidedBlock) });

/** Light blocks from a height on (SPEC §18). */
export const GetLightBlocks = message('GetLightBlocks', 64, { from: u53(1, 1), count: u32(2, 1, LIGHT_PAGE_MAX) });
/** Answer: consecutive from `from`, fewer than asked where there are no more. */
export const LightBlocks = message('LightBlocks', 294_912 + 128, { from: u53(1, 1), blocks: listOf(2, 0, LIGHT_PAGE_MAX, LightBlock) });
/** Snapshots above this height are asked for. */
export const GetSnapshots = message('GetSnapshots', 64, { above: u53(1) });
/** id: SHA-256 of the SnapshotManifest bytes, the same on every correct node. */
const SnapshotOffer = message('SnapshotOffer', 64, { height: u53(1, 1), id: bytes(2, 32) });
export const Snapshots = message('Snapshots', 2_048, { offers: listOf(1, 0, SNAPSHOT_OFFERS_MAX, SnapshotOffer) });
export const GetSnapshotManifest = message('GetSnapshotManifest', 64, { id: bytes(1, 32) });
/** What a snapshot consists of: the block, and the rows in chunks by ascending SHA-256(row key); hashes are untagged SHA-256. validatorsSince: first height at which the set of the next block votes. */
export const SnapshotManifest = message('SnapshotManifest', 589_824, {
  height: u53(1, 1), validatorsSince: u53(2), rows: u53(3), blockHash: bytes(4, 32), chunkHashes: listOfBytes(5, 1, SNAPSHOT_CHUNKS_MAX, 32, 32),
});
/** Part 0 is the block, part n the chunk n − 1. */
export const GetSnapshotPart = message('GetSnapshotPart', 64, { id: bytes(1, 32), index: u32(2, 0, SNAPSHOT_CHUNKS_MAX) });
export const SnapshotPart = message('SnapshotPart', SNAPSHOT_PART_MAX_BYTES + 64, { id: bytes(1, 32), index: u32(2, 0, SNAPSHOT_CHUNKS_MAX), content: bytes(3, 1, SNAPSHOT_PART_MAX_BYTES) });

/** Sent back as it is at once: how long a message takes to a peer and back. Ping and Pong have this form. */
export const Ping = message('Ping', 16, { nonce: u32(1, 0, 0xffff_ffff) });

export type Status = ValueType<typeof Status>;
export type NeedBlock = ValueType<typeof NeedBlock>;
export type TxPush = ValueType<typeof TxPush>;
export type GetBlocks = ValueType<typeof GetBlocks>;
export type Blocks = ValueType<typeof Blocks>;
export type LightBlocks = ValueType<typeof LightBlocks>;
export type Snapshots = ValueType<typeof Snapshots>;
export type SnapshotManifest = ValueType<typeof SnapshotManifest>;
export type SnapshotPart = ValueType<typeof SnapshotPart>;
