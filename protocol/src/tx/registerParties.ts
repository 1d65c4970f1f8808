/** RegisterMerchant (kind 8) by the campus authority; RegisterFarm (11) and RegisterPlant (12) by the regulator (SPEC §5.2). */
import { toHex } from '../lib/bytes.ts';
import { ok, type Result } from '../lib/fault.ts';
import { ROLE, ROWS } from '../state/layout.ts';
import { valueOf, type TxContext } from './context.ts';
import { putRegistered, registryKind } from './registry.ts';

function executeMerchant(context: TxContext): Result<void> {
  const value = valueOf(context.tx, 'registerMerchant');
  putRegistered(context, ROWS.merchant, toHex(value.account), value);
  return ok(undefined);
}

function executeFarm(context: TxContext): Result<void> {
  const value = valueOf(context.tx, 'registerFarm');
  putRegistered(context, ROWS.farm, toHex(value.account), value);
  return ok(undefined);
}

const NEW_PLANT = { bondMl: 0n, owedMl: 0n, availableMl: 0n, openBatches: 0, day: 0, mintedMl: 0n, heldMl: 0n };

/** New terms hold for what comes: an open batch keeps the profile it was opened under, a bond what it holds. */
function executePlant(context: TxContext): Result<void> {
  const value = valueOf(context.tx, 'registerPlant');
  const id = toHex(value.account);
  putRegistered(context, ROWS.plant, id, { ...NEW_PLANT, ...context.draft.get(ROWS.plant, id), ...value });
  return ok(undefined);
}

export const registerMerchant = registryKind(8, 'registerMerchant', ROLE.campusAuthority, executeMerchant);
export const registerFarm = registryKind(11, 'registerFarm', ROLE.regulator, executeFarm);
export const registerPlant = registryKind(12, 'registerPlant', ROLE.regulator, executePlant);
