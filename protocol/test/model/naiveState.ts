/**
 * What the naive model remembers: plain maps by hex id, and the few sums every rule needs. Nothing here comes from the
 * rules of the package; nothing is ever deleted, because deletion must have no effect.
 */
import { createHash } from 'node:crypto';
import type { FaultCode, TxBody } from '../../src/index.ts';

export const DAY = 86_400_000;
export const dayOf = (timeMs: number): number => Math.floor(timeMs / DAY);

/** Values of the test network. */
export const PARAMS = {
  minFee: 1n, paymentFeeBps: 20n, invoiceMax: 100_000n, bandBps: 100n, tillRefundDaily: 20_000n, pointMin: 200n, pointsPerDay: 10, couponMl: 300n, couponLife: 90 * DAY,
  refundWindow: 7 * DAY, txLifeMax: 3_600_000, invoiceLifeMax: DAY, supplyCap: 1_000_000_000n, shelfLifeMax: 30 * DAY, priceStepBps: 500n, openBatchesMax: 8,
} as const;

export interface NaiveInvoice {
  readonly till: number;
  readonly amount: bigint;
  readonly sen: bigint;
  readonly ref: string;
  readonly expiresAt: number;
  /** Public key that made the signature inside; undefined where it holds for no key. */
  readonly signedBy: string | undefined;
}

/** A transaction as the model is shown it. */
export interface NaiveTx {
  readonly id: string;
  readonly body: TxBody;
  /** Public keys whose signatures it carries. */
  readonly keys: readonly string[];
  readonly signaturesHold: boolean;
  readonly invoice?: NaiveInvoice;
}

export interface Record { state: 'paid' | 'void'; txId: string; payer?: string; merchant: string; amount: bigint; own: bigint; sen: bigint; refunded: bigint; card: string | undefined; expiresAt: number }
export interface Card { id: string | undefined; points: number; day: number; ofDay: number; until: number }
export interface Coupon { owner: string; merchant: string; ml: bigint; state: 'unspent' | 'spent' | 'cancelled'; movedTo: string | undefined; expires: number }
export interface Till { merchant: string; key: string; status: number; day: number; used: bigint }
export interface Plant { status: number; ceiling: bigint; tollBps: bigint; bondBps: bigint; profile: string; bond: bigint; owed: bigint; day: number; minted: bigint }
export interface Meter { plant: string; opened: bigint }
export interface Device { status: number; until: number }
export type BatchState = 'open' | 'minted' | 'rejected' | 'expired' | 'recalled' | 'writtenOff' | 'closed';
export interface Share { farm: string; weight: bigint }
export interface Batch {
  plant: string; attempt: number; claim: bigint; meter: string; from: bigint; to: bigint; shares: Share[]; expires: number; profile: string; state: BatchState; onHold: boolean;
  issued: bigint; available: bigint; held: bigint; redeemed: bigint; owedOut: bigint;
}
export interface Statement { volume: bigint; reject: number; text: string }

export interface Block { readonly height: number; readonly now: number; readonly before: number }

/** The reasons for which a transaction may be refused: the law does not order them, so any one of them may be named. */
export type Reasons = Set<FaultCode>;

export class NaiveState {
  readonly balances = new Map<string, bigint>();
  readonly policies = new Map<string, string>();
  readonly done = new Map<string, number>();
  readonly records = new Map<string, Record>();
  readonly cards = new Map<string, Card>();
  readonly coupons = new Map<string, Coupon>();
  readonly merchants = new Map<string, number>();
  readonly farms = new Map<string, number>();
  readonly tills = new Map<number, Till>();
  readonly plants = new Map<string, Plant>();
  readonly meters = new Map<string, Meter>();
  readonly devices = new Map<string, Device>();
  readonly oracles = new Map<string, number>();
  readonly reporters = new Set<string>();
  readonly batches = new Map<string, Batch>();
  /** `batch/attempt` → oracle → what it said. */
  readonly statements = new Map<string, Map<string, Statement>>();
  readonly notes = new Map<string, bigint>();
  /** day → reporter → sen. */
  readonly reports = new Map<number, Map<string, bigint>>();
  readonly roles = { regulator: '', campus: '', treasury: '' };
  firstDay = 0;
  firstPrice = 0n;
  fees = 0n;
  insurance = 0n;
  supply = 0n;

  balance(account: string): bigint {
    return this.balances.get(account) ?? 0n;
  }

  /** The row of a batch dies 400 days after it expired; the blocks that follow see none. */
  batch(key: string, { before }: Block): Batch | undefined {
    const batch = this.batches.get(key);
    if (batch === undefined || ['open', 'minted'].includes(batch.state)) return batch;
    return before > batch.expires + 400 * DAY ? undefined : batch;
  }

  add(account: string, ml: bigint): void {
    this.balances.set(account, this.balance(account) + ml);
  }
}

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const tagged = (tag: string, ...parts: Uint8Array[]): string => {
  const hash = createHash('sha256').update(`${tag}\0`, 'latin1');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};
const fromHex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));
export const idOf = (genesisHash: Uint8Array, body: Uint8Array): string => tagged('bill/tx-id/1', genesisHash, body);
export const addressOfKey = (key: string): string => tagged('bill/address/1', fromHex(key)).slice(0, 40);
export const addressOfPolicy = (policy: string): string => tagged('bill/multi/1', fromHex(policy)).slice(0, 40);

/** The 92 bytes of protocol.md §6, read by their offsets. */
export function readInvoice(bytes: Uint8Array, signedBy: string | undefined): NaiveInvoice {
  const at = Buffer.from(bytes);
  return { till: at.readUInt32BE(3), amount: BigInt(at.readUInt32BE(7)), sen: BigInt(at.readUIntBE(11, 3)), ref: hex(at.subarray(14, 24)), expiresAt: at.readUInt32BE(24) * 1_000, signedBy };
}
