/**
 * BondWithdraw and BondDeposit (kinds 19 and 45; SPEC §7.5): a plant's own BILL in and out of the bond that stands behind
 * the litres in its custody. A deposit follows the order of a toll: what is owed first, then the bond.
 */
import { toHex } from '../lib/bytes.ts';
import { fault, ok, type Result } from '../lib/fault.ts';
import { bondFloorMl } from '../state/custody.ts';
import { ROWS, SINGLE } from '../state/layout.ts';
import { credit, debit, supplyOf } from '../state/money.ts';
import { ACTIVE, REVOKED, type PlantRow } from '../wire/state.ts';
import { TX_MAX_BYTES, type KindName } from '../wire/tx.ts';
import { valueOf, type Kind, type TxContext } from './context.ts';

function senderPlant({ draft, tx }: TxContext): Result<PlantRow> {
  const plant = draft.get(ROWS.plant, toHex(tx.body.sender));
  return plant === undefined ? fault('unknown_plant') : ok(plant);
}

/** A suspended plant is being looked at: its bond stays. A revoked one gets it back when nothing is in its custody. */
function executeWithdraw(context: TxContext): Result<void> {
  const { draft, tx, emit } = context;
  const { amountMl } = valueOf(tx, 'bondWithdraw');
  const found = senderPlant(context);
  if (!found.ok) return found;
  const plant = found.value;
  const settled = plant.status === REVOKED && plant.availableMl + plant.heldMl === 0n;
  if (plant.status !== ACTIVE && !settled) return fault('plant_not_active');
  if (plant.owedMl > 0n) return fault('plant_owes', { owedMl: plant.owedMl });
  const floorMl = bondFloorMl(plant);
  const freeMl = plant.bondMl > floorMl ? plant.bondMl - floorMl : 0n;
  if (amountMl > freeMl) return fault('exceeds_free_bond', { freeMl });
  draft.put(ROWS.plant, toHex(plant.account), { ...plant, bondMl: plant.bondMl - amountMl });
  credit(draft, plant.account, amountMl);
  emit({ case: 'bondWithdrawn', value: { plant: plant.account, amountMl } });
  return ok(undefined);
}

function executeDeposit(context: TxContext): Result<void> {
  const { draft, tx, emit } = context;
  const { amountMl } = valueOf(tx, 'bondDeposit');
  const found = senderPlant(context);
  if (!found.ok) return found;
  const plant = found.value;
  const taken = debit(draft, plant.account, amountMl);
  if (!taken.ok) return taken;
  const repaidMl = amountMl < plant.owedMl ? amountMl : plant.owedMl;
  const bondedMl = amountMl - repaidMl;
  draft.put(ROWS.plant, toHex(plant.account), { ...plant, owedMl: plant.owedMl - repaidMl, bondMl: plant.bondMl + bondedMl });
  const supply = supplyOf(draft);
  draft.put(ROWS.supply, SINGLE, { supplyMl: supply.supplyMl - repaidMl, owedMl: supply.owedMl - repaidMl });
  emit({ case: 'bondDeposited', value: { plant: plant.account, repaidMl, bondedMl } });
  return ok(undefined);
}

function bondKind(no: number, name: KindName, execute: Kind['execute']): Kind {
  return { no, name, fee: 'sender', record: 'done', mustSucceed: false, maxBytes: TX_MAX_BYTES, form: () => undefined, signers: (_view, tx) => ok([tx.body.sender]), execute };
}

export const bondWithdraw = bondKind(19, 'bondWithdraw', executeWithdraw);
export const bondDeposit = bondKind(45, 'bondDeposit', executeDeposit);
