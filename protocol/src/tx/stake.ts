/** Stake and Unstake (kinds 20 and 21; SPEC §17.1): the institution's own litres behind its validator, and out again. */
import { equalBytes, toHex } from '../lib/bytes.ts';
import { fault, ok, type Fault, type Result } from '../lib/fault.ts';
import { ROWS } from '../state/layout.ts';
import { debit } from '../state/money.ts';
import { addStake, takeStake } from '../state/stake.ts';
import { ACTIVE, STANDING, type ValidatorRow } from '../wire/state.ts';
import { TX_MAX_BYTES, type KindName } from '../wire/tx.ts';
import { valueOf, type Kind, type TxContext } from './context.ts';

/** Signed by the account of the validator that the transaction names, and nobody else. */
export function signedByOperator(name: 'stake' | 'unstake' | 'editValidator' | 'rejoin'): Kind['signers'] {
  return (view, tx) => {
    const validator = view.get(ROWS.validator, toHex(valueOf(tx, name).validator));
    if (validator === undefined) return fault('unknown_validator');
    return equalBytes(validator.account, tx.body.sender) ? ok([tx.body.sender]) : fault('wrong_signers');
  };
}

/** A kind of this room: its sender pays, and a fault costs him the fee. */
export function stakeKind(no: number, name: KindName, signers: Kind['signers'], execute: Kind['execute']): Kind {
  return { no, name, fee: 'sender', record: 'done', mustSucceed: false, maxBytes: TX_MAX_BYTES, form: () => undefined, signers, execute };
}

/** Nothing is put behind a key that cannot vote. */
function refusalOf({ status, standing }: ValidatorRow): Fault | undefined {
  if (standing === STANDING.tombstoned) return { code: 'validator_tombstoned' };
  return status === ACTIVE ? undefined : { code: 'validator_not_active' };
}

/** The sender's litres into a validator's stake. */
export function putStake({ draft, params, tx, emit }: TxContext, address: Uint8Array, amountMl: bigint): Result<void> {
  const id = toHex(address);
  const account = tx.body.sender;
  const validator = draft.get(ROWS.validator, id);
  if (validator === undefined) return fault('unknown_validator');
  const refusal = refusalOf(validator);
  if (refusal !== undefined) return { ok: false, fault: refusal };
  if (amountMl < params.delegationMinMl) return fault('stake_too_small', { minMl: params.delegationMinMl });
  const paid = debit(draft, account, amountMl);
  if (!paid.ok) return paid;
  const shares = addStake(draft, id, account, amountMl);
  if (!shares.ok) return shares;
  emit({ case: 'staked', value: { validator: address, account, amountMl, shares: shares.value } });
  return ok(undefined);
}

/** The sender's shares out of a validator's stake, whatever became of the validator. */
export function pullStake({ draft, env, tx, emit }: TxContext, address: Uint8Array, shares: bigint): Result<void> {
  const account = tx.body.sender;
  if (draft.get(ROWS.validator, toHex(address)) === undefined) return fault('unknown_validator');
  const taken = takeStake(draft, toHex(address), account, shares, env.timeMs);
  if (!taken.ok) return taken;
  emit({ case: 'unstaked', value: { validator: address, account, shares, ...taken.value } });
  return ok(undefined);
}

export const stake = stakeKind(20, 'stake', signedByOperator('stake'), (context) => {
  const { validator, amountMl } = valueOf(context.tx, 'stake');
  return putStake(context, validator, amountMl);
});

export const unstake = stakeKind(21, 'unstake', signedByOperator('unstake'), (context) => {
  const { validator, shares } = valueOf(context.tx, 'unstake');
  return pullStake(context, validator, shares);
});
