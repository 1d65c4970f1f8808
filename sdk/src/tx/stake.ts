/** Stake behind a validator: the institution's own, and what others delegate to it (SPEC §17). */
import type { Millilitres } from '@billcoin/protocol';
import { saltedDraft, type Envelope, type TxDraft } from './draft.ts';
import { MIN_FEE_ML } from './transfer.ts';

interface ValidatorParams extends Envelope {
  /** Account that signs and pays the fee, 20 bytes: the institution's for its own stake, any other for a delegation. */
  readonly sender: Uint8Array;
  /** Address of the validator's consensus key, 20 bytes. */
  readonly validator: Uint8Array;
}

export interface PutStakeParams extends ValidatorParams {
  /** At least `delegationMinMl`. */
  readonly amountMl: Millilitres;
}

export interface TakeStakeParams extends ValidatorParams {
  /** Of the stake's shares, as its event named them; worth their part of the stake, paid out after the unbonding time. */
  readonly shares: bigint;
}

export interface EditValidatorParams extends ValidatorParams {
  readonly name: string;
  /** Of the fees that its stake earns, from the next stake epoch on. */
  readonly commissionBps: number;
}

export type RejoinParams = ValidatorParams;

/** An institution stakes behind its own validator. */
export function buildStake(params: PutStakeParams): TxDraft {
  return saltedDraft(params, params.sender, params.feeMl ?? MIN_FEE_ML, { case: 'stake', value: { validator: params.validator, amountMl: params.amountMl } });
}

/** An institution takes shares of its own stake out. */
export function buildUnstake(params: TakeStakeParams): TxDraft {
  return saltedDraft(params, params.sender, params.feeMl ?? MIN_FEE_ML, { case: 'unstake', value: { validator: params.validator, shares: params.shares } });
}

/** Anybody else stakes behind a validator. */
export function buildDelegate(params: PutStakeParams): TxDraft {
  return saltedDraft(params, params.sender, params.feeMl ?? MIN_FEE_ML, { case: 'delegate', value: { validator: params.validator, amountMl: params.amountMl } });
}

/** A delegator takes shares out. */
export function buildUndelegate(params: TakeStakeParams): TxDraft {
  return saltedDraft(params, params.sender, params.feeMl ?? MIN_FEE_ML, { case: 'undelegate', value: { validator: params.validator, shares: params.shares } });
}

/** An institution sets the name and commission of its validator. */
export function buildEditValidator(params: EditValidatorParams): TxDraft {
  const { validator, name, commissionBps } = params;
  return saltedDraft(params, params.sender, params.feeMl ?? MIN_FEE_ML, { case: 'editValidator', value: { validator, name, commissionBps } });
}

/** An institution whose validator was absent stands for election again. */
export function buildRejoin(params: RejoinParams): TxDraft {
  return saltedDraft(params, params.sender, params.feeMl ?? MIN_FEE_ML, { case: 'rejoin', value: { validator: params.validator } });
}
