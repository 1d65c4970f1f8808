/**
 * Execution receipt (SPEC §9): that a transaction id was executed, with which code, in a final block. It holds neither the
 * transaction nor its path, so whoever may not see the transaction verifies it all the same.
 */
import { equalBytes, toHex } from '../lib/bytes.ts';
import { verifyMerklePath } from '../lib/merkle.ts';
import { decode, encode } from '../wire/codec.ts';
import { ExecutionReceipt, type Header, type PaymentReceipt } from '../wire/consensus.ts';
import { TxResult } from '../wire/tx.ts';
import { nameHeader, verifyFinal, type ReceiptTrust } from './finalHeader.ts';
import { malformedProof, refuseProof, type Verdict } from './refusal.ts';

/** ExecutionReceipt bytes: a payment receipt without what names people. */
export function makeExecutionReceipt({ result, index, resultPath, header, certificate }: PaymentReceipt): Uint8Array {
  return encode(ExecutionReceipt, { result, index, resultPath, header, certificate });
}

export interface VerifiedExecution {
  readonly txId: Uint8Array;
  /** 0: executed with success. */
  readonly code: number;
  readonly header: Header;
  readonly blockId: Uint8Array;
}

/** A result whose path leads to the root of its own header; whether that header is final is not said yet. */
export function openResult(genesisHash: Uint8Array, { result: bytes, index, resultPath, header: headerBytes }: Omit<ExecutionReceipt, 'certificate'>): Verdict<VerifiedExecution> {
  const named = nameHeader(genesisHash, headerBytes);
  if (!named.ok) return named;
  const { header } = named.value;
  const result = decode(TxResult, bytes);
  if (!result.ok) return malformedProof(result.fault);
  if (!verifyMerklePath({ leaf: bytes, index, count: header.txCount, path: resultPath, root: header.resultRoot })) return refuseProof('not_in_block', 'the result is not in the block');
  return { ok: true, value: { ...named.value, txId: result.value.txId, code: result.value.code } };
}

export interface OpenedExecution extends VerifiedExecution {
  readonly receipt: ExecutionReceipt;
}

/** Everything about an execution receipt but its certificate: form, path, and that it is of this transaction. */
export function openExecutionReceipt(genesisHash: Uint8Array, bytes: Uint8Array, txId: Uint8Array): Verdict<OpenedExecution> {
  const decoded = decode(ExecutionReceipt, bytes);
  if (!decoded.ok) return malformedProof(decoded.fault);
  const opened = openResult(genesisHash, decoded.value);
  if (!opened.ok) return opened;
  if (!equalBytes(opened.value.txId, txId)) return refuseProof('other_transaction', `the receipt is of ${toHex(opened.value.txId)}`);
  return { ok: true, value: { ...opened.value, receipt: decoded.value } };
}

/** Verifies an execution receipt of `txId` (32 bytes) against the set that votes at its height. */
export function verifyExecutionReceipt(trust: ReceiptTrust, bytes: Uint8Array, txId: Uint8Array): Verdict<VerifiedExecution> {
  const opened = openExecutionReceipt(trust.genesisHash, bytes, txId);
  if (!opened.ok) return opened;
  const { receipt, ...verified } = opened.value;
  return verifyFinal(trust, verified, receipt.certificate);
}
