/** Rejoin (kind 25; SPEC §17.5): an institution that left because its validator was absent stands for the next election again. */
import { toHex } from '../lib/bytes.ts';
import { fault, ok, type Result } from '../lib/fault.ts';
import { ROWS } from '../state/layout.ts';
import { validatorAt } from '../state/stake.ts';
import { STANDING } from '../wire/state.ts';
import { valueOf, type TxContext } from './context.ts';
import { signedByOperator, stakeKind } from './stake.ts';

function execute({ draft, tx, emit }: TxContext): Result<void> {
  const { validator } = valueOf(tx, 'rejoin');
  const row = validatorAt(draft, toHex(validator));
  if (row.standing === STANDING.tombstoned) return fault('validator_tombstoned');
  if (row.standing !== STANDING.absent) return fault('validator_not_absent');
  draft.put(ROWS.validator, toHex(validator), { ...row, standing: STANDING.good });
  emit({ case: 'rejoined', value: { validator } });
  return ok(undefined);
}

export const rejoin = stakeKind(25, 'rejoin', signedByOperator('rejoin'), execute);
