/** Form of a transaction (SPEC §4): everything that can be judged from its bytes and the network alone. */
import { addressOf } from '../lib/address.ts';
import { compareBytes, equalBytes, toHex } from '../lib/bytes.ts';
import { fault, ok, type Result } from '../lib/fault.ts';
import { chainHash, signingBytes } from '../lib/hash.ts';
import { merkleLeafHash } from '../lib/merkle.ts';
import { decode, decodeShared } from '../wire/codec.ts';
import { Tx, TxBody } from '../wire/tx.ts';
import type { NetworkContext, ParsedTx } from './context.ts';
import { decodeInvoice, invoiceSigningBytes } from './invoice.ts';
import { kindOf } from './kinds.ts';

/** Transaction id: hash of the body under the network; signatures are not part of it. */
export function txIdOf(genesisHash: Uint8Array, body: Uint8Array): Uint8Array {
  return chainHash('bill/tx-id/1', genesisHash, body);
}

function malformed(path: string, why: string): Result<never> {
  return fault('malformed', { path, why });
}

/**
 * Strict form of a transaction: decode, network, salt and fee as its kind says, signatures ascending. Neither state nor
 * time nor the validity of signatures is looked at. `input` must not change afterwards: the result holds it.
 * @returns the parsed transaction, or `malformed` or `wrong_network`.
 */
export function parseTx(network: NetworkContext, input: Uint8Array): Result<ParsedTx> {
  const outer = decodeShared(Tx, input);
  if (!outer.ok) return outer;
  const inner = decode(TxBody, outer.value.body);
  if (!inner.ok) return inner;
  const tx = outer.value;
  const body = inner.value;
  if (!equalBytes(body.chainTag, network.chainTag)) return fault('wrong_network');
  const kind = kindOf(body.kind.case);
  if (input.length > kind.maxBytes) return malformed('Tx', `has ${input.length} bytes, the limit of ${kind.name} is ${kind.maxBytes}`);
  if ((body.salt === undefined) !== (kind.record === 'invoice')) return malformed('TxBody.salt', kind.record === 'invoice' ? 'must be absent' : 'is missing');
  if ((kind.fee === 'none' || kind.fee === 'share') && body.feeMl !== 0n) return malformed('TxBody.feeMl', `must be absent: ${kind.name} has no flat fee`);
  for (const [index, sig] of tx.sigs.entries()) {
    const previous = tx.sigs[index - 1];
    if (previous !== undefined && compareBytes(previous.publicKey, sig.publicKey) >= 0) return malformed(`Tx.sigs[${index}]`, 'is not in ascending order of key');
  }
  return withInvoice(network, input, tx, body);
}

function withInvoice(network: NetworkContext, input: Uint8Array, tx: Tx, body: TxBody): Result<ParsedTx> {
  const txId = txIdOf(network.genesisHash, tx.body);
  const message = signingBytes('bill/tx/1', network.genesisHash, tx.body);
  const signatures = tx.sigs.map(({ publicKey, signature }) => ({ publicKey, address: addressOf(publicKey), message, signature }));
  let invoice: ParsedTx['invoice'];
  let invoiceMessage: ParsedTx['invoiceMessage'];
  if (body.kind.case === 'pay' || body.kind.case === 'voidInvoice') {
    const decoded = decodeInvoice(body.kind.value.invoice);
    if (!decoded.ok) return decoded;
    invoice = decoded.value;
    invoiceMessage = invoiceSigningBytes(network.genesisHash, body.kind.value.invoice);
  }
  const parsed: ParsedTx = { bytes: input, txId, txHash: toHex(txId), leafHash: merkleLeafHash(input), tx, body, invoice, invoiceMessage, signatures };
  const refusal = kindOf(body.kind.case).form(parsed, network);
  return refusal === undefined ? ok(parsed) : { ok: false, fault: refusal };
}
