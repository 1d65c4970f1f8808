/**
 * Payment receipt (SPEC §9): a transaction, its result, both Merkle paths, the header and the certificate that made it
 * final. Verifies offline against a validator set; this is what a till trusts, not a server (US-001.5).
 */
import { equalBytes } from '../lib/bytes.ts';
import { chainHash } from '../lib/hash.ts';
import { merklePath, verifyMerklePath } from '../lib/merkle.ts';
import { decode, encode } from '../wire/codec.ts';
import { PaymentReceipt, type Certificate } from '../wire/consensus.ts';
import { Tx, TxBody } from '../wire/tx.ts';
import { openResult, type VerifiedExecution } from './execution.ts';
import { verifyFinal, type ReceiptTrust } from './finalHeader.ts';
import { malformedProof, refuseProof, type Verdict } from './refusal.ts';

/** The parts of a final block that a receipt is made from. */
export interface ReceiptSource {
  readonly headerBytes: Uint8Array;
  readonly certificate: Certificate;
  readonly txs: readonly Uint8Array[];
  readonly results: readonly Uint8Array[];
}

/** Receipt bytes of the transaction at `index`. */
export function makeReceipt({ headerBytes, certificate, txs, results }: ReceiptSource, index: number): Uint8Array {
  const tx = txs[index];
  const result = results[index];
  if (tx === undefined || result === undefined) throw new RangeError(`the block has no transaction ${index}`);
  return encode(PaymentReceipt, { tx, result, index, txPath: merklePath(txs, index), resultPath: merklePath(results, index), header: headerBytes, certificate });
}

export interface VerifiedReceipt extends VerifiedExecution {
  readonly body: TxBody;
}

/** A receipt whose paths lead to its own header; whether that header is final is not said yet. */
export interface OpenedReceipt extends VerifiedReceipt {
  readonly receipt: PaymentReceipt;
}

/** Everything about a receipt but its certificate: forms, both paths, and that the result is of this transaction. */
export function openReceipt(genesisHash: Uint8Array, bytes: Uint8Array): Verdict<OpenedReceipt> {
  const decoded = decode(PaymentReceipt, bytes);
  if (!decoded.ok) return malformedProof(decoded.fault);
  const receipt = decoded.value;
  const tx = decode(Tx, receipt.tx);
  if (!tx.ok) return malformedProof(tx.fault);
  const body = decode(TxBody, tx.value.body);
  if (!body.ok) return malformedProof(body.fault);
  const executed = openResult(genesisHash, receipt);
  if (!executed.ok) return executed;
  const { txCount: count, txRoot: root } = executed.value.header;
  if (!verifyMerklePath({ leaf: receipt.tx, index: receipt.index, count, path: receipt.txPath, root })) return refuseProof('not_in_block', 'the transaction is not in the block');
  const txId = chainHash('bill/tx-id/1', genesisHash, tx.value.body);
  if (!equalBytes(txId, executed.value.txId)) return refuseProof('other_transaction', 'the result is of another transaction');
  return { ok: true, value: { ...executed.value, receipt, body: body.value } };
}

/**
 * Verifies a receipt against a pinned set. Nothing in it is believed: the id is recomputed, both paths lead to the
 * header's roots, the header's id stands in a certificate with a quorum of the given set.
 */
export function verifyReceipt(trust: ReceiptTrust, bytes: Uint8Array): Verdict<VerifiedReceipt> {
  const opened = openReceipt(trust.genesisHash, bytes);
  if (!opened.ok) return opened;
  const { receipt, ...verified } = opened.value;
  return verifyFinal(trust, verified, receipt.certificate);
}
