/** Transactions on the wire (SPEC §4, §5). Kind k is field 15 + k of TxBody; numbers are never reused. */
import { message, type ValueType } from './codec.ts';
import { amount, bytes, listOf, listOfBytes, oneOf, optBytes, sub, text, u32, u53 } from './field.ts';

export const INVOICE_BYTES = 92;
export const TX_MAX_BYTES = 4_096;
/** OpenBatch carries up to 64 farms. */
export const OPEN_BATCH_MAX_BYTES = 16_384;
/** Times on the wire lie between 2020 and 2100: a value in seconds or microseconds is refused at once. */
export const TIME_MIN_MS = 1_577_836_800_000;
export const TIME_MAX_MS = 4_102_444_800_000;
const POLICY_MAX_BYTES = 2 + 16 * 32;

export const Sig = message('Sig', 128, { publicKey: bytes(1, 32), signature: bytes(2, 64) });
export type Sig = ValueType<typeof Sig>;

export const Tx = message('Tx', OPEN_BATCH_MAX_BYTES, { body: bytes(1, 1, OPEN_BATCH_MAX_BYTES), sigs: listOf(2, 1, 32, Sig) });
export type Tx = ValueType<typeof Tx>;

export const Transfer = message('Transfer', 128, { to: bytes(1, 20), amountMl: amount(2, 1n), reference: optBytes(3, 16) });
export const Pay = message('Pay', 256, { invoice: bytes(1, INVOICE_BYTES), couponId: optBytes(2, 32) });
export const Refund = message('Refund', 64, { tillNo: u32(1, 1), ref: bytes(2, 10), amountMl: amount(3, 1n) });
export const Redeem = message('Redeem', 128, { batch: bytes(1, 32), amountMl: amount(2, 1n), noteHash: bytes(3, 32) });
export const Share = message('Share', 64, { farm: bytes(1, 20), weightMl: amount(2, 1n) });
export type Share = ValueType<typeof Share>;
export const SHARES_MAX = 64;
export const ATTEMPTS_MAX = 5;
export const OpenBatch = message('OpenBatch', OPEN_BATCH_MAX_BYTES, {
  lot: bytes(1, 1, 32),
  productionDate: u32(2, 20_200_101, 20_991_231),
  expiresAtMs: u53(3, TIME_MIN_MS, TIME_MAX_MS),
  claimMl: amount(4, 1n),
  meter: bytes(5, 16),
  totalFrom: amount(6),
  totalTo: amount(7, 1n),
  shares: listOf(8, 1, SHARES_MAX, Share),
  manifestHash: bytes(9, 32),
  attempt: u32(10, 1, ATTEMPTS_MAX),
});
export const Attest = message('Attest', 256, {
  batch: bytes(1, 32),
  attempt: u32(2, 1, ATTEMPTS_MAX),
  volumeMl: amount(3),
  reject: u32(4, 0, 99),
  readingsRoot: bytes(5, 32),
  profileHash: bytes(6, 32),
});

