/**
 * Redeem (kind 5), the delivery note (SPEC §7.1): holder and plant sign that these litres of exactly this batch left
 * custody. The only way BILL is retired.
 */
import { toHex } from '../lib/bytes.ts';
import { fault, ok, type Result } from '../lib/fault.ts';
import { plantOf } from '../state/custody.ts';
import { noteId, ROWS, SINGLE } from '../state/layout.ts';
import { debit, supplyOf } from '../state/money.ts';
import { BATCH } from '../wire/state.ts';
import { TX_MAX_BYTES } from '../wire/tx.ts';
import { valueOf, type Kind, type TxContext } from './context.ts';

function execute({ tx, draft, env, emit }: TxContext): Result<void> {
  const { batch, amountMl, noteHash } = valueOf(tx, 'redeem');
  const holder = tx.body.sender;
  const id = toHex(batch);
  const row = draft.get(ROWS.batch, id);
  if (row === undefined) return fault('unknown_batch');
  if (env.timeMs > row.expiresAtMs) return fault('batch_expired');
  if (row.state !== BATCH.minted) return fault('batch_not_minted');
  if (row.onHold === 1) return fault('batch_on_hold');
  if (amountMl > row.availableMl) return fault('exceeds_available', { availableMl: row.availableMl });
  const retired = debit(draft, holder, amountMl);
  if (!retired.ok) return retired;

  const availableMl = row.availableMl - amountMl;
  const state = availableMl + row.heldMl === 0n ? BATCH.closed : row.state;
  draft.put(ROWS.batch, id, { ...row, state, availableMl, redeemedMl: row.redeemedMl + amountMl });
  const plant = plantOf(draft, row);
  draft.put(ROWS.plant, toHex(row.plant), { ...plant, availableMl: plant.availableMl - amountMl });
  const supply = supplyOf(draft);
  draft.put(ROWS.supply, SINGLE, { ...supply, supplyMl: supply.supplyMl - amountMl });
  const note = noteId(batch, holder);
  draft.put(ROWS.note, note, { amountMl: (draft.get(ROWS.note, note)?.amountMl ?? 0n) + amountMl, batchExpiresAtMs: row.expiresAtMs });
  emit({ case: 'redeemed', value: { batch, holder, amountMl, availableMl, noteHash } });
  return ok(undefined);
}

export const redeem: Kind = {
  no: 5,
  name: 'redeem',
  fee: 'sender',
  record: 'done',
  mustSucceed: false,
  maxBytes: TX_MAX_BYTES,
  form: () => undefined,
  signers(view, tx) {
    const row = view.get(ROWS.batch, toHex(valueOf(tx, 'redeem').batch));
    return row === undefined ? fault('unknown_batch') : ok([tx.body.sender, row.plant]);
  },
  execute,
};
