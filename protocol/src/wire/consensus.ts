/** Blocks, votes and certificates (consensus page §1.1–1.2, §1.9; SPEC §9). Protobuf package bill.consensus. */
import { message, type ValueType } from './codec.ts';
import { bytes, listOf, listOfBytes, oneOf, optBytes, optSub, s32, sub, u32, u53 } from './field.ts';

/** A block is at most 1 MiB: at 1 Gb/s it reaches 19 peers in about 0.2 s. */
export const BLOCK_MAX_BYTES = 1_048_576;
export const BLOCK_MAX_TXS = 2_000;
export const BLOCK_MAX_EVIDENCE = 16;
/** Full mesh of validators: more than 50 would want gossip instead. */
export const VALIDATORS_MAX = 50;
const SMALL = 512;
const CERT_MAX_BYTES = 8_192;
const EVIDENCE_MAX_BYTES = 32_768;

export const Header = message('Header', 1_024, {
  version: u32(1, 1, 1), height: u53(2, 1), timeMs: u53(3, 1), prevBlockId: bytes(4, 32), prevCommitHash: bytes(5, 32), txRoot: bytes(6, 32), txCount: u32(7, 0, BLOCK_MAX_TXS),
  resultRoot: bytes(8, 32), stateRoot: bytes(9, 32), validatorsHash: bytes(10, 32), nextValidatorsHash: bytes(11, 32), evidenceRoot: bytes(12, 32), proposerIndex: u32(13, 0, VALIDATORS_MAX - 1), round: u32(14),
});
/** 1 polka (prevotes), 2 commit (precommits). */
export const Certificate = message('Certificate', CERT_MAX_BYTES, {
  type: u32(1, 1, 2), height: u53(2, 1), round: u32(3), blockId: bytes(4, 32), bitmap: bytes(5, 1, 7), signatures: listOfBytes(6, 1, VALIDATORS_MAX, 64),
});
export const Body = message('Body', BLOCK_MAX_BYTES, { txs: listOfBytes(1, 0, BLOCK_MAX_TXS, 1, 16_384), evidence: listOfBytes(2, 0, BLOCK_MAX_EVIDENCE, 1, EVIDENCE_MAX_BYTES), prevCommit: optBytes(3, 1, CERT_MAX_BYTES) });
export const Block = message('Block', BLOCK_MAX_BYTES, { header: bytes(1, 1, 1_024), body: bytes(2, 0, BLOCK_MAX_BYTES) });

/** type: 1 prevote, 2 precommit. blockId absent is NIL. */
export const VoteBody = message('VoteBody', SMALL, { type: u32(1, 1, 2), height: u53(2, 1), round: u32(3), blockId: optBytes(4, 32) });
export const Vote = message('Vote', SMALL, { body: bytes(1, 1, 128), validatorIndex: u32(2, 0, VALIDATORS_MAX - 1), signature: bytes(3, 64) });
export const ProposalBody = message('ProposalBody', SMALL, { height: u53(1, 1), round: u32(2), polRound: s32(3, -1, 0x7fff_ffff), blockId: bytes(4, 32) });
export const Proposal = message('Proposal', 16_384, { body: bytes(1, 1, 128), signature: bytes(2, 64), header: bytes(3, 1, 1_024), polka: optSub(4, Certificate) });
export const RoundCert = message('RoundCert', 16_384, { votes: listOf(1, 1, VALIDATORS_MAX, Vote) });
export const Validator = message('Validator', 64, { publicKey: bytes(1, 32), power: u53(2, 1, 2 ** 40) });
export const ValidatorSet = message('ValidatorSet', 4_096, { validators: listOf(1, 1, VALIDATORS_MAX, Validator) });
export const SignedBody = message('SignedBody', SMALL, { body: bytes(1, 1, 128), signature: bytes(2, 64) });
const DuplicateVote = message('DuplicateVote', 1_024, { a: sub(1, Vote), b: sub(2, Vote) });
const DuplicateProposal = message('DuplicateProposal', 1_024, { a: sub(1, SignedBody), b: sub(2, SignedBody) });
const LightClientAttack = message('LightClientAttack', 16_384, { header: bytes(1, 1, 1_024), certificate: sub(2, Certificate), set: sub(3, ValidatorSet) });
export const Evidence = message('Evidence', EVIDENCE_MAX_BYTES, {
  evidence: oneOf({ duplicateVote: sub(1, DuplicateVote), duplicateProposal: sub(2, DuplicateProposal), lightClientAttack: sub(3, LightClientAttack) }),
});