export const NAME_MAX_BYTES = 64;
const name = (no: number) => text(no, 1, NAME_MAX_BYTES);
/** 1 active, 2 suspended, 3 revoked. */
const status = (no: number) => u32(no, 1, 3);
export const VoidInvoice = message('VoidInvoice', 128, { invoice: bytes(1, INVOICE_BYTES) });
export const RegisterMerchant = message('RegisterMerchant', 128, { account: bytes(1, 20), name: name(2), status: status(3) });
export const RegisterTill = message('RegisterTill', 128, { tillNo: u32(1, 1), merchant: bytes(2, 20), publicKey: bytes(3, 32) });
export const RevokeTill = message('RevokeTill', 64, { tillNo: u32(1, 1) });
export const RegisterFarm = message('RegisterFarm', 128, { account: bytes(1, 20), name: name(2), status: status(3) });
export const RegisterPlant = message('RegisterPlant', 256, {
  account: bytes(1, 20), name: name(2), status: status(3), ceilingMl: amount(4), tollBps: u32(5, 0, 10_000), bondBps: u32(6, 0, 10_000), profileHash: bytes(7, 32),
});
/** alg: 1 Ed25519 (32-byte key), 2 P-256 (33-byte compressed key). */
export const RegisterDevice = message('RegisterDevice', 256, {
  device: bytes(1, 16), alg: u32(2, 1, 2), publicKey: bytes(3, 32, 33), owner: bytes(4, 20), site: bytes(5, 1, 16), fromMs: u53(6, TIME_MIN_MS, TIME_MAX_MS),
  untilMs: u53(7, TIME_MIN_MS, TIME_MAX_MS), calibration: bytes(8, 16), calibratedUntilMs: u53(9, TIME_MIN_MS, TIME_MAX_MS),
});
export const RegisterMeter = message('RegisterMeter', 128, { meter: bytes(1, 16), plant: bytes(2, 20), total: amount(3) });
export const RevokeDevice = message('RevokeDevice', 64, { device: bytes(1, 16), fromMs: u53(2, TIME_MIN_MS, TIME_MAX_MS) });
export const HoldBatch = message('HoldBatch', 64, { batch: bytes(1, 32), held: u32(2, 0, 1) });
export const RecallBatch = message('RecallBatch', 64, { batch: bytes(1, 32) });
export const WriteOffBatch = message('WriteOffBatch', 64, { batch: bytes(1, 32) });
export const BondWithdraw = message('BondWithdraw', 64, { amountMl: amount(1, 1n) });
export const Stake = message('Stake', 64, { validator: bytes(1, 20), amountMl: amount(2, 1n) });
export const Unstake = message('Unstake', 64, { validator: bytes(1, 20), shares: amount(2, 1n) });
export const Delegate = message('Delegate', 64, { validator: bytes(1, 20), amountMl: amount(2, 1n) });
export const Undelegate = message('Undelegate', 64, { validator: bytes(1, 20), shares: amount(2, 1n) });
export const EditValidator = message('EditValidator', 128, { validator: bytes(1, 20), name: name(2), commissionBps: u32(3, 0, 10_000) });
export const Rejoin = message('Rejoin', 64, { validator: bytes(1, 20) });
export const ReportPrice = message('ReportPrice', 64, { senPerBill: amount(1, 1n) });
export const Anchor = message('Anchor', 128, { topic: name(1), hash: bytes(2, 32) });
export const BondDeposit = message('BondDeposit', 64, { amountMl: amount(1, 1n) });

export type Transfer = ValueType<typeof Transfer>;
export type Pay = ValueType<typeof Pay>;
export type Refund = ValueType<typeof Refund>;
export type Redeem = ValueType<typeof Redeem>;
export type OpenBatch = ValueType<typeof OpenBatch>;
export type Attest = ValueType<typeof Attest>;
export type VoidInvoice = ValueType<typeof VoidInvoice>;
export type RegisterMerchant = ValueType<typeof RegisterMerchant>;
export type RegisterTill = ValueType<typeof RegisterTill>;
export type RevokeTill = ValueType<typeof RevokeTill>;
export type RegisterFarm = ValueType<typeof RegisterFarm>;
export type RegisterPlant = ValueType<typeof RegisterPlant>;
export type RegisterDevice = ValueType<typeof RegisterDevice>;
export type RegisterMeter = ValueType<typeof RegisterMeter>;
export type RevokeDevice = ValueType<typeof RevokeDevice>;
export type HoldBatch = ValueType<typeof HoldBatch>;
export type RecallBatch = ValueType<typeof RecallBatch>;
export type WriteOffBatch = ValueType<typeof WriteOffBatch>;
export type BondWithdraw = ValueType<typeof BondWithdraw>;
export type BondDeposit = ValueType<typeof BondDeposit>;
export type Stake = ValueType<typeof Stake>;
export type Unstake = ValueType<typeof Unstake>;
export type Delegate = ValueType<typeof Delegate>;
export type Undelegate = ValueType<typeof Undelegate>;
export type EditValidator = ValueType<typeof EditValidator>;
export type Rejoin = ValueType<typeof Rejoin>;
export type ReportPrice = ValueType<typeof ReportPrice>;
export type Anchor = ValueType<typeof Anchor>;

