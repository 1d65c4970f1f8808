/** Stake behind a validator (SPEC §17.1): one pool of litres that shares divide. */
import { STANDING, type ValidatorRow } from '../wire/state.ts';
import { DAY_MS } from './layout.ts';

/** The validators of genesis vote without stake until then: all BILL comes from milk, and there is none yet. Frozen at genesis. */
export const STAKE_GRACE_MS = 30 * DAY_MS;

/** The row of an institution that is admitted. @param stakeDueMs until then it may be elected without stake. */
export function newValidator({ publicKey, name, account, status }: Pick<ValidatorRow, 'publicKey' | 'name' | 'account' | 'status'>, stakeDueMs: number): ValidatorRow {
  return { publicKey, name, account, status, commissionBps: 0, stakeMl: 0n, shares: 0n, standing: STANDING.good, stakeDueMs };
}
