/** What a transaction kind sees while it executes, and the row it stands for in the table of kinds. */
import { assert } from '../lib/assert.ts';
import type { Verifier } from '../lib/signature.ts';
import type { Fault, Result } from '../lib/fault.ts';
import type { Draft, View } from '../state/view.ts';
import type { BlockTimes } from '../state/price.ts';
import type { ParamsRow } from '../wire/state.ts';
import type { ChainEvent, KindName, Tx, TxBody } from '../wire/tx.ts';
import type { Invoice } from './invoice.ts';

/** The network a rule works for: its genesis hash stands in every preimage; `verify` is the one signature rule. */
export interface NetworkContext {
  readonly genesisHash: Uint8Array;
  readonly chainTag: Uint8Array;
  readonly verify: Verifier;
}

/** Block that a transaction is executed in. */
export interface BlockEnv extends BlockTimes {
  readonly height: number;
}

/** A transaction of right form. Signatures are not verified yet: `signatures` are the items to verify. */
export interface ParsedTx {
  readonly bytes: Uint8Array;
  readonly txId: Uint8Array;
  /** Lower-case hex of txId. */
  readonly txHash: string;
  /** Of the whole bytes, as a leaf of the transactions of a block. */
  readonly leafHash: Uint8Array;
  readonly tx: Tx;
  readonly body: TxBody;
  /** Of a Pay or VoidInvoice. */
  readonly invoice: Invoice | undefined;
  readonly signatures: readonly SignatureItem[];
  /** What the till signed; of a Pay or VoidInvoice. */
  readonly invoiceMessage: Uint8Array | undefined;
}

/** One signature of the envelope, with the address of its key. */
export interface SignatureItem {
  readonly publicKey: Uint8Array;
  readonly address: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

export interface TxContext {
  readonly network: NetworkContext;
  readonly env: BlockEnv;
  readonly params: ParamsRow;
  readonly tx: ParsedTx;
  /** Changes of this transaction alone; forgotten if it ends with a fault. */
  readonly draft: Draft;
  emit(event: ChainEvent): void;
}

/**
 * One kind of transaction. `execute` is check and effect in one: the pool runs it on a draft that it throws away, the
 * block on one that it keeps, so the two can never disagree.
 */
export interface Kind {
  /** Number of protocol.md §5; the field in TxBody is 15 + no. */
  readonly no: number;
  readonly name: KindName;
  /**
   * Who pays the flat fee: the sender; the merchant that `feePayer` names, and nobody where it names none; 'share' is the
   * Pay's share that its own rule takes; 'none' is free.
   */
  readonly fee: 'sender' | 'merchant' | 'share' | 'none';
  /** Of fee 'merchant'. */
  feePayer?(view: View, tx: ParsedTx): Uint8Array | undefined;
  /** Its replay record: the row `done`; or the row of its invoice, which it writes itself, and then salt is absent and its times are the invoice's. */
  readonly record: 'done' | 'invoice';
  /** Included only if it succeeds. */
  readonly mustSucceed: boolean;
  readonly maxBytes: number;
  /** Checks of the bytes alone, beyond the schema. */
  form(tx: ParsedTx, network: NetworkContext): Fault | undefined;
  /** Addresses that must sign, the sender first; a fault where state does not know who, or no longer. */
  signers(view: View, tx: ParsedTx, env: BlockEnv): Result<readonly Uint8Array[]>;
  execute(context: TxContext): Result<void>;
}

type ValueOfKind<K extends KindName> = Extract<TxBody['kind'], { readonly case: K }>['value'];

/** The value of a transaction's kind; a caller that asks for another kind has a bug. */
export function valueOf<K extends KindName>(tx: ParsedTx, name: K): ValueOfKind<K> {
  if (tx.body.kind.case !== name) assert(false, `transaction ${tx.txHash} is ${tx.body.kind.case}, not ${name}`);
  return tx.body.kind.value as ValueOfKind<K>;
}
