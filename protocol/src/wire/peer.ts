/**
 * What nodes tell each other that nobody signs, hashes or stores (consensus page §1.2; SPEC §9). Protobuf package bill.peer.
 * Votes, proposals, certificates and blocks travel in the messages of consensus.ts.
 */
import { message, type ValueType } from './codec.ts';
import { BLOCK_MAX_BYTES, Certificate, VALIDATORS_MAX } from './consensus.ts';
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
/** passOn: 1 from a node that is no validator and may not reach all of them: who is one tells the others. */
export const TxPush = message('TxPush', 1_052_672, { txs: listOfBytes(1, 1, TX_PUSH_MAX, 1, 16_384), passOn: u32(2, 0, 1) });
/** Decided blocks from a height on. */
export const GetBlocks = message('GetBlocks', 64, { from: u53(1, 1), count: u32(2, 1, SYNC_RANGE_MAX) });
const DecidedBlock = message('DecidedBlock', BLOCK_MAX_BYTES + 16_384, { block: bytes(1, 1, BLOCK_MAX_BYTES), certificate: sub(2, Certificate) });
/** Answer to GetBlocks: consecutive from `from`, fewer than asked where they would not fit, none where there is none. */
export const Blocks = message('Blocks', SYNC_ANSWER_MAX_BYTES, { from: u53(1, 1), blocks: listOf(2, 0, SYNC_RANGE_MAX, DecidedBlock) });

export type Status = ValueType<typeof Status>;
export type NeedBlock = ValueType<typeof NeedBlock>;
export type TxPush = ValueType<typeof TxPush>;
export type GetBlocks = ValueType<typeof GetBlocks>;
export type Blocks = ValueType<typeof Blocks>;