/** What a validator must never forget (§1.9): the sign guard's record. step: 0 newHeight, 1 propose, 2 prevote, 3 precommit, 4 decided. */
export const HardState = message('HardState', 16_384, {
  seq: u53(1, 1), genesisHash: bytes(2, 32), publicKey: bytes(3, 32), height: u53(4), round: u32(5), step: u32(6, 0, 4), lockedRound: s32(7, -1, 0x7fff_ffff), lockedId: optBytes(8, 32),
  validRound: s32(9, -1, 0x7fff_ffff), validId: optBytes(10, 32), validPolka: optSub(11, Certificate), lastProposal: optSub(12, SignedBody), lastPrevote: optSub(13, SignedBody), lastPrecommit: optSub(14, SignedBody),
  /** Why the round was entered; absent in round 0. At 50 validators the record then takes 10 kB. */
  roundCert: optSub(15, RoundCert),
});

/** Proof that a payment is final (§1.17): verifies offline against a validator set. */
export const PaymentReceipt = message('PaymentReceipt', 65_536, {
  tx: bytes(1, 1, 16_384), result: bytes(2, 1, 128), index: u32(3, 0, BLOCK_MAX_TXS - 1), txPath: listOfBytes(4, 0, 16, 32), resultPath: listOfBytes(5, 0, 16, 32), header: bytes(6, 1, 1_024), certificate: sub(7, Certificate),
});
/** The part of a PaymentReceipt without the transaction (SPEC §9): that an id was executed with this code in a final block. */
export const ExecutionReceipt = message('ExecutionReceipt', 16_384, { result: bytes(1, 1, 128), index: u32(2, 0, BLOCK_MAX_TXS - 1), resultPath: listOfBytes(3, 0, 16, 32), header: bytes(4, 1, 1_024), certificate: sub(5, Certificate) });
/** Path of one row key under a state root (SPEC §8.3). */
export const StateProof = message('StateProof', 16_384, {
  keyHash: bytes(1, 32), leafKeyHash: optBytes(2, 32), leafValueHash: optBytes(3, 32), depth: u32(4, 0, 256), bitmap: bytes(5, 0, 32), siblings: listOfBytes(6, 0, 256, 32),
});
/** A row of state, or its absence, in a final block (SPEC §8.3). value is absent for an absent row and for one that encodes to nothing; the proof tells which. */
export const RowProof = message('RowProof', 49_152, { header: bytes(1, 1, 1_024), certificate: sub(2, Certificate), proof: sub(3, StateProof), value: optBytes(4, 1, 16_384) });

/** A final header with what a light client verifies it by (SPEC §16): nextValidators is absent where the set stays. */
export const LightBlock = message('LightBlock', 18_432, { header: bytes(1, 1, 1_024), certificate: sub(2, Certificate), validators: sub(3, ValidatorSet), nextValidators: optSub(4, ValidatorSet) });
/** Where a client may begin that knows nothing newer (SPEC §16): validatorsHash is that of the set voting on the next block. */
export const Checkpoint = message('Checkpoint', SMALL, { height: u53(1, 1), blockId: bytes(2, 32), validatorsHash: bytes(3, 32), timeMs: u53(4, 1) });

export type Header = ValueType<typeof Header>;
export type Certificate = ValueType<typeof Certificate>;
export type Body = ValueType<typeof Body>;
export type Block = ValueType<typeof Block>;
export type VoteBody = ValueType<typeof VoteBody>;
export type Vote = ValueType<typeof Vote>;
export type ProposalBody = ValueType<typeof ProposalBody>;
export type Proposal = ValueType<typeof Proposal>;
export type RoundCert = ValueType<typeof RoundCert>;
export type Validator = ValueType<typeof Validator>;
export type ValidatorSet = ValueType<typeof ValidatorSet>;
export type SignedBody = ValueType<typeof SignedBody>;
export type Evidence = ValueType<typeof Evidence>;
export type LightClientAttack = ValueType<typeof LightClientAttack>;
export type HardState = ValueType<typeof HardState>;
export type PaymentReceipt = ValueType<typeof PaymentReceipt>;
export type ExecutionReceipt = ValueType<typeof ExecutionReceipt>;
export type StateProof = ValueType<typeof StateProof>;
export type RowProof = ValueType<typeof RowProof>;
export type LightBlock = ValueType<typeof LightBlock>;
export type Checkpoint = ValueType<typeof Checkpoint>;
