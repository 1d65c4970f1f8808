/**
 * A final block held against the naive model of the law (protocol/test/model): each transaction must be done or refused there
 * for the same reason, and every number must be the same after it.
 */
import { Tx, TxBody, decode, encode, faultCode, invoiceSigningBytes, signingBytes, type FlatState, type Verifier } from '@billcoin/protocol';
import { differences } from '../../../protocol/test/model/compare.ts';
import type { NaiveLedger } from '../../../protocol/test/model/naiveLedger.ts';
import { hex, idOf, readInvoice, type NaiveTx } from '../../../protocol/test/model/naiveState.ts';

/** Whose signatures these are, and who checks them: not the node's own cache. */
export interface Network {
  readonly genesisHash: Uint8Array;
  readonly verify: Verifier;
}

export interface JudgedTx {
  readonly txHash: string;
  readonly bytes: Uint8Array;
  readonly body: TxBody;
  /** 0: done, else the number of the fault. */
  readonly code: number;
}

/** Public keys whose signatures over the transaction hold. */
export function signersOf({ genesisHash, verify }: Network, { bytes }: Pick<JudgedTx, 'bytes'>): { readonly keys: readonly Uint8Array[]; readonly allHold: boolean } {
  const outer = decode(Tx, bytes);
  if (!outer.ok) throw new Error('a transaction of a block decodes');
  const { body, sigs } = outer.value;
  const message = signingBytes('bill/tx/1', genesisHash, body);
  const keys = sigs.filter(({ publicKey, signature }) => verify(publicKey, message, signature)).map(({ publicKey }) => publicKey);
  return { keys, allHold: keys.length === sigs.length };
}

function naiveTx(network: Network, model: NaiveLedger, tx: JudgedTx): NaiveTx {
  const { genesisHash, verify } = network;
  const { kind } = tx.body;
  const invoiceOf = (invoice: Uint8Array): NaiveTx['invoice'] => {
    const till = model.tills.get(readInvoice(invoice, undefined).till)?.key;
    const holds = till !== undefined && verify(Uint8Array.from(Buffer.from(till, 'hex')), invoiceSigningBytes(genesisHash, invoice), invoice.subarray(-64));
    return readInvoice(invoice, holds ? till : undefined);
  };
  const invoice = kind.case === 'pay' || kind.case === 'voidInvoice' ? invoiceOf(kind.value.invoice) : undefined;
  const { keys, allHold } = signersOf(network, tx);
  return { id: idOf(genesisHash, encode(TxBody, tx.body)), body: tx.body, keys: keys.map(hex), signaturesHold: allHold, ...(invoice === undefined ? {} : { invoice }) };
}

/** What is wrong with a block, as the model sees it; nothing is what must be. `state` is the one after it. */
export function judgeBlock(network: Network, model: NaiveLedger, { height, timeMs, txs }: { readonly height: number; readonly timeMs: number; readonly txs: readonly JudgedTx[] }, state: FlatState): string[] {
  model.begin(timeMs);
  const wrong = txs.flatMap((tx) => {
    const verdict = model.apply(naiveTx(network, model, tx));
    const code = tx.code === 0 ? 'done' : faultCode(tx.code);
    const agrees = verdict.what === 'done' ? code === 'done' : verdict.what === 'fault' && verdict.why.has(code as never);
    return agrees ? [] : [`${tx.body.kind.case} ${tx.txHash.slice(0, 8)} is ${code} at height ${height}, the model says ${verdict.what === 'done' ? 'done' : `${verdict.what}: ${[...verdict.why].join(', ')}`}`];
  });
  model.end();
  return [...wrong, ...differences(model, state, timeMs)];
}
