/**
 * RegisterTill (kind 9) and RevokeTill (10) by the campus authority (SPEC §5.2). A merchant may revoke a till of its own,
 * against the flat fee: a stolen till cannot wait for an office. A number never changes its merchant.
 */
import { equalBytes, toHex } from '../lib/bytes.ts';
import { fault, ok, type Fault, type Result } from '../lib/fault.ts';
import { checkPublicKey } from '../lib/signature.ts';
import { ROLE, ROWS, tillId } from '../state/layout.ts';
import type { View } from '../state/view.ts';
import { ACTIVE, REVOKED } from '../wire/state.ts';
import { TX_MAX_BYTES } from '../wire/tx.ts';
import { valueOf, type Kind, type ParsedTx, type TxContext } from './context.ts';
import { putRegistered, registryKind } from './registry.ts';
import { holdsRole } from './roles.ts';

function form(tx: ParsedTx): Fault | undefined {
  const { publicKey } = valueOf(tx, 'registerTill');
  return checkPublicKey(publicKey) ? undefined : { code: 'malformed', path: 'RegisterTill.publicKey', why: 'is not a valid Ed25519 key' };
}

function executeRegister(context: TxContext): Result<void> {
  const { draft, tx } = context;
  const value = valueOf(tx, 'registerTill');
  if (draft.get(ROWS.merchant, toHex(value.merchant)) === undefined) return fault('unknown_merchant');
  const id = tillId(value.tillNo);
  const before = draft.get(ROWS.till, id);
  if (before !== undefined && !equalBytes(before.merchant, value.merchant)) return fault('till_number_taken');
  // What the old key gave back today counts for the new one as well: a new key is no new allowance.
  putRegistered(context, ROWS.till, id, { day: 0, refundedMl: 0n, ...before, ...value, status: ACTIVE });
  return ok(undefined);
}

function revokers(view: View, tx: ParsedTx): Result<readonly Uint8Array[]> {
  const { sender } = tx.body;
  const till = view.get(ROWS.till, tillId(valueOf(tx, 'revokeTill').tillNo));
  if (till === undefined) return fault('unknown_till');
  return holdsRole(view, ROLE.campusAuthority, sender) || equalBytes(sender, till.merchant) ? ok([sender]) : fault('wrong_signers');
}

function executeRevoke(context: TxContext): Result<void> {
  const { draft, tx } = context;
  const id = tillId(valueOf(tx, 'revokeTill').tillNo);
  const till = draft.get(ROWS.till, id);
  if (till === undefined) return fault('unknown_till');
  if (till.status !== ACTIVE) return fault('till_not_active');
  putRegistered(context, ROWS.till, id, { ...till, status: REVOKED });
  return ok(undefined);
}

export const registerTill = registryKind(9, 'registerTill', ROLE.campusAuthority, executeRegister, form);

export const revokeTill: Kind = {
  no: 10,
  name: 'revokeTill',
  fee: 'merchant',
  feePayer: (view, tx) => (holdsRole(view, ROLE.campusAuthority, tx.body.sender) ? undefined : tx.body.sender),
  record: 'done',
  mustSucceed: true,
  maxBytes: TX_MAX_BYTES,
  form: () => undefined,
  signers: revokers,
  execute: executeRevoke,
};
