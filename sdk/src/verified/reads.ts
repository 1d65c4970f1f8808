/**
 * Reads that are proven: rows of state, payments, and that something never happened. Each throws a ProofError rather than
 * give a value that does not verify.
 */
import {
  bytesOfHex, decode, decodeInvoiceFor, executionOutcome, invoiceId, invoiceOutcome, openExecutionReceipt, openReceipt, openRowProof, ROWS, rowKeyBytes, SINGLE, toHex, TxBody, txIdOf,
  type ExecutionOutcome, type InvoiceOutcome, type LightBlock, type Millilitres, type OpenedReceipt, type RowType, type TrustedHeader, type VerifiedReceipt,
} from '@billcoin/protocol';
import type { CallOptions } from '../client/request.ts';
import { paymentOf, type VerifiedPayment } from '../order/payInvoice.ts';
import { believe, refuse } from './proofError.ts';
import { rowProofBytes, txProofBytes } from './source.ts';
import type { VerifiedClient } from './verifiedClient.ts';

export interface ProvenRow<V> {
  /** Undefined: it is proven that there is no such row. */
  readonly value: V | undefined;
  /** The block under whose state it holds. */
  readonly header: TrustedHeader;
}

/** The newest state unless a recent height is given. */
export interface AtHeight {
  readonly height?: number;
}

/**
 * A row of state, or the proof that there is none.
 * @throws ProofError · ApiError, ConnectionError, TimeoutError
 * @example const { value } = await verifiedRow(verified, ROWS.merchant, toHex(address))
 */
export async function verifiedRow<V>(verified: VerifiedClient, type: RowType<V>, id: string, { height }: AtHeight = {}, options?: CallOptions): Promise<ProvenRow<V>> {
  const rowKey = rowKeyBytes(type as RowType<unknown>, id);
  const bytes = await rowProofBytes(verified.client, toHex(rowKey), height, options);
  const { rowProof, value, ...named } = believe(openRowProof(verified.context.genesisHash, bytes, rowKey));
  if (height !== undefined && named.header.height !== height) refuse('no_data', `asked for height ${height}, got ${named.header.height}`);
  const header = await verified.trust(named.header.height, { ...named, headerBytes: rowProof.header, certificate: rowProof.certificate }, options);
  if (height === undefined) verified.checkAge(header);
  if (value === undefined) return { value: undefined, header };
  const row = decode(type.value, value);
  return row.ok ? { value: row.value, header } : refuse('malformed', `the ${type.name} row is of a version this program does not know`);
}

/** Balance of an account in mL; an account that is not there has nothing. */
export async function verifiedBalance(verified: VerifiedClient, address: Uint8Array, at: AtHeight = {}, options?: CallOptions): Promise<{ readonly balanceMl: Millilitres; readonly header: TrustedHeader }> {
  const { value, header } = await verifiedRow(verified, ROWS.account, toHex(address), at, options);
  return { balanceMl: value?.balanceMl ?? 0n, header };
}

export interface VerifiedReserve {
  /** All BILL there is, in mL. */
  readonly supplyMl: Millilitres;
  /** The reserve gap: what plants owe. */
  readonly owedMl: Millilitres;
  /** Milk in custody behind the supply: supply − owed, by the reserve equation (SPEC §7.6). */
  readonly custodyMl: Millilitres;
  readonly header: TrustedHeader;
}

/** Supply and reserve, from the row that every block's reserve equation is asserted against. */
export async function verifiedReserve(verified: VerifiedClient, at: AtHeight = {}, options?: CallOptions): Promise<VerifiedReserve> {
  const { value, header } = await verifiedRow(verified, ROWS.supply, SINGLE, at, options);
  if (value === undefined) return refuse('malformed', 'a state without supply row');
  return { supplyMl: value.supplyMl, owedMl: value.owedMl, custodyMl: value.supplyMl - value.owedMl, header };
}

/** A receipt under a verified header. */
export function verifiedReceipt(verified: VerifiedClient, bytes: Uint8Array, options?: CallOptions): Promise<VerifiedReceipt> {
  return receiptUnder(verified, bytes, undefined, options);
}

async function receiptUnder(verified: VerifiedClient, bytes: Uint8Array, lightBlock: LightBlock | undefined, options: CallOptions | undefined): Promise<VerifiedReceipt> {
  const { receipt, ...opened }: OpenedReceipt = believe(openReceipt(verified.context.genesisHash, bytes));
  const { header: headerBytes, certificate } = receipt;
  await verified.trust(opened.header.height, { header: opened.header, blockId: opened.blockId, headerBytes, certificate, lightBlock }, options);
  return opened;
}

/**
 * A final transaction by its id, as its parties, finance and auditors may see it.
 * @throws ApiError `not_found`, `not_final` · ProofError `only_for_parties` where the client is not logged in as one of them
 */
export async function verifiedTransaction(verified: VerifiedClient, { txHash }: { readonly txHash: string }, options?: CallOptions): Promise<VerifiedReceipt> {
  const { receipt: bytes, lightBlock, execution, record } = await txProofBytes(verified.client, { txHash, minimal: 0, sinceHeight: verified.newest.height }, options);
  if (bytes === undefined) return (execution ?? record) === undefined ? refuse('malformed', 'the answer holds no receipt') : refuse('only_for_parties', `the server proves the execution of ${txHash} and shows no more of it`);
  const receipt = await receiptUnder(verified, bytes, lightBlock, options);
  return toHex(receipt.txId) === txHash ? receipt : refuse('other_transaction', `the receipt is of ${toHex(receipt.txId)}`);
}

