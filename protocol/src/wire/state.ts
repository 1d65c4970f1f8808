/** Values of state rows (SPEC §8). Keys and prefixes stand in state/layout.ts. */
import { message, type ValueType } from './codec.ts';
import { Validator, VALIDATORS_MAX } from './consensus.ts';
import { amount, bytes, listOf, listOfBytes, optBytes, optU53, text, u32, u53 } from './field.ts';
import { ATTEMPTS_MAX, NAME_MAX_BYTES, SHARES_MAX, Share } from './tx.ts';

const ROW_MAX_BYTES = 1_024;
const name = (no: number) => text(no, 1, NAME_MAX_BYTES);
/** 1 active, 2 suspended, 3 revoked. */
const status = (no: number) => u32(no, 1, 3);
export const ACTIVE = 1;
export const SUSPENDED = 2;
export const REVOKED = 3;

export const AccountRow = message('AccountRow', ROW_MAX_BYTES, { balanceMl: amount(1), policy: optBytes(2, 34, 514) });
export const CardRow = message('CardRow', ROW_MAX_BYTES, { cardId: optBytes(1, 32), points: u32(2, 0, 4), day: u32(3), pointsOfDay: u32(4), untilMs: u53(5) });
/** state: 1 unspent, 2 spent, 3 cancelled. */
export const CouponRow = message('CouponRow', ROW_MAX_BYTES, {
  owner: bytes(1, 20), merchant: bytes(2, 20), couponMl: amount(3), expiresAtMs: u53(4), state: u32(5, 1, 3), movedTo: optBytes(6, 32),
});
/** validUntilMs of the transaction: after it the id cannot come again. */
export const DoneRow = message('DoneRow', ROW_MAX_BYTES, { height: u53(1), index: u32(2), code: u32(3), validUntilMs: u53(4) });
/** state: 1 paid, 2 void. keptUntilMs: expiry and the refund window that was in force; a later change of the window does not touch it. */
export const InvoiceRow = message('InvoiceRow', ROW_MAX_BYTES, {
  state: u32(1, 1, 2), txId: bytes(2, 32), payer: optBytes(3, 20), merchant: bytes(4, 20), amountMl: amount(5), ownMl: amount(6), sen: amount(7),
  refundedMl: amount(8), cardId: optBytes(9, 32), expiresAtMs: u53(10), keptUntilMs: u53(11),
});
export const MerchantRow = message('MerchantRow', ROW_MAX_BYTES, { account: bytes(1, 20), name: name(2), status: status(3) });
export const TillRow = message('TillRow', ROW_MAX_BYTES, { tillNo: u32(1, 1), merchant: bytes(2, 20), publicKey: bytes(3, 32), status: status(4), day: u32(5), refundedMl: amount(6) });
export const FarmRow = message('FarmRow', ROW_MAX_BYTES, { account: bytes(1, 20), name: name(2), status: status(3) });
export const PlantRow = message('PlantRow', ROW_MAX_BYTES, {
  account: bytes(1, 20), name: name(2), status: status(3), ceilingMl: amount(4), tollBps: u32(5, 0, 10_000), bondBps: u32(6, 0, 10_000), profileHash: bytes(7, 32),
  bondMl: amount(8), owedMl: amount(9), availableMl: amount(10), openBatches: u32(11), day: u32(12), mintedMl: amount(13), heldMl: amount(14),
});
/** alg: 1 Ed25519 (32-byte key), 2 P-256 (33-byte compressed key). */
export const DeviceRow = message('DeviceRow', ROW_MAX_BYTES, {
  device: bytes(1, 16), alg: u32(2, 1, 2), publicKey: bytes(3, 32, 33), owner: bytes(4, 20), site: bytes(5, 1, 16), fromMs: u53(6), untilMs: u53(7),
  calibration: bytes(8, 16), calibratedUntilMs: u53(9), status: status(10),
});
export const MeterRow = message('MeterRow', ROW_MAX_BYTES, { meter: bytes(1, 16), plant: bytes(2, 20), total: amount(3), opened: amount(4) });
export const OracleRow = message('OracleRow', ROW_MAX_BYTES, { publicKey: bytes(1, 32), name: name(2), status: status(3) });
/** An institution that reports the price of milk. */
export const ReporterRow = message('ReporterRow', ROW_MAX_BYTES, { account: bytes(1, 20), name: name(2), status: status(3) });
/** standing: 1 good; 2 left because it was absent, until it rejoins; 3 tombstoned: it signed twice, its key never votes again. */
export const STANDING = { good: 1, absent: 2, tombstoned: 3 } as const;
/** An institution admitted as validator. shares: of all its stake, own and delegated. Until stakeDueMs it needs none (0: from the beginning). */
export const ValidatorRow = message('ValidatorRow', ROW_MAX_BYTES, {
  publicKey: bytes(1, 32), name: name(2), account: bytes(3, 20), status: status(4), commissionBps: u32(5, 0, 10_000), stakeMl: amount(6), shares: amount(7), standing: u32(8, 1, 3), stakeDueMs: u53(9),
});
/** Institutions that may be admitted: far more than can be active, few enough to be gone through once an hour. */
export const ADMITTED_MAX = 256;
/** Addresses of the consensus keys that were ever admitted, ascending; their rows say how they stand. */
export const AdmittedRow = message('AdmittedRow', 8_192, { validators: listOfBytes(1, 1, ADMITTED_MAX, 20) });
export const DelegationRow = message('DelegationRow', ROW_MAX_BYTES, { shares: amount(1, 1n) });
/** shares: of the unbonding pool of that validator and stake epoch. */
export const UnbondingRow = message('UnbondingRow', ROW_MAX_BYTES, { shares: amount(1, 1n), releaseAtMs: u53(2) });
/** What was taken out of a validator's stake in one stake epoch and is not released yet. */
export const UnbondingPoolRow = message('UnbondingPoolRow', ROW_MAX_BYTES, { amountMl: amount(1), shares: amount(2, 1n) });
/** A member of the set of a stake epoch: its stake and commission at the beginning, and when it was last seen in a commit (to the epoch). */
const Member = message('Member', 128, { validator: bytes(1, 20), stakeMl: amount(2), commissionBps: u32(3, 0, 10_000), seenMs: u53(4), seenHeight: u53(5) });
/**
 * A stake epoch: the heights from sinceHeight on, the set that votes at them and since when it does, what stood behind it. The first block at or after endsAtMs ends
 * it; once it has, endsAtMs is the time of that block. members: in the order of the set.
 */
