/**
 * Refusals are values (SPEC §4.4). A fault has a stable code, a number that is never reused (it stands in TxResult),
 * data, and a sentence that says what to do. Bugs are assertions, I/O failures are Errors: three roads, never mixed.
 */

interface Row {
  readonly no: number;
  /** What happened and what to do about it, for people. */
  readonly text: string;
}

/** The closed, append-only table of refusals. Numbers are on chain: never change or reuse one. */
export const FAULTS = {
  malformed: { no: 1, text: 'The bytes are not in the one allowed form; the path names the field. Build it again with the SDK.' },
  wrong_network: { no: 2, text: 'Made for another network. Check the genesis hash your wallet or device was set up with.' },
  bad_signature: { no: 3, text: 'A signature does not verify. Sign the exact bytes with the key that belongs to the sender.' },
  wrong_signers: { no: 4, text: 'The signatures are not exactly the required ones. See the kind in SPEC for who signs.' },
  expired: { no: 5, text: 'Its time ran out before it was included. Nothing was charged; sign a new one.' },
  valid_until_too_far: { no: 6, text: 'It would stay valid for too long. Sign one that ends within an hour.' },
  already_executed: { no: 7, text: 'This id was executed before; it is never executed twice. Ask for its status.' },
  fee_too_low: { no: 8, text: 'The fee is below the minimum. Sign with at least the minimum fee.' },
  insufficient_balance: { no: 9, text: 'The balance does not cover the amount and fee. Top up or send less.' },
  amount_too_small: { no: 10, text: 'The amount is too small to carry its fee. Send at least 2 mL.' },
  amount_too_large: { no: 11, text: 'The amount is above the limit. Split it.' },
  self_payment: { no: 12, text: 'Payer and receiver are the same account. Use another account.' },
  invoice_already_paid: { no: 13, text: 'This invoice was paid by another transaction. You were not charged; ask the till for a new one.' },
  invoice_void: { no: 14, text: 'The till cancelled this invoice. Ask for a new one.' },
  invoice_expired: { no: 15, text: 'The invoice ran out. Ask the till for a new one.' },
  invoice_too_far: { no: 16, text: 'The invoice ends more than a day ahead. Check the clock of the till.' },
  price_out_of_band: { no: 17, text: 'Litres and ringgit do not fit the price in force. The till must make a new invoice.' },
  unknown_till: { no: 18, text: 'No till has this number. Register it first.' },
  till_not_active: { no: 19, text: 'The till is suspended or revoked. Use another till.' },
  unknown_merchant: { no: 20, text: 'No merchant has this account. Register it first.' },
  merchant_not_active: { no: 21, text: 'The merchant is suspended or revoked.' },
  unknown_coupon: { no: 22, text: 'No coupon has this id.' },
  coupon_not_usable: { no: 23, text: 'The coupon is spent, cancelled or expired. Pay without it.' },
  coupon_not_yours: { no: 24, text: 'The coupon belongs to another account or another merchant.' },
  unknown_invoice: { no: 25, text: 'No payment under this till and reference. Check both.' },
  exceeds_refundable: { no: 26, text: 'More than what is left to refund of this payment. Refund less.' },
  refund_window_over: { no: 27, text: 'The refund window of 7 days is over. Send a Transfer that names the payment.' },
  over_till_cap: { no: 28, text: 'The till has reached its daily refund limit. The merchant key must sign this refund.' },
  unknown_batch: { no: 29, text: 'No batch has this key. Check plant, lot and production date.' },
  batch_not_minted: { no: 30, text: 'The batch has not been minted, or is closed, expired or recalled.' },
  batch_on_hold: { no: 31, text: 'The regulator holds this batch. Wait until it is released.' },
  batch_expired: { no: 32, text: 'The milk of this batch has expired. Use a fresh batch.' },
  exceeds_available: { no: 33, text: 'More than the litres left in this batch. Take less, or another batch as well.' },
  unknown_plant: { no: 34, text: 'No plant has this account. The regulator registers plants.' },
  plant_not_active: { no: 35, text: 'The plant is suspended or revoked.' },
  too_many_open_batches: { no: 36, text: 'The plant has as many open batches as it may have. Wait for the oracles.' },
  unknown_meter: { no: 37, text: 'No custody meter has this id, or it belongs to another plant.' },
  meter_interval_used: { no: 38, text: 'These litres of the meter were claimed before. Start at the last total that was opened.' },
  claim_exceeds_meter: { no: 39, text: 'The claim is more than the meter counted. Claim at most totalTo − totalFrom.' },
  batch_not_reopenable: { no: 40, text: 'The lot was opened before. Only a rejected or waiting batch opens again, with the next attempt and the same interval.' },
  unknown_farm: { no: 41, text: 'A share names a farm that is not registered or not active.' },
  shares_not_ascending: { no: 42, text: 'Shares must be in ascending order of farm, each once, with a weight.' },
  batch_expiry_wrong: { no: 43, text: 'The expiry must lie ahead and within the longest shelf life.' },
  unknown_oracle: { no: 44, text: 'The signer is not an oracle in force.' },
  already_attested: { no: 45, text: 'This oracle has stated this before; nothing more is needed.' },
  till_number_taken: { no: 46, text: 'This till number belongs to another merchant. Numbers never change hands; register another one.' },
  attempt_not_open: { no: 47, text: 'The batch is not open under this attempt.' },
  profile_mismatch: { no: 48, text: 'The profile is not the one the batch was opened under.' },
  ceiling_reached: { no: 49, text: 'The daily ceiling of the plant or the supply cap is reached. The oracle sends it again later.' },
  volume_too_large: { no: 50, text: 'The volume is above the claim or the meter interval.' },
  too_many_fee_free: { no: 51, text: 'The block has no more room for fee-free transactions. It is included in a later one.' },
  unknown_device: { no: 52, text: 'No device has this id, or it is revoked. Register it first.' },
  unknown_reporter: { no: 53, text: 'The signer is not a price reporter in force.' },
  production_date_wrong: { no: 54, text: 'The production date must lie within the last year and not ahead of the calendar.' },
  batch_ended: { no: 55, text: 'The batch is over: rejected, closed, expired, recalled or written off. Nothing of it is in custody.' },
  hold_unchanged: { no: 56, text: 'The batch is held, or free, already. Nothing is to be done.' },
  plant_owes: { no: 57, text: 'The plant owes milk. It repays by BondDeposit or by the tolls of its next mints, then withdraws.' },
  exceeds_free_bond: { no: 58, text: 'The bond must cover the litres in the custody of the plant. Withdraw at most what is free.' },
  unknown_validator: { no: 59, text: 'No institution is admitted under this consensus address. Name the address of its consensus key.' },
  validator_not_active: { no: 60, text: 'The institution is suspended or revoked. Stake behind another one.' },
  validator_tombstoned: { no: 61, text: 'The validator signed twice; its key never votes again. Take the stake out; the institution is admitted again with a new key.' },
  stake_too_small: { no: 62, text: 'The amount is below the minimum of a stake or delegation. Put in more at once.' },
  no_shares: { no: 63, text: 'The amount buys no share, or the shares are worth nothing. Use a larger amount.' },
  exceeds_shares: { no: 64, text: 'More shares than the account has in this stake. Take out at most those.' },
  validator_not_absent: { no: 65, text: 'The validator has not left. There is nothing to rejoin.' },
} as const satisfies Readonly<Record<string, Row>>;

