/** Milk in custody: holds, recalls and write-offs (free of fees), and the bond of a plant. */
import type { Millilitres } from '@billcoin/protocol';
import { saltedDraft, type Envelope, type TxDraft } from './draft.ts';
import type { AuthorityEnvelope } from './registry.ts';
import { MIN_FEE_ML } from './transfer.ts';

export interface HoldBatchParams extends AuthorityEnvelope {
  /** Batch key, 32 bytes. */
  readonly batch: Uint8Array;
  /** true holds, false releases. */
  readonly held: boolean;
}

export interface EndBatchParams extends AuthorityEnvelope {
  /** Batch key, 32 bytes. */
  readonly batch: Uint8Array;
}

export interface BondParams extends Envelope {
  /** Account of the plant, 20 bytes: the signer, who pays the fee. */
  readonly plant: Uint8Array;
  readonly amountMl: Millilitres;
}

/** By the regulator: nobody mints or takes litres of a held batch. */
export function buildHoldBatch(params: HoldBatchParams): TxDraft {
  return saltedDraft(params, params.authority, 0n, { case: 'holdBatch', value: { batch: params.batch, held: params.held ? 1 : 0 } });
}

/** By the regulator: what is left of the batch leaves custody, and the plant owes it. */
export function buildRecallBatch(params: EndBatchParams): TxDraft {
  return saltedDraft(params, params.authority, 0n, { case: 'recallBatch', value: { batch: params.batch } });
}

/** By the batch's own plant, or by the regulator: milk that was spilt or destroyed. */
export function buildWriteOffBatch(params: EndBatchParams): TxDraft {
  return saltedDraft(params, params.authority, 0n, { case: 'writeOffBatch', value: { batch: params.batch } });
}

/** A plant takes back what its bond holds above its duty. */
export function buildBondWithdraw(params: BondParams): TxDraft {
  return saltedDraft(params, params.plant, params.feeMl ?? MIN_FEE_ML, { case: 'bondWithdraw', value: { amountMl: params.amountMl } });
}

/** A plant repays what it owes, then raises its bond. */
export function buildBondDeposit(params: BondParams): TxDraft {
  return saltedDraft(params, params.plant, params.feeMl ?? MIN_FEE_ML, { case: 'bondDeposit', value: { amountMl: params.amountMl } });
}