export const StakeEpochRow = message('StakeEpochRow', 8_192, {
  no: u32(1), sinceHeight: u53(2, 1), sinceMs: u53(3), endsAtMs: u53(4), setHash: bytes(5, 32), setSince: u53(6, 1), members: listOf(7, 1, VALIDATORS_MAX, Member),
});
/** keptUntilMs: absent while the set votes. */
export const ValidatorSetRow = message('ValidatorSetRow', 4_096, { validators: listOf(1, 1, VALIDATORS_MAX, Validator), keptUntilMs: optU53(2) });
/** Members of the set that stand in a commit of this stake epoch: bit i as in certificates. */
export const SeenRow = message('SeenRow', ROW_MAX_BYTES, { bitmap: bytes(1, 1, 7) });
/** Addresses of the oracles that were ever admitted, ascending; their rows say who is in force. */
export const OracleSetRow = message('OracleSetRow', ROW_MAX_BYTES, { oracles: listOfBytes(1, 0, 31, 20) });
export const RoleRow = message('RoleRow', ROW_MAX_BYTES, { address: bytes(1, 20) });

/** state: 1 open, 2 minted, 3 rejected, 4 expired, 5 recalled, 6 written off, 7 closed. */
export const BATCH = { open: 1, minted: 2, rejected: 3, expired: 4, recalled: 5, writtenOff: 6, closed: 7 } as const;
export const BatchRow = message('BatchRow', 16_384, {
  lot: bytes(1, 1, 32), productionDate: u32(2), expiresAtMs: u53(3), claimMl: amount(4), meter: bytes(5, 16), totalFrom: amount(6), totalTo: amount(7),
  shares: listOf(8, 1, SHARES_MAX, Share), manifestHash: bytes(9, 32), attempt: u32(10, 1, ATTEMPTS_MAX), plant: bytes(11, 20), profileHash: bytes(12, 32), openedAtMs: u53(13),
  state: u32(14, 1, 7), onHold: u32(15, 0, 1), issuedMl: amount(16), availableMl: amount(17), heldMl: amount(18), redeemedMl: amount(19), owedOutMl: amount(20),
  readingsRoot: optBytes(21, 32),
});
export const AttestationRow = message('AttestationRow', ROW_MAX_BYTES, { volumeMl: amount(1), reject: u32(2), readingsRoot: bytes(3, 32), profileHash: bytes(4, 32), batchExpiresAtMs: u53(5) });
export const NoteRow = message('NoteRow', ROW_MAX_BYTES, { amountMl: amount(1), batchExpiresAtMs: u53(2) });
/** Reporters of the price: more would not make the median better. */
export const REPORTERS_MAX = 32;
const Report = message('Report', 128, { reporter: bytes(1, 20), senPerBill: amount(2, 1n) });
/** senPerBill: in force on this day; reports: the last one of each reporter on this day, ascending by reporter. */
export const PriceRow = message('PriceRow', 4_096, { senPerBill: amount(1, 1n), reports: listOf(2, 0, REPORTERS_MAX, Report) });
export const SupplyRow = message('SupplyRow', ROW_MAX_BYTES, { supplyMl: amount(1), owedMl: amount(2) });
export const PoolsRow = message('PoolsRow', ROW_MAX_BYTES, { feesMl: amount(1), insuranceMl: amount(2), subsidyMl: amount(3) });

