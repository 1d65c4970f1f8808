/** Paying a checked invoice, and verifying that an invoice was paid without believing a server. */
import {
  decodeInvoiceFor, equalBytes, toHex, verifyEd25519, verifyReceipt, type ValidatorSet, type Verdict, type VerifiedReceipt,
} from '@billcoin/protocol';
import type { TxAdmission } from '../api/transactions.ts';
import { sendTransaction } from '../actions/transactions.ts';
import type { Client } from '../client/client.ts';
import type { CallOptions } from '../client/request.ts';
import type { Signer } from '../key.ts';
import { addSignature, type TxDraft } from '../tx/draft.ts';
import { buildPay } from '../tx/pay.ts';
import type { CheckedInvoice } from './readInvoice.ts';

export interface PayInvoiceParams {
  readonly genesisHash: Uint8Array;
  /** From `readInvoice`: never pay an invoice nobody checked. */
  readonly invoice: CheckedInvoice;
  readonly key: Signer;
  /** A coupon of this wallet and merchant, 32 bytes; it is spent whole. */
  readonly couponId?: Uint8Array;
}

/** The signed Pay of an invoice. Signing it again gives the same bytes, so it can be repeated without paying twice. */
export function signPay({ genesisHash, invoice, key, couponId }: PayInvoiceParams): TxDraft {
  const built = buildPay({ genesisHash, invoice: invoice.bytes, payer: key.address, ...(couponId === undefined ? {} : { couponId }) });
  if (!built.ok) throw new TypeError(`invoice was not checked for this network: ${built.fault.code}`);
  return addSignature(built.value, key);
}

/**
 * Signs and sends the Pay of a checked invoice. Wait for it with `waitForTransaction`.
 * @throws ApiError `insufficient_balance`, `invoice_already_paid`, `invoice_expired`, `rate_limited` … · TimeoutError with the txHash
 */
export function payInvoice(client: Client, params: PayInvoiceParams, options?: CallOptions): Promise<TxAdmission> {
  return sendTransaction(client, signPay(params), options);
}

export interface PaymentTrust {
  readonly genesisHash: Uint8Array;
  /** Set that votes at the receipt's height: pinned, or followed from a checkpoint. */
  readonly validators: ValidatorSet;
}

export interface VerifiedPayment {
  readonly txHash: string;
  readonly payer: Uint8Array;
  readonly height: number;
  readonly blockHash: string;
  /** Header time: when it was confirmed. */
  readonly timeMs: number;
}

/**
 * Verifies a receipt against a pinned set as the payment of exactly this invoice: what a till without a connection asks
 * for before it shows "Paid". One that is online follows the set: `verifiedPayment`.
 * Refusals: those of `verifyReceipt`, `other_invoice`, `not_done`.
 */
export function verifyPayment({ genesisHash, validators }: PaymentTrust, receipt: Uint8Array, invoice: Uint8Array): Verdict<VerifiedPayment> {
  const verified = verifyReceipt({ genesisHash, validators, verify: verifyEd25519 }, receipt);
  return verified.ok ? paymentOf(genesisHash, verified.value, invoice) : verified;
}

/** Whether a verified transaction is the successful payment of exactly this invoice. */
export function paymentOf(genesisHash: Uint8Array, { body, code, txId, header, blockId }: VerifiedReceipt, invoice: Uint8Array): Verdict<VerifiedPayment> {
  const wanted = decodeInvoiceFor(genesisHash, invoice);
  if (!wanted.ok) return { ok: false, refusal: { code: 'other_invoice', why: `the invoice is not one of this network: ${wanted.fault.code}` } };
  if (body.kind.case !== 'pay' || !equalBytes(body.kind.value.invoice, invoice)) return { ok: false, refusal: { code: 'other_invoice', why: 'the transaction is not the payment of this invoice' } };
  if (code !== 0) return { ok: false, refusal: { code: 'not_done', why: `the transaction ended with fault ${code}` } };
  return { ok: true, value: { txHash: toHex(txId), payer: body.sender, height: header.height, blockHash: toHex(blockId), timeMs: header.timeMs } };
}