export type FaultCode = keyof typeof FAULTS;

/** Data that some faults carry; the others carry none. */
interface FaultData {
  malformed: { readonly path: string; readonly why: string };
  insufficient_balance: { readonly needMl: bigint; readonly haveMl: bigint };
  amount_too_large: { readonly limitMl: bigint };
  invoice_already_paid: { readonly txId: string };
  fee_too_low: { readonly minFeeMl: bigint };
  exceeds_refundable: { readonly refundableMl: bigint };
  exceeds_available: { readonly availableMl: bigint };
  meter_interval_used: { readonly openedMl: bigint };
  price_out_of_band: { readonly minMl: bigint; readonly maxMl: bigint };
  plant_owes: { readonly owedMl: bigint };
  exceeds_free_bond: { readonly freeMl: bigint };
  stake_too_small: { readonly minMl: bigint };
  exceeds_shares: { readonly shares: bigint };
}

export type Fault = { [C in FaultCode]: { readonly code: C } & (C extends keyof FaultData ? FaultData[C] : unknown) }[FaultCode];
type DataOf<C extends FaultCode> = C extends keyof FaultData ? [data: FaultData[C]] : [];

export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly fault: Fault };

export function ok<T>(value: T): Result<T> {
  return { ok: true, value };
}

/** A refusal with its data: `return fault('unknown_till')`. */
export function fault<C extends FaultCode>(code: C, ...data: DataOf<C>): { readonly ok: false; readonly fault: Fault } {
  return { ok: false, fault: { code, ...data[0] } as Fault };
}

/** The number that stands in TxResult. */
export function faultNumber(code: FaultCode): number {
  return FAULTS[code].no;
}

const byNumber = new Map<number, FaultCode>(Object.entries(FAULTS).map(([code, row]) => [row.no, code as FaultCode]));

/** The code of a number in a TxResult; undefined for 0 (done) and numbers of a later version. */
export function faultCode(no: number): FaultCode | undefined {
  return byNumber.get(no);
}

/** A sentence for people: the values that are wrong, then what to do. */
export function faultText(refusal: Fault): string {
  const { code, ...data } = refusal;
  const values = Object.entries(data).map(([name, value]) => `${name} ${String(value)}`);
  return values.length === 0 ? FAULTS[code].text : `${FAULTS[code].text} (${values.join(', ')})`;
}