export const TxBody = message('TxBody', OPEN_BATCH_MAX_BYTES, {
  chainTag: bytes(1, 8),
  sender: bytes(2, 20),
  salt: optBytes(3, 8),
  validUntilMs: u53(4, TIME_MIN_MS, TIME_MAX_MS),
  feeMl: amount(5),
  policies: listOfBytes(6, 0, 4, 34, POLICY_MAX_BYTES),
  kind: oneOf({
    transfer: sub(16, Transfer),
    pay: sub(17, Pay),
    voidInvoice: sub(18, VoidInvoice),
    refund: sub(19, Refund),
    redeem: sub(20, Redeem),
    openBatch: sub(21, OpenBatch),
    attest: sub(22, Attest),
    registerMerchant: sub(23, RegisterMerchant),
    registerTill: sub(24, RegisterTill),
    revokeTill: sub(25, RevokeTill),
    registerFarm: sub(26, RegisterFarm),
    registerPlant: sub(27, RegisterPlant),
    registerDevice: sub(28, RegisterDevice),
    registerMeter: sub(29, RegisterMeter),
    revokeDevice: sub(30, RevokeDevice),
    holdBatch: sub(31, HoldBatch),
    recallBatch: sub(32, RecallBatch),
    writeOffBatch: sub(33, WriteOffBatch),
    bondWithdraw: sub(34, BondWithdraw),
    stake: sub(35, Stake),
    unstake: sub(36, Unstake),
    delegate: sub(37, Delegate),
    undelegate: sub(38, Undelegate),
    editValidator: sub(39, EditValidator),
    rejoin: sub(40, Rejoin),
    reportPrice: sub(42, ReportPrice),
    anchor: sub(59, Anchor),
    bondDeposit: sub(60, BondDeposit),
  }),
});
export type TxBody = ValueType<typeof TxBody>;
export type KindName = TxBody['kind']['case'];

// ---- what a transaction did ------------------------------------------------------------------------------------

export const TxResult = message('TxResult', 128, { txId: bytes(1, 32), code: u32(2), eventsHash: bytes(3, 32) });
export type TxResult = ValueType<typeof TxResult>;

