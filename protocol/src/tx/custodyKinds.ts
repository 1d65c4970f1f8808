/**
 * HoldBatch, RecallBatch and WriteOffBatch (kinds 16–18; SPEC §7.4): the public authority stops milk, plant or authority
 * admit that milk is gone. All three act on litres in custody, never on tokens: what was delivered stays delivered, and
 * nobody's BILL is touched but the plant's.
 */
import { equalBytes, toHex } from '../lib/bytes.ts';
import { fault, ok, type Result } from '../lib/fault.ts';
import { endCustody, setHold, type EndState } from '../state/custody.ts';
import { ROLE, ROWS } from '../state/layout.ts';
import type { View } from '../state/view.ts';
import { BATCH, type BatchRow } from '../wire/state.ts';
import { TX_MAX_BYTES, type KindName } from '../wire/tx.ts';
import { valueOf, type Kind, type ParsedTx, type TxContext } from './context.ts';
import { holdsRole, signedByRole } from './roles.ts';

function batchOf(view: View, key: Uint8Array): Result<BatchRow> {
  const batch = view.get(ROWS.batch, toHex(key));
  return batch === undefined ? fault('unknown_batch') : ok(batch);
}

/** A held batch neither mints nor delivers; a rejected one that opens again stays held. */
function executeHold({ tx, draft, env, emit }: TxContext): Result<void> {
  const { batch: key, held } = valueOf(tx, 'holdBatch');
  const found = batchOf(draft, key);
  if (!found.ok) return found;
  const batch = found.value;
  if (env.timeMs > batch.expiresAtMs) return fault('batch_expired');
  if (batch.state !== BATCH.open && batch.state !== BATCH.minted && batch.state !== BATCH.rejected) return fault('batch_ended');
  if (batch.onHold === held) return fault('hold_unchanged');
  const amountMl = setHold(draft, toHex(key), batch, held === 1);
  emit({ case: 'batchHeld', value: { batch: key, held, amountMl } });
  return ok(undefined);
}

function end({ draft, emit }: TxContext, key: Uint8Array, batch: BatchRow, state: EndState): Result<void> {
  const { outMl, fromBondMl, fromBalanceMl, fromInsuranceMl, owedMl } = endCustody(draft, toHex(key), batch, state);
  emit({ case: 'custodyEnded', value: { batch: key, plant: batch.plant, state, outMl, fromBondMl, fromBalanceMl, fromInsuranceMl, owedMl } });
  return ok(undefined);
}

/** Milk can be harmful wherever it is: a batch is recalled in every state, once; its delivery notes name who took it. */
function executeRecall(context: TxContext): Result<void> {
  const { batch: key } = valueOf(context.tx, 'recallBatch');
  const found = batchOf(context.draft, key);
  if (!found.ok) return found;
  return found.value.state === BATCH.recalled ? fault('batch_ended') : end(context, key, found.value, BATCH.recalled);
}

function executeWriteOff(context: TxContext): Result<void> {
  const { batch: key } = valueOf(context.tx, 'writeOffBatch');
  const found = batchOf(context.draft, key);
  if (!found.ok) return found;
  const batch = found.value;
  if (context.env.timeMs > batch.expiresAtMs) return fault('batch_expired');
  if (batch.state !== BATCH.open && batch.state !== BATCH.minted) return fault('batch_ended');
  return end(context, key, batch, BATCH.writtenOff);
}

/** The batch's own plant, which knows first what was spilt, or the regulator, for a plant that does not say so. */
function plantOrRegulator(view: View, tx: ParsedTx): Result<readonly Uint8Array[]> {
  const { sender } = tx.body;
  if (holdsRole(view, ROLE.regulator, sender)) return ok([sender]);
  const found = batchOf(view, valueOf(tx, 'writeOffBatch').batch);
  if (!found.ok) return found;
  return equalBytes(sender, found.value.plant) ? ok([sender]) : fault('wrong_signers');
}

function custodyKind(no: number, name: KindName, signers: Kind['signers'], execute: Kind['execute']): Kind {
  return { no, name, fee: 'none', record: 'done', mustSucceed: true, maxBytes: TX_MAX_BYTES, form: () => undefined, signers, execute };
}

export const holdBatch = custodyKind(16, 'holdBatch', signedByRole(ROLE.regulator), executeHold);
export const recallBatch = custodyKind(17, 'recallBatch', signedByRole(ROLE.regulator), executeRecall);
export const writeOffBatch = custodyKind(18, 'writeOffBatch', plantOrRegulator, executeWriteOff);
