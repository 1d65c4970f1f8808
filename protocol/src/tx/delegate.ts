/** Delegate and Undelegate (kinds 22 and 23; SPEC §17.1): anybody's litres behind an institution. There is no way from one to another but out. */
import { equalBytes, toHex } from '../lib/bytes.ts';
import { fault, ok, type Result } from '../lib/fault.ts';
import { ROWS } from '../state/layout.ts';
import type { View } from '../state/view.ts';
import { valueOf, type Kind, type ParsedTx } from './context.ts';
import { pullStake, putStake, stakeKind } from './stake.ts';

/** Any account but the institution's own, which stakes. */
function signedByOthers(name: 'delegate' | 'undelegate'): Kind['signers'] {
  return (view: View, tx: ParsedTx): Result<readonly Uint8Array[]> => {
    const validator = view.get(ROWS.validator, toHex(valueOf(tx, name).validator));
    if (validator === undefined) return fault('unknown_validator');
    return equalBytes(validator.account, tx.body.sender) ? fault('wrong_signers') : ok([tx.body.sender]);
  };
}

export const delegate = stakeKind(22, 'delegate', signedByOthers('delegate'), (context) => {
  const { validator, amountMl } = valueOf(context.tx, 'delegate');
  return putStake(context, validator, amountMl);
});

export const undelegate = stakeKind(23, 'undelegate', signedByOthers('undelegate'), (context) => {
  const { validator, shares } = valueOf(context.tx, 'undelegate');
  return pullStake(context, validator, shares);
});