/** Parameters that governance may change later within their bounds (SPEC §11). */
export const ParamsRow = message('ParamsRow', ROW_MAX_BYTES, {
  headerVersion: u32(1, 1, 1), minFeeMl: amount(2, 0n, 1_000n), paymentFeeBps: u32(3, 0, 500), invoiceMaxMl: amount(4, 1_000n, 10_000_000n), bandBps: u32(5, 0, 1_000),
  tillRefundDailyMl: amount(6, 0n, 1_000_000n), pointMinMl: amount(7, 1n, 10_000n), pointsPerDay: u32(8, 1, 100), couponMl: amount(9, 1n, 10_000n),
  // At least the longest refund window and life of an invoice: a point that can still be refunded has not died.
  couponLifeMs: u53(10, 2_678_400_000, 31_536_000_000), refundWindowMs: u53(11, 86_400_000, 2_592_000_000), txLifeMaxMs: u53(12, 60_000, 86_400_000),
  supplyCapMl: amount(13, 1n), shelfLifeMaxMs: u53(14, 86_400_000, 31_536_000_000),
  timeoutProposeMs: u32(15, 10, 15_000), timeoutVoteMs: u32(16, 10, 15_000), minBlockIntervalMs: u32(17, 0, 10_000), idleBlockIntervalMs: u32(18, 100, 600_000),
  precisionMs: u32(19, 1, 10_000), msgDelayMs: u32(20, 1, 600_000),
  priceStepBps: u32(21, 0, 2_000),
  // Two at least: where one is to be replaced, the other joins before it leaves.
  maxValidators: u32(22, 2, VALIDATORS_MAX), stakeMinMl: amount(23, 1_000n, 1_000_000_000n), stakeMaxMl: amount(24, 1_000n, 1_000_000_000n), delegationMinMl: amount(25, 1_000n, 1_000_000n),
  stakeEpochMs: u32(26, 600_000, 86_400_000),
  // Trusting period 14 d < age of evidence < unbonding, whatever is chosen: no stake is out before its votes can no longer be punished.
  unbondingMs: u53(27, 1_814_400_000, 7_776_000_000), evidenceMaxAgeMs: u53(28, 1_296_000_000, 1_728_000_000),
  slashBps: u32(29, 1, 5_000), downtimeMs: u53(30, 3_600_000, 2_592_000_000), downtimeBlocks: u32(31, 1, 1_000_000),
});

export type AccountRow = ValueType<typeof AccountRow>;
export type CardRow = ValueType<typeof CardRow>;
export type CouponRow = ValueType<typeof CouponRow>;
export type DoneRow = ValueType<typeof DoneRow>;
export type InvoiceRow = ValueType<typeof InvoiceRow>;
export type MerchantRow = ValueType<typeof MerchantRow>;
export type TillRow = ValueType<typeof TillRow>;
export type FarmRow = ValueType<typeof FarmRow>;
export type PlantRow = ValueType<typeof PlantRow>;
export type DeviceRow = ValueType<typeof DeviceRow>;
export type MeterRow = ValueType<typeof MeterRow>;
export type OracleRow = ValueType<typeof OracleRow>;
export type ReporterRow = ValueType<typeof ReporterRow>;
export type ValidatorRow = ValueType<typeof ValidatorRow>;
export type AdmittedRow = ValueType<typeof AdmittedRow>;
export type DelegationRow = ValueType<typeof DelegationRow>;
export type UnbondingRow = ValueType<typeof UnbondingRow>;
export type UnbondingPoolRow = ValueType<typeof UnbondingPoolRow>;
export type StakeEpochRow = ValueType<typeof StakeEpochRow>;
export type ValidatorSetRow = ValueType<typeof ValidatorSetRow>;
export type SeenRow = ValueType<typeof SeenRow>;
export type OracleSetRow = ValueType<typeof OracleSetRow>;
export type RoleRow = ValueType<typeof RoleRow>;
export type BatchRow = ValueType<typeof BatchRow>;
export type AttestationRow = ValueType<typeof AttestationRow>;
export type NoteRow = ValueType<typeof NoteRow>;
export type PriceRow = ValueType<typeof PriceRow>;
export type SupplyRow = ValueType<typeof SupplyRow>;
export type PoolsRow = ValueType<typeof PoolsRow>;
export type ParamsRow = ValueType<typeof ParamsRow>;
