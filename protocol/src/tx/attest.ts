/**
 * Attest (kind 7; SPEC §7.2): one oracle's statement about one attempt of a batch. At the quorum of equal statements
 * the batch mints exactly once; at a quorum of refusals it is rejected and may be opened again.
 */
import { toHex, equalBytes } from '../lib/bytes.ts';
import { fault, ok, type Fault, type Result } from '../lib/fault.ts';
import { plantOf } from '../state/custody.ts';
import { attestationId, ROWS, SINGLE } from '../state/layout.ts';
import type { View } from '../state/view.ts';
import { ACTIVE, BATCH, REVOKED, type AttestationRow, type BatchRow, type OracleRow } from '../wire/state.ts';
import { TX_MAX_BYTES, type Attest } from '../wire/tx.ts';
import { valueOf, type Kind, type ParsedTx, type TxContext } from './context.ts';
import { mint } from './mint.ts';

/** Oracles in force, by address ascending. */
export function activeOracles(view: View): readonly Uint8Array[] {
  const set = view.get(ROWS.oracleSet, SINGLE)?.oracles ?? [];
  return set.filter((address) => view.get(ROWS.oracle, toHex(address))?.status === ACTIVE);
}

/** Equal statements that mint: floor((n + f) / 2) + 1 with f = floor((n − 1) / 3); n = 4 gives 3. */
export function oracleQuorum(count: number): number {
  const faulty = (count - 1 - ((count - 1) % 3)) / 3;
  const sum = count + faulty;
  return (sum - (sum % 2)) / 2 + 1;
}

function form(tx: ParsedTx): Fault | undefined {
  const { volumeMl, reject } = valueOf(tx, 'attest');
  if ((volumeMl === 0n) === (reject === 0)) return { code: 'malformed', path: 'Attest', why: 'has not exactly one of volumeMl and reject' };
  return undefined;
}

function sameStatement(row: AttestationRow, value: Attest): boolean {
  return row.volumeMl === value.volumeMl && row.reject === value.reject && equalBytes(row.readingsRoot, value.readingsRoot) && equalBytes(row.profileHash, value.profileHash);
}

/** The statement against the batch row; the quorum is not looked at here. */
function checkStatement({ env }: TxContext, value: Attest, batch: BatchRow | undefined): Fault | undefined {
  if (batch === undefined) return { code: 'unknown_batch' };
  if (env.timeMs > batch.expiresAtMs) return { code: 'batch_expired' };
  const open = batch.state === BATCH.open || batch.state === BATCH.minted || batch.state === BATCH.closed;
  if (!open || batch.attempt !== value.attempt) return { code: 'attempt_not_open' };
  if (!equalBytes(batch.profileHash, value.profileHash)) return { code: 'profile_mismatch' };
  if (value.volumeMl > batch.claimMl || value.volumeMl > batch.totalTo - batch.totalFrom) return { code: 'volume_too_large' };
  return batch.state === BATCH.open && batch.onHold === 1 ? { code: 'batch_on_hold' } : undefined;
}

/** Statements of the oracles in force about this attempt, the one just written included. */
function statements({ draft }: TxContext, value: Attest): readonly AttestationRow[] {
  return activeOracles(draft).flatMap((oracle) => draft.get(ROWS.attestation, attestationId(value.batch, value.attempt, oracle)) ?? []);
}

function revoke(context: TxContext, oracle: OracleRow): Result<void> {
  context.draft.put(ROWS.oracle, toHex(context.tx.body.sender), { ...oracle, status: REVOKED });
  context.emit({ case: 'oracleRevoked', value: { oracle: context.tx.body.sender } });
  return ok(undefined);
}

function closeRejected(context: TxContext, value: Attest, batch: BatchRow, refusals: readonly AttestationRow[]): Result<void> {
  const { draft, emit } = context;
  const plant = plantOf(draft, batch);
  draft.put(ROWS.plant, toHex(batch.plant), { ...plant, openBatches: plant.openBatches - 1 });
  draft.put(ROWS.batch, toHex(value.batch), { ...batch, state: BATCH.rejected });
  const rule = refusals.reduce((lowest, row) => (row.reject < lowest ? row.reject : lowest), 99);
  emit({ case: 'batchRejected', value: { batch: value.batch, attempt: value.attempt, rule } });
  return ok(undefined);
}

function execute(context: TxContext): Result<void> {
  const { draft, tx, emit } = context;
  const value = valueOf(tx, 'attest');
  const sender = tx.body.sender;
  const oracle = draft.get(ROWS.oracle, toHex(sender));
  if (oracle?.status !== ACTIVE) return fault('unknown_oracle');
  const id = attestationId(value.batch, value.attempt, sender);
  const before = draft.get(ROWS.attestation, id);
  if (before !== undefined) return sameStatement(before, value) ? fault('already_attested') : revoke(context, oracle);
  const batch = draft.get(ROWS.batch, toHex(value.batch));
  const refusal = checkStatement(context, value, batch);
  if (refusal !== undefined || batch === undefined) return { ok: false, fault: refusal ?? { code: 'unknown_batch' } };

  const { volumeMl, reject, readingsRoot, profileHash } = value;
  draft.put(ROWS.attestation, id, { volumeMl, reject, readingsRoot, profileHash, batchExpiresAtMs: batch.expiresAtMs });
  emit({ case: 'attested', value: { batch: value.batch, attempt: value.attempt, oracle: sender, volumeMl, reject } });
  if (batch.state !== BATCH.open) return ok(undefined);
  const all = statements(context, value);
  const quorum = oracleQuorum(activeOracles(draft).length);
  const refusals = all.filter((row) => row.reject !== 0);
  if (refusals.length >= quorum) return closeRejected(context, value, batch, refusals);
  if (reject === 0 && all.filter((row) => sameStatement(row, value)).length >= quorum) return mint(context, value, batch);
  return ok(undefined);
}

export const attest: Kind = {
  no: 7,
  name: 'attest',
  fee: 'none',
  record: 'done',
  mustSucceed: true,
  maxBytes: TX_MAX_BYTES,
  form,
  signers: (_view, tx) => ok([tx.body.sender]),
  execute,
};