/** What is known of a transaction without seeing it. */
export interface ProvenExecution {
  /** Of the block that executed it. */
  readonly height: number;
  /** 0: executed with success. */
  readonly code: number;
  /** The block that proves it: its own, or of a Transfer of strangers a later one. */
  readonly header: TrustedHeader;
}

/**
 * That a transaction of this id is final, and with which code: for whoever has its bytes or needs no more. No login is needed.
 * @throws ApiError `not_found`, `not_final`, `dropped` for an old Transfer of strangers · ProofError
 * @example const { code, height } = await verifiedExecution(verified, { txHash: draft.txHash })
 */
export async function verifiedExecution(verified: VerifiedClient, { txHash }: { readonly txHash: string }, options?: CallOptions): Promise<ProvenExecution> {
  const { genesisHash } = verified.context;
  const { execution, record, lightBlock } = await txProofBytes(verified.client, { txHash, minimal: 1, sinceHeight: verified.newest.height }, options);
  if (execution !== undefined) {
    const { receipt, code, header, blockId } = believe(openExecutionReceipt(genesisHash, execution, bytesOfHex(txHash)));
    const trusted = await verified.trust(header.height, { header, blockId, headerBytes: receipt.header, certificate: receipt.certificate, lightBlock }, options);
    return { height: header.height, code, header: trusted };
  }
  if (record === undefined) return refuse('malformed', 'the answer holds no proof');
  const { rowProof, value, ...named } = believe(openRowProof(genesisHash, record, rowKeyBytes(ROWS.done, txHash)));
  const row = value === undefined ? undefined : decode(ROWS.done.value, value);
  if (row?.ok !== true) return refuse('other_row', 'the answer proves no execution');
  const trusted = await verified.trust(named.header.height, { ...named, headerBytes: rowProof.header, certificate: rowProof.certificate, lightBlock }, options);
  return { height: row.value.height, code: row.value.code, header: trusted };
}

/** The receipt of a payment, as a stream or another device brought it, or the transaction to ask for with the login of a party. */
export type PaymentToVerify = { readonly invoice: Uint8Array } & ({ readonly receipt: Uint8Array } | { readonly txHash: string });

/**
 * That exactly this invoice is paid and final: what a till asks for before it shows "Paid".
 * @throws ProofError `other_invoice`, `not_done`, `only_for_parties` and those of headers
 * @example const { payer, timeMs } = await verifiedPayment(verified, { invoice, receipt })
 */
export async function verifiedPayment(verified: VerifiedClient, payment: PaymentToVerify, options?: CallOptions): Promise<VerifiedPayment> {
  const receipt = 'receipt' in payment ? await verifiedReceipt(verified, payment.receipt, options) : await verifiedTransaction(verified, payment, options);
  return believe(paymentOf(verified.context.genesisHash, receipt, payment.invoice));
}

/**
 * What became of an invoice, from state alone: paid, void, never paid, not yet known (ask again so much later), or too
 * late to tell. "Never paid" comes only from a header in which the record can neither still come nor have died.
 */
export async function provenInvoiceOutcome(verified: VerifiedClient, invoiceBytes: Uint8Array, at: AtHeight = {}, options?: CallOptions): Promise<InvoiceOutcome> {
  const { genesisHash } = verified.context;
  const invoice = decodeInvoiceFor(genesisHash, invoiceBytes);
  if (!invoice.ok) return refuse('other_invoice', `the invoice is not one of this network: ${invoice.fault.code}`);
  const { tillNo, ref, expiresAtS, amountMl, sen } = invoice.value;
  const { value: row, header } = await verifiedRow(verified, ROWS.invoice, invoiceId(tillNo, ref), at, options);
  if (row !== undefined && (row.amountMl !== amountMl || row.sen !== sen)) refuse('other_invoice', `the record under this reference is of ${row.amountMl} mL and ${row.sen} sen`);
  const params = await verifiedRow(verified, ROWS.params, SINGLE, { height: header.height }, options);
  if (params.value === undefined) return refuse('malformed', 'a state without parameters');
  return invoiceOutcome(header.timeMs, row, expiresAtS * 1_000, params.value.refundWindowMs);
}

/**
 * What became of a signed transaction with a salt: executed (`code` 0 is done), never executed, not yet known, too late.
 * @param body TxBody bytes, as signed. A Pay is told by its invoice: `provenInvoiceOutcome`.
 */
export async function provenExecutionOutcome(verified: VerifiedClient, body: Uint8Array, at: AtHeight = {}, options?: CallOptions): Promise<ExecutionOutcome> {
  const decoded = decode(TxBody, body);
  if (!decoded.ok) throw new TypeError('body is no TxBody');
  if (decoded.value.salt === undefined) throw new TypeError('a transaction about an invoice is told by provenInvoiceOutcome');
  const txId = txIdOf(verified.context.genesisHash, body);
  const { value, header } = await verifiedRow(verified, ROWS.done, toHex(txId), at, options);
  return executionOutcome(header.timeMs, value, decoded.value.validUntilMs);
}
