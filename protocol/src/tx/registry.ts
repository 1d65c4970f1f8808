/**
 * What the kinds 8–15 share (SPEC §5.2): an authority writes rows of its registry without fee. Registering again
 * replaces the terms and the status; what the ledger counted in the row stays. Revoked rows are never deleted.
 */
import { rowKeyBytes, type RowType } from '../state/layout.ts';
import { TX_MAX_BYTES, type KindName } from '../wire/tx.ts';
import type { Kind, TxContext } from './context.ts';
import { signedByRole } from './roles.ts';

/** Writes a registry row and tells the followers of the chain which one. */
export function putRegistered<V>({ draft, tx, emit }: TxContext, type: RowType<V>, id: string, value: V): void {
  draft.put(type, id, value);
  emit({ case: 'registryChanged', value: { rowKey: rowKeyBytes(type as RowType<unknown>, id), by: tx.body.sender } });
}

/** A free kind of one authority that is included only if it succeeds. */
export function registryKind(no: number, name: KindName, role: number, execute: Kind['execute'], form: Kind['form'] = () => undefined): Kind {
  return { no, name, fee: 'none', record: 'done', mustSucceed: true, maxBytes: TX_MAX_BYTES, form, signers: signedByRole(role), execute };
}