const Transferred = message('Transferred', 128, { from: bytes(1, 20), to: bytes(2, 20), amountMl: amount(3), reference: optBytes(4, 16) });
const Paid = message('Paid', 256, {
  tillNo: u32(1, 1), ref: bytes(2, 10), payer: bytes(3, 20), merchant: bytes(4, 20), amountMl: amount(5), ownMl: amount(6),
  sen: amount(7), feeMl: amount(8), couponId: optBytes(9, 32),
});
const PointEarned = message('PointEarned', 128, { account: bytes(1, 20), merchant: bytes(2, 20), points: u32(3), cardId: bytes(4, 32) });
const CouponIssued = message('CouponIssued', 128, { account: bytes(1, 20), merchant: bytes(2, 20), couponId: bytes(3, 32), couponMl: amount(4), expiresAtMs: u53(5) });
const Refunded = message('Refunded', 128, { tillNo: u32(1, 1), ref: bytes(2, 10), payer: bytes(3, 20), merchant: bytes(4, 20), amountMl: amount(5), sen: amount(6) });
const PointTaken = message('PointTaken', 128, { account: bytes(1, 20), merchant: bytes(2, 20), points: u32(3) });
const CouponCancelled = message('CouponCancelled', 128, { couponId: bytes(1, 32), movedTo: optBytes(2, 32) });
const Redeemed = message('Redeemed', 128, { batch: bytes(1, 32), holder: bytes(2, 20), amountMl: amount(3), availableMl: amount(4), noteHash: bytes(5, 32) });
const BatchOpened = message('BatchOpened', 128, { batch: bytes(1, 32), plant: bytes(2, 20), attempt: u32(3), claimMl: amount(4) });
const Attested = message('Attested', 128, { batch: bytes(1, 32), attempt: u32(2), oracle: bytes(3, 20), volumeMl: amount(4), reject: u32(5) });
const Minted = message('Minted', 8_192, {
  batch: bytes(1, 32), plant: bytes(2, 20), volumeMl: amount(3), tollMl: amount(4), repaidMl: amount(5), bondedMl: amount(6), farms: listOf(7, 0, SHARES_MAX, Share),
});
const BatchRejected = message('BatchRejected', 128, { batch: bytes(1, 32), attempt: u32(2), rule: u32(3) });
const OracleRevoked = message('OracleRevoked', 64, { oracle: bytes(1, 20) });
const InvoiceVoided = message('InvoiceVoided', 64, { tillNo: u32(1, 1), ref: bytes(2, 10), merchant: bytes(3, 20) });
/** A registry row was written: prefix byte and key of the row (SPEC §8.1), and who signed. The row itself stands in state. */
const RegistryChanged = message('RegistryChanged', 64, { rowKey: bytes(1, 5, 21), by: bytes(2, 20) });
const PriceReported = message('PriceReported', 64, { reporter: bytes(1, 20), senPerBill: amount(2) });
const Anchored = message('Anchored', 128, { by: bytes(1, 20), topic: name(2), hash: bytes(3, 32) });
const BatchHeld = message('BatchHeld', 64, { batch: bytes(1, 32), held: u32(2, 0, 1), amountMl: amount(3) });
/** By recall (state 5) or write-off (6): litres that left custody, and who paid for them. */
const CustodyEnded = message('CustodyEnded', 128, {
  batch: bytes(1, 32), plant: bytes(2, 20), state: u32(3), outMl: amount(4), fromBondMl: amount(5), fromBalanceMl: amount(6), fromInsuranceMl: amount(7), owedMl: amount(8),
});
const BondDeposited = message('BondDeposited', 64, { plant: bytes(1, 20), repaidMl: amount(2), bondedMl: amount(3) });
const BondWithdrawn = message('BondWithdrawn', 64, { plant: bytes(1, 20), amountMl: amount(2) });
const Staked = message('Staked', 128, { validator: bytes(1, 20), account: bytes(2, 20), amountMl: amount(3), shares: amount(4) });
/** amountMl is what the shares are worth now; a slash until releaseAtMs takes its part. */
const Unstaked = message('Unstaked', 128, { validator: bytes(1, 20), account: bytes(2, 20), shares: amount(3), amountMl: amount(4), releaseAtMs: u53(5) });
const ValidatorEdited = message('ValidatorEdited', 128, { validator: bytes(1, 20), name: name(2), commissionBps: u32(3) });
const Rejoined = message('Rejoined', 64, { validator: bytes(1, 20) });

export const Event = message('Event', 8_256, {
  event: oneOf({
    transferred: sub(1, Transferred), paid: sub(2, Paid), pointEarned: sub(3, PointEarned), couponIssued: sub(4, CouponIssued),
    refunded: sub(5, Refunded), pointTaken: sub(6, PointTaken), couponCancelled: sub(7, CouponCancelled), redeemed: sub(8, Redeemed),
    batchOpened: sub(9, BatchOpened), attested: sub(10, Attested), minted: sub(11, Minted), batchRejected: sub(12, BatchRejected),
    oracleRevoked: sub(13, OracleRevoked), invoiceVoided: sub(14, InvoiceVoided), registryChanged: sub(15, RegistryChanged), priceReported: sub(16, PriceReported),
    anchored: sub(17, Anchored), batchHeld: sub(18, BatchHeld), custodyEnded: sub(19, CustodyEnded), bondDeposited: sub(20, BondDeposited), bondWithdrawn: sub(21, BondWithdrawn),
    staked: sub(22, Staked), unstaked: sub(23, Unstaked), validatorEdited: sub(24, ValidatorEdited), rejoined: sub(25, Rejoined),
  }),
});
export type Event = ValueType<typeof Event>;
export type ChainEvent = Event['event'];
/** A transaction causes a handful of events; an attestation that mints causes two. */
export const Events = message('Events', 65_536, { events: listOf(1, 0, 16, Event) });

// ---- orders (only their hash is on chain, in the invoice's ref) -------------------------------------------------

export const OrderItem = message('OrderItem', 512, {
  product: text(1, 1, 64), name: text(2, 1, 64), quantity: u32(3, 1, 1_000), senLine: amount(4), lineMl: amount(5), lot: text(6, 0, 32),
});
export const Order = message('Order', 16_384, { items: listOf(1, 1, 32, OrderItem) });
export type OrderItem = ValueType<typeof OrderItem>;
export type Order = ValueType<typeof Order>;
