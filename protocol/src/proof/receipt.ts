/**
 * Payment receipt (consensus page §1.17): a transaction, its result, both Merkle paths, the header and the certificate
 * that made it final. Verifies offline against a validator set; this is what a till trusts, not a server (US-001.5).
 */
import { ok, fault, type Result } from '../lib/fault.ts';
import { equalBytes } from '../lib/bytes.ts';
import { chainHash } from '../lib/hash.ts';
import { merklePath, verifyMerklePath } from '../lib/merkle.ts';
import type { Verifier } from '../lib/signature.ts';
import { verifyCertificate } from '../consensus/certificate.ts';
import { validatorsHash } from '../consensus/validators.ts';
import { decode, encode } from '../wire/codec.ts';
import { Header, PaymentReceipt, type Certificate, type ValidatorSet } from '../wire/consensus.ts';
import { Tx, TxBody, TxResult } from '../wire/tx.ts';

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

export interface VerifiedReceipt {
  readonly txId: Uint8Array;
  readonly body: TxBody;
  /** 0: executed with success. */
  readonly code: number;
  readonly header: Header;
  readonly blockId: Uint8Array;
}

function wrong(why: string): Result<never> {
  return fault('malformed', { path: 'PaymentReceipt', why });
}

/** What a verifier knows beforehand: the network and the set that votes at the receipt's height. */
export interface ReceiptTrust {
  readonly genesisHash: Uint8Array;
  readonly validators: ValidatorSet;
  readonly verify: Verifier;
}

/**
 * Verifies a receipt. Nothing in it is believed: the id is recomputed, both paths lead to the header's roots, the
 * header's id stands in a certificate with a quorum of the given set.
 */
export function verifyReceipt({ genesisHash, validators, verify }: ReceiptTrust, bytes: Uint8Array): Result<VerifiedReceipt> {
  const decoded = decode(PaymentReceipt, bytes);
  if (!decoded.ok) return decoded;
  const receipt = decoded.value;
  const header = decode(Header, receipt.header);
  if (!header.ok) return header;
  const tx = decode(Tx, receipt.tx);
  if (!tx.ok) return tx;
  const body = decode(TxBody, tx.value.body);
  if (!body.ok) return body;
  const result = decode(TxResult, receipt.result);
  if (!result.ok) return result;

  const { index, txPath, resultPath, certificate } = receipt;
  const { txCount: count, txRoot, resultRoot } = header.value;
  if (!verifyMerklePath({ leaf: receipt.tx, index, count, path: txPath, root: txRoot })) return wrong('the transaction is not in the block');
  if (!verifyMerklePath({ leaf: receipt.result, index, count, path: resultPath, root: resultRoot })) return wrong('the result is not in the block');
  const txId = chainHash('bill/tx-id/1', genesisHash, tx.value.body);
  if (!equalBytes(txId, result.value.txId)) return wrong('the result is of another transaction');
  if (!equalBytes(header.value.validatorsHash, validatorsHash(validators))) return wrong('the block was voted on by another validator set');
  const blockId = chainHash('bill/header/1', genesisHash, receipt.header);
  if (certificate.type !== 2 || certificate.height !== header.value.height || !equalBytes(certificate.blockId, blockId)) return wrong('the certificate is for another block');
  if (!verifyCertificate(genesisHash, validators, certificate, verify).ok) return wrong('the certificate does not verify');
  return ok({ txId, body: body.value, code: result.value.code, header: header.value, blockId });
}
