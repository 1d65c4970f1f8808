/** EditValidator (kind 24; SPEC §17.1): name and commission of an institution. A new commission is taken from the next stake epoch on. */
import { toHex } from '../lib/bytes.ts';
import { ok, type Result } from '../lib/fault.ts';
import { ROWS } from '../state/layout.ts';
import { validatorAt } from '../state/stake.ts';
import { valueOf, type TxContext } from './context.ts';
import { signedByOperator, stakeKind } from './stake.ts';

function execute({ draft, tx, emit }: TxContext): Result<void> {
  const value = valueOf(tx, 'editValidator');
  const { validator, name, commissionBps } = value;
  draft.put(ROWS.validator, toHex(validator), { ...validatorAt(draft, toHex(validator)), name, commissionBps });
  emit({ case: 'validatorEdited', value });
  return ok(undefined);
}

export const editValidator = stakeKind(24, 'editValidator', signedByOperator('editValidator'), execute);
