/** Roles (SPEC §5.2): accounts named in state, plain or k-of-n, that alone may sign certain kinds. */
import { equalBytes } from '../lib/bytes.ts';
import { fault, ok } from '../lib/fault.ts';
import { ROLE, roleId, ROWS } from '../state/layout.ts';
import type { View } from '../state/view.ts';
import type { Kind } from './context.ts';

/** Whether an account holds the role with this number. */
export function holdsRole(view: View, role: number, account: Uint8Array): boolean {
  const row = view.get(ROWS.role, roleId(role));
  return row !== undefined && equalBytes(row.address, account);
}

/** Signed by the account of this role and nobody else. */
export function signedByRole(role: number): Kind['signers'] {
  return (view, tx) => (holdsRole(view, role, tx.body.sender) ? ok([tx.body.sender]) : fault('wrong_signers'));
}

/** Signed by the account of any role. */
export const signedByAnyRole: Kind['signers'] = (view, tx) =>
  Object.values(ROLE).some((role) => holdsRole(view, role, tx.body.sender)) ? ok([tx.body.sender]) : fault('wrong_signers');
